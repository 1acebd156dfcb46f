"""The providers on real interfaces, in namespaces of the test's own. Root on Linux."""

import ctypes
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from ipfo.model import SECOND, Address
from ipfo.plugin import Offer, Provider
from ipfo.testing.cable import Cable, Space, run, until
from ipfo.testing.providers import check_provider
from ipfo_plugins.provider import _arp, _wire, ifconfig, ip, netlink

pytestmark = pytest.mark.root

OFFERS: dict[str, Offer[Provider]] = {
    module.ipfo_providers()[0].name: module.ipfo_providers()[0]
    for module in (ip, netlink, ifconfig)
}
LEASING = [name for name, offer in OFFERS.items() if "lease" in offer.traits]
SERVICE = (Address.parse("192.0.2.100/24"), Address.parse("2001:db8::100/64"))
ALL = (*SERVICE, Address.parse("198.51.100.7/32"), Address.parse("203.0.113.9/28"))


def made(name: str) -> Provider:
    return OFFERS[name].build({})


def addresses_of(space: Space) -> set[str]:
    lines = space.ip("-oneline address show dev eth0").splitlines()
    return {line.split()[3] for line in lines}


def neighbour(space: Space, address: str) -> str:
    """The card that `space` has on record for `address`."""
    words = space.ip(f"neigh show {address} dev eth0").split()
    return words[words.index("lladdr") + 1] if "lladdr" in words else ""


def card_of(space: Space) -> str:
    words = space.ip("link show dev eth0").split()
    return words[words.index("link/ether") + 1]


@pytest.mark.parametrize("name", OFFERS)
def test_each_keeps_the_contract_of_a_provider(cable: Cable, name: str) -> None:
    north, _ = cable
    before = addresses_of(north)
    with north.inside():
        check_provider(lambda: made(name), "eth0", ALL, OFFERS[name].traits)
    assert addresses_of(north) == before


@pytest.mark.parametrize("name", OFFERS)
def test_all_or_none_where_one_of_them_cannot_be_put_on(cable: Cable, name: str) -> None:
    """Contract: "acquire takes off again what it had put on before it raises"."""
    north, _ = cable
    north.ip("addr add 192.0.2.99/24 dev eth0")
    before = addresses_of(north)
    wanted = (
        Address.parse("192.0.2.99/24"),
        *SERVICE,
        Address.parse("ff02::77/128"),  # no host can have a group's address
    )
    with north.inside(), pytest.raises(OSError, match="ff02::77"):
        made(name).acquire("eth0", wanted, None)
    assert addresses_of(north) == before


@pytest.mark.parametrize("name", LEASING)
def test_the_kernel_drops_what_is_not_renewed_and_keeps_what_is(cable: Cable, name: str) -> None:
    """Design 7.1: "Linux removes it by itself when it is not renewed"."""
    north, _ = cable
    kept, dropped = Address.parse("192.0.2.101/24"), SERVICE
    with north.inside():
        provider = made(name)
        provider.acquire("eth0", [*dropped, kept], 2)
        provider.renew("eth0", [kept], 60)
        assert until(lambda: not any(provider.find(each) for each in dropped))
        assert provider.find(kept)


@pytest.mark.parametrize("name", LEASING)
def test_a_renewal_of_something_gone_changes_nothing_and_says_what(cable: Cable, name: str) -> None:
    """Design 7.1: "A renewal must never put back an address that has gone"."""
    north, _ = cable
    with north.inside():
        provider = made(name)
        provider.acquire("eth0", SERVICE[:1], 600)
        with pytest.raises(OSError, match="2001:db8::100/64 went from eth0"):
            provider.renew("eth0", SERVICE, 3000)
        found = provider.find(SERVICE[0])
        assert found is not None
        assert found.lifetime_s is not None
        assert found.lifetime_s <= 600


@pytest.mark.parametrize("name", LEASING)
def test_a_leased_ipv6_address_answers_but_is_not_chosen_as_a_source(
    cable: Cable, name: str
) -> None:
    north, _ = cable
    with north.inside():
        made(name).acquire("eth0", SERVICE, 600)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.connect(("2001:db8::2", 9))
            assert sock.getsockname()[0] == "2001:db8::1"


