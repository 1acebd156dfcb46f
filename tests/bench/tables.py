"""What is measured, a function for each table; each gives rows of figures, by rival and case.

A figure is a list of what each trial gave. What a rival cannot do is an empty list.
"""

import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.arena import Fault, Maker, Trial, Trials, at_work, outage_ms, twice_s
from tests.bench.costs import Table, at_rest, thousand_addresses
from tests.bench.flooded import flood
from tests.bench.outages import first_heartbeats
from tests.bench.rivals import Ipfo, Keepalived, Rival, Ucarp, ipfo_text

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing import processes
from ipfo.testing.lab import Lab
from ipfo.testing.scene import SERVICE

WATCHED_S = 12.0
"""How long is looked whether two hosts go on having the address."""

OVERLOAD_S = 30
BURNERS = 4 * (os.cpu_count() or 1)

SPEEDS = {"1 s": ("1s", "3s", 1.0), "100 ms": ("100ms", "300ms", 0.1), "10 ms": ("10ms", "30ms", 0.01)}  # fmt: skip


def ipfo(
    interval: str,
    takeover_after: str,
    *,
    group: str = "",
    dead_after: str | None = None,
    realtime: bool = True,
) -> Maker:
    """A pair of ipfo with one address."""
    text = ipfo_text(interval, takeover_after, more=group, dead_after=dead_after, realtime=realtime)
    return lambda lab, folder: Ipfo(lab, folder, text)


def keepalived(interval_s: float) -> Maker:
    """A pair of keepalived with one address."""
    return lambda lab, folder: Keepalived(lab, folder, interval_s)


def ucarp(lab: Lab, folder: Path) -> Rival:
    """A pair of ucarp."""
    return Ucarp(lab, folder)


def power_cut(trial: Trial) -> None:
    """Alpha has no power any more."""
    trial.lab.power_off("alpha", to_the_millisecond=True)


def sigterm(trial: Trial) -> None:
    """Alpha's daemon is ended in order."""
    processes.signal_all(trial.rival.pids("alpha")[:1], signal.SIGTERM)


def sigkill(trial: Trial) -> None:
    """Alpha's daemon is killed, with all of its processes."""
    processes.kill_all(trial.rival.pids("alpha"))


def sigstop(trial: Trial) -> None:
    """All of alpha's daemon stands still, and never goes on."""
    processes.signal_all(trial.rival.pids("alpha"), signal.SIGSTOP)


def power_cuts(lab: Lab, trials: Trials) -> Table:
    """Power cut of the holder: ms without an answer."""
    table: Table = {}
    for case, (interval, takeover_after, seconds) in SPEEDS.items():
        rivals = {"keepalived": keepalived(seconds), "ipfo": ipfo(interval, takeover_after)}
        if seconds == 1:
            rivals["ucarp"] = ucarp
            rivals["ipfo, dead_after"] = ipfo(interval, takeover_after, dead_after="1.3s")
        table[case] = {
            name: trials.of(outage_ms, lab, make, power_cut, seconds)
            for name, make in rivals.items()
        }
    return table


def stops(lab: Lab, trials: Trials) -> Table:
    """SIGTERM to the holder at 1 s: ms without an answer."""
    rivals = {"keepalived": keepalived(1), "ucarp": ucarp, "ipfo": ipfo("1s", "3s")}
    return {
        "1 s": {name: trials.of(outage_ms, lab, make, sigterm, 1) for name, make in rivals.items()}
    }


def dead_daemons(_lab: Lab, trials: Trials) -> Table:
    """The holder's daemon is dead or frozen: for how many seconds two hosts have the address."""
    rivals = {"keepalived": keepalived(1), "ucarp": ucarp, "ipfo": ipfo("1s", "3s")}
    faults = {"SIGKILL": sigkill, "SIGSTOP": sigstop}
    table: Table = {}
    # seconds are counted, not milliseconds: side by side they take a third of the time
    with ThreadPoolExecutor(len(rivals)) as side:
        for case, fault in faults.items():
            begun = {
                name: side.submit(_twice, make, fault, trials) for name, make in rivals.items()
            }
            table[case] = {name: each.result() for name, each in begun.items()}
    return table


