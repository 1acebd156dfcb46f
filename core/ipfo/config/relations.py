"""Relations between values that are each right by themselves: the pair's timings and its key.

Each function yields `Fault`s for what must not be, or for what had better not be (warnings); none
stops at the first. Each other subject has a file of its own: relations_SUBJECT.py.
"""

from collections.abc import Iterator
from itertools import chain

from ipfo.config import (
    durations,
    keys,
    relations_checks,
    relations_groups,
    relations_links,
    relations_others,
    relations_units,
)
from ipfo.config.draft import Draft
from ipfo.config.faults import Fault, show
from ipfo.config.locate import KeyPath
from ipfo.model import LEASE_SLACK_NS, RENEW_MARGIN_NS, SECOND, lease_seconds
from ipfo.wire.names import Names
from ipfo.wire.seal import key_id

INTERVAL_MIN_NS = 10 * durations.UNITS_NS["ms"]
"""Below it a Python process on a busy host is late as often as not."""

ASK_ROOM_NS = 20 * durations.UNITS_NS["ms"]
"""Between the interval and ``dead_after``: the peer is asked several times, each with a way back."""


def faults(draft: Draft) -> Iterator[Fault]:
    """Everything that must not be."""
    return chain(
        _timing_faults(draft),
        _dead_faults(draft),
        _key_faults(draft),
        _name_faults(draft),
        relations_links.faults(draft),
        relations_groups.faults(draft),
        relations_units.faults(draft),
        relations_checks.faults(draft),
        relations_others.faults(draft),
    )


def warnings(draft: Draft) -> Iterator[Fault]:
    """Everything that had better not be; for a draft without faults."""
    return chain(
        _key_warnings(draft),
        _timing_warnings(draft),
        _dead_warnings(draft),
        relations_links.warnings(draft),
        relations_groups.warnings(draft),
        relations_checks.warnings(draft),
        relations_others.warnings(draft),
    )


def _timing_faults(draft: Draft) -> Iterator[Fault]:
    interval = draft.duration("pair", "interval")
    takeover = draft.duration("pair", "takeover_after")
    if interval is None:
        return
    here = ("pair", "takeover_after")
    text = durations.text(interval)
    if interval < INTERVAL_MIN_NS:
        least = durations.text(INTERVAL_MIN_NS)
        written = show(draft.get("pair", "interval"))
        yield Fault(
            ("pair", "interval"), f'{written} is shorter than {least}; make it at least "{least}"'
        )
    elif takeover is not None and takeover < 2 * interval:
        yield Fault(
            here,
            f'"{durations.text(takeover)}" is less than 2 intervals of {text};'
            f' make it at least "{_least_takeover(draft, interval)}"',
        )
    elif takeover is not None and _renewed_too_late(draft, interval, takeover):
        yield Fault(
            here,
            f"the lease that follows from it, {lease_seconds(takeover)}s, would end before the next"
            f" heartbeat renews it (interval {text});"
            f' make it at least "{_least_takeover(draft, interval)}"',
        )


def _renewed_too_late(draft: Draft, interval: int, takeover: int) -> bool:
    return bool(_leasing(draft)) and lease_seconds(takeover) * SECOND <= interval


