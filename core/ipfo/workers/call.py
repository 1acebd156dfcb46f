"""The way between the engine and a worker: one JSON object a line, over a socket pair.

The engine's end, `Channel`, never waits: what the socket does not take stays in a bounded buffer,
and what comes is read in bounded portions. A line that is no JSON object, or too much to read,
closes it.
"""

import json
import socket
from collections import deque
from collections.abc import Mapping
from typing import Any

LINE_MAX = 1 << 20
"""Bytes of one line, its end included; a longer one is a fault of its sender."""

UNSENT_MAX = 4 << 20
"""Bytes that may wait for a worker that does not read."""

PORTION = 64 << 10
"""Bytes taken or given at one go."""

VALUES_MAX = 50_000
"""JSON values in one line, nearly: to read more takes the engine longer than a fast heartbeat can wait."""

VALUES_AT_ONCE = 16_000
"""JSON values after which the engine looks round before it goes on with what has come: about 3 ms."""

LINE_VALUES = 40
"""What any line costs, in values."""

MESSAGES_AT_ONCE = 64
"""Messages taken at one go, so that a worker that floods costs the engine no heartbeat."""


class ChannelFullError(Exception):
    """The other side does not read, and `UNSENT_MAX` bytes are waiting for it already."""


def encode(message: Mapping[str, Any]) -> bytes:
    """`message` as one line.

    :raises ValueError: if it is longer than `LINE_MAX`.
    """
    line = json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > LINE_MAX:
        raise ValueError(f"a message of {len(line)} bytes; {LINE_MAX} is the most")
    return line


def decode(line: bytes) -> dict[str, Any]:
    """The JSON object in `line`.

    :raises ValueError: if it is anything else.
    """
    try:
        message = json.loads(line)
    except RecursionError:
        raise ValueError("a line nested too deeply") from None
    except ValueError:
        raise ValueError(f"a line that is not JSON: {line[:60]!r}") from None
    if not isinstance(message, dict):
        raise ValueError(f"a line that is no object: {line[:60]!r}")
    return message


def values(line: bytes) -> int:
    """Not fewer than there are JSON values in `line`, in the time that it takes to look over it."""
    return LINE_VALUES + sum(line.count(mark) for mark in (b",", b":", b"[", b"{"))


class Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, portion: bytes) -> list[bytes]:
        """The lines that `portion` completes, without their ends.

        :raises ValueError: if an unfinished line is longer than `LINE_MAX`.
        """
        *lines, rest = portion.split(b"\n")
        if lines:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest = bytearray(rest)
        else:
            self._rest += rest
        if len(self._rest) > LINE_MAX or any(len(line) > LINE_MAX for line in lines):
            raise ValueError(f"a line of more than {LINE_MAX} bytes")
        return lines


class Channel:
    """The engine's end of the way to a worker; takes `sock` over and never waits on it.

    Once `closed` is true nothing more comes and nothing more goes; `fault` then says what the
    worker did wrong, None if it just ended. `taken` counts the bytes that came. A line of more than
    `values_max` values is a fault.
    """

    def __init__(self, sock: socket.socket, *, values_max: int = VALUES_MAX) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._unsent = bytearray()
        self._lines = Lines()
        self._held: deque[bytes] = deque()
        self._values_max = values_max
        self._ended = False
        self._deaf = False
        self.closed = False
        self.fault: str | None = None
        self.taken = 0

    def fileno(self) -> int:
        """The socket's descriptor; -1 after `close`."""
        return self._sock.fileno()

    @property
    def wants_write(self) -> bool:
        """Whether something waits for the socket to become writable."""
        return bool(self._unsent) and not self._deaf and not self.closed

    @property
    def unsent(self) -> int:
        """Bytes that the socket has not taken yet."""
        return len(self._unsent)

    def send(self, message: Mapping[str, Any]) -> None:
        """`message` is on its way, or waits in the buffer.

        :raises ValueError: if it is longer than `LINE_MAX`.
        :raises ChannelFullError: if the buffer has no room for it.
        """
        self.send_line(encode(message))

    def send_line(self, line: bytes) -> None:
        """Like `send`, for what `encode` has made already."""
        if len(self._unsent) + len(line) > UNSENT_MAX:
            raise ChannelFullError
        self._unsent += line
        self.flush()

    def flush(self) -> None:
        """What the socket takes now is gone from the buffer."""
        while self.wants_write:
            try:
                sent = self._sock.send(memoryview(self._unsent)[:PORTION])
            except BlockingIOError:
                return
            except OSError:
                self._deaf = True  # what it had said before may still be read
                return
            del self._unsent[:sent]

    @property
    def holds(self) -> bool:
        """Whether `receive` has more to give, though the descriptor may not be readable."""
        return bool(self._held) and not self.closed

    def receive(self, most: int = MESSAGES_AT_ONCE) -> list[dict[str, Any]]:
        """The objects that have come, oldest first; at most `most`, and no more than is read soon."""
        messages: list[dict[str, Any]] = []
        room = VALUES_AT_ONCE
        try:
            if not self._held:
                self._read()
            while self._held and room > 0 and len(messages) < most:
                line = self._held.popleft()
                room -= (cost := values(line))
                if cost > self._values_max:
                    raise ValueError(f"a line of more than {self._values_max} values")
                messages.append(decode(line))
        except ValueError as error:
            self.fault = str(error)
            self.closed = True
        if self._ended and not self._held:
            self.closed = True
        return messages

    def _read(self) -> None:
        """One portion, as far as there is any."""
        if self.closed or self._ended:
            return
        try:
            portion = self._sock.recv(PORTION)
        except BlockingIOError:
            return
        except OSError:
            portion = b""
        self._ended = not portion
        self.taken += len(portion)
        self._held.extend(self._lines.feed(portion))

    def finish(self, timeout_s: float) -> bool:
        """Send what is left and close; False if the worker did not take it all in `timeout_s`.

        The one call here that waits: for the end of the engine, when no heartbeat is due any more.
        """
        self._sock.settimeout(timeout_s)
        try:
            self._sock.sendall(self._unsent)
        except OSError:
            return False
        finally:
            self.close()
        return True

    def close(self) -> None:
        """Give the socket back; a second call does nothing."""
        self.closed = True
        self._sock.close()
