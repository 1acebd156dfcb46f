"""The providers without privileges: in memory, by recorded commands, and by what text says."""

import errno
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ipfo.model import SECOND, Address
from ipfo.plugin import Found, Instant, LateError, now
from ipfo.testing.providers import check_provider
from ipfo_plugins.provider import _commands, _nettools, ifconfig, ip, mock, netlink
from ipfo_plugins.provider._bsd import BsdProvider, read_ifconfig
from ipfo_plugins.provider._linux import routes_by

HOME = Address.parse("192.0.2.1/24")
V4 = Address.parse("192.0.2.165/32")
V6 = Address.parse("2001:db8::100/64")

MAC = """\
lo0: flags=8049<UP,LOOPBACK,RUNNING,MULTICAST> mtu 16384
\tinet 127.0.0.1 netmask 0xff000000
\tinet6 ::1 prefixlen 128
\tinet6 fe80::1%lo0 prefixlen 64 scopeid 0x1
en0: flags=8863<UP,BROADCAST,SMART,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tether 02:00:5e:00:53:01
\tinet 192.0.2.1 netmask 0xffffff00 broadcast 192.0.2.255
\tinet banana netmask 0xffffff00
\tinet 203.0.113.1 netmask soft
\tmedia: autoselect
"""
DEFAULT = "   route to: default\n    gateway: 192.0.2.254\n  interface: en0\n"


class Recorder:
    """Answers commands as a Mac would and records their words; some fail."""

    def __init__(self, said: Mapping[str, str], failing: Sequence[str] = ()) -> None:
        self.commands: list[str] = []
        self.said = said
        self.failing = failing

    def __call__(
        self, argv: Sequence[str], *, given: str = "", good_until: Instant | None = None
    ) -> str:
        assert given == ""
        assert good_until is None, "ifconfig does at once what it is told"
        command = " ".join(argv)
        self.commands.append(command)
        if command in self.failing:
            raise FileExistsError(errno.EEXIST, f"{command}: File exists")
        if argv[:3] == ["route", "-n", "get"] and command not in self.said:
            raise OSError(errno.EIO, f"{command}: not in table")
        return self.said.get(command, "")

    @property
    def changes(self) -> list[str]:
        return [c for c in self.commands if "alias" in c or " add " in c]


def mac(*failing: str) -> tuple[BsdProvider, Recorder]:
    recorder = Recorder(
        {"ifconfig -a": MAC, "ifconfig en0": MAC, "route -n get -inet default": DEFAULT}, failing
    )
    return BsdProvider(recorder), recorder


def test_mock_keeps_the_contract_of_a_provider() -> None:
    (offer,) = mock.ipfo_providers()
    addresses = [HOME, V4, V6]
    provider = offer.build({})
    check_provider(lambda: offer.build({}), "en7", addresses, offer.traits)
    provider.announce("en7", addresses)
    assert list(provider.probe("en7", addresses, SECOND)) == []


def test_a_renewal_in_memory_does_not_put_back_what_has_gone() -> None:
    provider = mock.MockProvider()
    provider.acquire("en7", [V4], None)
    with pytest.raises(OSError, match="2001:db8::100/64 went from en7"):
        provider.renew("en7", [V4, V6], 60)
    found = provider.find(V4)
    assert found is not None
    assert found.lifetime_s is None


def test_a_mac_is_told_of_an_alias_in_the_originals_words() -> None:
    """legacy.md 5: "ifconfig IF inet alias ADDR[/MASK]", and no mask on release."""
    provider, recorder = mac()
    provider.acquire("en0", [V4, V6], None)
    assert recorder.changes == [
        "ifconfig en0 inet alias 192.0.2.165/32",
        "ifconfig en0 inet6 2001:db8::100 prefixlen 64 alias",
    ]
    recorder.said = {"ifconfig en0": MAC + "\tinet 192.0.2.165 netmask 0xffffffff\n"}
    recorder.commands.clear()
    provider.release("en0", [V4, V6])
    assert recorder.changes == ["ifconfig en0 inet -alias 192.0.2.165"]


def test_a_mac_gives_an_ipv6_alias_back_too() -> None:
    provider, recorder = mac()
    recorder.said = {"ifconfig en0": MAC + "\tinet6 2001:db8::100 prefixlen 64\n"}
    provider.release("en0", [V6])
    assert recorder.changes == ["ifconfig en0 inet6 2001:db8::100 -alias"]


