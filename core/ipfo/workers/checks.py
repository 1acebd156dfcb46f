"""The `checks` worker: runs every health check of this node on its own schedule, a thread each run.

It tells the engine, unasked, of each turn of a unit: ``{"health": [unit, what is wrong or null]}``.
A check that does not come back is counted as failed and named; then this process asks to be ended,
since nothing else ends a thread, and says how far the check has fallen to whoever comes after it.
"""

import queue
import select
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ipfo import clock
from ipfo.config.model import CheckConfig, Config
from ipfo.model import SECOND, Instant
from ipfo.plugin.contracts import Check
from ipfo.plugin.registry import Registry
from ipfo.workers import child, chosen, confine, rights
from ipfo.workers.health import Trial, Verdict, verdict
from ipfo.workers.named import numbered

Asked = dict[str, Any]

HUNG_NS = SECOND
"""How long after its time a run may still come back."""

WATCHDOG_S = 5.0
"""The kernel ends this process if its main thread does not come round for so long: a check then
spins and keeps the interpreter's lock, and nobody here could say so."""


@dataclass(slots=True)
class Watched:
    """A check, what it watches, and how it does. `key` is the same after each start."""

    key: str
    unit: str
    config: CheckConfig
    check: Check
    trial: Trial


class Checks:
    """The checks of `config`; from `given` what an earlier process has left, and what is held."""

    def __init__(self, config: Config, given: Asked, door: child.Door) -> None:
        self._door = door
        self._ended: queue.SimpleQueue[tuple[Watched, str | None]] = queue.SimpleQueue()
        self._wakes, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._told: dict[str, Verdict] = {}
        self._hung = False
        every = [check.plugin for group in config.groups.values() for check in group.checks]
        offers = chosen.offers(config, every, Registry.checks)
        failed = given.get("failed", {})
        self._watched: list[Watched] = []
        self._units: dict[str, list[Trial]] = {}
        for group in config.groups.values():
            alone = len(config.units[group.unit]) == 1
            names = numbered([check.plugin for check in group.checks])
            for name, check in zip(names, group.checks, strict=True):
                key = f"{group.name}: {name}"
                trial = Trial(
                    name=name if alone else key,
                    interval_ns=check.interval_ns,
                    rise=check.rise,
                    fall=check.fall,
                    when_holding=check.when_holding,
                    failed=failed.get(key, 0),
                )
                built = chosen.built(offers[check.plugin], check.options, config.node)
                self._watched.append(Watched(key, group.unit, check, built, trial))
                self._units.setdefault(group.unit, []).append(trial)
        confine.make_room(len(self._watched) * confine.EACH_THREAD)
        if failed:
            door.send({"failed": {}})  # taken over: whoever comes next is told anew
        self.roles({"held": given.get("held", [])})

    def roles(self, given: Asked) -> Asked:
        """This node holds the units `held`, and no others: some checks are run only there."""
        now = clock.now()
        for each in self._watched:
            each.trial.mind(now, held=each.unit in given["held"])
        self._tell(self._units)
        return {}

    def fileno(self) -> int:
        """Readable when a run has come back."""
        return self._wakes.fileno()

    def wait_s(self) -> float | None:
        """How long nothing has to be done, if no run comes back."""
        now = clock.now()
        due = [
            each.trial.due_at if each.trial.began_at is None else self._hangs_at(each)
            for each in self._watched
        ]
        at = min((each for each in due if each is not None), default=None)
        if at is None or self._hung:
            return None
        left_s = max(0, at - now) / SECOND
        return min(left_s, WATCHDOG_S / 4) if self._any_runs() else left_s

    def tend(self) -> None:
        """Count the runs that have come back, begin those that are due, tell of turns."""
        with suppress(BlockingIOError):
            self._wakes.recv(4096, socket.MSG_DONTWAIT)
        touched: dict[str, None] = {}
        last = ""
        while not self._ended.empty():
            watched, fault = self._ended.get()
            watched.trial.end(fault)
            touched[watched.unit] = None
            last = watched.key
        self._tell(touched)
        if touched and not self._hung and (why := confine.spent()) is not None:
            self._end(f"after check {last} {why}")
        now = clock.now()
        for each in self._watched:
            if each.trial.began_at is not None and now >= self._hangs_at(each):
                self._give_up(each)
            elif not self._hung and each.trial.begin(now):
                child.alarm(WATCHDOG_S)  # before it can keep the interpreter
                threading.Thread(target=self._run, args=(each,), daemon=True).start()
        child.alarm(WATCHDOG_S if self._any_runs() else 0)

    def _any_runs(self) -> bool:
        return any(each.trial.began_at is not None for each in self._watched)

    def _hangs_at(self, watched: Watched) -> Instant:
        began_at = watched.trial.began_at
        assert began_at is not None
        return Instant(began_at + watched.config.timeout_ns + HUNG_NS)

    def _run(self, watched: Watched) -> None:
        began_at, timeout_ns = clock.now(), watched.config.timeout_ns
        try:
            watched.check.check(timeout_ns / SECOND)
            took_ns = clock.now() - began_at
            late = took_ns > timeout_ns
            fault = f"took {took_ns / SECOND:.2f} s, which is too long" if late else None
        except BaseException as error:  # a plugin's sys.exit() is no sign of health
            fault = child.one_line(error)
        self._ended.put((watched, fault))
        with suppress(BlockingIOError):  # full: it will wake up all the same
            self._wake.send(b"!")

    def _give_up(self, watched: Watched) -> None:
        if self._hung:
            return
        watched.trial.end("did not come back")
        self._tell([watched.unit])
        self._end(f"check {watched.key} did not come back")

    def _end(self, why: str) -> None:
        """Ask to be ended; whoever comes next knows how far each check has fallen."""
        self._hung = True
        failed = {each.key: each.trial.failed for each in self._watched}
        self._door.send({"failed": failed})
        self._door.give_up(why)

    def _tell(self, units: Iterable[str]) -> None:
        for unit in units:
            found = verdict(self._units[unit])
            if found.sure and found != self._told.get(unit):
                self._told[unit] = found
                self._door.send({"health": [unit, found.ill]})


def serve(door: child.Door) -> None:
    """Answer the engine and run the checks until it ends; no check is waited for then."""
    made: list[Checks] = []
    handlers: dict[str, child.Handler] = {}

    def setup(given: Asked) -> Asked:
        config = Config.from_document({**given["document"], "node": given["node"]})
        made[:] = [Checks(config, given, door)]
        handlers["roles"] = made[0].roles
        return {}

    handlers["setup"] = setup
    while not door.ended:
        wait_s = made[0].wait_s() if made else None
        reading = [door.fileno(), *(checks.fileno() for checks in made)]
        readable, _, _ = select.select(reading, [], [], wait_s)
        if door.fileno() in readable:
            door.read()
        while (request := door.waiting()) is not None:
            door.send(child.perform(handlers, request))
        for checks in made:
            checks.tend()


def main() -> None:
    """To be this process's whole main."""
    rights.keep_none_unless_root()
    child.settle_signals()
    serve(child.Door.inherited())


if __name__ == "__main__":
    main()
