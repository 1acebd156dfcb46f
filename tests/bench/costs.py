"""What a pair costs while nothing happens, and how soon many addresses are moved."""

import select
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.arena import FAILURES, Maker, Trials
from tests.bench.outages import cpu_s, pss_mb
from tests.bench.rivals import ONE, Ipfo, Keepalived, Rival, ipfo_text, many, one_of_many

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing.lab import HOSTS, Lab

Row = dict[str, list[float]]
Table = dict[str, Row]
"""By case, and in it by rival."""

SETTLE_S = 4.0
REST_S = 10.0
LOOK_EVERY_S = 0.002
GONE_S = 30
"""By when somebody else has begun to take what the dead host had."""


@contextmanager
def running(lab: Lab, make: Maker, last: str) -> Iterator[Rival]:
    """A rival whose last address alpha has; nobody asks it."""
    with tempfile.TemporaryDirectory() as folder:
        rival = make(lab, Path(folder))
        try:
            rival.start(*HOSTS)
            await_addresses(lab, "alpha", {plain(last)})
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


def await_addresses(lab: Lab, host: str, wanted: set[str], timeout_s: float = 90) -> int:
    """Wait until `host` has all of `wanted`; the instant."""
    deadline = clock.now() + int(timeout_s * SECOND)
    while not wanted <= lab.addresses_of(host):
        assert clock.now() < deadline, f"{host} has not {len(wanted)} addresses in {timeout_s} s"
        rest(LOOK_EVERY_S)
    return int(clock.now())


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
    cases = {
        "1 group, 1 s": (1, {"keepalived": _kept(1, (ONE,)), "ipfo": _ours("1s", "3s", [ONE])}),
        "1,000 groups, 1 s": (1000, {"ipfo": _ours("1s", "3s", many(1000))}),
    }
    for groups in (1, 100, 250):
        rivals = {
            "keepalived": _kept(0.01, many(groups)),
            "ipfo": _ours("10ms", "50ms", many(groups)),
        }
        cases[f"{groups} groups, 10 ms"] = groups, rivals
    table: Table = {}
    for case, (groups, rivals) in cases.items():
        last = ONE[0] if case == "1 group, 1 s" else many(groups)[-1][0]
        for name, make in rivals.items():
            for _ in range(trials.times(1, 3).count):
                costs = _cost(lab, make, last) if clock.now() < trials.until else {}
                for what, figure in costs.items():
                    table.setdefault(f"{case}: {what}", {}).setdefault(name, []).append(figure)
    return table


def _cost(lab: Lab, make: Maker, last: str) -> dict[str, float]:
    try:
        with running(lab, make, last) as rival:
            both = [pid for host in HOSTS for pid in rival.pids(host)]
            before, sent, began = cpu_s(both), packets(lab), clock.now()
            rest(REST_S)
            seconds = (clock.now() - began) / SECOND
            return {
                "% of a core": 100 * (cpu_s(both) - before) / seconds,
                "packets a second": (packets(lab) - sent) / seconds,
                "MB": pss_mb(rival.pids("alpha")),
            }
    except FAILURES as error:
        sys.stderr.write(f"  a trial failed: {type(error).__name__}: {error}\n")
        return {}


def thousand_addresses(lab: Lab, trials: Trials) -> Table:
    """Power cut with 1,000 addresses in one group: ms from the first to the last one on the peer."""
    listed = [one_of_many(1000)]
    rivals = {"keepalived": _kept(1, listed), "ipfo": _ours("1s", "3s", listed)}
    row = {name: trials.of(_first_to_last, lab, make, listed[0]) for name, make in rivals.items()}
    return {"1,000 addresses": row}


def _first_to_last(lab: Lab, make: Maker, addresses: Sequence[str]) -> float:
    wanted = {plain(each) for each in addresses}
    with running(lab, make, addresses[-1]):
        lab.power_off("alpha")
        deadline = clock.now() + GONE_S * SECOND
        while not wanted & lab.addresses_of("beta"):
            assert clock.now() < deadline, f"beta has nothing {GONE_S} s after the power cut"
            rest(LOOK_EVERY_S)
        first = clock.now()
        return (await_addresses(lab, "beta", wanted) - first) * 1000 / SECOND
