"""When the kernel received a datagram, by the steady clock: an engine that was late is not taken for a late peer.

Linux stamps what it receives with the wall clock (socket(7), SO_TIMESTAMP), which may be set in
between. Whoever sets it moves it against the steady clock; then the stamps are not believed until
the socket has been emptied. An instant that is told is never before the true one: silence that was
reckoned from a moment too early could end before the peer's lease does.
"""

import socket
import struct
import sys
import time
from collections.abc import Iterable

from ipfo.plugin import Instant, now

_SO_TIMESTAMPNS = 35
"""Python's socket module does not have it; asm-generic/socket.h. The message has the same number."""

_TIMESPEC = struct.Struct("@ll")

SPACE = socket.CMSG_SPACE(_TIMESPEC.size)
"""Bytes to keep for a stamp with each datagram."""

STEP_NS = 1_000_000
"""A difference between two looks at the clocks that is no slew; and a thousandth of the time between them."""


class Stamps:
    """The stamps of one socket. Begin each round of receiving with `look`; end it with `emptied`, if so."""

    def __init__(self, sock: socket.socket) -> None:
        """Ask for stamps; where there are none, `at` is always now."""
        self._there = False
        if sys.platform == "linux":
            try:
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            except OSError:
                return
            self._there = True
        self._looked_at, self._offset_ns = _look()
        self._was_set = False

    def look(self) -> None:
        """Notice whether somebody has set the wall clock since."""
        if not self._there:
            return
        at, offset_ns = _look()
        slew_ns = STEP_NS + (at - self._looked_at) // 1000
        if abs(offset_ns - self._offset_ns) > slew_ns:
            self._was_set = True
        self._looked_at, self._offset_ns = at, offset_ns

    def emptied(self) -> None:
        """What comes from now on was stamped after the last `look`."""
        self._was_set = False

    def at(self, ancillary: Iterable[tuple[int, int, bytes]]) -> Instant:
        """The instant of receipt of the datagram that came with `ancillary`; else now."""
        for level, kind, stamp in ancillary:
            if (level, kind) != (socket.SOL_SOCKET, _SO_TIMESTAMPNS) or self._was_set:
                continue
            seconds, nanoseconds = _TIMESPEC.unpack(stamp)
            stamped_ns = seconds * 1_000_000_000 + nanoseconds
            return Instant(min(now(), stamped_ns - self._offset_ns))
        return now()


def _look() -> tuple[Instant, int]:
    """The steady clock, and how far the wall's is ahead of it; rather less than more, if we are held up."""
    wall_ns = time.time_ns()
    steady = now()
    return steady, wall_ns - steady
