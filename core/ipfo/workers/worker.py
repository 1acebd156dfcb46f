"""One worker as the engine sees it: calls with deadlines, each answered exactly once.

Nothing here waits, and no answer is given from within `call`: `then` is called from `ready`,
`expire` and `stop` only, so that carrying out an effect can never step the machine.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ipfo.model import SECOND, Instant
from ipfo.workers import spawn
from ipfo.workers.call import UNSENT_MAX, VALUES_MAX, Channel, encode
from ipfo.workers.process import UNASKED_MAX, Call, Outcome, Process, Then

__all__ = ["Outcome", "Then", "Worker"]

RESTART_FIRST_NS = SECOND // 10
"""How long after its end a worker is started again; doubled with each end, see the next two."""

RESTART_MAX_NS = 30 * SECOND
"""The longest wait before a start."""

WELL_AFTER_NS = 60 * SECOND
"""A worker that lived this long after its set-up begins with the shortest wait again."""

SETUP_NS = 20 * SECOND
"""How long a worker may take from its start until it has answered ``setup``."""

FLOOD_MAX = 8 << 20
"""Bytes that a worker may send between two answers."""

LOOKS_MAX = 8
"""How often an engine that is late itself looks for the answer among what a worker has sent."""

SAID_MAX = 2000
"""Lines kept of what is said during one call."""

TRIES_MAX = 3
"""How often a call that may be made again is sent to workers that die of it."""

PROGRESS_NS = 5 * SECOND
"""A worker with several calls is not late while it has answered one within this time."""

STOP_S = 2.0
"""How long the end of the engine waits for the `notices` worker to take what is left."""

FULL = "the queue is full"
STOPPED = "stopped"
"""Failures of a call that asking again cannot mend."""


class Worker:
    """The worker process `kind` and the queue before it.

    `setup` is what it is told first after each start. `queue_max` bounds the calls that wait;
    beyond it the oldest fails. `window`: how many calls may be with the process at once; what is
    there survives the engine. `at_once`: the process begins each call when it gets it, and answers
    in any order; then each has a deadline of its own. `again`: calls that may be made twice, so one
    during which the worker died is sent to the next. `command` starts it, by default the module
    `kind`. `values_max`: see `Channel`. `unasked`, where it is set, is called from `ready` with what is told without a call.
    """

    def __init__(
        self,
        kind: str,
        setup: Mapping[str, Any],
        *,
        queue_max: int,
        window: int = 1,
        at_once: bool = False,
        again: frozenset[str] = frozenset(),
        command: Sequence[str] | None = None,
        values_max: int = VALUES_MAX,
    ) -> None:
        self.kind = kind
        self.fault: str | None = None  # why it ended last or does not start; None: well so far
        self.restarts = 0
        self.plugins: tuple[str, ...] = ()  # whose code it runs, for people
        self.ended: Callable[[str], None] = lambda _: None  # is told why, and when it is started
        self.unasked: Callable[[Mapping[str, Any]], None] | None = None
        self._setup: dict[str, Any] = dict(setup)
        self._command = command or spawn.command(kind)
        self._queue_max = queue_max
        self._window = window
        self._at_once = at_once
        self._again = again
        self._values_max = values_max
        self._queue: deque[Call] = deque()
        self._due: deque[tuple[Then, Outcome]] = deque()
        self._earliest: Instant | None = None  # no deadline in the queue is before it
        self._last_id = 0
        self._process: Process | None = None
        self._dying: list[int] = []  # killed, not reaped yet
        self._start_at: Instant | None = None
        self._delay_ns = RESTART_FIRST_NS
        self._stopped = False

    def __str__(self) -> str:
        """For people: what it is, and whose code it runs."""
        runs = f" (runs {', '.join(self.plugins)})" if self.plugins else ""
        return f"{self.kind}{runs}"

    @property
    def running(self) -> bool:
        """Whether there is a process that has answered its set-up."""
        return self._process is not None and self._process.setup_at is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is queued, under way or still to be told."""
        busy = self._process is not None and self._process.under_way
        return not (self._queue or self._due or busy)

    def prepare(self, **more: Any) -> None:  # noqa: ANN401 - plain JSON values
        """From its next start on the process is told `more` with its set-up."""
        self._setup |= more

    def start(self, now: Instant) -> None:
        """The process is being started, unless it runs already."""
        if self._process is not None or self._stopped:
            return
        self._start_at = None
        try:
            self._spawn(Instant(now + SETUP_NS))
        except OSError as error:
            self._rest(now, f"cannot be started: {error}")

    def call(
        self,
        do: str,
        given: Mapping[str, Any],
        deadline: Instant,
        then: Then,
        *,
        ahead: bool = False,
    ) -> None:
        """`then` will be called exactly once, later, with how it went.

        Past `deadline` a call that has begun costs the worker its life; one that has not, nothing.
        `ahead`: it goes before all that has not begun.
        """
        self._last_id += 1
        request = {"id": self._last_id, "do": do, "given": dict(given), "until": deadline}
        try:
            line = encode(request)
        except ValueError as error:
            self._due.append((then, Outcome(failed=str(error))))
            return
        if self._stopped:
            self._due.append((then, Outcome(failed=STOPPED)))
            return
        if len(self._queue) >= self._queue_max:
            oldest = self._queue.popleft()
            self._due.append((oldest.then, Outcome(failed=FULL)))
        queue_up = self._queue.appendleft if ahead else self._queue.append
        queue_up(Call(self._last_id, do, line, deadline, then))
        self._mind(deadline)
        self._pump()

    def fileno(self) -> int:
        """To be watched for reading, and for writing while `wants_write`; -1: nothing to watch."""
        return -1 if self._process is None else self._process.channel.fileno()

    @property
    def wants_write(self) -> bool:
        """Whether something waits until the process reads."""
        return self._process is not None and self._process.channel.wants_write

    def next_deadline(self) -> Instant | None:
        """When `expire` should be called, if nothing happens before."""
        process = self._process
        if self._due or (process is not None and process.channel.holds):
            return Instant(0)
        late = None if process is None else self._late_at(process)
        candidates = (self._earliest if self._queue else None, late, self._start_at)
        return min((at for at in candidates if at is not None), default=None)

    def ready(self, now: Instant) -> None:
        """Take what the process has sent, give it what it takes. Never waits."""
        process = self._process
        if process is not None:
            process.channel.flush()
            for message in process.channel.receive():
                fault = self._take(process, message, now)
                if fault is not None:
                    self._end(now, fault)
                    break
            else:
                if process.channel.closed:
                    self._end(now, process.channel.fault or "it ended")
                elif process.channel.taken > FLOOD_MAX:
                    self._end(now, f"it sent more than {FLOOD_MAX} bytes without an answer")
        self._pump()
        self._tell()

    def expire(self, now: Instant) -> None:
        """Fail what is overdue, kill the process that is late, start the one whose time has come."""
        self._dying = [pid for pid in self._dying if not spawn.reaped(pid)]
        process = self._process
        if process is not None and process.channel.holds:
            self.ready(now)
        if process is not None and self._process is process and self._is_late(process, now):
            self._look_for_answers(process, now)
        if process is not None and self._process is process and self._is_late(process, now):
            late = self._first_late(process)
            process.under_way.remove(late)
            if late.do != "setup":
                self._due.append((late.then, Outcome(None, "timed out", tuple(process.said))))
            self._end(now, f"{late.do} timed out", first_has_begun=False)
        if self._earliest is not None and self._earliest <= now:
            self._drop_overdue(now)
        if self._start_at is not None and self._start_at <= now:
            self.start(now)
        self._tell()

    def _look_for_answers(self, process: Process, now: Instant) -> None:
        """We may be the late one: an answer that is here counts."""
        for _ in range(LOOKS_MAX):
            self.ready(now)
            if self._process is not process or not process.channel.holds:
                return

    def stop(self, *, drain: bool = False) -> None:
        """No process any more as far as the engine sees; every open call has failed.

        An idle process ends by itself. A busy one is killed, but with `drain` it is given all that
        is queued (waiting `STOP_S` for it at most), does that, and ends then.
        """
        if drain and self._queue and self._process is None:
            with contextlib.suppress(OSError):
                self._spawn(Instant(0))
        self._stopped = True
        self._start_at = None
        process, self._process = self._process, None
        calls = list(self._queue) if process is None else [*process.under_way, *self._queue]
        if process is not None and drain:
            for call in self._queue:
                if process.channel.unsent + len(call.line) <= UNSENT_MAX:
                    process.channel.send_line(call.line)
            process.channel.finish(STOP_S)
        elif process is not None:
            process.channel.close()
            if process.under_way:
                spawn.kill(process.pid)
        if process is not None:
            self._dying.append(process.pid)
        self._queue.clear()
        self._due.extend((call.then, Outcome(failed=STOPPED)) for call in calls)
        self._tell()
        self._dying = [pid for pid in self._dying if not spawn.reaped(pid)]

    def kill(self) -> None:
        """After `stop`: what has not ended by itself is killed."""
        for pid in self._dying:
            spawn.kill(pid)

    @property
    def gone(self) -> bool:
        """Whether nothing is left of it, not even in the process table. Does not wait."""
        self._dying = [pid for pid in self._dying if not spawn.reaped(pid)]
        return self._process is None and not self._dying

    def _spawn(self, deadline: Instant) -> None:
        pid, sock = spawn.spawn(self._command)
        self._process = Process(pid, Channel(sock, values_max=self._values_max))
        setup = encode({"id": 0, "do": "setup", "given": self._setup})
        self._hand(Call(0, "setup", setup, deadline, lambda _: None))

    def _late_at(self, process: Process) -> Instant | None:
        """When the call that has begun is overdue."""
        if not process.under_way:
            return None
        deadline = self._first_late(process).deadline
        if self._at_once or self._window == 1 or process.setup_at is None:
            return deadline
        return max(deadline, Instant(process.answered_at + PROGRESS_NS))

    def _is_late(self, process: Process, now: Instant) -> bool:
        late_at = self._late_at(process)
        return late_at is not None and late_at <= now

    def _first_late(self, process: Process) -> Call:
        if self._at_once:
            return min(process.under_way, key=lambda call: call.deadline)
        return process.under_way[0]

    def _mind(self, deadline: Instant) -> None:
        self._earliest = deadline if self._earliest is None else min(self._earliest, deadline)

    def _drop_overdue(self, now: Instant) -> None:
        """Fail what waited too long; it has not begun."""
        why = "timed out" if self.fault is None else f"timed out: worker {self.fault}"
        kept: deque[Call] = deque()
        for call in self._queue:
            if call.deadline <= now:
                self._due.append((call.then, Outcome(failed=why)))
            else:
                kept.append(call)
        self._queue = kept
        self._earliest = min((call.deadline for call in kept), default=None)

    def _pump(self) -> None:
        process = self._process
        if process is None or process.setup_at is None:
            return
        while self._queue and len(process.under_way) < self._window:
            if process.channel.unsent + len(self._queue[0].line) > UNSENT_MAX:
                return
            self._hand(self._queue.popleft())

    def _hand(self, call: Call) -> None:
        assert self._process is not None
        call.tries += 1
        self._process.under_way.append(call)
        self._process.channel.send_line(call.line)

    def _take(self, process: Process, message: Mapping[str, Any], now: Instant) -> str | None:
        """Take one message; what is wrong with it, if something is."""
        if "id" not in message:
            return self._hear(process, message, now)
        call = self._answered(process, message["id"])
        if call is None:
            return f"it answered what was not asked: {message['id']!r:.40}"
        ok, failed = message.get("ok"), message.get("failed")
        if not isinstance(ok, dict) and not isinstance(failed, str):
            return "it answered neither ok nor failed"
        process.under_way.remove(call)
        if call.do == "setup" and not isinstance(ok, dict):
            return f"cannot be set up: {failed}"
        if call.do == "setup":
            process.setup_at = now
            self.fault = None
        outcome = Outcome(ok) if isinstance(ok, dict) else Outcome(None, failed, (*process.said,))
        process.said.clear()
        process.channel.taken = 0
        process.answered_at = now
        self._due.append((call.then, outcome))
        return None

    def _hear(self, process: Process, message: Mapping[str, Any], now: Instant) -> str | None:
        """Take what answers no call; why the process asks to be ended, if it does."""
        if isinstance(fault := message.get("fault"), str):
            return fault
        if self.unasked is not None and "said" not in message:
            process.channel.taken = 0  # it may go on for years without a call
            if process.tells_too_much(now):
                return f"it told more than {UNASKED_MAX} things within a second"
            self.unasked(message)
        elif len(process.said) < SAID_MAX and isinstance(message.get("said"), str):
            process.said.append(message["said"])
        return None

    def _answered(self, process: Process, number: object) -> Call | None:
        """The call that `number` may answer now."""
        for call in process.under_way:
            if call.id == number:
                return call
            if not self._at_once:
                break
        return None

    def _end(self, now: Instant, fault: str, *, first_has_begun: bool = True) -> None:
        """Kill the process; what it had not begun waits for the next one."""
        process, self._process = self._process, None
        assert process is not None
        spawn.kill(process.pid)
        process.channel.close()
        if not spawn.reaped(process.pid):
            self._dying.append(process.pid)
        for place, call in enumerate(reversed(process.under_way), start=1):
            begun = self._at_once or (first_has_begun and place == len(process.under_way))
            if call.do == "setup":
                continue
            if begun and (call.do not in self._again or call.tries >= TRIES_MAX):
                outcome = Outcome(None, f"worker ended: {fault}", tuple(process.said))
                self._due.append((call.then, outcome))
            else:
                call.tries -= not begun
                self._queue.appendleft(call)
                self._mind(call.deadline)
        if process.setup_at is not None and now - process.setup_at >= WELL_AFTER_NS:
            self._delay_ns = RESTART_FIRST_NS
        self._rest(now, fault)

    def _rest(self, now: Instant, fault: str) -> None:
        self.fault = fault
        self.restarts += 1
        self._start_at = Instant(now + self._delay_ns)
        self.ended(f"{self}: {fault}; it is started again in {self._delay_ns / SECOND:g} s")
        self._delay_ns = min(2 * self._delay_ns, RESTART_MAX_NS)

    def _tell(self) -> None:
        for _ in range(len(self._due)):  # what `then` asks for is told the next time
            then, outcome = self._due.popleft()
            then(outcome)
