"""Signals as events for the loop, and the word to the service manager (sd_notify).

A handler does nothing; the number of the signal comes in through a socket pair that the loop
watches like any other descriptor.
"""

import os
import signal
import socket
import time
from collections.abc import Callable

from ipfo.daemon.log import Log
from ipfo.machine.events import Event, StopAsked

ENDING = (signal.SIGTERM, signal.SIGINT)

FED_AT_LEAST = 3
"""So many times the watchdog is fed until it would bite."""


class EndNowError(Exception):
    """The daemon was told to end a second time: it waits for nothing any more."""


class Signals:
    """From construction to `close`, this process's SIGTERM, SIGINT and SIGHUP come in here."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._asked = False
        self._hung_up = False
        self._reload: Callable[[], None] | None = None
        self._out, self._in = socket.socketpair()
        self._out.setblocking(False)
        self._in.setblocking(False)
        self._was_fd = signal.set_wakeup_fd(self._in.fileno(), warn_on_full_buffer=False)
        self._was = {each: signal.signal(each, _nothing) for each in (*ENDING, signal.SIGHUP)}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # a restart had them wait for this

    def fileno(self) -> int:
        """Readable when a signal has come."""
        return self._out.fileno()

    def take(self) -> list[Event]:
        """What the signals that have come ask for.

        :raises EndNowError: at the second order to end.
        """
        events: list[Event] = []
        for number in self._drain():
            if number == signal.SIGHUP:
                self._log.line("SIGHUP: reading the config again")
                self._hung_up = True
            elif number in ENDING and self._asked:
                raise EndNowError
            elif number in ENDING:
                self._asked = True
                self._log.line(f"{signal.Signals(number).name}: handing over and ending")
                tell_manager("STOPPING=1")
                events.append(StopAsked())
        self._tell_hangup()
        return events

    def at_hangup(self, reload: Callable[[], None]) -> None:
        """`reload` is called for SIGHUP, from `take`; now, where one came during the start."""
        self._reload = reload
        self._tell_hangup()

    def _tell_hangup(self) -> None:
        if self._hung_up and self._reload is not None:
            self._hung_up = False
            self._reload()

    def close(self) -> None:
        """Signals do again what they did before."""
        for number, handler in self._was.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._was_fd)
        self._out.close()
        self._in.close()

    def _drain(self) -> bytes:
        try:
            return self._out.recv(4096)
        except BlockingIOError:
            return b""


def _nothing(*_: object) -> None:
    """The wakeup descriptor says it all."""


def tell_manager(state: str) -> None:
    """systemd, if it is there and listens, knows `state`; see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        manager.setblocking(False)
        try:
            manager.sendto(state.encode(), address)
        except OSError:
            return  # it does not listen any more; that must not end us


class Watchdog:
    """Lets the service manager know, often enough, that the engine goes round; see sd_watchdog_enabled(3).

    It is fed when the engine is awake anyway, which is once in an interval at the least.
    """

    def __init__(self) -> None:
        meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        wanted = os.environ.get("WATCHDOG_USEC", "") if meant else ""
        self._every_ns = int(wanted) * 1000 // FED_AT_LEAST if wanted.isdecimal() else 0
        self._due = 0

    def feed(self, now: int) -> None:
        """Tell it, if it is time to."""
        if self._every_ns and now >= self._due:
            self._due = now + self._every_ns
            tell_manager("WATCHDOG=1")


def tell_reloading() -> None:
    """The service manager knows that ``READY=1`` will come again; since when, as sd_notify(3) wants it."""
    monotonic_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    tell_manager(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}")
