"""The check by HTTP, against real servers: good, bad, slow for ever, and talking for ever."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ipfo.plugin import Check
from ipfo.plugin.registry import Registry
from ipfo.testing import check_check

from .sink import certificate
from .web import Web, answer, web

OFFER = Registry(["http"]).checks()["http"]
SHORT_S = 0.4


def make(url: str, **options: Any) -> Check:
    """As ipfo builds it."""
    defaults = {k: p["default"] for k, p in OFFER.schema["properties"].items() if "default" in p}
    return OFFER.build({**defaults, "url": url, **options})


def ill(check: Check, timeout_s: float = 20) -> str:
    """Why `check` says that it is not well."""
    with pytest.raises(OSError, match=r".") as raised:
        check.check(timeout_s)
    return str(raised.value)


def at(server: Web, path: str = "/health") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test opens."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def cert(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throw-away certificate of localhost."""
    return certificate(tmp_path_factory.mktemp("cert"))


def says_nothing(sock: socket.socket) -> None:
    sock.recv(1)  # until the client gives up


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """Where another process serves ``health`` and nothing else."""
    (tmp_path / "health").write_text("all is well\n")
    line = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(
        line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        found = re.search(r"port (\d+)", server.stdout.readline())
        assert found is not None
        yield f"http://127.0.0.1:{found[1]}"
        server.kill()


def test_it_keeps_the_contract(elsewhere: str, stack: ExitStack) -> None:
    """The suite counts the descriptors and threads of this process: no server may have any in it."""
    silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))  # nobody accepts there
    hangs = f"http://127.0.0.1:{silent.getsockname()[1]}/health"
    check_check(
        lambda: make(f"{elsewhere}/health"),
        lambda: make(f"{elsewhere}/missing"),
        lambda: make(hangs),
    )


def test_it_asks_once_by_get_with_the_query_and_the_hosts_name(stack: ExitStack) -> None:
    server = stack.enter_context(web(answer()))
    make(at(server, "/health?deep=1&x=%20")).check(20)
    (request,) = server.requests
    first, *headers = request.split("\r\n")
    assert first == "GET /health?deep=1&x=%20 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in headers
    assert "Connection: close" in headers


def test_another_host_can_be_asked_for_than_the_address_says(stack: ExitStack) -> None:
    server = stack.enter_context(web(answer()))
    make(at(server), host="www.example.org").check(20)
    assert "\r\nHost: www.example.org\r\n" in server.requests[0]
    assert server.requests[0].count("Host:") == 1


@pytest.mark.parametrize(
    ("status", "wanted", "is_well"),
    [
        ("200 OK", "200-399", True),
        ("204 No Content", "200-399", True),
        ("399 Odd", "200-399", True),
        ("400 Bad Request", "200-399", False),
        ("503 Service Unavailable", "200-399", False),
        ("302 Found", "200", False),
        ("200 OK", "200", True),
        ("201 Created", "200", False),
        ("401 Unauthorized", "401", True),
    ],
)
def test_only_the_status_that_is_wanted_is_well(
    stack: ExitStack, status: str, wanted: str, is_well: bool
) -> None:
    server = stack.enter_context(web(answer(status)))
    check = make(at(server), status=wanted)
    if is_well:
        check.check(20)
    else:
        assert ill(check) == f"{at(server)}: the answer was {status}, not {wanted}"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(stack: ExitStack, status: str) -> None:
    elsewhere = stack.enter_context(web(answer()))
    moved = answer(status, b"", f"Location: {at(elsewhere)}")
    server = stack.enter_context(web(moved))
    make(at(server)).check(20)
    assert len(server.requests) == 1
    assert elsewhere.requests == []


@pytest.mark.parametrize("header", ["X-Kept: open", "Connection: close"])
def test_a_text_that_is_wanted_must_be_in_the_answer(stack: ExitStack, header: str) -> None:
    body = "pünktlich: all is well\n".encode()
    server = stack.enter_context(web(answer("200 OK", body, header)))
    make(at(server), contains="all is well").check(20)
    make(at(server), contains="pünktlich").check(20)
    why = ill(make(at(server), contains="all is ill"))
    assert why == f'{at(server)}: the answer was 200 OK, but "all is ill" is not in it'


