"""Home addresses: design 7.11."""

from dataclasses import replace

from tests.machine.scenes import HOME, settled, until_held
from tests.machine.virtual_pair import MS, Pair

from ipfo.machine.effects import Release
from ipfo.machine.events import (
    HandoverAsked,
    ResumeAsked,
    StandbyAsked,
    StopAsked,
)
from ipfo.machine.step import Remembered
from ipfo.model import Epoch


def test_a_home_node_holds_without_a_lease() -> None:
    pair = settled(groups={"web": HOME})
    assert pair.hosts["alpha"].node.groups["web"].leased_from is None
    assert pair.hosts["alpha"].node.lapses_at is None


def test_a_home_node_that_starts_while_its_peer_claims_gives_way_and_gets_it_by_failback() -> None:
    pair = settled(groups={"web": HOME})
    pair.power_cut("alpha")
    until_held(pair, "beta")
    pair.hosts["alpha"].powered = True
    pair.start("alpha", {"web": Remembered(Epoch(1))})
    pair.hosts["alpha"].addresses["web"] = None  # its operating system set it
    pair.run(2_000)
    assert pair.holders() == ["beta"]
    assert "release" in pair.told("alpha")
    pair.feed("beta", HandoverAsked("web", "alpha"))
    until_held(pair, "alpha")


def test_an_outcast_home_node_gives_way_too() -> None:
    pair = settled(groups={"web": HOME})
    pair.power_cut("alpha")
    until_held(pair, "beta")
    pair.hosts["alpha"].powered = True
    pair.start("alpha", {"web": Remembered(Epoch(1))})
    pair.hosts["alpha"].addresses["web"] = None
    pair.feed("alpha", StandbyAsked())
    pair.run(2_000)
    assert pair.holders() == ["beta"]


def test_the_link_that_uses_a_home_address_is_out_of_service_not_anomalous() -> None:
    pair = settled(groups={"web": HOME})
    pair.feed("alpha", HandoverAsked("web", "beta"))
    until_held(pair, "beta")
    pair.cut = {("alpha", "public"), ("beta", "public")}
    before = len(pair.told("beta"))
    pair.run(20_000)
    assert "anomaly" not in pair.told("beta")[before:]
    assert "anomaly" not in pair.told("alpha")


def test_a_home_node_that_ends_without_a_peer_leaves_its_address_where_it_is() -> None:
    pair = Pair(start=("alpha",), groups={"web": HOME}).run(5_000)
    pair.feed("alpha", StopAsked())
    pair.run(3_000)
    assert pair.holders() == ["alpha"]
    assert pair.ended("alpha")


def test_p1_a_home_node_that_was_stopped_while_it_stood_still_takes_its_address_off() -> None:
    """It leaves it where it is only as long as nobody else claims it."""
    pair = settled(groups={"web": replace(HOME, phases=True)})
    pair.feed("beta", StandbyAsked())
    pair.run(1_500)
    pair.hosts["alpha"].phase_ns = 8_000 * MS
    pair.feed("alpha", StopAsked())  # beta cannot take it, so it would stay; pre_rel is slow
    pair.run(100)
    pair.cut = {("alpha", "public"), ("alpha", "private")}
    pair.deaf_wire = True
    pair.feed("beta", ResumeAsked())
    pair.run(5_000)
    pair.heal()
    pair.run(10_000)
    assert pair.holders() == ["beta"]
    assert any(isinstance(effect, Release) for _, effect in pair.hosts["alpha"].effects)


def test_p1_an_address_that_stays_on_a_home_host_is_not_taken_for_released() -> None:
    """A daemon that ends without a peer that could take it leaves it; and says that it does."""
    pair = settled(groups={"web": HOME})
    pair.feed("beta", StandbyAsked())
    pair.run(1_500)
    pair.feed("alpha", StopAsked())
    pair.feed("beta", ResumeAsked())
    pair.run(20_000)
    assert pair.ended("alpha")
    assert pair.holders() == ["alpha"]
    assert pair.double_ns == 0
