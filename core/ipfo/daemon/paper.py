"""What is written down and what people are told, with the wall's time and this node's name on it.

Everything goes to the `notices` worker, which keeps the journal and delivers; a notice's key is
given here, once, so that however often it is delivered it is one notice.
"""

from typing import Any

from ipfo import clock
from ipfo.config.model import Config, Document
from ipfo.daemon.log import Log
from ipfo.machine.effects import Notify, Record
from ipfo.model import SECOND, Epoch, Instant
from ipfo.workers.pool import Outcome, Worker
from ipfo.workers.worker import FULL, STOPPED

PAPER_CALL_NS = 90 * SECOND
"""How long the `notices` worker may take to store what it is told; its disk may be slow, and
it gives one request a minute by itself."""

TEXT_MAX = 8000
"""Characters of one text from a plugin that are kept: a call must fit the worker's line."""

LOGGED = (
    "maintenance",
    "standby",
    "resume",
    "kept",
    "health",
    "fence",
    "carrier",
    "pause",
    "restart",
)
"""Records that whoever looks on wants to see beside the turns; the journal has them all."""

NUMBERED = ("record", "notify")


class Paper:
    """The engine's side of journal and outbox. `boot` makes notice keys differ between runs."""

    def __init__(self, config: Config, boot: int, notices: Worker, log: Log) -> None:
        self.lost = 0  # calls that the worker failed: what they said is only in the log
        self.fault: str | None = None
        self.outbox: dict[str, Any] | None = None  # what the worker said last of its outbox
        self._asked = False
        self._config = config
        self._boot = f"{boot:016x}"
        self._notices_made = 0
        self._lines_made = 0
        self._notices = notices
        self._log = log

    def record(self, record: Record) -> None:
        """A line of history is on its way to the journal."""
        if record.was is not None and record.role is not None:
            turn = f"{record.was.value} -> {record.role.value}, epoch {record.epoch}"
            self._log.line(f"{record.group}: {turn}: {record.rule}{_inputs(record)}")
        elif record.what in LOGGED:
            of = f"{record.group}: " if record.group else ""
            self._log.line(f"{of}{record.what}: {record.rule}{_inputs(record)}")
        self._call("record", {"lines": [self._line(record)]})

    def write(
        self, what: str, text: str, group: str | None = None, epoch: Epoch = Epoch(0)
    ) -> None:
        """A line that no rule of the machine made: what a plugin said, what a worker could not do."""
        text = clipped(text)
        self._log.line(f"{group}: {what}: {text}" if group else f"{what}: {text}")
        self._call("record", {"lines": [self._line(Record(what, text, group, epoch=epoch))]})

    def notify(self, notify: Notify) -> None:
        """A notice is on its way to people."""
        self._notices_made += 1
        detail = f" ({notify.detail})" if notify.detail else ""
        self._log.line(f"{notify.event.value}: {notify.headline}{detail}")
        notice = {
            "key": f"{self._config.node}-{self._boot}-{self._notices_made}",
            "at": clock.wall(),
            "event": notify.event.value,
            "pair": self._config.pair,
            "node": self._config.node,
            "peer": self._config.peer,
            "headline": notify.headline,
            "detail": clipped(notify.detail),
            "group": notify.group,
            "role": None if notify.role is None else notify.role.value,
            "epoch": notify.epoch,
            "reason": None if notify.reason is None else notify.reason.value,
        }
        self._call("notify", {"notices": [notice]})

    def keep(self, epochs: dict[str, int], *, outcast: bool, maintenance: bool) -> None:
        """What the next run must know is on its way to the ledger."""
        given = {"epochs": epochs, "standby": outcast, "maintenance": maintenance}
        self._call("keep", given)

    def reload(self, document: Document) -> None:
        """People are told by the notifiers of `document` from now on."""
        self._call("reload", {"document": document})

    def started(self) -> None:
        """A word for whoever looks on: this node listens now."""
        config = self._config
        self._log.line(f"{config.node} of {config.pair} listens for {config.peer}")
        self.ask_state()

    def ask_state(self) -> None:
        """`outbox` will be what the worker says now, unless it is asked already."""
        if self._asked:
            return
        self._asked = True

        def told(outcome: Outcome) -> None:
            self._asked = False
            if outcome.ok is not None:
                self.outbox = {**outcome.ok, "at": clock.wall()}

        until = Instant(clock.now() + PAPER_CALL_NS)
        self._notices.call("state", {}, until, told)

    def _line(self, record: Record) -> dict[str, Any]:
        self._lines_made += 1
        return {
            "at": clock.wall(),
            "node": self._config.node,
            "boot": self._boot,
            "n": self._lines_made,  # told twice, stored once
            "what": record.what,
            "rule": record.rule,
            "group": record.group,
            "was": None if record.was is None else record.was.value,
            "role": None if record.role is None else record.role.value,
            "epoch": record.epoch,
            "inputs": dict(record.inputs),
        }

    def _call(self, do: str, given: dict[str, Any]) -> None:
        """Hand `given` over; asked again until it is stored, where that does no harm (P7).

        What has a number of its own is stored once, however often it is told.
        """

        def done(outcome: Outcome) -> None:
            if outcome.failed is None:
                return
            self.fault = outcome.failed
            if do in NUMBERED and outcome.failed not in (FULL, STOPPED):
                self._call(do, given)
            else:
                self.lost += 1

        self._notices.call(do, given, Instant(clock.now() + PAPER_CALL_NS), done)


def clipped(text: str) -> str:
    """`text`, no longer than a line of the journal may be; a plugin may say anything."""
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}..."


def _inputs(record: Record) -> str:
    if not record.inputs:
        return ""
    return " (" + ", ".join(f"{name} {value}" for name, value in record.inputs) + ")"
