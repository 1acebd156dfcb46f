"""The workers of one engine, started only where the config has something for them to do.

`notices` always, and one `addresses` for each provider; `checks`, `witnesses` and `fence` where they are configured; one
`phases` for each move in progress, and a warm one that stands by, so that a move does not begin
with the start of an interpreter. Nothing here waits; time comes in as `now`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ipfo.model import SECOND, Instant
from ipfo.workers.call import LINE_MAX
from ipfo.workers.parts import Part, parts
from ipfo.workers.spawn import command
from ipfo.workers.successors import Successors, is_wanted, make
from ipfo.workers.worker import Outcome, Worker

__all__ = ["Outcome", "Pool", "Worker"]

ADDRESSES_QUEUE_MAX = 4096
"""Calls that may wait for the `addresses` worker: a few for each of 1,000 groups."""

NOTICES_QUEUE_MAX = 4096
"""Calls that may wait for the `notices` worker; the oldest fails first."""

NOTICES_WINDOW = 256
"""Calls that may be with the `notices` worker at once: they are kept if the engine is killed."""

REHEARSAL_NS = 20 * SECOND
"""How long a new config may take to be loaded and judged."""

PARTING_NS = 5 * SECOND
"""How long `notices` may take, at a restart, to store what it has been given."""


class Pool:
    """All workers of the node that `document` (the loaded config) describes for `node`.

    `tell_end`, where it is set, is told in a line of each end of one that was not to end.
    """

    def __init__(self, document: Mapping[str, Any], node: str, state_dir: str) -> None:
        self._setup: dict[str, Any] = {
            "document": dict(document),
            "node": node,
            "state_dir": state_dir,
        }
        self.tell_end: Callable[[str], None] = lambda _: None
        self.addresses: dict[str, Worker] = {}  # by unit
        self.address_workers: list[Worker] = []
        for part in parts(document["groups"]):
            worker = self._mine(self._make_addresses(part))
            self.address_workers.append(worker)
            self.addresses |= dict.fromkeys(part.units, worker)
        self.notices = Worker(
            "notices",
            self._setup,
            queue_max=NOTICES_QUEUE_MAX,
            window=NOTICES_WINDOW,
            again=frozenset({"record", "notify", "keep", "state", "reload"}),  # all may come twice
        )
        self._mine(self.notices)
        self._with_phases = is_wanted("phases", document)
        self.checks = self._make("checks")
        self.fence = self._make("fence")
        self.witnesses = self._make("witnesses")
        self._next: Successors | None = None
        self._phases: dict[str, Worker] = {}
        self._spare: Worker | None = None
        self._rehearsals: list[Worker] = []
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
        if self._next is not None:
            self._next.look()
        self._leaving = [worker for worker in self._leaving if not worker.gone]

    def rehearse(
        self, do: str, given: Mapping[str, Any], now: Instant, then: Callable[[Outcome], None]
    ) -> None:
        """`then` gets what would be made of the config that is `given`: see the worker `rehearsal`."""
        worker = Worker("rehearsal", {}, queue_max=1, values_max=LINE_MAX)  # a whole config
        self._fresh.append(worker)
        self._rehearsals.append(worker)

        def done(outcome: Outcome) -> None:
            self._rehearsals.remove(worker)
            worker.stop()
            self._leaving.append(worker)
            then(outcome)

        given = {**given, "state_dir": self._setup["state_dir"]}
        worker.call(do, given, Instant(now + REHEARSAL_NS), done)

    def prepare(
        self,
        document: Mapping[str, Any],
        kinds: Collection[str],
        now: Instant,
        then: Callable[[str | None], None],
    ) -> None:
        """Workers of `kinds` for `document` are being started beside those that there are.

        `then` is called once, perhaps at once: with why one of them does not come up, or with None.
        Then either `take_over` or `give_up` is to follow.
        """
        setup = {**self._setup, "document": dict(document)}
        self._next = Successors(setup, kinds, now, then)
        if not self._next.workers:
            then(None)

    def take_over(self) -> list[Mapping[str, Any]]:
        """What was prepared replaces what there was; what its checks have told until now.

        The others go on, and are told of the new document when they are started again; a move in
        progress ends as it began.
        """
        assert self._next is not None, "nothing was prepared"
        successors, self._next = self._next, None
        self._setup = successors.setup
        for kind in successors.kinds:
            worker = successors.workers.get(kind)
            if worker is not None:
                self._mine(worker)
            if kind == "phases":
                self._with_phases = worker is not None
                was, self._spare = self._spare, worker
            else:
                was = self.standing().get(kind)
                setattr(self, kind, worker)
            self._dismiss(was)
        for worker in self.standing().values():
            worker.prepare(document=self._setup["document"])
        return successors.told

    def give_up(self) -> None:
        """What was prepared ends; all stays as it was."""
        successors, self._next = self._next, None
        for worker in () if successors is None else successors.workers.values():
            self._dismiss(worker)

    def _dismiss(self, worker: Worker | None) -> None:
        if worker is not None:
            worker.unasked = None
            worker.stop()
            self._leaving.append(worker)

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
        next_ones = () if self._next is None else self._next.workers.values()
        others = (*self._phases.values(), self._spare, *self._rehearsals, *next_ones)
        return [*self.standing().values(), *(worker for worker in others if worker is not None)]

    def standing(self) -> dict[str, Worker]:
        """Those that run as long as the engine does, by kind."""
        others = (self.notices, self.checks, self.witnesses, self.fence)
        standing = (*self.address_workers, *others)
        return {worker.kind: worker for worker in standing if worker is not None}

    def _make(self, kind: str) -> Worker | None:
        wanted = is_wanted(kind, self._setup["document"])
        return self._mine(make(kind, self._setup)) if wanted else None

    def _make_addresses(self, part: Part) -> Worker:
        worker = Worker(
            part.name,
            {**self._setup, "part": part.to_json()},
            queue_max=ADDRESSES_QUEUE_MAX,
            again=frozenset({"renew", "release", "announce", "sweep", "sweep_home"}),
            command=command("addresses"),
        )
        worker.plugins = tuple(sorted(part.providers))
        return worker

    def _mine(self, worker: Worker) -> Worker:
        worker.ended = self._ended
        return worker

    def _ended(self, text: str) -> None:
        self.tell_end(text)

    def _make_phases(self) -> Worker:
        worker = self._mine(make("phases", self._setup))
        self._fresh.append(worker)
        return worker

    def _prepare_spare(self) -> None:
        if self._with_phases and self._spare is None:
            self._spare = self._make_phases()
