"""Relations of third parties: witnesses, the fence, and what the pair is told to do by them.

Two voters could each grant a group to another node, so there is one at most.
"""

from collections.abc import Iterator

from ipfo.config import durations
from ipfo.config.draft import Draft, Ip
from ipfo.config.faults import Fault, show
from ipfo.model import SECOND, vote_seconds
from ipfo.plugin import marks


def faults(draft: Draft) -> Iterator[Fault]:
    """What must not be."""
    if (
        draft.get("pair", "on_partition") == "consistent"
        and not draft.get("witnesses")
        and draft.get("fence") is None
        and not draft.bad.intersection({("witnesses",), ("fence",)})
    ):
        yield Fault(
            ("pair", "on_partition"),
            '"consistent" needs a third party that can tell a dead peer from a cut cable: add a'
            " [[witnesses]] or a [fence]",
        )
    first, *more = _voters(draft) or [0]
    for index in more:
        yield Fault(
            ("witnesses", index, "plugin"),
            f"{show(draft.get('witnesses', index, 'plugin'))} votes, and so does witnesses[{first}]:"
            " two of them could grant a group to both nodes; keep one",
        )
    if draft.duration("fence", "timeout") == 0 and draft.get("fence") is not None:
        yield Fault(("fence", "timeout"), 'nothing can be done in no time; make it more than "0s"')
    yield from _witness_faults(draft)


def warnings(draft: Draft) -> Iterator[Fault]:
    """What had better not be; for a draft without faults."""
    takeover = draft.duration("pair", "takeover_after")
    assert takeover is not None  # a draft without faults
    suspect = draft.duration("pair", "dead_after") or takeover
    yield from _vote_warnings(draft, takeover, suspect)
    yield from _peer_warnings(draft)
    timeout, delay = draft.duration("fence", "timeout"), draft.duration("fence", "delay")
    if draft.get("fence") is None or timeout is None or delay is None:
        return
    if timeout + delay > takeover:
        waits = ((suspect, "of silence"), (delay, "of delay"), (timeout, "of fencing"))
        parts = [f"{durations.text(ns)} {what}" for ns, what in waits if ns]
        total = durations.text(suspect + delay + timeout)
        yield Fault(
            ("fence",),
            "a takeover waits until the peer is surely off, and so may take"
            f" {' + '.join(parts)} = {total}",
        )


def _witness_faults(draft: Draft) -> Iterator[Fault]:
    """A witness that denies must be a third host: of the pair's own, each says what it likes."""
    voters = _voters(draft)
    for index in draft.listed("witnesses"):
        if index in voters:
            continue  # etcd may well have a member on one of the nodes, and a third elsewhere
        here = ("witnesses", index)
        for path, ip in marks.hosts(*draft.chosen("witness", *here)):
            why = _no_third_host(draft, ip)
            if why is not None:
                yield Fault(
                    (*here, *path),
                    f"{ip} is {why}; name a third host that both nodes need, such as the gateway",
                )


def _no_third_host(draft: Draft, ip: Ip) -> str | None:
    """Whose `ip` is, and what that would come to; None if it is not the pair's."""
    if ip.is_loopback:
        return "always the host itself that asks"
    for link, node, address in draft.link_addresses():
        if ip == address:
            return f"{node}'s own address on link {link}, and a node always reaches itself"
    for group in draft.names("groups"):
        if any(ip == service.ip for _, service in draft.service_addresses(group)):
            return f"a service address (group {group}), and who holds it always reaches itself"
    return None


def _peer_warnings(draft: Draft) -> Iterator[Fault]:
    if draft.get("fence") is None:
        return
    for key, peer in marks.nowhere(*draft.chosen("fence", "fence")):
        yield Fault(
            ("fence", key),
            f"{peer} stands nowhere in it: the same is run whichever node is to be off, so a node"
            f" may shoot itself; write {peer} where the node's name belongs, unless the program"
            " differs on the two hosts",
        )


def _voters(draft: Draft) -> list[int]:
    return [
        index
        for index in draft.listed("witnesses")
        if draft.get("witnesses", index, "plugin") in draft.voters
    ]


def _vote_warnings(draft: Draft, takeover: int, suspect: int) -> Iterator[Fault]:
    ttl_ns = vote_seconds(takeover) * SECOND
    if ttl_ns <= suspect:
        return
    key = "takeover_after" if suspect == takeover else "dead_after"
    vote, silence = durations.text(ttl_ns), durations.text(suspect)
    for index in _voters(draft):
        yield Fault(
            ("witnesses", index),
            f"a vote lasts {vote} here, longer than {key} ({silence}): a dead holder's is still"
            f" kept when its peer wants it, so a takeover may wait {durations.text(ttl_ns - suspect)}"
            f" longer, {vote} in all",
        )
