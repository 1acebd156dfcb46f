"""Ending and freezing processes and all that they started. By their ids, never by a name."""

import os
import select
import signal
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from ipfo import clock
from ipfo.model import SECOND

TERM_S = 5.0
"""How long a process may take to end after SIGTERM before it is killed."""


def tree(pid: int) -> list[int]:
    """`pid` and everything that descends from it, parents first; Linux."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue  # it has ended meanwhile
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    """Send `number` to each of `pids` that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def kill_all(pids: Iterable[int]) -> None:
    """SIGKILL to each of `pids`, all at once; none of them runs any more when this returns."""
    opened = _open(pids)
    _kill(opened)
    _close(opened)


def wait(process: subprocess.Popen[str], timeout_s: float) -> bool:
    """Wait for the end of `process`; False where it has not come in time."""
    deadline = clock.now() + int(timeout_s * SECOND)
    descriptor = os.pidfd_open(process.pid) if process.poll() is None else None
    if descriptor is not None:
        try:
            left_s = max(0, deadline - clock.now()) / SECOND
            if not select.select([descriptor], [], [], left_s)[0]:
                return False
        finally:
            os.close(descriptor)
    process.wait()
    return True


def end(started: Sequence[subprocess.Popen[str]]) -> None:
    """End `started` and all that they started: SIGTERM, and after `TERM_S` SIGKILL.

    What a process has started may outlive it for a moment: that is waited for, too.
    """
    running = [process for process in started if process.poll() is None]
    opened = _open(pid for process in running for pid in tree(process.pid))
    for process in running:
        signal_all([process.pid], signal.SIGCONT)
        signal_all([process.pid], signal.SIGTERM)
    deadline = clock.now() + int(TERM_S * SECOND)
    for descriptor in opened:
        left_s = max(0, deadline - clock.now()) / SECOND
        if not select.select([descriptor], [], [], left_s)[0]:
            _kill(opened)
    _close(opened)
    for process in started:
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _open(pids: Iterable[int]) -> list[int]:
    """A descriptor for each of `pids` that is still there; it never means another process."""
    opened = []
    for pid in pids:
        with suppress(ProcessLookupError):
            opened.append(os.pidfd_open(pid))
    return opened


def _kill(opened: Iterable[int]) -> None:
    for descriptor in opened:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)


def _close(opened: Iterable[int]) -> None:
    """Wait until each has ended, and forget it."""
    for descriptor in opened:
        select.select([descriptor], [], [], TERM_S)
        os.close(descriptor)
