"""What is measured, a function for each table; each gives rows of figures, by rival and case.

A figure is a list of what each trial gave. What a rival cannot do is an empty list.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench.arena import Maker, Trial, at_work, outage_ms, twice_s
from tests.bench.costs import Row, Table, at_rest, thousand_addresses
from tests.bench.outages import first_heartbeats
from tests.bench.rivals import ONE, Ipfo, Keepalived, Rival, Ucarp, ipfo_text

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.testing import processes
from ipfo.testing.lab import PUBLIC, Lab

WATCHED_S = 12.0
"""How long is looked whether two hosts go on having the address."""

OVERLOAD_S = 30
BURNERS = 4 * (os.cpu_count() or 1)

FLOOD_S = 8
FLOOD_RATE = 50_000

SPEEDS = {"1 s": ("1s", "3s", 1.0), "100 ms": ("100ms", "300ms", 0.1), "10 ms": ("10ms", "30ms", 0.01)}  # fmt: skip


def ipfo(interval: str, takeover_after: str, **more: str) -> Maker:
    """A pair of ipfo with one address."""
    text = ipfo_text(
        interval, takeover_after, more=more.get("group", ""), dead_after=more.get("dead_after")
    )
    return lambda lab, folder: Ipfo(lab, folder, text)


def keepalived(interval_s: float) -> Maker:
    """A pair of keepalived with one address."""
    return lambda lab, folder: Keepalived(lab, folder, interval_s)


def ucarp(lab: Lab, folder: Path) -> Rival:
    """A pair of ucarp."""
    return Ucarp(lab, folder)


def power_cut(trial: Trial) -> None:
    """Alpha has no power any more."""
    trial.lab.power_off("alpha")


def sigterm(trial: Trial) -> None:
    """Alpha's daemon is ended in order."""
    processes.signal_all(trial.rival.pids("alpha")[:1], signal.SIGTERM)


def sigkill(trial: Trial) -> None:
    """Alpha's daemon is killed, with all of its processes."""
    processes.kill_all(trial.rival.pids("alpha"))


def sigstop(trial: Trial) -> None:
    """All of alpha's daemon stands still, and never goes on."""
    processes.signal_all(trial.rival.pids("alpha"), signal.SIGSTOP)


def power_cuts(lab: Lab, trials: int) -> Table:
    """Power cut of the holder: ms without an answer."""
    table: Table = {}
    for case, (interval, takeover_after, seconds) in SPEEDS.items():
        rivals = {"keepalived": keepalived(seconds), "ipfo": ipfo(interval, takeover_after)}
        if seconds == 1:
            rivals["ucarp"] = ucarp
            rivals["ipfo, dead_after"] = ipfo(interval, takeover_after, dead_after="1.3s")
        table[case] = {
            name: [outage_ms(lab, make, power_cut, seconds) for _ in range(trials)]
            for name, make in rivals.items()
        }
    return table


def stops(lab: Lab, trials: int) -> Table:
    """SIGTERM to the holder at 1 s: ms without an answer."""
    rivals = {"keepalived": keepalived(1), "ucarp": ucarp, "ipfo": ipfo("1s", "3s")}
    return {
        "1 s": {
            name: [outage_ms(lab, make, sigterm, 1) for _ in range(trials)]
            for name, make in rivals.items()
        }
    }


def dead_daemons(lab: Lab, trials: int) -> Table:
    """The holder's daemon is dead or frozen: for how many seconds two hosts have the address."""
    rivals = {"keepalived": keepalived(1), "ucarp": ucarp, "ipfo": ipfo("1s", "3s")}
    faults = {"SIGKILL": sigkill, "SIGSTOP": sigstop}
    return {
        case: {
            name: [twice_s(lab, make, fault, 1, WATCHED_S) for _ in range(trials)]
            for name, make in rivals.items()
        }
        for case, fault in faults.items()
    }


