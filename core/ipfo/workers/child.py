"""The inside of a worker: takes one request at a time from the engine, does it, answers.

A worker outlives no engine: the end of the channel is its end, and a call that overruns its
deadline is ended by the kernel's alarm if no engine is left to kill it. What strangers' code
raises, SystemExit included, is an answer.
"""

import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ipfo import clock
from ipfo.errors import IpfoError
from ipfo.model import SECOND
from ipfo.workers import confine, printed
from ipfo.workers.call import LINE_MAX, PORTION, Lines, decode, encode

Handler = Callable[[dict[str, Any]], dict[str, Any]]

ALARM_AFTER_NS = SECOND
"""How long after a call's deadline the kernel ends a worker that the engine has not ended."""

END_MAX_S = 20.0
"""How long `at_end` may take before the kernel ends the worker."""

LINGER_S = 2.0
"""How long requests that do not wait for each other may go on after the engine has ended."""

ERROR_MAX = 2000
"""Characters of an error's text that go to the engine."""


def one_line(error: BaseException) -> str:
    """`error` for people, in one line; its type is named where its text would not explain itself.

    Every stranger's error passes here: one that says that there is no memory is noted.
    """
    if isinstance(error, MemoryError):
        confine.ran_out()
    text = " ".join(str(error).split())[:ERROR_MAX]
    if isinstance(error, OSError) and text.startswith("[Errno"):
        text = text.partition("] ")[2]
    if text and isinstance(error, IpfoError | OSError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Door:
    """The worker's end of the channel; reads and writes wait."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        self._sock = sock
        self._lines = Lines()
        self._waiting: deque[bytes] = deque()
        self._sending = threading.Lock()
        self.ended = False

    @classmethod
    def inherited(cls, limits: confine.Limits = confine.MOVES) -> "Door":
        """The door whose descriptor is the first argument of this process, which has `limits` now.

        What is printed never waits for a reader. A process forked off by a stranger does not have it: the end of this one is to be seen.
        """
        confine.confine(limits)
        printed.take_over()
        sock = socket.socket(fileno=int(sys.argv[1]))
        sock.set_inheritable(False)  # a script that lives on must not keep the channel open
        os.register_at_fork(after_in_child=sock.close)
        return cls(sock)

    def fileno(self) -> int:
        """Readable when `read` would not wait; a request may be in `waiting` without that."""
        return self._sock.fileno()

    def read(self) -> None:
        """Take in one portion of bytes, waiting for it; `ended` when there will be no more."""
        try:
            portion = self._sock.recv(PORTION)
        except OSError:
            portion = b""
        if not portion:
            self.ended = True
        self._waiting.extend(self._lines.feed(portion))

    def waiting(self) -> dict[str, Any] | None:
        """The next request that has been read already, None if there is none."""
        return decode(self._waiting.popleft()) if self._waiting else None

    def next(self) -> dict[str, Any] | None:
        """The next request, waiting for it; None when the engine has ended."""
        while not self._waiting and not self.ended:
            self.read()
        return self.waiting()

    def send(self, message: Mapping[str, Any]) -> None:
        """Tell the engine; if it is not there any more, nobody. From any thread."""
        try:
            line = encode(message)
        except (TypeError, ValueError) as error:  # a stranger's answer: too long, or no JSON
            line = encode({"id": message.get("id"), "failed": one_line(error)})
        # an engine that has ended may have sent more before: read on
        with self._sending, suppress(OSError):
            self._sock.sendall(line)

    def say(self, text: str) -> None:
        """One line for the journal, at once: it arrives even if the worker is killed after it."""
        self.send({"said": text[: LINE_MAX // 16]})

    def give_up(self, why: str) -> None:
        """Ask to be killed and started again: some thread of this process cannot be ended else."""
        self.send({"fault": why})

    def give_up_if_spent(self) -> None:
        """Ask for it if this process has used up its memory: what leaks does not come back."""
        if (why := confine.spent()) is not None:
            self.give_up(why)


def alarm(seconds: float) -> None:
    """The kernel ends this process in `seconds`; 0: it does not. A stopped process is not ended."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # a stranger may have taken it
    signal.setitimer(signal.ITIMER_REAL, seconds)


def settle_signals() -> None:
    """Only the engine ends a worker: SIGTERM to all of a service must not overtake the handover.

    A handler that does nothing, since an ignored signal would be ignored by scripts too.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _nothing)


def _nothing(*_: object) -> None:
    """For signals that mean the engine."""


def perform(
    handlers: Mapping[str, Handler], request: dict[str, Any], *, least_ns: int = SECOND // 10
) -> dict[str, Any]:
    """Do one request; the answer to be sent. Raises nothing.

    `least_ns`: how long it may take even where its deadline is over already.
    """
    if "until" in request:
        left_ns = int(request["until"]) - clock.now() + ALARM_AFTER_NS
        alarm(max(left_ns, least_ns) / SECOND)
    try:
        return _answer(handlers, request)
    finally:
        alarm(0)


def _answer(handlers: Mapping[str, Handler], request: dict[str, Any]) -> dict[str, Any]:
    do = str(request.get("do"))
    if do == "ready":  # it is, or `setup` would not have been answered
        return {"id": request.get("id"), "ok": {}}
    try:
        handler = handlers[do]
    except KeyError:
        return {"id": request.get("id"), "failed": f"this worker cannot {do!r}"}
    try:
        return {"id": request.get("id"), "ok": handler(request.get("given") or {})}
    except BaseException as error:  # a plugin's sys.exit() must not end the worker
        return {"id": request.get("id"), "failed": one_line(error)}


def serve(
    handlers: Mapping[str, Handler],
    at_end: Callable[[], None] = lambda: None,
    door: Door | None = None,
) -> None:
    """Answer requests until the engine ends, then call `at_end`. To be a worker's whole main."""
    settle_signals()
    door = door or Door.inherited()
    while (request := door.next()) is not None:
        door.send(perform(handlers, request))
        door.give_up_if_spent()
    alarm(END_MAX_S)
    at_end()


class _Errands:
    """Requests under way, a thread each; the kernel's alarm is set to the latest of their ends."""

    def __init__(self, handlers: Mapping[str, Handler], door: Door) -> None:
        self._handlers = handlers
        self._door = door
        self._changed = threading.Condition()
        self._open = 0

    def begin(self, request: dict[str, Any]) -> None:
        """`request` is under way; called by the main thread only, which alone may set signals up."""
        with self._changed:
            self._open += 1
            left_ns = int(request.get("until", 0)) - clock.now() + ALARM_AFTER_NS
            left_s, _ = signal.getitimer(signal.ITIMER_REAL)
            alarm(max(left_s, left_ns / SECOND))
        threading.Thread(target=self._run, args=(request,), daemon=True).start()

    def end(self, timeout_s: float) -> None:
        """Wait for what is under way, `timeout_s` at the most."""
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0, timeout_s)

    def _run(self, request: dict[str, Any]) -> None:
        self._door.send(_answer(self._handlers, request))
        self._door.give_up_if_spent()
        with self._changed:
            self._open -= 1
            if self._open == 0:
                signal.setitimer(signal.ITIMER_REAL, 0)
                self._changed.notify_all()


def serve_at_once(handlers: Mapping[str, Handler], door: Door) -> None:
    """Like `serve`, but requests do not wait for each other: handlers run in threads of their own.

    ``setup`` is done before anything else is begun. When the engine ends, what is under way may
    take `LINGER_S`; no process waits for the threads of what takes longer.
    """
    settle_signals()
    errands = _Errands(handlers, door)
    while (request := door.next()) is not None:
        if request.get("do") == "setup":
            door.send(perform(handlers, request))
        else:
            errands.begin(request)
    alarm(2 * LINGER_S)
    errands.end(LINGER_S)
