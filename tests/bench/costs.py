"""What a pair costs while nothing happens, and how soon many addresses are moved."""

import math
import select
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.arena import Maker, Trials
from tests.bench.outages import pss_mb
from tests.bench.rivals import INSTANCES_MAX, Ipfo, Keepalived, Rival, ipfo_text, many, one_of_many

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing.lab import HOSTS, Lab
from ipfo.testing.netns import socket_in
from ipfo.testing.watch import address_of, messages

Row = dict[str, list[float]]
Table = dict[str, Row]
"""By case, and in it by rival."""

CPU, PACKETS, MEMORY = "% of a core", "packets a second", "MB"

SETTLE_S = 7.0
"""keepalived announces its addresses once more five seconds after it took them."""
REST_S = 10.0
LOOK_EVERY_S = 0.002
MOVED_S = 30.0
"""By when somebody else has taken what the dead host had."""

HELD_S = 40.0
"""By when a pair that has just been started holds all of its addresses, if it ever does."""

NEW_ADDRESS = 20  # RTM_NEWADDR, linux/rtnetlink.h
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; Python does not name it
ADDRESS_GROUPS = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
ROOM = 16 << 20
"""For notices of the kernel that nobody has read yet, in bytes: a thousand at once are some."""


class NotHeldError(AssertionError):
    """Alpha does not have, or does not keep, what it is to hold."""


@contextmanager
def running(lab: Lab, make: Maker, addresses: Sequence[str]) -> Iterator[Rival]:
    """A rival of which alpha holds all of `addresses`; nobody asks it.

    :raises NotHeldError: alpha does not.
    """
    with tempfile.TemporaryDirectory() as folder:
        rival = make(lab, Path(folder))
        try:
            # alone first: a standby waits for a busy preferred node, but not for ever
            rival.start("alpha")
            await_addresses(lab, "alpha", addresses)
            rival.start("beta")
            rest(SETTLE_S)
            yield rival
        finally:
            rival.end()
            lab.reset()


def rest(seconds: float) -> None:
    """Let time go by."""
    select.select([], [], [], seconds)


def plain(address: str) -> str:
    """Without its prefix."""
    return address.partition("/")[0]


def await_addresses(lab: Lab, host: str, addresses: Sequence[str]) -> None:
    """Wait until `host` has all of `addresses`.

    :raises NotHeldError: it has not.
    """
    deadline = clock.now() + int(HELD_S * SECOND)
    while missing := missing_on(lab, host, addresses):
        if clock.now() >= deadline:
            raise NotHeldError(f"{host} has not {missing} of {len(addresses)} after {HELD_S:g} s")
        rest(LOOK_EVERY_S)


def missing_on(lab: Lab, host: str, addresses: Sequence[str]) -> int:
    """How many of `addresses` `host` has not."""
    return len({plain(each) for each in addresses} - lab.addresses_of(host))


def packets(lab: Lab) -> int:
    """Sent by both hosts so far, on all cables."""
    sent = 0
    for host in HOSTS:
        for line in lab.run(host, ["cat", "/proc/net/dev"]).stdout.splitlines():
            name, colon, counters = line.partition(":")
            if colon and name.strip() != "lo":
                sent += int(counters.split()[9])
    return sent


def _kept(interval_s: float, groups: Sequence[Sequence[str]]) -> Maker:
    return lambda lab, folder: Keepalived(lab, folder, interval_s, groups)


def _ours(interval: str, takeover_after: str, groups: Sequence[Sequence[str]]) -> Maker:
    # a command for each of many groups, or for each change, is what `netlink` is there to save
    provider = "ip" if len(groups) == len(groups[0]) == 1 else "netlink"
    text = ipfo_text(interval, takeover_after, groups, provider=provider)
    return lambda lab, folder: Ipfo(lab, folder, text)