def handovers(lab: Lab, trials: int) -> Table:
    """`ipfo handover` at 1 s: datagrams lost, of 1,000 a second."""
    table: Table = {}
    for kind in ("strict", "seamless"):
        lost: list[float] = []
        make = ipfo("1s", "3s", group=f'handover = "{kind}"\n')
        with at_work(lab, make, settle_s=3, interval_s=1) as trial:
            assert isinstance(trial.rival, Ipfo)
            pair = trial.rival.pair
            for run in range(trials):
                source, target = ("alpha", "beta")[:: 1 if run % 2 == 0 else -1]
                pair.ask(source, "handover", "g0")
                trial.held_by(target)
                trial.rest(1.5)
                lost.append(trial.client.report()[ONE[0].split("/")[0]]["lost"])
        table[kind] = {"ipfo": lost}
    return table


def overload(lab: Lab, trials: int) -> Table:
    """Every core busy several times over, 30 s at 10 ms / 50 ms: how often the address moved."""
    rivals = {"keepalived": keepalived(0.01), "ipfo": ipfo("10ms", "50ms")}
    row: Row = {}
    for name, make in rivals.items():
        for _ in range(trials):
            with at_work(lab, make, settle_s=2, interval_s=0.01) as trial:
                since = clock.now()
                subprocess.run(
                    ["stress-ng", "--quiet", "--cpu", str(BURNERS), "--timeout", f"{OVERLOAD_S}s"],
                    check=True,
                )
                row.setdefault(name, []).append(trial.moves(since))
    return {"moves": row}


def flood(lab: Lab, trials: int) -> Table:
    """50,000 forged datagrams a second at the standby, 100 ms: ms from one heartbeat of it to the next."""
    latest: list[float] = []
    lost: list[float] = []
    for _ in range(max(1, trials // 3)):
        with at_work(lab, ipfo("100ms", "600ms"), settle_s=3, interval_s=0.1) as trial:
            gaps = subprocess.Popen(
                _into(lab, "alpha", ["-m", "tests.bench.arrivals", PUBLIC.address("beta"), str(FLOOD_S)]),
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            subprocess.run(
                _into(lab, "client", ["-m", "tests.bench.flood", PUBLIC.address("beta"), str(FLOOD_RATE), str(FLOOD_S)]),
                check=True,
            )  # fmt: skip
            said, _ = gaps.communicate(timeout=FLOOD_S + 10)
            latest.append(float(said))
            lost.append(float(trial.moves(Instant(0))) - 1)
    return {"longest gap": {"ipfo": latest}, "moves": {"ipfo": lost}}


def _into(lab: Lab, host: str, words: Sequence[str]) -> list[str]:
    return ["ip", "netns", "exec", lab.namespace(host), sys.executable, *words]


def starts(lab: Lab, trials: int) -> Table:
    """From exec to the first heartbeat on the wire, and what `ipfo status` takes; ms."""
    took: list[float] = []
    with at_work(lab, ipfo("1s", "3s"), settle_s=2, interval_s=1) as trial:
        assert isinstance(trial.rival, Ipfo)
        for _ in range(trials):
            began = clock.now()
            trial.rival.pair.ask("alpha", "status")
            took.append((clock.now() - began) * 1000 / SECOND)
    return {
        "exec to first heartbeat": {"ipfo": first_heartbeats(lab, trials)},
        "ipfo status": {"ipfo": took},
    }


TABLES: dict[str, Callable[[Lab, int], Table]] = {
    "power-cut": power_cuts,
    "sigterm": stops,
    "dead-daemon": dead_daemons,
    "handover": handovers,
    "start": starts,
    "at-rest": at_rest,
    "addresses": thousand_addresses,
    "overload": overload,
    "flood": flood,
}
"""In the order in which they are run: what matters most goes first."""


def kernel_and_versions() -> dict[str, str]:
    """What it ran on, and whom it is compared with."""

    def said(*argv: str) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip()

    dpkg = {
        name: said("dpkg-query", "-W", "-f", "${Version}", name).split("-")[0]
        for name in ("keepalived", "ucarp")
    }
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cores": f"{os.cpu_count()} of {model[1] if model else 'unknown make'}",
        "kernel": f"Linux {os.uname().release}",
        "python": sys.version.split()[0],
        **dpkg,
    }
