"""The workers of one engine, started only where the config has something for them to do.

`addresses` and `notices` always; `checks`, `witnesses` and `fence` where they are configured; one
`phases` for each move in progress, and a warm one that stands by, so that a move does not begin
with the start of an interpreter. Nothing here waits; time comes in as `now`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ipfo.model import SECOND, Instant
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

OTHERS_QUEUE_MAX = 16
"""Calls that may wait for `checks`, `witnesses` or `fence`; the machine has one or two in the air."""

WITNESSES_WINDOW = 8
"""Calls that may be with the `witnesses` worker at once, so that none waits for another."""

REHEARSAL_NS = 20 * SECOND
"""How long a new run's config may take to be loaded and judged."""

PARTING_NS = 5 * SECOND
"""How long `notices` may take, at a restart, to store what it has been given."""


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
        self.checks = self._make("checks", wanted=any(group["checks"] for group in groups))
        self.fence = self._make("fence", wanted=document.get("fence") is not None)
        self.witnesses: Worker | None = None
        if document.get("witnesses"):
            self.witnesses = Worker(
                "witnesses",
                self._setup,
                queue_max=OTHERS_QUEUE_MAX,
                window=WITNESSES_WINDOW,
                at_once=True,
                again=frozenset({"reach", "vote", "withdraw"}),
            )
        self._phases: dict[str, Worker] = {}
        self._spare: Worker | None = None
        self._rehearsal: Worker | None = None
        self._fresh: list[Worker] = []  # to be started at the next `expire`
        self._leaving: list[Worker] = []

    def start(self, now: Instant) -> None:
        """The standing workers are being started, but those that are already."""
        for worker in self.standing().values():
            worker.start(now)
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

    def rehearse(
        self, config: str, node: str | None, now: Instant, then: Callable[[Outcome], None]
    ) -> None:
        """`then` gets what a new run would make of the file `config`: see the worker `rehearsal`."""
        worker = Worker("rehearsal", {}, queue_max=1)
        self._fresh.append(worker)
        self._rehearsal = worker

        def done(outcome: Outcome) -> None:
            self._rehearsal = None
            worker.stop()
            self._leaving.append(worker)
            then(outcome)

        given = {"config": config, "node": node, "state_dir": self._setup["state_dir"]}
        worker.call("load", given, Instant(now + REHEARSAL_NS), done)

    def stop(self, now: Instant, *, restarting: bool = False) -> None:
        """The engine ends: `notices` is given what is left and delivers it, the others end.

        `restarting`: `notices` leaves the deliveries to the next run, and nobody lingers.
        Waits (see `Worker.stop`) only for a `notices` worker that does not read.
        """
        self.expire(now)
        if restarting:
            self.notices.call("leave", {}, Instant(now + PARTING_NS), lambda _: None)
        for worker in self._all():
            lingers = worker is self.witnesses and worker.running and not restarting
            worker.stop(drain=worker is self.notices or lingers)
        self._leaving.extend(self._all())
        self._fresh.clear()

    def gone(self) -> bool:
        """After `stop`: whether no process of any worker is left. Does not wait."""
        self._leaving = [worker for worker in self._leaving if not worker.gone]
        return not self._leaving

    def kill(self) -> None:
        """After `stop`: whoever is still there is killed."""
        for worker in self._leaving:
            worker.kill()

    def _all(self) -> list[Worker]:
        others = (*self._phases.values(), self._spare, self._rehearsal)
        return [*self.standing().values(), *(worker for worker in others if worker is not None)]

    def standing(self) -> dict[str, Worker]:
        """Those that run as long as the engine does, by kind."""
        standing = (self.addresses, self.notices, self.checks, self.witnesses, self.fence)
        return {worker.kind: worker for worker in standing if worker is not None}

    def _make(self, kind: str, *, wanted: bool) -> Worker | None:
        if not wanted:
            return None
        again = frozenset({"roles"})
        return Worker(kind, self._setup, queue_max=OTHERS_QUEUE_MAX, again=again)

    def _make_phases(self) -> Worker:
        worker = Worker("phases", self._setup, queue_max=PHASES_QUEUE_MAX)
        self._fresh.append(worker)
        return worker

    def _prepare_spare(self) -> None:
        if self._with_phases and self._spare is None:
            self._spare = self._make_phases()