def test_a_mac_has_all_or_none() -> None:
    provider, recorder = mac("ifconfig en0 inet6 2001:db8::100 prefixlen 64 alias")
    with pytest.raises(OSError, match="File exists"):
        provider.acquire("en0", [HOME, V4, V6], None)
    assert recorder.changes[-1] == "ifconfig en0 inet -alias 192.0.2.165"
    assert not any("-alias 192.0.2.1 " in f"{command} " for command in recorder.changes)


def test_a_mac_finds_its_own_address_with_the_default_route_and_puts_both_back() -> None:
    provider, recorder = mac("route -n add -inet default 192.0.2.254")
    found = provider.find(Address.parse("192.0.2.1/32"))
    assert found == Found(HOME, "en0", None, ("broadcast 192.0.2.255",), ("default 192.0.2.254",))
    assert provider.find(V4) is None
    recorder.said = {}
    provider.restore(found)
    assert recorder.changes == [
        "ifconfig en0 inet alias 192.0.2.1/24",
        "route -n add -inet default 192.0.2.254",
    ]


@pytest.mark.parametrize(
    "said",
    [
        "",
        DEFAULT.replace("en0", "en1"),
        DEFAULT.replace("192.0.2.254", "link#4"),
        DEFAULT.replace("192.0.2.254", "198.51.100.1"),
    ],
)
def test_a_mac_leaves_a_default_route_alone_that_does_not_go_with_the_address(said: str) -> None:
    provider, recorder = mac()
    recorder.said = {"ifconfig -a": MAC} | ({"route -n get -inet default": said} if said else {})
    found = provider.find(HOME)
    assert found is not None
    assert found.routes == ()


def test_a_mac_neither_tells_nor_asks_its_neighbours_by_itself() -> None:
    provider, recorder = mac()
    provider.announce("en0", [V4])
    provider.renew("en0", [V4], 5)
    assert list(provider.probe("en0", [V4], SECOND)) == []
    assert recorder.commands == []


def test_ifconfig_reads_both_notations_of_a_mask() -> None:
    assert [str(found.address) for found in read_ifconfig(MAC)] == [
        "127.0.0.1/8",
        "::1/128",
        "fe80::1/64",
        "192.0.2.1/24",
    ]
    (found,) = read_ifconfig("em0: flags=8843\n\tinet 192.0.2.9 netmask 255.255.255.240\n")
    assert str(found.address) == "192.0.2.9/28"


def test_ifconfig_is_net_tools_on_linux_and_the_systems_own_elsewhere() -> None:
    assert isinstance(ifconfig.build({}, linux=True), _nettools.NetToolsProvider)
    assert isinstance(ifconfig.build({}, linux=False), BsdProvider)


def test_only_who_can_put_a_lifetime_on_an_address_says_so() -> None:
    """Design 7.1: "Providers say whether they can (`ifconfig` cannot)"."""
    traits = {
        offer.name: offer.traits
        for module in (ip, netlink, ifconfig, mock)
        for offer in module.ipfo_providers()
    }
    assert traits["ip"] == traits["netlink"] == {"lease", "probe", "wire"}
    assert traits["ifconfig"] == {"probe", "wire"}
    assert traits["mock"] == {"lease"}


def test_a_missing_pyroute2_is_named_with_its_extra() -> None:
    hidden = sys.modules.get("pyroute2")
    sys.modules["pyroute2"] = None  # type: ignore[assignment]  # how Python marks it as not there
    try:
        with pytest.raises(ValueError, match=r'pip install "ipfo\[netlink\]"'):
            netlink.build({})
    finally:
        del sys.modules["pyroute2"]
        if hidden:
            sys.modules["pyroute2"] = hidden


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(FileNotFoundError, match=r"no-such-tool is missing: install .* iproute2"):
        _commands.program("no-such-tool", "iproute2")
    assert Path(_commands.program("ip", "iproute2")).is_absolute()


@pytest.mark.parametrize(
    ("script", "number", "said"),
    [
        ("echo one >&2; echo two >&2; exit 3", errno.EIO, "one two$"),
        ("exit 4", errno.EIO, "exit code 4"),
        ("echo Operation not permitted >&2; exit 1", errno.EPERM, "not permitted"),
        ("echo 'Cannot find device \"eth9\"' >&2; exit 1", errno.ENODEV, "eth9"),
    ],
)
def test_what_a_program_says_becomes_one_line(script: str, number: int, said: str) -> None:
    with pytest.raises(OSError, match=said) as caught:
        _commands.run(["/bin/sh", "-c", script])
    assert caught.value.errno == number
    assert "\n" not in str(caught.value)


def test_a_program_gets_its_input_and_the_language_c() -> None:
    assert _commands.run(["/bin/sh", "-c", "cat; echo $LC_ALL"], given="here\n") == "here\nC\n"


