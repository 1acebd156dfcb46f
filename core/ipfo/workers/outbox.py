"""Brings notices to notifiers: in order, again until it succeeds, each notifier for itself.

A notifier's code runs in a process of its own (`deliver`), started when there is something to
tell, killed when it overruns its time, ended when it has been idle. So one that hangs holds up
neither the journal nor another notifier.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipfo import clock
from ipfo.config.model import NotifierConfig
from ipfo.model import SECOND, Instant
from ipfo.workers.journal import Store
from ipfo.workers.worker import Outcome, Worker

DELIVERY_NS = 30 * SECOND
"""How long one delivery may take."""

AGAIN_FIRST_NS = SECOND
"""How long after a failure it is tried again; doubled with each failure, up to the next."""

AGAIN_MAX_NS = 300 * SECOND
"""The longest wait between two tries."""

WAITING_MAX = 10_000
"""Notices that wait for one notifier; beyond it the oldest is dropped, with a record of it."""

IDLE_NS = 60 * SECOND
"""How long an idle `deliver` process is kept."""


@dataclass(slots=True)
class Letter:
    """One notice on its way to one notifier."""

    key: str
    body: dict[str, Any]
    tries: int = 0


class Courier:
    """The way to one notifier. `name` is its own among all, and the same after a restart."""

    def __init__(
        self, name: str, config: NotifierConfig, setup: Mapping[str, Any], store: Store
    ) -> None:
        self.name = name
        self.error: str | None = None  # of the last try; None: it went well
        self.failed_since: str | None = None
        self.dropped = 0
        self.queue: deque[Letter] = deque()
        self.config = config
        self._setup = setup
        self._store = store
        self._keys: set[str] = set()
        self._worker: Worker | None = None
        self._under_way = False
        self._try_at: Instant | None = None
        self._delay_ns = AGAIN_FIRST_NS
        self._used_at = Instant(0)
        self._last_round = False

    @property
    def busy(self) -> bool:
        """Whether something may still be told in this round."""
        return self._under_way or (bool(self.queue) and self._try_at is None)

    @property
    def worker(self) -> Worker | None:
        """The process that delivers, while there is one."""
        return self._worker

    def wants(self, event: str) -> bool:
        """Whether the config sends it notices of `event`."""
        events = self.config.events
        return events is None or event in {each.value for each in events}

    def add(self, letter: Letter) -> None:
        """`letter` will be told, unless it is waiting already."""
        if letter.key in self._keys:
            return
        if len(self.queue) >= WAITING_MAX:
            self._drop()
        self.queue.append(letter)
        self._keys.add(letter.key)

    def _drop(self) -> None:
        place = 1 if self._under_way else 0
        oldest = self.queue[place]
        del self.queue[place]
        self._keys.discard(oldest.key)
        self.dropped += 1
        self._store.settle(self.name, oldest.key, "dropped")
        self._record(
            "notice dropped", f"more than {WAITING_MAX} notices wait for {self.name}", oldest
        )

    def _record(self, what: str, rule: str, letter: Letter) -> None:
        inputs = {"key": letter.key, "headline": letter.body.get("headline")}
        self._store.record({"at": clock.wall(), "what": what, "rule": rule, "inputs": inputs})

    def next_deadline(self, now: Instant) -> Instant | None:
        """When `tend` should be called, if nothing happens before."""
        candidates: list[Instant | None] = []
        if self.queue and not self._under_way:
            candidates.append(self._try_at or now)
        if self._worker is not None:
            candidates.append(self._worker.next_deadline())
            if not self.queue:
                candidates.append(Instant(self._used_at + IDLE_NS))
        return min((at for at in candidates if at is not None), default=None)

    def tend(self, now: Instant) -> None:
        """Go on: deliver what is due, end a process that is idle."""
        if self.queue and not self._under_way and (self._try_at is None or self._try_at <= now):
            self._deliver(now)
        if self._worker is not None:
            self._worker.expire(now)
        if self._worker is not None and not self.queue and now >= self._used_at + IDLE_NS:
            self.stop()

    def hurry(self) -> None:
        """The last round: try once more at once, and then not again."""
        self._last_round = True
        self._try_at = None

    def stop(self) -> None:
        """End the process; what it was telling is told again by the next."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()

    def _deliver(self, now: Instant) -> None:
        if self._worker is None:
            self._worker = Worker("deliver", self._setup, queue_max=1)
            self._worker.start(now)
        self._under_way = True
        self._used_at = now
        deadline = Instant(now + DELIVERY_NS)
        self._worker.call("notify", {"notice": self.queue[0].body}, deadline, self._told)

    def _told(self, outcome: Outcome) -> None:
        self._under_way = False
        now = clock.now()
        self._used_at = now
        if outcome.failed is None:
            letter = self.queue.popleft()
            self._keys.discard(letter.key)
            self._store.settle(self.name, letter.key, "done")
            self.error = self.failed_since = self._try_at = None
            self._delay_ns = AGAIN_FIRST_NS
            return
        letter = self.queue[0]
        letter.tries += 1
        if self.error is None:
            self._record(
                "notice not delivered", f"{self.name}: {outcome.failed}; tried again", letter
            )
        self.error = outcome.failed
        self.failed_since = self.failed_since or clock.wall()
        self._store.tried(self.name, letter.key, letter.tries, outcome.failed)
        self._try_at = Instant(now + (AGAIN_MAX_NS if self._last_round else self._delay_ns))
        self._delay_ns = min(2 * self._delay_ns, AGAIN_MAX_NS)
