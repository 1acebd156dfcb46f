"""The workers of one engine: `addresses`, `notices`, and one `phases` for each move in progress.

Nothing here waits; time comes in as `now`. One warm `phases` worker stands by where any group has
phase plugins, so that a move does not begin with the start of an interpreter.
"""

from collections.abc import Mapping
from typing import Any

from ipfo.model import Instant
from ipfo.workers.worker import Outcome, Worker

__all__ = ["Outcome", "Pool", "Worker"]

ADDRESSES_QUEUE_MAX = 4096
"""Calls that may wait for the `addresses` worker: a few for each of 1,000 groups."""

NOTICES_QUEUE_MAX = 4096
"""Calls that may wait for the `notices` worker; the oldest fails first."""

NOTICES_WINDOW = 256
"""Calls that may be with the `notices` worker at once: they are kept if the engine is killed."""

PHASES_QUEUE_MAX = 16
"""Calls that may wait for one move's worker; a move has five phases."""


class Pool:
    """All workers of the node that `document` (the loaded config) describes for `node`."""

    def __init__(self, document: Mapping[str, Any], node: str, state_dir: str) -> None:
        self._setup = {"document": dict(document), "node": node, "state_dir": state_dir}
        self.addresses = Worker(
            "addresses",
            self._setup,
            queue_max=ADDRESSES_QUEUE_MAX,
            again=frozenset({"renew", "release", "announce", "sweep", "sweep_home"}),
        )
        self.notices = Worker(
            "notices",
            self._setup,
            queue_max=NOTICES_QUEUE_MAX,
            window=NOTICES_WINDOW,
            again=frozenset({"record", "notify", "keep", "state"}),  # all of these may come twice
        )
        groups = document.get("groups", {}).values()
        self._with_phases = any(group["phase_plugins"] for group in groups)
        self._phases: dict[str, Worker] = {}
        self._spare: Worker | None = None
        self._fresh: list[Worker] = []  # to be started at the next `expire`
        self._leaving: list[Worker] = []

    def start(self, now: Instant) -> None:
        """The standing workers are being started."""
        self.notices.start(now)
        self.addresses.start(now)
        self._prepare_spare()
        self.expire(now)

    def phases(self, group: str) -> Worker:
        """The worker for the move of `group` that is in progress: the same until `phases_done`."""
        worker = self._phases.get(group)
        if worker is None:
            worker, self._spare = self._spare or self._make_phases(), None
            self._phases[group] = worker
        return worker

    def phases_done(self, group: str) -> None:
        """The move of `group` is over: its worker ends, and a fresh one is made ready.

        Not kept for the next move: what a plugin leaks or leaves behind ends with its move.
        """
        worker = self._phases.pop(group, None)
        if worker is not None:
            worker.stop()
            self._leaving.append(worker)
            self._prepare_spare()

    def watched(self) -> list[tuple[int, bool, Worker]]:
        """Descriptor, whether it is to be watched for writing too, and whose `ready` to call."""
        return [(w.fileno(), w.wants_write, w) for w in self._all() if w.fileno() >= 0]

    def next_deadline(self) -> Instant | None:
        """When `expire` should be called, if nothing happens before; None: not at all."""
        if self._fresh:
            return Instant(0)
        deadlines = [worker.next_deadline() for worker in self._all()]
        return min((at for at in deadlines if at is not None), default=None)

    def expire(self, now: Instant) -> None:
        """What `Worker.expire` says, for all of them; fresh ones are started."""
        fresh, self._fresh = self._fresh, []
        for worker in fresh:
            worker.start(now)
        for worker in self._all():
            worker.expire(now)
        self._leaving = [worker for worker in self._leaving if not worker.gone]

    def stop(self, now: Instant) -> None:
        """The engine ends: `notices` is given what is left and delivers it, the others end.

        Waits (see `Worker.stop`) only for a `notices` worker that does not read.
        """
        self.expire(now)
        for worker in self._all():
            worker.stop(drain=worker is self.notices)
        self._fresh.clear()

    def _all(self) -> list[Worker]:
        spare = [] if self._spare is None else [self._spare]
        return [self.addresses, self.notices, *self._phases.values(), *spare]

    def _make_phases(self) -> Worker:
        worker = Worker("phases", self._setup, queue_max=PHASES_QUEUE_MAX)
        self._fresh.append(worker)
        return worker

    def _prepare_spare(self) -> None:
        if self._with_phases and self._spare is None:
            self._spare = self._make_phases()
