"""Stands between a voter and etcd, as an endpoint of its own: counts, changes, swallows."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Change = Callable[[str, Any, dict[str, Any]], Any]
"""Of a path, what was asked and what etcd answered: what to answer instead (bytes or JSON)."""


class Meddler(ThreadingHTTPServer):
    """An endpoint that passes on what it is asked to `target`, and what comes back to `change`."""

    daemon_threads = True

    def __init__(self, target: str, change: Change | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.change = change
        self.swallow: Callable[[str, Any], bool] = lambda _path, _asked: False
        self.status = 200
        self.hangs_up_on_refusals = False
        self.asked: list[str] = []
        self.ended = threading.Event()
        self.endpoint = f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, body: bytes, token: str | None) -> tuple[int, bytes] | None:
        """Status and body; None where there is none, though etcd has given one."""
        self.asked.append(path)
        asked = json.loads(body)
        request = urllib.request.Request(f"{self.target}/v3/{path}", body)
        if token is not None:
            request.add_header("Authorization", token)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as got:
                text = bytes(got.read())
        except urllib.error.HTTPError as error:
            with error:
                refusal = error.code, error.read()
            return None if self.hangs_up_on_refusals else refusal
        if self.swallow(path, asked):
            return None
        if self.change is not None:
            changed = self.change(path, asked, json.loads(text))
            text = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        return self.status, text

    def handle_error(self, *_: Any) -> None:
        """A voter that turns away is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: Meddler
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers["Authorization"]
        answer = self.server.answer(self.path.removeprefix("/v3/"), body, token)
        if answer is None:
            if not self.server.hangs_up_on_refusals:
                self.server.ended.wait()
            self.close_connection = True
            return
        status, text = answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Tests look at what was asked."""


@contextmanager
def meddling(target: str, change: Change | None = None) -> Iterator[Meddler]:
    """A running `Meddler`."""
    meddler = Meddler(target, change)
    thread = threading.Thread(target=meddler.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield meddler
    finally:
        meddler.ended.set()
        meddler.shutdown()
        thread.join()
        meddler.server_close()
