"""The transports between two hosts: what loopback cannot show. Root on Linux."""

import errno
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipfo.plugin import Datagram, LinkEnd, Options, Transport
from ipfo.testing.cable import Cable, Space
from ipfo.testing.transports import check_transport
from ipfo_plugins.transport.multicast import open_multicast
from ipfo_plugins.transport.udp import open_udp

pytestmark = pytest.mark.root

Open = Callable[[LinkEnd, Options], Transport]

PORT = 1694
V4 = ("192.0.2.1", "192.0.2.2")
V6 = ("2001:db8::1", "2001:db8::2")


def ends(addresses: tuple[str, str], **more: bool | str) -> tuple[LinkEnd, LinkEnd]:
    one, other = addresses
    return (
        LinkEnd("public", one, other, PORT, **more),  # type: ignore[arg-type]  # by name
        LinkEnd("public", other, one, PORT, **more),  # type: ignore[arg-type]  # by name
    )


@contextmanager
def opened(
    cable: Cable, module: Open, addresses: tuple[str, str], options: Options, **more: bool | str
) -> Iterator[tuple[Transport, Transport]]:
    made = open_both(cable, module, addresses, options, **more)
    try:
        yield made
    finally:
        for transport in made:
            transport.close()


def open_both(
    cable: Cable, module: Open, addresses: tuple[str, str], options: Options, **more: bool | str
) -> tuple[Transport, Transport]:
    north, south = cable
    one, other = ends(addresses, **more)
    with north.inside():
        first = module(one, options)
    with south.inside():
        return first, module(other, options)


def heard(transport: Transport, timeout_s: float = 5.0) -> list[Datagram]:
    select.select([transport], [], [], timeout_s)
    return list(transport.receive())


def put_on(space: Space, address: str) -> None:
    space.ip(
        f"addr add {address}/64 dev eth0 nodad"
        if ":" in address
        else f"addr add {address}/24 brd + dev eth0"
    )


def take_off(space: Space, address: str) -> None:
    space.ip(f"addr del {address}/{64 if ':' in address else 24} dev eth0")