def _least_takeover(draft: Draft, interval: int) -> str:
    """The shortest takeover_after that `interval` allows."""
    if not _renewed_too_late(draft, interval, 2 * interval):
        return durations.text(2 * interval)
    # the next whole second is the lease that is needed
    lease_ns = (interval // SECOND + 1) * SECOND
    return durations.text(lease_ns + LEASE_SLACK_NS + RENEW_MARGIN_NS)


def _timing_warnings(draft: Draft) -> Iterator[Fault]:
    takeover = draft.duration("pair", "takeover_after")
    assert takeover is not None  # a draft without faults
    if _leasing(draft) and lease_seconds(takeover) * SECOND + LEASE_SLACK_NS >= takeover:
        yield Fault(
            ("pair", "takeover_after"),
            f"is shorter than the shortest lease, which may last 1.4s: a killed daemon's address may"
            f" still be there after {durations.text(takeover)}, and the takeover waits until it"
            " stops answering",
        )


def _dead_faults(draft: Draft) -> Iterator[Fault]:
    interval, takeover = (draft.duration("pair", key) for key in ("interval", "takeover_after"))
    dead = draft.duration("pair", "dead_after")
    if dead is None or interval is None:
        return
    text = show(draft.get("pair", "dead_after"))
    least = durations.text(interval + ASK_ROOM_NS)
    room = durations.text(ASK_ROOM_NS)
    if dead <= interval:
        yield Fault(
            ("pair", "dead_after"),
            f"{text} is not more than one interval ({durations.text(interval)}): a peer that is well"
            f' would be dead before it is late; make it at least "{least}"',
        )
    elif dead < interval + ASK_ROOM_NS:
        yield Fault(
            ("pair", "dead_after"),
            f"{text} leaves {durations.text(dead - interval)} after an interval of"
            f" {durations.text(interval)} to ask the peer in, and that needs {room}; make it at"
            f' least "{least}"',
        )
    if takeover is not None and dead >= takeover:
        silence = durations.text(takeover)
        yield Fault(
            ("pair", "dead_after"),
            f"{text} is not less than takeover_after ({silence}), so asking would shorten nothing;"
            f" make it less than {silence}, or take it out",
        )


def _dead_warnings(draft: Draft) -> Iterator[Fault]:
    dead, takeover = (draft.duration("pair", key) for key in ("dead_after", "takeover_after"))
    if dead is None or takeover is None:
        return
    text = durations.text(dead)
    lease_ns = lease_seconds(takeover) * SECOND + LEASE_SLACK_NS
    words = f"a pause of the peer's whole host that is longer than {text} looks like its death"
    if _leasing(draft) and lease_ns > dead:
        words += (
            ": when it goes on, both may have an address until it hears its peer, or its lease ends,"
            f" which lasts {durations.text(lease_ns)} at most"
        )
    yield Fault(("pair", "dead_after"), words)
    if not any("probe" in (draft.traits_of(name) or ()) for name in draft.names("groups")):
        yield Fault(
            ("pair", "dead_after"),
            "no group's provider can ask the wire for the peer's own addresses, so nothing proves its"
            f" death sooner, and a takeover begins after {durations.text(takeover)} all the same",
        )


def _leasing(draft: Draft) -> list[str]:
    """The groups that are held under a lease by one node at least."""
    return [name for name in draft.names("groups") if "lease" in (draft.traits_of(name) or ())]


def _key_faults(draft: Draft) -> Iterator[Fault]:
    """What is wrong with any of the key files, each at its own place."""
    sent_with, accepted = draft.get("pair", "key_file"), draft.get("pair", "accept_keys") or ()
    named: list[tuple[KeyPath, str]] = []
    if sent_with is not None:
        named.append((("pair", "key_file"), sent_with))
    elif accepted and ("pair", "key_file") not in draft.bad:
        words = "there is no key_file to send with; name one, or take this out"
        yield Fault(("pair", "accept_keys"), words)
    for index in range(len(accepted)):
        name = draft.get("pair", "accept_keys", index)
        if name is not None:
            named.append((("pair", "accept_keys", index), name))
    ids: dict[bytes, tuple[bytes, str]] = {}
    for here, name in named:
        file = keys.look_at(keys.path_of(name, draft.file.parent))
        for fault in file.faults:
            yield Fault(here, fault)
        if not file.faults:
            other, first = ids.setdefault(key_id(file.key), (file.key, name))
            if other != file.key:
                yield Fault(here, f"has the same id as {first}; make another with ipfo keygen")


def _key_warnings(draft: Draft) -> Iterator[Fault]:
    if draft.get("pair", "key_file") is None:
        yield Fault(
            ("pair",),
            "NO KEY: without key_file anybody on the wire can forge heartbeats and move the"
            ' addresses; make a key with "ipfo keygen" and name it here',
        )


def _name_faults(draft: Draft) -> Iterator[Fault]:
    pair = draft.get("pair", "name")
    if draft.nodes is None or pair is None:
        return
    try:
        Names(pair, *draft.nodes, tuple(draft.names("links")), ())
    except ValueError as error:
        yield Fault((), str(error))
