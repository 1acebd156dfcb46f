"""HTTP connections of which nothing waits beyond one instant.

http.client's own timeout begins anew with every byte; here there is one end for all of it, the
name, the connection, the handshake, the question and the answer.
"""

import http.client
import io
import socket
import ssl
import threading
import weakref
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, cast

from ipfo.plugin import Instant, now


class Late(TimeoutError):  # noqa: N818 - as TimeoutError itself
    """The instant has come."""


def connect(
    names: "Names",
    port: int | None,
    tls: ssl.SSLContext | None,
    until: Instant,
    server_name: str | None = None,
) -> http.client.HTTPConnection:
    """Connected to a host by one of its `names`, with `tls` if that is given, all by `until`.

    What is read and written afterwards ends by then, too: `prolong` it for another question.
    `server_name` is asked for and vouched for, where that is not the host's name.

    :raises OSError: if there is no connection until `until`.
    """
    sock = _reach(names, port, until)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            sock.settimeout(left_s(until))
            sock = tls.wrap_socket(sock, server_hostname=server_name or names.host)
    except OSError:
        sock.close()
        raise
    made = http.client.HTTPConnection(names.host, port)
    made.auto_open = 0  # it would not know of `tls`
    # it only calls sendall, makefile and close
    made.sock = cast("socket.socket", Hurried(sock, until))
    return made


def prolong(connection: http.client.HTTPConnection, until: Instant) -> None:
    """From now on nothing of `connection`, which `connect` has made, waits beyond `until`."""
    cast("Hurried", connection.sock).until = until


def _reach(names: "Names", port: int | None, until: Instant) -> socket.socket:
    """Connect to the first address that takes it; each has its share of the time."""
    addresses = names.resolve(until)
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            return socket.create_connection((address, port), left_s(until) / left)
        except OSError:
            if left == 1:
                raise
    raise OSError(f"the name {names.host} has no address")


class Names:
    """The addresses of one host; a name server that hangs costs time, but never all of it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._known: list[str] = []
        self._fault = ""
        self._asking: threading.Thread | None = None

    def resolve(self, until: Instant) -> Sequence[str]:
        """The addresses of the host: the newest that are known by half of the time until `until`.

        :raises OSError: if none are known by then.
        """
        try:
            return [str(ip_address(self.host))]
        except ValueError:
            pass  # a name
        if self._asking is None or not self._asking.is_alive():
            self._asking = threading.Thread(target=self._ask, daemon=True)
            self._asking.start()
        self._asking.join(left_s(until) / 2)
        if not self._known:
            raise OSError(self._fault or f"the name {self.host} was not resolved in time")
        return self._known

    def _ask(self) -> None:
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # the latter for what cannot be a name
            self._fault = f"the name {self.host}: {getattr(error, 'strerror', error)}"
        else:
            self._known = list(dict.fromkeys(str(each[4][0]) for each in found))


class Hurried:
    """A socket as http.client uses it, of which nothing waits beyond `until`.

    Like a socket, it is closed when all of its readers are, too: http.client closes the connection
    before it reads the answer, where that is the last one.
    """

    def __init__(self, sock: socket.socket, until: Instant) -> None:
        self._sock = sock
        self._readers = 0
        self._closed = False
        self.until = until
        weakref.finalize(self, sock.close)  # a voter is never told of its end

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(left_s(self.until))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_Reader(self))

    def receive_into(self, buffer: Any) -> int:  # noqa: ANN401 - whatever takes bytes
        self._sock.settimeout(left_s(self.until))
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._closed = True
        self._let_go()

    def reader_closed(self) -> None:
        self._readers -= 1
        self._let_go()

    def _let_go(self) -> None:
        if self._closed and not self._readers:
            self._sock.close()


class _Reader(io.RawIOBase):
    """What comes from a `Hurried`."""

    def __init__(self, source: Hurried) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - as its base has it
        return self._source.receive_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._source.reader_closed()


def left_s(until: Instant) -> float:
    """Seconds until `until`.

    :raises Late: if there are none left.
    """
    left_ns = until - now()
    if left_ns <= 0:
        raise Late("no time left")
    return left_ns / 1e9
