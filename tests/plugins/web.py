"""A server for tests of one HTTP client: it sends what it is told to, byte by byte if need be."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Serve = Callable[[socket.socket], None]

ENDS_S = 20.0
"""After this a server that a test has not ended gives up."""


class Web:
    """Listens on loopback; `served` does the talking on each connection, after the request."""

    def __init__(self, served: Serve, cert: tuple[Path, Path] | None, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listens = socket.create_server((address, 0), family=family)
        self._served = served
        self._tls: ssl.SSLContext | None = None
        if cert is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*cert)
        self.port: int = self._listens.getsockname()[1]
        self.requests: list[str] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        self.ended.set()
        self._listens.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listens.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listens.accept()
            except OSError:  # the end
                return
            with suppress(OSError):  # a client that turns away is part of the tests
                self._talk(sock)
            sock.close()

    def _talk(self, sock: socket.socket) -> None:
        sock.settimeout(ENDS_S)
        if self._tls is not None:
            sock = self._tls.wrap_socket(sock, server_side=True)
        with sock:
            request = b""
            while b"\r\n\r\n" not in request and (portion := sock.recv(65536)):
                request += portion
            self.requests.append(request.decode("latin-1"))
            self._served(sock)


@contextmanager
def web(
    served: Serve | bytes, *, cert: tuple[Path, Path] | None = None, address: str = "127.0.0.1"
) -> Iterator[Web]:
    """A server that answers each request as `served` does, or with these bytes."""

    def send(sock: socket.socket) -> None:
        sock.sendall(served if isinstance(served, bytes) else b"")

    made = Web(send if isinstance(served, bytes) else served, cert, address)
    try:
        yield made
    finally:
        made.close()


def answer(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body
