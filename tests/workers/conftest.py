"""Turning the handle of workers as the engine does, without an engine."""

import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.workers.worker import Outcome, Worker

UNRULY = (sys.executable, "-P", str(Path(__file__).with_name("unruly.py")))
PATIENCE_NS = 20 * SECOND


def turn(workers: list[Worker], until: Callable[[], bool]) -> None:
    """Wait and serve, as the engine's loop does, until it is so; fail if it never is."""
    give_up_at = clock.now() + PATIENCE_NS
    while not until():
        assert clock.now() < give_up_at, [(w.kind, w.fault) for w in workers]
        alive = [w for w in workers if w.fileno() >= 0]
        deadlines = [at for w in workers if (at := w.next_deadline()) is not None]
        left_ns = min([*deadlines, clock.now() + SECOND // 20]) - clock.now()
        readable, writable, _ = select.select(
            alive, [w for w in alive if w.wants_write], [], max(0, left_ns) / SECOND
        )
        for worker in {*readable, *writable}:
            worker.ready(clock.now())
        for worker in workers:
            worker.expire(clock.now())


class Caller:
    """Calls one worker and keeps what came of it."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.outcomes: list[tuple[int, Outcome]] = []
        self.asked = 0

    def ask(self, do: str, timeout_ns: int = 15 * SECOND, **given: Any) -> int:
        """Put a call; its number."""
        number = self.asked
        self.asked += 1
        deadline = Instant(clock.now() + timeout_ns)
        self.worker.call(do, given, deadline, lambda out: self.outcomes.append((number, out)))
        return number

    def answer(self, number: int) -> Outcome:
        """What came of call `number`, exactly once."""
        turn([self.worker], lambda: any(n == number for n, _ in self.outcomes))
        (outcome,) = (out for n, out in self.outcomes if n == number)
        return outcome

    def do(self, do: str, timeout_ns: int = 15 * SECOND, **given: Any) -> Outcome:
        """Put a call and wait for what comes of it."""
        return self.answer(self.ask(do, timeout_ns, **given))

    def ok(self, do: str, **given: Any) -> dict[str, Any]:
        """Like `do`, for one that must go well."""
        outcome = self.do(do, **given)
        assert outcome.ok is not None, outcome.failed
        return dict(outcome.ok)


@pytest.fixture
def calling() -> Iterator[Callable[[Worker], Caller]]:
    """Make callers; their workers are started, and ended after the test."""
    made: list[Worker] = []

    def make(worker: Worker) -> Caller:
        made.append(worker)
        worker.start(clock.now())
        return Caller(worker)

    yield make
    for worker in made:
        worker.stop()
    turn([], lambda: all(worker.gone for worker in made))


@pytest.fixture
def unruly(calling: Callable[[Worker], Caller]) -> Caller:
    """A worker that does all that a worker must not."""
    return calling(Worker("unruly", {}, queue_max=4, command=UNRULY))
