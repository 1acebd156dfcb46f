"""Silence, evidence, leases, pauses and carriers: design 7.1 to 7.3 and 7.8."""

from dataclasses import replace

import pytest
from tests.machine.scenes import WEB, settled, until_held
from tests.machine.virtual_pair import MS

from ipfo.machine.effects import Acquire, Probe, Record
from ipfo.machine.events import (
    CarrierChanged,
    HandoverAsked,
)
from ipfo.model import Reason, Role


def test_silence_on_every_link_moves_the_address() -> None:
    pair = settled()
    pair.power_cut("alpha")
    assert until_held(pair, "beta") <= 3_100
    assert "takeover" in pair.told("beta")


def test_a_holder_that_is_alone_looks_round_for_years_and_writes_nothing_of_it_down() -> None:
    """P9: what happened before must still be in the journal when it is asked for."""
    pair = settled()
    pair.power_cut("beta")
    pair.run(5_000)
    before = len(pair.hosts["alpha"].effects)
    pair.run(120_000)
    since = [effect for _, effect in pair.hosts["alpha"].effects[before:]]
    assert sum(isinstance(effect, Probe) for effect in since) > 30
    assert not [effect for effect in since if isinstance(effect, Record)]


def test_one_silent_link_moves_nothing_and_is_told() -> None:
    pair = settled()
    pair.cut = {("alpha", "private"), ("beta", "private")}
    pair.run(10_000)
    assert pair.holders() == ["alpha"]
    assert pair.told("beta") == ["anomaly"]
    pair.cut.clear()
    pair.run(3_000)
    assert pair.told("beta") == ["anomaly", "recovered"]


def test_a_one_way_link_is_told_by_the_side_that_hears() -> None:
    pair = settled()
    pair.cut = {("beta", "private")}
    pair.run(10_000)
    assert pair.holders() == ["alpha"]
    headlines = [e.headline for _, e in pair.hosts["beta"].effects if hasattr(e, "headline")]
    assert any("one-way" in headline for headline in headlines)
    pair.cut.clear()
    pair.run(3_000)
    assert pair.told("beta")[-1] == "recovered"


def test_p1_a_killed_holder_loses_the_address_before_the_standby_takes_it() -> None:
    pair = settled()
    pair.kill("alpha")
    until_held(pair, "beta")
    assert pair.double_ns == 0


def test_p1_an_address_that_still_answers_is_not_taken_and_people_are_told() -> None:
    pair = settled()
    pair.hosts["alpha"].addresses["web"] = None  # the kernel will not drop it
    pair.kill("alpha")
    pair.run(20_000)
    assert pair.holders() == ["alpha"]
    assert pair.told("beta").count("contested") == 1


def test_a_contested_address_is_taken_as_soon_as_it_stops_answering() -> None:
    pair = settled()
    pair.hosts["alpha"].addresses["web"] = None
    pair.kill("alpha")
    pair.run(20_000)
    pair.hosts["alpha"].addresses.clear()
    until_held(pair, "beta", 2_000)


def test_contested_take_takes_it_all_the_same() -> None:
    pair = settled(groups={"web": replace(WEB, take_contested=True)})
    pair.third.add("web")
    pair.power_cut("alpha")
    pair.run(4_000)
    assert pair.holders() == []
    pair.run(5_000)
    assert pair.holders() == ["beta"]
    assert pair.hosts["beta"].node.groups["web"].reason is Reason.CONTESTED


def test_a_wire_that_cannot_be_asked_lets_nothing_be_taken() -> None:
    pair = settled()
    pair.hosts["beta"].probe_fails = "no permission"
    pair.power_cut("alpha")
    pair.run(10_000)
    assert pair.holders() == []
    assert pair.told("beta").count("failure") == 1
    pair.hosts["beta"].probe_fails = None
    until_held(pair, "beta", 2_000)


def test_a_provider_that_cannot_probe_takes_over_on_silence_alone() -> None:
    pair = settled(groups={"web": replace(WEB, probes=False)})
    pair.power_cut("alpha")
    until_held(pair, "beta")


def test_p1_a_holder_that_overslept_its_lease_lets_go_and_does_not_renew() -> None:
    pair = settled()
    pair.hosts["alpha"].alive = False  # SIGSTOP
    pair.run(10_000)
    assert pair.holders() == ["beta"]
    pair.hosts["alpha"].alive = True  # SIGCONT
    pair.run(5_000)
    assert pair.holders() == ["beta"]
    assert pair.double_ns == 0
    assert pair.role("alpha") is Role.STANDBY