@pytest.mark.parametrize("name", OFFERS)
def test_an_address_can_be_used_at_once(cable: Cable, name: str) -> None:
    """Contract: "usable at once (IPv6: without duplicate detection)"."""
    north, _ = cable
    with north.inside():
        made(name).acquire("eth0", SERVICE, None)
        for family, address in ((socket.AF_INET, SERVICE[0]), (socket.AF_INET6, SERVICE[1])):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.bind((address.ip, 0))
        setting = Path("/proc/sys/net/ipv6/conf/eth0/accept_dad").read_text()
        assert setting.strip() == "1", "what was changed for the moment must be as it was"


@pytest.mark.parametrize("promote", [0, 1])
@pytest.mark.parametrize("name", OFFERS)
def test_releasing_the_first_address_of_a_subnet_takes_no_other_with_it(
    cable: Cable, name: str, promote: int
) -> None:
    """P9: "what was not touched is not touched". Linux would drop the secondaries."""
    north, _ = cable
    north.sysctl("ipv4/conf/eth0/promote_secondaries", promote)
    north.ip("addr add 192.0.2.51/24 dev eth0")
    north.ip("addr add 192.0.2.52/24 dev eth0 valid_lft 900 preferred_lft 900")
    # the kernel forgets this route as soon as its source is away, be it for a moment
    north.ip("route add 203.0.113.0/24 via 192.0.2.2 src 192.0.2.51")
    home = Address.parse("192.0.2.1/24")
    before = addresses_of(north)
    with north.inside():
        made(name).release("eth0", [home])
        setting = Path("/proc/sys/net/ipv4/conf/eth0/promote_secondaries").read_text()
    assert before - addresses_of(north) == {str(home)}
    assert setting.strip() == str(promote)
    assert "src 192.0.2.51" in north.ip("route show 203.0.113.0/24")


@pytest.mark.parametrize("name", OFFERS)
@pytest.mark.parametrize("more", [0, 1])
def test_a_home_address_comes_back_with_its_routes(cable: Cable, name: str, more: int) -> None:
    """Design 7.11: it "remembers how it was (prefix, flags)", and its gateway is worth more."""
    north, _ = cable
    north.ip("route add default via 192.0.2.254")
    north.ip("route add 203.0.113.0/24 via 192.0.2.253 metric 7")
    north.ip("-6 route add default via 2001:db8::fe")
    if more:
        north.ip("addr add 198.51.100.1/24 dev eth0")
        north.ip("addr add 192.0.2.51/24 dev eth0")
    routes = {line.strip() for line in north.ip("route show").splitlines()}
    routes6 = {line.strip() for line in north.ip("-6 route show").splitlines()}
    before = addresses_of(north)
    homes = [Address.parse("192.0.2.1/24"), Address.parse("2001:db8::1/64")]
    with north.inside():
        provider = made(name)
        found = [provider.find(home) for home in homes]
        provider.release("eth0", homes)
        assert all(provider.find(home) is None for home in homes)
        for each in found:
            assert each is not None
            provider.restore(each)
    assert addresses_of(north) == before
    there = {line.strip() for line in north.ip("route show").splitlines()}
    if more:  # the kernel made another address the subnet's first: only that may differ
        there = {line.replace("src 192.0.2.51", "src 192.0.2.1") for line in there}
    assert there == routes
    assert {line.strip() for line in north.ip("-6 route show").splitlines()} == routes6


@pytest.mark.parametrize("name", OFFERS)
def test_a_home_address_is_found_on_whichever_interface_it_is(cable: Cable, name: str) -> None:
    north, _ = cable
    north.ip("addr add 198.51.100.7/28 dev lo")
    with north.inside():
        found = made(name).find(Address.parse("198.51.100.7/32"))
    assert found is not None
    assert (found.interface, str(found.address)) == ("lo", "198.51.100.7/28")


