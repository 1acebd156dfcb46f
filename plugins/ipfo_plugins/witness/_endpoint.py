"""One endpoint of etcd: HTTP requests over a connection that is kept, each with an end in time.

http.client's own timeout begins anew with every byte; here there is one instant for all of it, the
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
from urllib.parse import urlsplit

from ipfo.plugin import Instant, now

ANSWER_BYTES_MAX = 1 << 20
"""No answer to what is asked here comes near; one that is longer is not read to its end."""


class Late(TimeoutError):  # noqa: N818 - as TimeoutError itself
    """The instant has come."""


class Endpoint:
    """The endpoint at `url`; `tls` for one of https. One request at a time."""

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        place = urlsplit(url)
        self.url = url
        self._host = place.hostname or ""
        self._port = place.port
        self._tls = tls if place.scheme == "https" else None
        self._names = Names(self._host)
        self._connection: http.client.HTTPConnection | None = None

    def post(
        self, path: str, body: bytes, until: Instant, token: str | None = None
    ) -> tuple[int, bytes]:
        """Post `body` to ``/v3/PATH``; the status of the answer, and its body.

        A connection that was kept and has died meanwhile is made anew: what is asked of etcd here
        may be asked twice.

        :raises OSError: and HTTPException or ValueError, if there is no answer until `until`.
        """
        if self._connection is not None:
            try:
                return self._post(self._connection, path, body, until, token)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                pass
        self._connection = self._connect(until)
        return self._post(self._connection, path, body, until, token)

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connect(self, until: Instant) -> http.client.HTTPConnection:
        sock = self._reach(self._names.resolve(until), until)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                sock.settimeout(left_s(until))
                sock = self._tls.wrap_socket(sock, server_hostname=self._host)
        except OSError:
            sock.close()
            raise
        made = http.client.HTTPConnection(self._host, self._port)
        made.auto_open = 0  # it would not know of `_tls`
        # it only calls sendall, makefile and close
        made.sock = cast("socket.socket", _Hurried(sock))
        return made

    def _reach(self, addresses: Sequence[str], until: Instant) -> socket.socket:
        """Connect to the first of `addresses` that takes it; each has its share of the time."""
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return socket.create_connection((address, self._port), left_s(until) / left)
            except OSError:
                if left == 1:
                    raise
        raise OSError(f"the name {self._host} has no address")

    def _post(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        until: Instant,
        token: str | None,
    ) -> tuple[int, bytes]:
        cast("_Hurried", connection.sock).until = until
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = token
        well = False
        try:
            connection.request("POST", f"/v3/{path}", body, headers)
            with connection.getresponse() as answer:
                text = answer.read(ANSWER_BYTES_MAX + 1)
                if len(text) > ANSWER_BYTES_MAX:
                    raise ValueError(f"nonsense: an answer of more than {ANSWER_BYTES_MAX} bytes")
                answer.read()  # a chunked body's end, so that the connection can be used again
            well = not answer.will_close
        finally:
            if not well:
                self.close()
        return answer.status, text


class Names:
    """The addresses of one host; a name server that hangs costs time, but never all of it."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._known: list[str] = []
        self._fault = ""
        self._asking: threading.Thread | None = None

    def resolve(self, until: Instant) -> Sequence[str]:
        """The addresses of the host: the newest that are known by half of the time until `until`.

        :raises OSError: if none are known by then.
        """
        try:
            return [str(ip_address(self._host))]
        except ValueError:
            pass  # a name
        if self._asking is None or not self._asking.is_alive():
            self._asking = threading.Thread(target=self._ask, daemon=True)
            self._asking.start()
        self._asking.join(left_s(until) / 2)
        if not self._known:
            raise OSError(self._fault or f"the name {self._host} was not resolved in time")
        return self._known

    def _ask(self) -> None:
        try:
            found = socket.getaddrinfo(self._host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # the latter for what cannot be a name
            self._fault = f"the name {self._host}: {getattr(error, 'strerror', error)}"
        else:
            self._known = list(dict.fromkeys(str(each[4][0]) for each in found))


class _Hurried:
    """A socket as http.client uses it, of which nothing waits beyond `until`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.until = Instant(0)
        weakref.finalize(self, sock.close)  # a voter is never told of its end

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(left_s(self.until))
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def receive_into(self, buffer: Any) -> int:  # noqa: ANN401 - whatever takes bytes
        self._sock.settimeout(left_s(self.until))
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._sock.close()


class _Reader(io.RawIOBase):
    """What comes from a `_Hurried`; closing it leaves that open."""

    def __init__(self, source: _Hurried) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - as its base has it
        return self._source.receive_into(buffer)


def left_s(until: Instant) -> float:
    """Seconds until `until`.

    :raises Late: if there are none left.
    """
    left_ns = until - now()
    if left_ns <= 0:
        raise Late("no time left")
    return left_ns / 1e9