def test_p1_a_standby_that_overslept_does_not_take_its_own_pause_for_silence() -> None:
    pair = settled()
    pair.hosts["beta"].alive = False
    pair.deaf_wire = True
    pair.run(10_000)
    pair.hosts["beta"].alive = True
    pair.run(5_000)
    assert pair.holders() == ["alpha"]
    assert pair.turns("beta") == []


def test_a_lease_that_cannot_be_renewed_is_given_up_in_time() -> None:
    pair = settled()
    pair.hosts["alpha"].renew_fails = ("web",)
    pair.run(6_000)
    assert pair.double_ns == 0
    assert pair.holders() == ["beta"]
    assert {"failure", "release"} <= set(pair.told("alpha"))


def test_a_renewal_that_fails_once_costs_nothing() -> None:
    pair = settled()
    pair.hosts["alpha"].renew_fails = ("web",)
    pair.run(1_000)
    pair.hosts["alpha"].renew_fails = ()
    pair.run(10_000)
    assert pair.holders() == ["alpha"]
    assert pair.told("alpha")[-2:] == ["failure", "recovered"]


def test_faster_pairs_than_a_lease_wait_for_the_wire() -> None:
    fast = {"interval_ns": 10 * MS, "takeover_after_ns": 30 * MS, "lease_s": 1}
    pair = settled(**fast)
    pair.kill("alpha")
    until_held(pair, "beta")
    assert pair.double_ns == 0


def test_a_node_without_carrier_lets_go_and_its_peer_takes_it_at_once() -> None:
    pair = settled()
    pair.feed("alpha", CarrierChanged("eth0", up=False))
    assert until_held(pair, "beta") < 50, "what the peer says of itself needs no probe"
    assert pair.double_ns == 0


def test_a_node_without_carrier_does_not_claim() -> None:
    pair = settled()
    pair.feed("beta", CarrierChanged("eth0", up=False))
    pair.power_cut("alpha")
    assert pair.run(20_000).holders() == []
    pair.feed("beta", CarrierChanged("eth0", up=True))
    until_held(pair, "beta", 2_000)


@pytest.mark.parametrize("takeover_ms", [2_500, 3_000, 3_300, 4_100, 7_000])
def test_no_probe_is_on_its_way_when_the_silence_is_full(takeover_ms: int) -> None:
    """Else the worker that is to acquire the address would still be listening."""
    pair = settled(takeover_after_ns=takeover_ms * MS)
    pair.power_cut("alpha")
    pair.run(10_000)
    beta = pair.hosts["beta"].effects
    (acquired_at,) = [t for t, e in beta if isinstance(e, Acquire)]
    asked = [e for t, e in beta if isinstance(e, Probe) and t <= acquired_at]
    assert asked[-1].asked_at + asked[-1].timeout_ns <= acquired_at


@pytest.mark.parametrize("first", ["alpha", "beta"])
def test_a_switch_that_restarts_moves_nothing_whose_carrier_is_ever_back_first(first: str) -> None:
    pair = settled()
    nodes = ("alpha", "beta")
    for name in nodes:
        pair.feed(name, CarrierChanged("eth0", up=False))
    pair.run(5_000)
    assert pair.holders() == []
    for name in sorted(nodes, key=lambda name: name != first):
        pair.feed(name, CarrierChanged("eth0", up=True))
        pair.run(800)
    pair.run(3_000)
    assert pair.holders() == ["alpha"]
    assert pair.double_ns == 0


def test_a_preferred_node_whose_carrier_does_not_come_back_is_not_waited_for() -> None:
    """P3: the other one has its own back, and steadily."""
    pair = settled()
    for name in ("alpha", "beta"):
        pair.feed(name, CarrierChanged("eth0", up=False))
    pair.run(5_000)
    pair.feed("beta", CarrierChanged("eth0", up=True))
    until_held(pair, "beta", 4_000)


def test_a_lease_that_fails_twice_in_one_run_is_given_up_twice() -> None:
    """P3: the second failure, before the first good renewal, must not be taken for the first."""
    pair = settled()
    pair.hosts["alpha"].renew_fails = ("web",)
    until_held(pair, "beta", 6_000)
    pair.run(70_000)  # alpha is trusted again
    pair.feed("beta", HandoverAsked("web", "alpha"))
    until_held(pair, "alpha", 2_000)
    pair.run(6_000)
    assert pair.holders() == ["beta"]
    assert pair.role("alpha") is not Role.HOLDER
