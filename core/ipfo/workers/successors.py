"""Workers that a config may want or not: which, how they are made, and how new ones come up beside the old.

Nothing of a new config is in use before all of its workers answer: so a plugin that cannot be set
up is a reason to stay with the old one, and no gap.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from ipfo.model import SECOND, Instant
from ipfo.workers.worker import Outcome, Worker

PHASES_QUEUE_MAX = 16
"""Calls that may wait for one move's worker; a move has five phases."""

PHASES_AGAIN = frozenset({"undo"})
"""What is done again by the next process: a release that was cut short must come to its end (P5)."""

OTHERS_QUEUE_MAX = 16
"""Calls that may wait for `checks`, `witnesses` or `fence`; the machine has one or two in the air."""

WITNESSES_WINDOW = 8
"""Calls that may be with the `witnesses` worker at once, so that none waits for another."""

READY_NS = 10 * SECOND
"""How long the workers of a new config may take to come up beside the old ones."""


class Successors:
    """Workers of `kinds` for the document in `setup`, as far as it wants them: started, not in use.

    `then` is called when all of them have been set up, or when one cannot be. `told`: what was told
    unasked by then.
    """

    def __init__(
        self,
        setup: dict[str, Any],
        kinds: Collection[str],
        now: Instant,
        then: Callable[[str | None], None],
    ) -> None:
        self.setup = setup
        self.kinds = tuple(kinds)
        self.workers = {
            kind: make(kind, setup) for kind in kinds if is_wanted(kind, setup["document"])
        }
        self.told: list[Mapping[str, Any]] = []
        self._then = then
        self._left = len(self.workers)
        until = Instant(now + READY_NS)
        for kind, worker in self.workers.items():
            worker.unasked = self.told.append
            worker.start(now)
            worker.call("ready", {}, until, partial(self._came, kind))

    def _came(self, kind: str, outcome: Outcome) -> None:
        if outcome.failed is not None:
            self._fail(kind, outcome.failed)
            return
        self._left -= 1
        if self._left == 0:
            self._then(None)

    def look(self) -> None:
        """One that ended is enough: nobody waits until it has been tried again."""
        for kind, worker in self.workers.items():
            if worker.fault is not None:
                self._fail(kind, worker.fault)
                return

    def _fail(self, kind: str, why: str) -> None:
        if self._left > 0:
            self._left = 0
            self._then(f"the worker {kind} does not come up: {why}")


def is_wanted(kind: str, document: Mapping[str, Any]) -> bool:
    """Whether `document` has something to do for a worker of `kind`."""
    groups = document.get("groups", {}).values()
    match kind:
        case "phases":
            return any(group["phase_plugins"] for group in groups)
        case "checks":
            return any(group["checks"] for group in groups)
        case _:
            return bool(document.get(kind))


def plugins_of(kind: str, document: Mapping[str, Any]) -> tuple[str, ...]:
    """The plugins of `document` whose code a worker of `kind` runs, in order."""
    groups = document.get("groups", {}).values()
    names: Iterable[str]
    match kind:
        case "phases":
            names = (name for group in groups for name in group["phase_plugins"])
        case "checks":
            names = (check["plugin"] for group in groups for check in group["checks"])
        case "witnesses":
            names = (witness["plugin"] for witness in document.get("witnesses", ()))
        case "fence":
            names = (document["fence"]["plugin"],)
        case _:
            names = ()
    return tuple(dict.fromkeys(names))


def make(kind: str, setup: Mapping[str, Any]) -> Worker:
    """A worker of `kind`, not started; it knows whose code it runs."""
    worker = _made(kind, setup)
    worker.plugins = plugins_of(kind, setup["document"])
    return worker


def _made(kind: str, setup: Mapping[str, Any]) -> Worker:
    if kind == "phases":
        return Worker(kind, setup, queue_max=PHASES_QUEUE_MAX, again=PHASES_AGAIN)
    if kind == "witnesses":
        return Worker(
            kind,
            setup,
            queue_max=OTHERS_QUEUE_MAX,
            window=WITNESSES_WINDOW,
            at_once=True,
            again=frozenset({"reach", "vote", "withdraw", "ready"}),
        )
    return Worker(kind, setup, queue_max=OTHERS_QUEUE_MAX, again=frozenset({"roles", "ready"}))
