"""Moves that somebody asked for, while both are alive."""

import pytest
from tests.machine.scenes import PHASED, settled, until_held
from tests.machine.virtual_pair import Pair

from ipfo.machine.events import (
    CarrierChanged,
    HandoverAsked,
)
from ipfo.model import SECOND, Phase, Role


def test_a_handover_asked_at_the_holder_moves_the_address() -> None:
    pair = settled()
    pair.feed("alpha", HandoverAsked("web", "beta"))
    assert until_held(pair, "beta") < 50
    assert pair.double_ns == 0
    assert [s.done for s in pair.run(100).settled("alpha")] == [True]
    assert "handover" in pair.told("beta")


def test_a_handover_asked_at_the_standby_moves_the_address() -> None:
    pair = settled()
    pair.feed("beta", HandoverAsked("web", "beta"))
    assert until_held(pair, "beta") < 50
    assert [s.done for s in pair.run(100).settled("beta")] == [True]


def test_a_failback_is_a_handover_to_the_preferred_node() -> None:
    pair = settled()
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(2_000)
    pair.feed("beta", HandoverAsked("web", "alpha"))
    until_held(pair, "alpha")
    assert "failback" in pair.told("alpha")


@pytest.mark.parametrize("asked", ["alpha", "beta"])
def test_a_handover_to_where_it_is_is_done_already(asked: str) -> None:
    pair = settled()
    pair.feed(asked, HandoverAsked("web", "alpha"))
    assert [(s.done, "already" in s.why) for s in pair.settled(asked)] == [(True, True)]


def test_a_handover_of_an_unknown_group_is_refused() -> None:
    pair = settled()
    pair.feed("alpha", HandoverAsked("mail", "beta"))
    assert [s.done for s in pair.settled("alpha")] == [False]


def test_a_handover_to_a_dead_peer_is_refused_and_the_address_stays() -> None:
    pair = settled()
    pair.power_cut("beta")
    pair.run(5_000)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    assert pair.settled("alpha")[0].why == "beta is silent"
    assert pair.run(5_000).holders() == ["alpha"]


def test_what_nobody_holds_is_not_given_away() -> None:
    pair = Pair().run(1_500)
    pair.feed("beta", HandoverAsked("web", "alpha"))
    assert [s.done for s in pair.settled("beta")] == [False]


def test_an_administrator_s_word_brings_a_group_that_nobody_holds() -> None:
    """Design 7.7: it stands in for `first_claim_after`, and for nothing else."""
    pair = Pair(start=("beta",)).run(4_000)
    assert pair.holders() == []
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.run(1_000)
    assert pair.holders() == ["beta"]
    assert [s.done for s in pair.settled("beta")] == [True]


def test_two_handovers_at_once_are_one_too_many() -> None:
    pair = settled(groups={"web": PHASED})
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.feed("alpha", HandoverAsked("web", "beta"))
    assert [s.done for s in pair.settled("alpha")] == [False]
    until_held(pair, "beta")


def test_a_wish_that_the_holder_refuses_is_settled() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["alpha"].veto[Phase.TEST] = "a backup runs"
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.run(3_000)
    assert [s.done for s in pair.settled("beta")] == [False]
    assert pair.holders() == ["alpha"]
    pair.run(20_000)
    assert pair.turns("beta") == []


def test_a_wish_to_a_holder_that_falls_silent_is_settled() -> None:
    pair = settled()
    pair.cut = {("beta", "public"), ("beta", "private")}
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.run(500)
    pair.power_cut("alpha")
    pair.run(10_000)
    assert len(pair.settled("beta")) == 1
    assert pair.holders() == ["beta"]


def test_a_wish_that_is_never_heard_ends_by_itself() -> None:
    pair = settled()
    pair.cut = {("beta", "public"), ("beta", "private")}
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.run(80_000)
    assert [s.done for s in pair.settled("beta")] == [False]


def test_an_offer_to_a_peer_that_dies_is_taken_back() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].phase_ns = 20 * SECOND
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(500)
    pair.power_cut("beta")
    pair.run(10_000)
    assert pair.holders() == ["alpha"]
    assert [s.done for s in pair.settled("alpha")] == [False]


def test_an_offer_that_takes_too_long_is_taken_back() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].phase_ns = 60 * SECOND
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(40_000)
    assert [s.done for s in pair.settled("alpha")] == [False]
    pair.run(100_000)
    assert pair.holders() == ["alpha"]
    assert pair.double_ns == 0


def test_a_holder_that_dies_while_it_hands_over_is_succeeded() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].phase_ns = SECOND
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(1_500)
    pair.kill("alpha")
    until_held(pair, "beta")
    assert pair.double_ns == 0


def test_a_handover_to_a_node_that_cannot_is_refused() -> None:
    pair = settled()
    pair.feed("beta", CarrierChanged("eth0", up=False))
    pair.run(1_000)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.feed("beta", HandoverAsked("web", "beta"))
    assert "carrier" in pair.settled("alpha")[0].why
    assert "carrier" in pair.settled("beta")[0].why


def test_a_peer_that_cannot_take_any_more_refuses_the_offer() -> None:
    pair = settled()
    pair.cut = {("beta", "public"), ("beta", "private")}  # alpha does not hear of it
    pair.feed("beta", CarrierChanged("eth0", up=False))
    pair.run(10)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(10)
    pair.cut.clear()
    pair.run(5_000)
    assert [s.done for s in pair.settled("alpha")] == [False]
    assert pair.holders() == ["alpha"]


def test_a_handover_waits_for_post_acq_of_the_move_before() -> None:
    """P5: phases never overlap."""
    pair = Pair(groups={"web": PHASED})
    pair.hosts["alpha"].phase_ns = 2 * SECOND
    pair.run(8_000)
    assert pair.role("alpha") is Role.HOLDER
    pair.feed("alpha", HandoverAsked("web", "beta"))
    until_held(pair, "beta")
    assert pair.phases("alpha")[:5] == ["test", "pre_acq", "post_acq", "test", "pre_rel"]