WAYS: dict[str, tuple[Open, tuple[str, str], Options]] = {
    "unicast": (open_udp, V4, {}),
    "unicast on IPv6": (open_udp, V6, {}),
    "broadcast to the subnet": (open_udp, V4, {"broadcast": "192.0.2.255"}),
    "broadcast to everybody": (open_udp, V4, {"broadcast": "255.255.255.255"}),
    "multicast": (open_multicast, V4, {"group": "239.192.16.94"}),
    "multicast on IPv6": (open_multicast, V6, {"group": "ff02::16:94"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_keeps_the_contract_of_a_transport(cable: Cable, way: str) -> None:
    check_transport(lambda: open_both(cable, *WAYS[way]))


@pytest.mark.parametrize("way", WAYS)
def test_the_source_is_the_address_of_the_link_even_if_the_interface_has_others(
    cable: Cable, way: str
) -> None:
    north, _ = cable
    one = WAYS[way][1][0]
    take_off(north, one)
    north.ip("addr add 192.0.2.77/24 dev eth0")
    north.ip("addr add 2001:db8::77/64 dev eth0 nodad")
    put_on(north, one)
    with opened(cable, *WAYS[way]) as (first, second):
        assert first.send(b"from?")
        assert [datagram.source for datagram in heard(second)] == [one]


@pytest.mark.parametrize(
    "way", [way for way in WAYS if "cast" in way and not way.startswith("uni")]
)
def test_nobody_hears_his_own_broadcast_or_multicast(cable: Cable, way: str) -> None:
    with opened(cable, *WAYS[way]) as (first, second):
        assert first.send(b"once")
        assert len(heard(second)) == 1
        assert second.send(b"answer")
        assert [datagram.body for datagram in heard(first)] == [b"answer"]


@pytest.mark.parametrize("way", WAYS)
def test_a_second_daemon_on_the_same_port_is_refused(cable: Cable, way: str) -> None:
    north, _ = cable
    module, addresses, options = WAYS[way]
    with opened(cable, *WAYS[way]), north.inside(), pytest.raises(OSError, match="taken") as caught:
        module(ends(addresses)[0], options)
    assert caught.value.errno == errno.EADDRINUSE


def test_links_on_two_interfaces_share_a_port_and_do_not_hear_each_other(cable: Cable) -> None:
    north, south = cable
    second = "198.51.100"
    north.ip(f"link add eth1 type veth peer name eth1 netns {south.name}")
    for number, space in enumerate((north, south), 1):
        space.ip("link set eth1 up")
        space.ip(f"addr add {second}.{number}/24 brd + dev eth1")
    for module, options in (
        (open_multicast, {"group": "239.192.16.94"}),
        (open_udp, {"broadcast": "255.255.255.255"}),
    ):
        with (
            opened(cable, module, V4, options) as (_, public),
            opened(cable, module, (f"{second}.1", f"{second}.2"), options) as (sender, private),
            opened(cable, open_udp, V4, {}) as (_, plain),
        ):
            assert sender.send(b"by eth1")
            assert [d.body for d in heard(private)] == [b"by eth1"]
            assert public.receive() == []
            assert plain.receive() == []


def test_an_address_list_with_the_broadcast_address_of_the_subnet_makes_it_broadcast(
    cable: Cable,
) -> None:
    """Design 4: "an address ending in the subnet's broadcast makes it broadcast"."""
    north, south = cable
    with north.inside():
        first = open_udp(LinkEnd("public", "192.0.2.1", "192.0.2.255", PORT), {})
    with south.inside():
        second = open_udp(LinkEnd("public", "192.0.2.2", "192.0.2.255", PORT), {})
    try:
        assert first.send(b"to all")
        assert [d.body for d in heard(second)] == [b"to all"]
    finally:
        first.close()
        second.close()


def test_link_local_addresses_go_by_this_hosts_name_for_the_interface(cable: Cable) -> None:
    """The scope that the config writes behind the peer's address is the peer's own name for it."""
    north, south = cable
    for number, space in enumerate((north, south), 1):
        space.ip(f"addr add fe80::{number}/64 dev eth0 nodad")
    with north.inside():
        first = open_udp(LinkEnd("public", "fe80::1%eth0", "fe80::2%en7", PORT), {})
    with south.inside():
        second = open_udp(LinkEnd("public", "fe80::2%eth0", "fe80::1%en0", PORT), {})
    try:
        assert first.send(b"near")
        (datagram,) = heard(second)
        assert datagram.source.partition("%")[0] == "fe80::1"
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_link_outlives_its_address_and_its_cable_and_never_speaks_for_an_absent_one(
    cable: Cable, way: str
) -> None:
    """A home address goes to the peer and comes back; P1: who has not got it must not speak as it."""
    north, _ = cable
    module, (one, other), options = WAYS[way]
    north.ip("addr add 192.0.2.77/24 dev eth0")
    north.sysctl("ipv4/conf/eth0/promote_secondaries", 1)
    north.ip("addr add 2001:db8::77/64 dev eth0 nodad")
    with opened(cable, module, (one, other), options, may_be_absent=True) as (first, second):
        take_off(north, one)
        assert first.send(b"as a ghost") is False
        assert first.receive() == []
        north.ip("link set eth0 down")
        assert first.send(b"into the void") is False
        assert first.receive() == []
        north.ip("link set eth0 up")
        put_on(north, one)
        assert speaks(first, second)
        assert speaks(second, first)


def speaks(source: Transport, target: Transport) -> bool:
    """Whether something arrives within some tries: a link that is up again needs a moment."""
    for _ in range(100):
        source.send(b"back")
        if heard(target, 0.05):
            return True
    return False


@pytest.mark.parametrize("way", WAYS)
def test_a_home_address_that_is_away_at_the_start_is_used_once_it_comes(
    cable: Cable, way: str
) -> None:
    north, _ = cable
    module, (one, other), options = WAYS[way]
    take_off(north, one)
    with opened(cable, module, (one, other), options, may_be_absent=True, interface="eth0") as (
        first,
        second,
    ):
        assert first.send(b"not yet") is False
        put_on(north, one)
        assert speaks(first, second)
        assert speaks(second, first)


def test_an_ipv6_address_in_its_duplicate_detection_can_be_bound(cable: Cable) -> None:
    """At boot the daemon may be there before the kernel has done with its addresses."""
    north, _ = cable
    with north.inside():
        Path("/proc/sys/net/ipv6/conf/eth0/dad_transmits").write_text("20")
        north.ip("addr add 2001:db8::9/64 dev eth0")
        transport = open_udp(LinkEnd("public", "2001:db8::9", "2001:db8::2", PORT), {})
        transport.close()


def test_multicast_stays_on_the_segment(cable: Cable) -> None:
    for way, level, option in (
        ("multicast", socket.IPPROTO_IP, socket.IP_MULTICAST_TTL),
        ("multicast on IPv6", socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS),
    ):
        with (
            opened(cable, *WAYS[way]) as (first, _),
            socket.socket(fileno=socket.dup(first.fileno())) as sock,
        ):
            assert sock.getsockopt(level, option) == 1
