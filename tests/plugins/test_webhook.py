"""The webhook, against a local HTTP server: JSON, 2xx, no redirects, and no secret in an error."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ipfo.model import Epoch, Event, Notice, Reason, Role
from ipfo.plugin import Notifier
from ipfo.plugin.registry import Registry
from ipfo.testing import check_notifier

from .sink import certificate

NOTICE = Notice(
    key="beta-1f00ba-17",
    at="2026-01-02T03:04:05.678Z",
    event=Event.SPLIT,
    pair="www",
    node="beta",
    peer="alpha",
    headline="both held web",
    detail="for 0.4 s",
    group="web",
    role=Role.YIELDER,
    epoch=Epoch(5),
    reason=Reason.SPLIT,
)


class Server(HTTPServer):
    """Keeps what was posted; answers `status`, with `location` if there is one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 204
        self.location: str | None = None
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    def handle_error(self, *_: Any) -> None:
        """A client that turns away is part of the tests."""

    def texts(self) -> list[str]:
        """The bodies, characters beyond ASCII as they are."""
        return [json.dumps(json.loads(body), ensure_ascii=False) for _, _, body in self.got]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        if self.server.location is not None:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - http.server's name

    def log_message(self, *_: Any) -> None:
        """Tests look at what was got."""


def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """An HTTP server that takes everything."""
    yield from serving(Server())


@pytest.fixture(scope="module")
def cert(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throw-away certificate."""
    return certificate(tmp_path_factory.mktemp("cert"))


@pytest.fixture
def secure(cert: tuple[Path, Path]) -> Iterator[Server]:
    """The same over TLS."""
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*cert)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield from serving(server)


def make(url: str, **options: Any) -> Notifier:
    """As ipfo builds it."""
    offer = Registry(["webhook"]).notifiers()["webhook"]
    defaults = {k: p["default"] for k, p in offer.schema["properties"].items() if "default" in p}
    return offer.build({**defaults, "url": url, **options})


@pytest.fixture
def hook(server: Server) -> Callable[..., Notifier]:
    """A webhook to `server`, at a secret path."""

    def build(**options: Any) -> Notifier:
        return make(f"http://127.0.0.1:{server.server_port}/hook/s3cret?key=s3cret", **options)

    return build


def test_it_keeps_the_contract(server: Server, hook: Callable[..., Notifier]) -> None:
    check_notifier(hook, server.texts)


def test_it_posts_all_that_the_notice_says(server: Server, hook: Callable[..., Notifier]) -> None:
    hook().notify(NOTICE)
    ((path, headers, body),) = server.got
    assert path == "/hook/s3cret?key=s3cret"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "beta-1f00ba-17"
    assert "Authorization" not in headers
    assert json.loads(body) == {
        "key": "beta-1f00ba-17",
        "at": "2026-01-02T03:04:05.678Z",
        "event": "split",
        "pair": "www",
        "node": "beta",
        "peer": "alpha",
        "headline": "both held web",
        "detail": "for 0.4 s",
        "group": "web",
        "role": "yielder",
        "epoch": 5,
        "reason": "split",
    }


def test_it_sends_the_token_and_the_headers_that_were_asked_for(
    server: Server, hook: Callable[..., Notifier], tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    token.chmod(0o600)
    hook(token_file=str(token), headers={"X-Team": "ops"}).notify(NOTICE)
    ((_, headers, _),) = server.got
    assert headers["Authorization"] == "Bearer t0ken"
    assert headers["X-Team"] == "ops"


def test_a_token_file_that_others_can_read_is_not_used(
    server: Server, hook: Callable[..., Notifier], tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("t0ken\n")
    token.chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        hook(token_file=str(token)).notify(NOTICE)
    assert server.got == []


def test_a_token_that_no_header_can_carry_is_not_told(
    server: Server, hook: Callable[..., Notifier], tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("t0ken→")
    path.chmod(0o600)
    with pytest.raises(OSError, match="UnicodeEncodeError") as caught:
        hook(token_file=str(path)).notify(NOTICE)
    assert "t0ken" not in str(caught.value)
    assert server.got == []


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_2xx_is_well(server: Server, hook: Callable[..., Notifier], status: int) -> None:
    server.status = status
    hook().notify(NOTICE)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500, 503])
def test_anything_else_is_a_failure_and_no_redirect_is_followed(
    server: Server, hook: Callable[..., Notifier], status: int
) -> None:
    server.status = status
    server.location = f"http://127.0.0.1:{server.server_port}/elsewhere"
    with pytest.raises(OSError, match=rf"127\.0\.0\.1 answered {status}") as caught:
        hook().notify(NOTICE)
    assert "s3cret" not in str(caught.value)
    assert len(server.got) == 1


def test_a_server_that_is_not_there_is_named_without_the_path() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/s3cret"
        with pytest.raises(OSError, match="Connection refused") as caught:
            make(url).notify(NOTICE)
    assert "s3cret" not in str(caught.value)


def test_a_server_that_says_nothing_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/s3cret"
        with pytest.raises(OSError, match="timed out"):
            make(url, timeout="200ms").notify(NOTICE)


def test_a_server_that_speaks_no_http_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def speak() -> None:
            client, _ = odd.accept()
            with client:
                client.recv(65536)
                client.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(OSError, match="220 mail"):
            make(f"http://127.0.0.1:{odd.getsockname()[1]}/").notify(NOTICE)
        thread.join()


def test_over_https_only_whom_somebody_vouches_for(secure: Server, cert: tuple[Path, Path]) -> None:
    url = f"https://127.0.0.1:{secure.server_port}/"
    with pytest.raises(OSError, match="certificate verify failed"):
        make(url).notify(NOTICE)
    make(url, ca_file=str(cert[0])).notify(NOTICE)
    assert len(secure.got) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://:80/", "names no host"),
        ("http://host.example:99999/", "a port that cannot be"),
        ("https://user:s3cret@host.example/", "no user or password"),
    ],
)
def test_a_url_that_cannot_be_is_refused_at_the_start(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        make(url)
    assert "s3cret" not in str(caught.value)
