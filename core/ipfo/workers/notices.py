"""The `notices` worker: writes the journal, keeps the outbox, has notices delivered.

A batch of requests is on the disk before any of them is answered. When the engine ends, all that
it had sent is stored, then there is one last round of deliveries; the next run does the rest.
"""

import json
import select
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.config.model import Config
from ipfo.model import SECOND, Instant
from ipfo.workers import child, confine, ledger, rights
from ipfo.workers.journal import Store
from ipfo.workers.named import numbered
from ipfo.workers.outbox import WAITING_MAX, Courier, Letter
from ipfo.workers.worker import Worker

Asked = dict[str, Any]

LAST_ROUND_NS = 10 * SECOND
"""How long deliveries go on after the engine has ended."""

BATCH_MAX = 512
"""Requests of one transaction."""

KEPT = ("standby", "maintenance")
"""What stays as an administrator has set it, over restarts."""

STORE_NS = 60 * SECOND
"""How long one request may take before the kernel ends this process, if the engine does not."""


class Office:
    """Journal, outbox and couriers of one node."""

    def __init__(self, config: Config, document: Mapping[str, Any], state_dir: Path) -> None:
        self._state_dir = state_dir
        self._node = config.node
        self._remarks: list[str] = []
        self.leaving = False  # the next run delivers, and comes at once
        self._kept: dict[str, Any] = ledger.load(self._kept_path, self._remarks)
        self.store = Store(state_dir, config.node)
        self.couriers = Office.couriers_of(config, document, self.store)
        self._take_up()

    def reload(self, given: Asked) -> Asked:
        """Deliver by the notifiers of `document` from now on; one that stays as it was is not disturbed.

        What waits for one that is changed is told by the new one.
        """
        document = {**given["document"], "node": self._node}
        made = Office.couriers_of(Config.from_document(document), document, self.store)
        was, self.couriers = self.couriers, {}
        for name, courier in made.items():
            stays = name in was and was[name].config == courier.config
            self.couriers[name] = was.pop(name) if stays else courier
        for courier in was.values():
            courier.stop()
        self._take_up()
        return {}

    @staticmethod
    def couriers_of(
        config: Config, document: Mapping[str, Any], store: Store
    ) -> dict[str, Courier]:
        """A way to each notifier of `config`, by its name."""
        setup = {"document": dict(document), "node": config.node}
        names = numbered([notifier.plugin for notifier in config.notifiers])
        return {
            name: Courier(name, notifier, {**setup, "index": index}, store)
            for index, (name, notifier) in enumerate(zip(names, config.notifiers, strict=True))
        }

    @property
    def _kept_path(self) -> Path:
        return self._state_dir / f"{ledger.NODE}.json"

    def _take_up(self) -> None:
        """What an earlier run could not deliver is delivered now; of notifiers that are gone, never."""
        gone: dict[str, int] = {}
        for notifier, key, body, tries in self.store.waiting():
            courier = self.couriers.get(notifier)
            if courier is None:
                gone[notifier] = gone.get(notifier, 0) + 1
                self.store.settle(notifier, key, "dropped")
            else:
                courier.add(Letter(key, json.loads(body), tries))
        for notifier, count in gone.items():
            self._remark(
                "notices dropped", f"{notifier} is not in the config any more", count=count
            )
        for remark in self._remarks:
            self._remark("remark", remark)
        self._remarks.clear()

    def _remark(self, what: str, rule: str, **inputs: str | int) -> None:
        self.store.record({"at": clock.wall(), "what": what, "rule": rule, "inputs": inputs})

    def record(self, given: Asked) -> Asked:
        """Add `lines` to the history."""
        for line in given["lines"]:
            self.store.record(line)
        return {}

    def notify(self, given: Asked) -> Asked:
        """Tell people: each of `notices` by each notifier that wants its event, once."""
        for notice in given["notices"]:
            body = json.dumps(notice)
            for name, courier in self.couriers.items():
                if courier.wants(notice["event"]) and not self.store.knows(name, notice["key"]):
                    self.store.post(name, notice["key"], body)
                    courier.add(Letter(notice["key"], notice))
        return {}

    def keep(self, given: Asked) -> Asked:
        """Remember `epochs` by group (none ever gets lower), and what an administrator has set."""
        epochs = ledger.epochs(self._kept)
        for group, epoch in given.get("epochs", {}).items():
            epochs[group] = max(epoch, epochs.get(group, 0))
        self._kept["epochs"] = epochs
        self._kept |= {key: bool(given[key]) for key in KEPT if key in given}
        ledger.write(self._kept_path, self._kept)
        return {}

    def leave(self, _: Asked) -> Asked:
        """There will be no last round: the next run comes at once, and takes up what is left."""
        self.leaving = True
        return {}

    def state(self, _: Asked) -> Asked:
        """How the notifiers and the journal do; no secrets."""
        failed = [
            {
                "notifier": name,
                "error": courier.error,
                "since": courier.failed_since,
                "tries": courier.queue[0].tries if courier.queue else 0,
                "queued": len(courier.queue),
            }
            for name, courier in self.couriers.items()
            if courier.error is not None
        ]
        return {
            "queued": sum(len(courier.queue) for courier in self.couriers.values()),
            "queued_max": WAITING_MAX,
            "failed": failed,
            "dropped": sum(courier.dropped for courier in self.couriers.values()),
            "lost": self.store.lost,
            "fault": self.store.fault,
        }

    def tend(self, now: Instant) -> None:
        """Deliver what is due, write what has come of it."""
        for courier in self.couriers.values():
            courier.tend(now)
        self.store.flush(now)

    def next_deadline(self, now: Instant) -> Instant | None:
        """When `tend` should be called, if nothing happens before."""
        deadlines = [courier.next_deadline(now) for courier in self.couriers.values()]
        deadlines.append(self.store.next_deadline())
        return min((at for at in deadlines if at is not None), default=None)

    def wait(self, door: child.Door | None, until: Instant | None) -> bool:
        """Wait for the engine, a delivery or a deadline; whether the engine has sent something."""
        workers = [c.worker for c in self.couriers.values() if c.worker is not None]
        workers = [worker for worker in workers if worker.fileno() >= 0]
        now = clock.now()
        deadlines = [at for at in (self.next_deadline(now), until) if at is not None]
        left_s = max(0, min(deadlines) - now) / SECOND if deadlines else None
        doors: list[child.Door | Worker] = [] if door is None else [door]
        writing = [worker for worker in workers if worker.wants_write]
        readable, writable, _ = select.select([*doors, *workers], writing, [], left_s)
        for worker in workers:
            if worker in readable or worker in writable:
                worker.ready(clock.now())
        return door in readable

    def last_round(self) -> None:
        """Try to deliver everything once more, for `LAST_ROUND_NS` at most, unless we leave; close."""
        if not self.leaving:
            self._deliver_all(Instant(clock.now() + LAST_ROUND_NS))
        for courier in self.couriers.values():
            courier.stop()
        self.store.flush(clock.now())
        self.store.close()

    def _deliver_all(self, give_up_at: Instant) -> None:
        for courier in self.couriers.values():
            courier.hurry()
        self.tend(clock.now())
        while any(c.busy for c in self.couriers.values()) and clock.now() < give_up_at:
            self.wait(None, give_up_at)
            self.tend(clock.now())