def at_rest(lab: Lab, trials: Trials) -> Table:
    """While nothing happens: % of a core of both nodes, packets a second, MB (PSS) of one node."""
    cases: list[tuple[str, list[list[str]], dict[str, Maker]]] = []
    for count in (1, 100, 250, 1000):
        groups = many(count)
        named = f"{count:,} group{'s' if count > 1 else ''}"
        slow, fast = {"ipfo": _ours("1s", "3s", groups)}, {"ipfo": _ours("10ms", "50ms", groups)}
        if count <= INSTANCES_MAX:
            slow["keepalived"], fast["keepalived"] = _kept(1, groups), _kept(0.01, groups)
            cases.append((f"{named}, 10 ms", groups, fast))
        cases.append((f"{named}, 1 s", groups, slow))
    table: Table = {}
    for case, groups, rivals in cases:
        for name, make in rivals.items():
            for what, figures in _costs(lab, make, [each for (each,) in groups], trials).items():
                table.setdefault(f"{case}: {what}", {})[name] = figures
    return table


def _costs(lab: Lab, make: Maker, addresses: Sequence[str], trials: Trials) -> Row:
    """By what it costs; a pair that cannot hold `addresses` has no number for any of it."""
    costs: Row = {CPU: [], PACKETS: [], MEMORY: []}

    def once() -> float:
        if any(map(math.isnan, costs[CPU])):
            return 0.0  # it will not hold them the next time either
        try:
            with running(lab, make, addresses) as rival:
                for what, figure in _cost(lab, rival).items():
                    costs[what].append(figure)
                if missing := missing_on(lab, "alpha", addresses):
                    raise NotHeldError(f"alpha has lost {missing} of {len(addresses)}")
        except NotHeldError:
            costs.update({what: [math.nan] for what in costs})
            raise
        return 0.0

    trials.times(1, 7).of(once)
    return costs


def _cost(lab: Lab, rival: Rival) -> dict[str, float]:
    both = [pid for host in HOSTS for pid in rival.pids(host)]
    before, sent, began = ran_s(both), packets(lab), clock.now()
    rest(REST_S)
    seconds = (clock.now() - began) / SECOND
    return {
        CPU: 100 * (ran_s(both) - before) / seconds,
        PACKETS: (packets(lab) - sent) / seconds,
        MEMORY: pss_mb(rival.pids("alpha")),
    }


def ran_s(pids: Sequence[int]) -> float:
    """For how long `pids` have run, by the scheduler's own clock: ticks are too coarse at rest."""
    return sum(
        int(thread.read_text().split()[0]) / SECOND
        for pid in pids
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat")
    )


def thousand_addresses(lab: Lab, trials: Trials) -> Table:
    """Power cut with 1,000 addresses in one group: ms from the first to the last one on the peer."""
    listed = [one_of_many(1000)]
    rivals = {"keepalived": _kept(1, listed), "ipfo": _ours("1s", "3s", listed)}
    row = {name: trials.of(_first_to_last, lab, make, listed[0]) for name, make in rivals.items()}
    return {"1,000 addresses": row}


def _first_to_last(lab: Lab, make: Maker, addresses: Sequence[str]) -> float:
    """By the kernel's own notices on the peer."""
    awaited = {plain(each) for each in addresses}
    namespace = Path("/run/netns", lab.namespace("beta"))
    with (
        running(lab, make, addresses),
        socket_in(namespace, socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as notices,
    ):
        notices.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        notices.bind((0, ADDRESS_GROUPS))
        lab.power_off("alpha")
        deadline, came = clock.now() + int(MOVED_S * SECOND), list[int]()
        while awaited and clock.now() < deadline:
            if not select.select([notices], [], [], LOOK_EVERY_S)[0]:
                continue
            data, now = notices.recv(1 << 16), clock.now()
            new = {address_of(body) for kind, _, body in messages(data) if kind == NEW_ADDRESS}
            if new & awaited:
                came.append(now)
            awaited -= new
        if awaited:
            raise NotHeldError(
                f"beta has not {len(awaited)} of {len(addresses)} after {MOVED_S:g} s"
            )
        return (came[-1] - came[0]) * 1000 / SECOND
