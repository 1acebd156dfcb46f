"""One trial: a rival at work in the lab, a fault at some phase, and what the client missed.

Each trial begins with new daemons, so that nothing of one is left to the next.
"""

import itertools
import math
import secrets
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec

from tests.bench.rivals import Rival

from ipfo import clock
from ipfo.errors import IpfoError
from ipfo.model import SECOND, Instant
from ipfo.testing.asking import Asking
from ipfo.testing.lab import HOSTS, Lab
from ipfo.testing.scene import SERVICE
from ipfo.testing.watch import Watch

PATIENCE_S = 30.0

FAILURES = (AssertionError, IpfoError, OSError, subprocess.SubprocessError)
"""How a trial fails: what was waited for did not come, or a program did not work."""

GOLDEN = (math.sqrt(5) - 1) / 2

Given = ParamSpec("Given")
Maker = Callable[[Lab, Path], Rival]
Fault = Callable[["Trial"], None]


START = secrets.randbelow(1 << 32) / (1 << 32)
_numbers = itertools.count()  # no generator: threads share it


def next_phase() -> float:
    """A share of an interval: the first is random, and any few in a row are spread evenly.

    Seven that are drawn each by itself often lie close together, and their median says little.
    """
    return (START + next(_numbers) * GOLDEN) % 1


@dataclass(frozen=True)
class Trials:
    """How many of each; none begins after `until`."""

    count: int
    until: Instant

    def of(
        self, measure: Callable[Given, float], *given: Given.args, **named: Given.kwargs
    ) -> list[float]:
        """What the trials gave; one that failed is told of and gives nothing."""
        figures = []
        for _ in range(self.count):
            if clock.now() >= self.until:
                break
            try:
                figures.append(measure(*given, **named))
            except FAILURES as error:
                sys.stderr.write(f"  a trial failed: {type(error).__name__}: {error}\n")
        return figures

    def times(self, numerator: int, denominator: int) -> "Trials":
        """This share of as many, one at the least."""
        return Trials(max(1, self.count * numerator // denominator), self.until)


@dataclass
class Trial:
    """A rival whose address alpha has, a client that asks it, a watch over who has it."""

    lab: Lab
    rival: Rival
    client: Asking
    watch: Watch

    def rest(self, seconds: float) -> None:
        """Let time go by."""
        select.select([], [], [], seconds)

    def held_by(self, host: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until `host` answers the client."""
        self.client.answered_by(host, timeout_s, SERVICE)

    def gap_ms(self) -> float:
        """The longest time without an answer since this was asked last."""
        gap: float = self.client.report()[SERVICE]["longest_gap_ms"]
        return gap

    def twice_s(self, since: Instant) -> float:
        """For how long two hosts had the address, from `since` on; infinite if they still have."""
        seen = self.watch.seen[SERVICE]
        if len(seen.holders) > 1:
            return math.inf
        return seen.twice_ns(since, clock.now()) / SECOND

    def moves(self, since: Instant) -> int:
        """How often who has the address changed, from `since` until now."""
        return sum(1 for at, _ in self.watch.seen[SERVICE].turns if at > since)


@contextmanager
def at_work(lab: Lab, make: Maker, *, settle_s: float, interval_s: float) -> Iterator[Trial]:
    """A trial that has begun, at the `next_phase` between two heartbeats."""
    for host in HOSTS:
        lab.start_echo(host)
    with tempfile.TemporaryDirectory() as folder:
        rival = make(lab, Path(folder))
        try:
            with lab.watching(SERVICE) as watch, lab.asking(SERVICE) as client:
                trial = Trial(lab, rival, client, watch)
                rival.start(*HOSTS)
                trial.held_by("alpha")
                trial.rest(settle_s + interval_s * next_phase())
                holders = watch.seen[SERVICE].holders
                assert holders == {"alpha"}, f"{set(holders)} have it before anything befell alpha"
                client.report()
                yield trial
        finally:
            rival.end()
            lab.reset()


def outage_ms(lab: Lab, make: Maker, fault: Fault, interval_s: float) -> float:
    """How long the client is without an answer when `fault` befalls alpha."""
    with at_work(lab, make, settle_s=2 * interval_s + 1, interval_s=interval_s) as trial:
        fault(trial)
        trial.held_by("beta")
        return trial.gap_ms()


def twice_s(lab: Lab, make: Maker, fault: Fault, interval_s: float, watch_s: float) -> float:
    """For how long two hosts have the address in the `watch_s` after `fault`."""
    with at_work(lab, make, settle_s=2 * interval_s + 1, interval_s=interval_s) as trial:
        since = clock.now()
        fault(trial)
        trial.rest(watch_s)
        return trial.twice_s(since)
