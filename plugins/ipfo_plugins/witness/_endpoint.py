"""One endpoint of etcd: HTTP requests over a connection that is kept, each with an end in time."""

import http.client
import ssl
from urllib.parse import urlsplit

from ipfo.plugin import Instant
from ipfo_plugins._hurried import Names, connect, prolong

ANSWER_BYTES_MAX = 1 << 20
"""No answer to what is asked here comes near; one that is longer is not read to its end."""


class Endpoint:
    """The endpoint at `url`; `tls` for one of https. One request at a time."""

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        place = urlsplit(url)
        self.url = url
        self._port = place.port
        self._tls = tls if place.scheme == "https" else None
        self._names = Names(place.hostname or "")
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
        self._connection = connect(self._names, self._port, self._tls, until)
        return self._post(self._connection, path, body, until, token)

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _post(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        until: Instant,
        token: str | None,
    ) -> tuple[int, bytes]:
        prolong(connection, until)
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