@pytest.mark.parametrize("name", OFFERS)
def test_neighbours_learn_of_the_card_from_an_announcement(cable: Cable, name: str) -> None:
    """Design 7: "gratuitous ARP ... and unsolicited NA with override"; the old entry gives way."""
    north, south = cable
    old = "02:00:5e:00:53:01"
    for address in SERVICE:
        south.ip(f"neigh replace {address.ip} lladdr {old} dev eth0 nud stale")
    with north.inside():
        provider = made(name)
        provider.acquire("eth0", SERVICE, None)
        provider.announce("eth0", SERVICE)
    for address in SERVICE:
        assert until(lambda ip=address.ip: neighbour(south, ip) == card_of(north)), address  # type: ignore[misc]  # bound now


@pytest.mark.parametrize("name", OFFERS)
def test_the_wire_says_whose_card_has_the_addresses(cable: Cable, name: str) -> None:
    """Design 7.3: "Say also *who* answered". Not ending early would outlast the test's own time."""
    north, south = cable
    with south.inside():
        made(name).acquire("eth0", SERVICE, None)
    with north.inside():
        provider = made(name)
        answers = provider.probe("eth0", SERVICE, 120 * SECOND)
        assert {answer.address for answer in answers} == {each.ip for each in SERVICE}
        assert {answer.card for answer in answers} == {card_of(south)}
        provider.acquire("eth0", SERVICE, None)
        assert len(provider.probe("eth0", SERVICE, 120 * SECOND)) == 2
        own = Address.parse("192.0.2.1/24")
        assert list(provider.probe("eth0", [own], SECOND // 10)) == []


def test_another_card_of_this_host_on_the_same_wire_is_nobody_else(cable: Cable) -> None:
    """Linux answers on each of its cards for all its addresses; that is no third host."""
    north, south = cable
    south.ip("link add br0 type bridge")
    south.ip("link set br0 up")
    run(f"ip link add eth1 netns {north.name} type veth peer name eth1 netns {south.name}")
    for port in ("eth0", "eth1"):
        south.ip(f"link set {port} master br0")
        south.ip(f"link set {port} up")
    north.ip("link set eth1 up")
    south.ip("addr del 192.0.2.2/24 dev eth0")
    south.ip("addr add 192.0.2.2/24 dev br0")
    with north.inside():
        provider = made("ip")
        provider.acquire("eth0", SERVICE[:1], None)
        neighbour = Address.parse("192.0.2.2/24")  # so that the wire is known to carry answers
        assert until(lambda: bool(provider.probe("eth0", [neighbour], SECOND)))
        assert list(provider.probe("eth0", SERVICE[:1], SECOND // 5)) == []


@pytest.mark.parametrize("name", OFFERS)
def test_where_there_are_no_neighbours_nobody_is_asked(cable: Cable, name: str) -> None:
    north, _ = cable
    with north.inside():
        provider = made(name)
        assert list(provider.probe("lo", SERVICE, SECOND)) == []
        provider.announce("lo", SERVICE)


@pytest.mark.parametrize("name", OFFERS)
@pytest.mark.parametrize("interface", ["eth9", "eth0"])
def test_an_interface_that_is_missing_or_down_is_said_in_one_line(
    cable: Cable, name: str, interface: str
) -> None:
    north, _ = cable
    north.ip("link set eth0 down")
    provider = made(name)
    calls: list[Callable[[], object]] = [
        lambda: provider.announce(interface, SERVICE),
        lambda: provider.probe(interface, SERVICE, SECOND // 10),
    ]
    for call in calls:
        with north.inside(), pytest.raises(OSError, match=interface):
            call()


@pytest.mark.parametrize("name", OFFERS)
def test_what_cannot_be_an_interface_never_becomes_a_word_of_a_command(name: str) -> None:
    for bad in ("eth0\naddress flush dev eth0", "-force", "", "a" * 16, "eth0 eth1"):
        with pytest.raises(OSError, match="cannot be the name of an interface"):
            made(name).acquire(bad, SERVICE, None)


@pytest.mark.parametrize("name", OFFERS)
def test_release_on_an_interface_that_has_gone_is_well_done(cable: Cable, name: str) -> None:
    north, _ = cable
    with north.inside():
        made(name).release("eth9", SERVICE)


def in_a_container(space: Space, call: Callable[[], None]) -> None:
    """Run `call` in `space` with /proc/sys read-only, as it is in most containers."""
    failed: list[BaseException] = []

    def enter() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            assert libc.unshare(0x00020000) == 0, "CLONE_NEWNS: this thread's mounts are its own"
            for words in ("--make-rprivate /", "--bind /proc/sys /proc/sys"):
                run(f"mount {words}")
            run("mount -o remount,ro,bind /proc/sys")
            with space.inside():
                call()
        except BaseException as error:  # carried to the test's own thread
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


@pytest.mark.parametrize("name", OFFERS)
def test_where_no_setting_can_be_changed_the_others_are_put_back(cable: Cable, name: str) -> None:
    north, _ = cable
    north.sysctl("ipv4/conf/eth0/promote_secondaries", 0)
    north.ip("addr add 192.0.2.51/24 dev eth0")
    north.ip("addr add 192.0.2.52/24 dev eth0 valid_lft 900 preferred_lft 900")
    before = addresses_of(north)
    in_a_container(north, lambda: made(name).release("eth0", [Address.parse("192.0.2.1/24")]))
    assert before - addresses_of(north) == {"192.0.2.1/24"}
    if name in LEASING:
        assert "valid_lft forever" not in north.ip("address show dev eth0 to 192.0.2.52")


def test_where_no_setting_can_be_changed_ifconfig_waits_for_the_detection(cable: Cable) -> None:
    north, _ = cable
    in_a_container(north, lambda: made("ifconfig").acquire("eth0", SERVICE[1:], None))
    assert "tentative" not in north.ip("-6 address show dev eth0 to 2001:db8::100")


def test_ifconfig_says_so_where_it_would_take_off_another_address(cable: Cable) -> None:
    north, _ = cable
    north.ip("addr add 192.0.2.51/24 dev eth0")
    before = addresses_of(north)
    with north.inside(), pytest.raises(OSError, match="is not the first address of eth0"):
        made("ifconfig").release("eth0", [Address.parse("192.0.2.51/24")])
    assert addresses_of(north) == before


@pytest.mark.parametrize("name", OFFERS)
def test_releasing_the_first_and_another_of_its_subnet_is_no_fault(cable: Cable, name: str) -> None:
    """With the first address Linux may have taken the other already: "none there is well done"."""
    north, _ = cable
    both = [Address.parse("192.0.2.1/24"), Address.parse("192.0.2.100/24")]
    with north.inside():
        provider = made(name)
        provider.acquire("eth0", both[1:], None)
        provider.release("eth0", both)
    assert addresses_of(north).isdisjoint(map(str, both))


def test_two_hosts_that_ask_at_once_do_not_take_each_other_for_holders(cable: Cable) -> None:
    """RFC 5227, 2.1.1 knows simultaneous probes; a question is no claim."""
    north, south = cable
    with south.inside():
        frame = _arp.probe(bytes.fromhex("02005e005399"), IPv4Address(SERVICE[0].ip))
        stranger = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        stranger.bind(("eth0", _arp.ETHERTYPE))
    with stranger, north.inside():
        asking = threading.Thread(target=lambda: [stranger.send(frame) for _ in range(50)])
        asking.start()
        assert list(made("ip").probe("eth0", SERVICE, SECOND // 5)) == []
        asking.join()


def test_an_announcement_is_seen_in_both_forms_and_a_probe_is_repeated(cable: Cable) -> None:
    """Design 7: "gratuitous ARP in request and reply form"; a single lost frame decides nothing."""
    north, south = cable
    with south.inside():
        capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        capture.bind(("eth0", _arp.ETHERTYPE))
        capture.setblocking(False)
    with capture, north.inside():
        provider = made("ip")
        provider.announce("eth0", SERVICE)
        assert list(provider.probe("eth0", SERVICE[:1], SECOND)) == []
        frames = []
        with suppress(BlockingIOError):
            while True:
                frames.append(capture.recv(2048))
    card, ip4 = bytes.fromhex(card_of(north).replace(":", "")), IPv4Address(SERVICE[0].ip)
    assert tuple(frames[:2]) == _arp.announcements(card, ip4)
    assert set(frames[2:]) == {_arp.probe(card, ip4)}
    assert 1 < len(frames[2:]) <= _wire.PROBES