def test_a_text_may_come_in_pieces_and_what_comes_after_it_is_not_waited_for(
    stack: ExitStack,
) -> None:
    def talk(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in (b"all ", b"is", b" well", b" and"):
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        says_nothing(sock)

    server = stack.enter_context(web(talk))
    make(at(server), contains="all is well").check(20)
    assert "no whole answer" in ill(make(at(server), contains="all is ill"), SHORT_S)


def test_p6_a_page_without_end_is_not_read_to_its_end(stack: ExitStack) -> None:
    def talk(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65536)

    server = stack.enter_context(web(talk))
    make(at(server)).check(20)
    assert ill(make(at(server), contains="y")).endswith('but "y" is not in it')


@pytest.mark.parametrize(
    "begin", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"]
)
def test_p6_a_server_that_drips_does_not_stretch_the_time(stack: ExitStack, begin: bytes) -> None:
    """http.client's own timeout begins anew with every byte."""
    ended = stack.enter_context(ExitStack())

    def drip(sock: socket.socket) -> None:
        sock.sendall(begin)
        while not server.ended.wait(0.05):
            sock.sendall(b"x")

    server = ended.enter_context(web(drip))
    why = ill(make(at(server), contains="well"), SHORT_S)
    assert why == f"{at(server)}: no whole answer within 0.4 s"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "Remote end closed connection without response"),
        (b"220 mail.example ESMTP\r\n", "220 mail.example ESMTP"),
        (b"SSH-2.0-\x1b[31mOpenSSH\r\n", "SSH-2.0- [31mOpenSSH"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000, "got more than 65536 bytes when reading"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, "got more than 100 headers"),
    ],
)
def test_what_is_no_answer_is_said_fit_for_people(stack: ExitStack, said: bytes, why: str) -> None:
    server = stack.enter_context(web(said))
    told = ill(make(at(server)))
    assert why in told
    assert told.isprintable()


def test_a_server_that_is_not_there_is_said_and_a_query_is_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        place = f"http://127.0.0.1:{taken.getsockname()[1]}/health"
        assert ill(make(f"{place}?key=s3cret")) == f"{place}: Connection refused"


def test_a_name_will_do_and_one_that_is_none_is_said(stack: ExitStack) -> None:
    server = stack.enter_context(web(answer()))
    make(f"http://localhost:{server.port}/").check(20)
    assert ill(make("http://no..name/")).startswith("http://no..name/: the name no..name: ")


def test_ipv6_will_do(stack: ExitStack) -> None:
    server = stack.enter_context(web(answer(), address="::1"))
    make(f"http://[::1]:{server.port}/").check(20)
    assert f"\r\nHost: [::1]:{server.port}\r\n" in server.requests[0]


def test_over_https_only_whom_somebody_vouches_for(
    stack: ExitStack, cert: tuple[Path, Path]
) -> None:
    server = stack.enter_context(web(answer(), cert=cert))
    url = f"https://127.0.0.1:{server.port}/"
    assert "certificate verify failed" in ill(make(url))
    assert "certificate verify failed" in ill(
        make(url, ca_file=str(cert[0]), host="www.example.org")
    )
    make(url, ca_file=str(cert[0])).check(20)
    make(url, ca_file=str(cert[0]), host="localhost").check(20)
    assert len(server.requests) == 2


def test_a_ca_file_that_is_mended_counts_at_once(
    stack: ExitStack, cert: tuple[Path, Path], tmp_path: Path
) -> None:
    server = stack.enter_context(web(answer(), cert=cert))
    check = make(f"https://127.0.0.1:{server.port}/", ca_file=str(tmp_path / "ca.pem"))
    assert "No such file" in ill(check)
    other, _ = certificate(tmp_path)
    (tmp_path / "ca.pem").write_bytes(other.read_bytes())
    assert "certificate verify failed" in ill(check)
    (tmp_path / "ca.pem").write_bytes(cert[0].read_bytes())
    check.check(20)


def test_a_handshake_that_hangs_does_not_stretch_the_time(stack: ExitStack) -> None:
    server = stack.enter_context(web(says_nothing))
    url = f"https://127.0.0.1:{server.port}/"
    assert ill(make(url), SHORT_S) == f"{url}: no whole answer within 0.4 s"


@pytest.mark.parametrize(
    ("url", "options", "why"),
    [
        ("http://:80/", {}, "url: it names no host"),
        ("http://192.0.2.1:99999/", {}, "a port that cannot be"),
        ("http://[::1/", {}, "url: it names no host"),
        ("https://user:s3cret@192.0.2.1/", {}, "url: no user or password"),
        ("http://192.0.2.1/", {"status": "399-200"}, 'status: "399-200" holds nothing'),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(
    url: str, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        make(url, **options)
    assert "s3cret" not in str(caught.value)
