"""The check by TCP, against real sockets."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ipfo.plugin import Check
from ipfo.plugin.registry import Registry
from ipfo.testing import check_check
from ipfo.testing.cable import Cable

OFFER = Registry(["check-tcp"]).checks()["tcp"]
PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def make(port: int, address: str = "127.0.0.1") -> Check:
    """As ipfo builds it."""
    return OFFER.build({"address": address, "port": port})


def ill(check: Check, timeout_s: float = 20) -> str:
    """Why `check` says that it is not well."""
    with pytest.raises(OSError, match=r".") as raised:
        check.check(timeout_s)
    return str(raised.value)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a test opens."""
    with ExitStack() as opened:
        yield opened


def listening(stack: ExitStack, address: str = "127.0.0.1", backlog: int = 50) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = stack.enter_context(socket.create_server((address, 0), family=family, backlog=backlog))
    port: int = server.getsockname()[1]
    return port


def refusing(stack: ExitStack) -> int:
    """A port that is bound, but nobody listens."""
    sock = stack.enter_context(socket.socket())
    sock.bind(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    return port


def swallowing(stack: ExitStack) -> int:
    """A port behind whose queue, which is full, nobody takes a connection: a server that hangs."""
    port = listening(stack, backlog=0)
    while True:
        sock = stack.enter_context(socket.socket())
        sock.settimeout(0.2)
        try:
            sock.connect(("127.0.0.1", port))
        except TimeoutError:
            return port


def test_it_keeps_the_contract(stack: ExitStack) -> None:
    takes, refuses, hangs = listening(stack), refusing(stack), swallowing(stack)
    check_check(lambda: make(takes), lambda: make(refuses), lambda: make(hangs))


def test_both_families_will_do(stack: ExitStack) -> None:
    make(listening(stack, "::1"), "::1").check(5)


def test_why_it_was_not_connected_is_said(stack: ExitStack) -> None:
    refuses, hangs = refusing(stack), swallowing(stack)
    assert ill(make(refuses)) == f"127.0.0.1 port {refuses}: Connection refused"
    assert ill(make(hangs), 0.2) == f"127.0.0.1 port {hangs}: no answer within 0.2 s"


@pytest.mark.root
def test_who_reaches_only_itself_has_reached_nobody(cable: Cable) -> None:
    """Where the kernel hands the port that is asked for out to the one who asks."""
    north, _ = cable
    with north.inside():
        PORTS.write_text("40000 40001")
        said = {ill(make(port)) for port in (40000, 40001) for _ in range(50)}
    assert "127.0.0.1 port 40000: nobody listens" in said


@pytest.mark.parametrize("address", ["0.0.0.0", "239.192.16.94", "1.2.3"])
def test_what_is_no_hosts_address_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(ValueError, match=r"^address: "):
        make(80, address)
