"""Locks between processes of this node, also across runs of the daemon: the kernel ends them.

A process that dies lets go of its locks, however it dies; one that is stopped does not.
"""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ipfo import clock
from ipfo.model import SECOND
from ipfo.workers import child


@contextmanager
def locked(path: Path, until: int, taken: str) -> Iterator[None]:
    """Nobody else has the lock `path`; without a writable folder nobody is kept out.

    :raises TimeoutError: with the text `taken`, if somebody still has it at `until`.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    except OSError:
        yield
        return
    try:
        _lock(descriptor, until, taken)
        _open.add(descriptor)
        yield
    finally:
        _open.discard(descriptor)
        os.close(descriptor)


_open: set[int] = set()


def _leave_to_parent() -> None:
    """In a process forked off by a stranger: it would keep the lock for as long as it lives."""
    for descriptor in _open:
        with suppress(OSError):
            os.close(descriptor)


os.register_at_fork(after_in_child=_leave_to_parent)


def _lock(descriptor: int, until: int, taken: str) -> None:
    """Wait for the lock; the kernel wakes us if it is not ours in time."""

    def give_up(*_: object) -> None:
        raise TimeoutError(taken)

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        signal.signal(signal.SIGALRM, give_up)
        left, _ = signal.setitimer(signal.ITIMER_REAL, max(until - clock.now(), 1) / SECOND)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        finally:
            child.alarm(left)
