"""The transports without privileges: on loopback, by unicast."""

import errno
import select
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from ipfo.model import SECOND
from ipfo.plugin import LinkEnd, Transport, now
from ipfo.testing.transports import check_transport
from ipfo_plugins import _host
from ipfo_plugins.transport import _socket, multicast, udp


def free_port(address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        port: int = sock.getsockname()[1]
        return port


def end(local: str, remote: str, port: int, **more: bool | str) -> LinkEnd:
    return LinkEnd("public", local, remote, port, **more)  # type: ignore[arg-type]  # by name


@pytest.fixture
def alone() -> Iterator[Transport]:
    transport = udp.open_udp(end("127.0.0.1", "127.0.0.2", free_port("127.0.0.1")), {})
    yield transport
    transport.close()


def test_udp_keeps_the_contract_of_a_transport() -> None:
    def make() -> tuple[Transport, Transport]:
        port = free_port("127.0.0.1")
        return (
            udp.open_udp(end("127.0.0.1", "127.0.0.2", port), {}),
            udp.open_udp(end("127.0.0.2", "127.0.0.1", port), {}),
        )

    check_transport(make)


def test_udp_on_ipv6_hears_what_it_sends_to_itself_since_the_wire_counts_what_is_reflected() -> (
    None
):
    port = free_port("::1")
    transport = udp.open_udp(end("::1", "::1", port), {})
    try:
        assert transport.send(b"echo")
        assert select.select([transport], [], [], 5)[0]
        (datagram,) = transport.receive()
        assert (datagram.body, datagram.source) == (b"echo", "::1")
    finally:
        transport.close()


def test_a_port_that_another_program_has_is_refused_with_its_number(alone: Transport) -> None:
    with socket.socket(fileno=socket.dup(alone.fileno())) as sock:
        port = sock.getsockname()[1]
    with pytest.raises(OSError, match=f"127.0.0.1 port {port} is taken") as caught:
        udp.open_udp(end("127.0.0.1", "127.0.0.2", port), {})
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(("local", "remote"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "::1")])
def test_an_address_of_nobody_here_is_refused(local: str, remote: str) -> None:
    with pytest.raises(OSError, match=f"{local} is not an address of this host") as caught:
        udp.open_udp(end(local, remote, 1694), {})
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize(("local", "remote"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "::1")])
def test_a_home_address_that_is_away_is_waited_for(local: str, remote: str) -> None:
    transport = udp.open_udp(end(local, remote, free_port("127.0.0.1"), may_be_absent=True), {})
    try:
        assert transport.receive() == []
        assert transport.send(b"from an address that is away") is False
    finally:
        transport.close()


def test_a_datagram_beyond_2048_bytes_is_cut_there(alone: Transport) -> None:
    sock = socket.socket(fileno=socket.dup(alone.fileno()))
    with sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"x" * 5000, sock.getsockname())
        assert select.select([alone], [], [], 5)[0]
        (datagram,) = alone.receive()
    assert len(datagram.body) == _socket.DATAGRAM_BYTES_MAX


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps what it receives so")
def test_what_has_waited_for_us_came_when_the_kernel_had_it(alone: Transport) -> None:
    """P6: a delay of the engine's own is not taken for one of the peer's."""
    sock = socket.socket(fileno=socket.dup(alone.fileno()))
    assert alone.receive() == []
    with sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        before = now()
        stranger.sendto(b"in time", sock.getsockname())
        after = now()
        (datagram,) = alone.receive()  # later, however little
    assert before <= datagram.at <= after, "on loopback it is there when sendto returns"


@pytest.mark.parametrize("set_by_s", [3600, -3600, 0.01])
def test_p1_a_wall_clock_that_was_set_tells_nothing_too_early(
    alone: Transport, monkeypatch: pytest.MonkeyPatch, set_by_s: float
) -> None:
    sock = socket.socket(fileno=socket.dup(alone.fileno()))
    assert alone.receive() == []
    wall_ns = time.time_ns
    with sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        many = _socket.DATAGRAMS_MAX + 1
        for _ in range(many):
            stranger.sendto(b"stamped before it was set", sock.getsockname())
        monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + int(set_by_s * SECOND))
        read_at = now()
        taken = [*alone.receive(), *alone.receive()]
    assert len(taken) == many
    assert min(datagram.at for datagram in taken) >= read_at


