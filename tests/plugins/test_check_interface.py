"""The check of interfaces, on both ends of a real cable."""

import pytest

from ipfo.plugin import Check
from ipfo.plugin.registry import Registry
from ipfo.testing import check_check
from ipfo.testing.cable import Cable, Space, until

pytestmark = pytest.mark.root

OFFER = Registry(["interface"]).checks()["interface"]


def make(interface: str = "eth0", address: str | None = None) -> Check:
    """As ipfo builds it."""
    return OFFER.build({"interface": interface, **({"address": address} if address else {})})


def why(space: Space, check: Check) -> str:
    """Why `check` is not well in `space`; empty if it is."""
    with space.inside():
        try:
            check.check(20)
        except OSError as error:
            return error.strerror or str(error)
    return ""


def test_it_keeps_the_contract() -> None:
    check_check(lambda: make("lo", "127.0.0.1"), lambda: make("nobodys"))


def test_a_cable_that_is_pulled_and_put_back_is_seen(cable: Cable) -> None:
    north, south = cable
    assert until(lambda: why(north, make()) == "")
    south.ip("link set eth0 down")
    assert until(lambda: why(north, make()) == "interface eth0 has no carrier")
    south.ip("link set eth0 up")
    assert until(lambda: why(north, make()) == "")


def test_an_interface_that_is_down_or_gone_is_said(cable: Cable) -> None:
    north, _ = cable
    north.ip("link set eth0 down")
    assert why(north, make()) == "interface eth0 is down"
    north.ip("link del eth0")
    assert why(north, make()) == "there is no interface eth0 here"


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_must_be_on_it(cable: Cable, address: str) -> None:
    north, south = cable
    assert until(lambda: why(north, make(address=address)) == "")
    assert why(south, make(address=address)) == f"interface eth0 does not have {address}"
    assert why(north, make("lo", address)) == f"interface lo does not have {address}"
    north.ip(f"addr del {address}/{64 if ':' in address else 24} dev eth0")
    assert why(north, make(address=address)) == f"interface eth0 does not have {address}"


def test_an_address_that_may_be_a_double_does_not_count_yet(cable: Cable) -> None:
    north, _ = cable
    assert until(lambda: why(north, make()) == "")
    north.sysctl("ipv6/conf/eth0/dad_transmits", 100)
    north.ip("addr add 2001:db8::77/64 dev eth0")
    assert why(north, make(address="2001:db8::77")) == "interface eth0 does not have 2001:db8::77"
