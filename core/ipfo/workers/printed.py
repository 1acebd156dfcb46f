"""What plugins print in a worker: on stderr under the worker's name, as far as somebody takes it.

A print never waits: a journal that is blocked would make a worker late that renews a lease. What is
not taken at once is dropped and counted, and so is what comes faster than anybody could read it.
Descriptors 1 and 2 stay as they were, for programs that a plugin starts.
"""

import io
import os
import select
import socket
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ipfo import clock
from ipfo.model import SECOND

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

LINES_MAX = 200
"""Lines of one worker in one second."""

LINE_MAX = 2000
"""Bytes of one line that are passed on; with the worker's name a pipe takes it whole or not at all."""

Give = Callable[[bytes], int]


class Printed(io.RawIOBase):
    """Lines written here go to `give` under `name`, or nowhere; to whoever writes all is well."""

    def __init__(self, name: str, give: Give) -> None:
        super().__init__()
        self._name = name.encode()
        self._give = give
        self._rest = b""
        self._dropped = 0
        self._told = 0  # lines, since `_from`
        self._from = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """For who starts a program that is to print to the same place."""
        return 2

    def write(self, data: "ReadableBuffer", /) -> int:
        """All of `data` is done with; never raises."""
        given = bytes(data)
        *lines, rest = (self._rest + given).split(b"\n")
        self._rest = rest[:LINE_MAX]
        for line in lines:
            self._pass_on(line[:LINE_MAX])
        return len(given)

    def _pass_on(self, line: bytes) -> None:
        now = clock.now()
        if now - self._from >= SECOND:
            self._told, self._from = 0, now
        if self._told >= LINES_MAX:
            self._dropped += 1
            return
        if self._dropped and self._taken(b"%d lines were dropped here" % self._dropped):
            self._dropped = 0
        self._dropped += not self._taken(line)

    def _taken(self, line: bytes) -> bool:
        self._told += 1
        try:
            return self._give(b"ipfo %s: %s\n" % (self._name, line)) > 0
        except OSError:
            return False


def take_over(descriptor: int = 2) -> None:
    """From now on ``sys.stdout`` and ``sys.stderr`` of this worker never wait."""
    raw = Printed(Path(sys.argv[0]).stem, without_waiting(descriptor))
    text = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    sys.stdout = sys.stderr = text


def without_waiting(descriptor: int) -> Give:
    """What writes to `descriptor` at once or not at all; raises OSError where it does not.

    Whether one may wait for it is shared with the daemon, and with what plugins start: it must
    not be changed for all of them.
    """
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        sock = socket.socket(fileno=os.dup(descriptor))
        return lambda line: sock.send(line, socket.MSG_DONTWAIT)
    if stat.S_ISREG(mode):
        return lambda line: os.write(descriptor, line)
    try:
        own = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no Linux, or somebody else's pipe
        return lambda line: os.write(descriptor, line) if _has_room(descriptor) else 0
    return lambda line: os.write(own, line)


def _has_room(descriptor: int) -> bool:
    return bool(select.select([], [descriptor], [], 0)[1])