def test_an_error_that_the_kernel_kept_for_the_socket_does_not_hide_the_next_datagram(
    alone: Transport,
) -> None:
    """A peer whose daemon is dead answers "port unreachable"; that is no reason to be deaf."""
    sock = socket.socket(fileno=socket.dup(alone.fileno()))
    with sock:
        sock.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR: the kernel tells us of it
        assert alone.send(b"to nobody")
        assert select.select([alone], [], [], 5)[0], "the error makes it readable"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"still here", sock.getsockname())
            assert select.select([alone], [], [], 5)[0]
            assert [datagram.body for datagram in alone.receive()] == [b"still here"]


def test_two_addresses_of_different_families_are_refused() -> None:
    with pytest.raises(ValueError, match="not of one family"):
        udp.open_udp(end("127.0.0.1", "::1", 1694), {})


def test_broadcast_on_ipv6_is_refused() -> None:
    with pytest.raises(ValueError, match="IPv6 has no broadcast"):
        udp.open_udp(end("::1", "::1", 1694), {"broadcast": "192.0.2.255"})


def test_broadcast_to_everybody_wants_to_know_the_interface() -> None:
    with pytest.raises(OSError, match="set `interface` for link public"):
        udp.open_udp(
            end("192.0.2.1", "192.0.2.2", 1694, may_be_absent=True),
            {"broadcast": "255.255.255.255"},
        )


@pytest.mark.parametrize(
    ("local", "group", "said"),
    [
        ("127.0.0.1", "192.0.2.9", "not a multicast address"),
        ("127.0.0.1", "ff02::16:94", "not of one family"),
    ],
)
def test_a_group_that_is_none_is_refused(local: str, group: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        multicast.open_multicast(end(local, local, 1694), {"group": group})


def test_an_interface_that_is_not_there_is_named() -> None:
    with pytest.raises(OSError, match="no interface eth9 here") as caught:
        multicast.open_multicast(
            end("127.0.0.1", "127.0.0.2", 1694, interface="eth9"), {"group": "239.192.16.94"}
        )
    assert caught.value.errno == errno.ENODEV


def test_multicast_for_an_address_that_is_away_asks_for_the_interface() -> None:
    with pytest.raises(OSError, match="set `interface` for link public"):
        multicast.open_multicast(
            end("2001:db8::1", "2001:db8::2", 1694, may_be_absent=True), {"group": "ff02::16:94"}
        )


def test_multicast_of_an_address_of_nobody_here_is_refused() -> None:
    with pytest.raises(OSError, match="not an address of this host"):
        multicast.open_multicast(end("192.0.2.1", "192.0.2.2", 1694), {"group": "239.192.16.94"})


def test_link_local_without_its_interface_is_refused_where_nobody_has_it() -> None:
    with pytest.raises(OSError, match="write it with its interface"):
        udp.open_udp(end("fe80::1", "fe80::2", 1694, may_be_absent=True), {})


def test_what_the_kernel_says_of_ipv6_addresses_is_read_and_nonsense_passed_over() -> None:
    text = (
        "20010db8000000000000000000000050 03 40 00 c2     eth0\n"
        "nonsense\n"
        "00000000000000000000000000000001 01 80 10 80       lo\n"
    )
    first, second = _host.read_if_inet6(text)
    assert (str(first.address), first.interface) == ("2001:db8::50/64", "eth0")
    assert first.flags & _host.TENTATIVE
    assert not second.flags & _host.TENTATIVE


def test_the_host_knows_its_own_loopback() -> None:
    found = _host.find_address("127.0.0.1")
    assert found is not None
    assert (found.interface, str(found.address)) == ("lo", "127.0.0.1/8")
    assert _host.broadcast_address("127.0.0.1", "127.255.255.255") == "127.255.255.255"
    assert _host.broadcast_address("127.0.0.1", "127.0.0.2") is None


def test_each_transport_is_offered_under_its_own_name() -> None:
    assert [offer.name for offer in udp.ipfo_transports()] == ["udp"]
    (offer,) = multicast.ipfo_transports()
    assert (offer.name, offer.schema["required"]) == ("multicast", ["group"])
