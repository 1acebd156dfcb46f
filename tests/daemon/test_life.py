"""What the start makes of what it finds."""

from dataclasses import replace

from tests.machine.virtual_pair import terms

from ipfo.daemon.life import placed


def test_the_carrier_that_matters_is_where_the_home_address_really_is() -> None:
    """Design 7.11: the home node finds the address on whichever interface."""
    groups = {"web": replace(terms("alpha").groups["web"], home="alpha", interfaces=())}
    mine = replace(terms("alpha"), groups=groups)
    assert placed(mine, {"web": "en7"}).groups["web"].interfaces == ("en7",)


def test_an_interface_that_is_configured_stays_where_nothing_was_found() -> None:
    assert placed(terms("alpha"), {}).groups["web"].interfaces == ("eth0",)
    assert placed(terms("alpha"), {"web": ""}).groups["web"].interfaces == ("eth0",)