ETH0 = Found(HOME, "eth0", None, ("scope global",))
SAME_NET = Found(Address.parse("192.0.2.51/24"), "eth0")
OTHER_NET = Found(Address.parse("198.51.100.1/24"), "eth0")


@pytest.mark.parametrize(
    ("others", "source", "gateway", "goes"),
    [
        ((), "", "192.0.2.254", True),
        ((), "", "", True),
        ((SAME_NET,), "", "192.0.2.254", False),
        ((SAME_NET,), "192.0.2.1", "192.0.2.254", True),
        ((SAME_NET,), "192.0.2.51", "192.0.2.254", False),
        ((OTHER_NET,), "", "192.0.2.254", True),
        ((OTHER_NET,), "", "198.51.100.254", False),
        ((OTHER_NET,), "", "", False),
    ],
)
def test_a_route_goes_with_the_address_that_it_needs(
    others: Sequence[Found], source: str, gateway: str, goes: bool
) -> None:
    assert routes_by(ETH0, others, source, gateway) is goes


def test_routes_are_read_with_what_ip_adds_for_people_left_out() -> None:
    text = (
        "default via 192.0.2.254 dev eth0 proto static linkdown \n"
        "192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1 \n"
        "198.51.100.0/24 dev eth1 proto kernel scope link src 198.51.100.1 \n"
        "local 192.0.2.1 dev eth0 table local proto kernel scope host src 192.0.2.1 \n"
        "\n"
        "203.0.113.0/24 via 192.0.2.9 dev eth0 proto ra expires 30sec \n"
        "203.0.113.128/25 via 192.0.2.9 dev eth0 table 7 expires 30sec \n"
    )
    assert list(ip._routes(text, ETH0, ())) == [
        "default via 192.0.2.254 dev eth0 proto static",
        "203.0.113.128/25 via 192.0.2.9 dev eth0 table 7",
    ]
    managed = Found(HOME, "eth0", None, ("noprefixroute",))
    assert "192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1" in list(
        ip._routes(text, managed, ())
    )


def test_an_address_is_told_to_ip_as_it_was_found() -> None:
    entry = {
        "local": "192.0.2.1",
        "address": "192.0.2.2",
        "prefixlen": 32,
        "scope": "link",
        "label": "eth0:7",
        "broadcast": "192.0.2.1",
        "metric": 5,
        "noprefixroute": True,
        "secondary": True,
        "valid_life_time": 7,
    }
    found = ip._found("eth0", entry)
    assert found.lifetime_s == 7
    assert "secondary" in found.flags
    assert ip._words(found) == (
        "192.0.2.1 peer 192.0.2.2/32 dev eth0 valid_lft 7 preferred_lft 7"
        " brd 192.0.2.1 scope link label eth0:7 metric 5 noprefixroute"
    )


def test_the_routes_of_net_tools_are_read_from_the_kernels_tables() -> None:
    text = (
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
        "eth0 00000000 FE0200C0 0003 0 0 100 00000000 0 0 0\n"
        "eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
        "eth0 097100CB FD0200C0 0007 0 0 0 FFFFFFFF 0 0 0\n"
        "eth0 006433C6 00000000 0201 0 0 0 00FFFFFF 0 0 0\n"
        "eth1 006433C6 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
    )
    if sys.byteorder == "little":
        assert list(_nettools.read_routes4(text, ETH0, ())) == [
            "-net 0.0.0.0/0 gw 192.0.2.254 metric 100",
            "-host 203.0.113.9 gw 192.0.2.253",
        ]


def test_an_interface_has_only_so_many_alias_names() -> None:
    assert _nettools._free_label("eth0", {"eth0", "eth0:0"}) == "eth0:1"
    with pytest.raises(OSError, match="no alias name is left"):
        _nettools._free_label("abcdefghijklm", {f"abcdefghijklm:{n}" for n in range(10)})


def test_a_program_that_is_late_is_given_nothing(tmp_path: Path) -> None:
    """It runs already when the clock is asked: to start it is what takes time."""
    said = tmp_path / "said"
    argv = ["/bin/sh", "-c", f"read line && echo $line > {said}"]
    with pytest.raises(LateError, match="late by"):
        _commands.run(argv, given="now\n", good_until=Instant(now() - 1))
    assert not said.exists()
    _commands.run(argv, given="now\n", good_until=Instant(now() + 10 * SECOND))
    assert said.read_text() == "now\n"


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(OSError, match=r"did not end within 0\.05 s"):
        _commands.run(["/bin/sh", "-c", "exec sleep 60"], timeout_s=0.05)