class Desk:
    """Takes the engine's requests, in batches."""

    def __init__(self, door: child.Door) -> None:
        self._door = door
        self.office: Office | None = None

    def _setup(self, given: Asked) -> Asked:
        document = given["document"]
        config = Config.from_document({**document, "node": given["node"]})
        self.office = Office(config, document, Path(given["state_dir"]))
        return {}

    def _handle(self, request: dict[str, Any]) -> dict[str, Any]:
        handlers: dict[str, child.Handler] = {"setup": self._setup}
        if self.office is not None:
            office = self.office
            handlers |= {
                "record": office.record,
                "notify": office.notify,
                "keep": office.keep,
                "leave": office.leave,
                "reload": office.reload,
                "state": office.state,
            }
        return child.perform(handlers, request, least_ns=STORE_NS)

    def batch(self) -> None:
        """Do what has been read: on the disk first, then answered."""
        while (request := self._door.waiting()) is not None:
            answers = [self._handle(request)]
            while len(answers) < BATCH_MAX and (request := self._door.waiting()) is not None:
                answers.append(self._handle(request))
            if self.office is not None:
                child.alarm(STORE_NS / SECOND)
                self.office.store.flush(clock.now())
                child.alarm(0)
            for answer in answers:
                self._door.send(answer)

    def serve(self) -> None:
        """Until the engine ends; then the last round."""
        while not self._door.ended:
            if self.office is None or self.office.wait(self._door, None):
                self._door.read()
            self.batch()
            if self.office is not None:
                self.office.tend(clock.now())
        if self.office is not None:
            child.alarm((LAST_ROUND_NS + 5 * SECOND) / SECOND)
            self.office.last_round()


def main() -> None:
    """Serve the engine until it ends, and a little longer."""
    rights.keep(rights.FILES)
    child.settle_signals()
    Desk(child.Door.inherited(confine.PAPER)).serve()


if __name__ == "__main__":
    main()