def _twice(make: Maker, fault: Fault, trials: Trials) -> list[float]:
    with Lab.open("twice") as lab:
        return trials.of(twice_s, lab, make, fault, 1, WATCHED_S)


def handovers(lab: Lab, trials: Trials) -> Table:
    """`ipfo handover` at 1 s: datagrams lost, of 1,000 a second."""
    table: Table = {}
    for kind in ("strict", "seamless"):
        make = ipfo("1s", "3s", group=f'handover = "{kind}"\n')
        with at_work(lab, make, settle_s=3, interval_s=1) as trial:
            there_and_back = itertools.cycle([("alpha", "beta"), ("beta", "alpha")])
            table[kind] = {"ipfo": trials.of(_handed_over, trial, there_and_back)}
    return table


def _handed_over(trial: Trial, there_and_back: Iterator[tuple[str, str]]) -> float:
    assert isinstance(trial.rival, Ipfo)
    source, target = next(there_and_back)
    trial.rival.pair.ask(source, "handover", "g0")
    trial.held_by(target)
    trial.rest(1.5)
    lost: float = trial.client.report()[SERVICE]["lost"]
    return lost


def overload(lab: Lab, trials: Trials) -> Table:
    """Every core busy several times over, 30 s at 10 ms / 50 ms: how often the address moved."""
    ours = trials.times(10, 7)  # ten is what was promised
    return {
        "moves": {
            "ipfo": ours.of(_overloaded, lab, ipfo("10ms", "50ms")),
            "ipfo, not real-time": trials.times(3, 7).of(
                _overloaded, lab, ipfo("10ms", "50ms", realtime=False)
            ),
            "keepalived": trials.times(3, 7).of(_overloaded, lab, keepalived(0.01)),
        }
    }


def _overloaded(lab: Lab, make: Maker) -> float:
    with at_work(lab, make, settle_s=2, interval_s=0.01) as trial:
        since = clock.now()
        busy = ["stress-ng", "--quiet", "--cpu", str(BURNERS), "--timeout", f"{OVERLOAD_S}s"]
        subprocess.run(busy, check=True, timeout=OVERLOAD_S + 30)
        return trial.moves(since)


def starts(lab: Lab, trials: Trials) -> Table:
    """From exec to the first heartbeat on the wire, and what `ipfo status` takes; ms."""
    first = trials.of(lambda: first_heartbeats(lab, 1)[0])
    with at_work(lab, ipfo("1s", "3s"), settle_s=2, interval_s=1) as trial:
        return {
            "exec to first heartbeat": {"ipfo": first},
            "ipfo status": {"ipfo": trials.of(_status_ms, trial)},
        }


def _status_ms(trial: Trial) -> float:
    assert isinstance(trial.rival, Ipfo)
    began = clock.now()
    trial.rival.pair.ask("alpha", "status")
    return (clock.now() - began) * 1000 / SECOND


TABLES: dict[str, Callable[[Lab, Trials], Table]] = {
    "power-cut": power_cuts,
    "sigterm": stops,
    "dead-daemon": dead_daemons,
    "handover": handovers,
    "start": starts,
    "at-rest": at_rest,
    "addresses": thousand_addresses,
    "flood": flood,
    "overload": overload,
}
"""In the order in which they are run: what matters most goes first."""


def kernel_and_versions() -> dict[str, str]:
    """What it ran on, and whom it is compared with."""

    def said(*argv: str) -> str:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip()

    dpkg = {
        name: said("dpkg-query", "-W", "-f", "${Version}", name).split("-")[0].rpartition(":")[2]
        for name in ("keepalived", "ucarp")
    }
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "cores": f"{os.cpu_count()} of {model[1] if model else 'unknown make'}",
        "kernel": f"Linux {os.uname().release}",
        "python": sys.version.split()[0],
        **dpkg,
    }
