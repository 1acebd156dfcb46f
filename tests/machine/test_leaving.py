"""Stop, standby and resume: design 7.10."""

import pytest
from tests.machine.scenes import PHASED, settled, until_held
from tests.machine.virtual_pair import Pair

from ipfo.machine.effects import Notify
from ipfo.machine.events import (
    HandoverAsked,
    ResumeAsked,
    StandbyAsked,
    StopAsked,
)
from ipfo.model import Phase, Role


def test_an_orderly_stop_hands_over_and_ends() -> None:
    pair = settled()
    pair.feed("alpha", StopAsked())
    assert until_held(pair, "beta") < 50
    pair.run(3_000)
    assert pair.ended("alpha")
    assert pair.double_ns == 0


@pytest.mark.parametrize(("stopped", "left"), [("alpha", "beta"), ("beta", "alpha")])
def test_people_are_told_that_the_peer_was_stopped_and_not_that_it_fell_silent(
    stopped: str, left: str
) -> None:
    pair = settled()
    pair.feed(stopped, StopAsked())
    pair.run(1_000)
    assert pair.ended(stopped)
    pair.kill(stopped)
    pair.run(10_000)
    told = [e.headline for _, e in pair.hosts[left].effects if isinstance(e, Notify)]
    assert f"{stopped} was stopped: {left} is alone" in told
    assert not [headline for headline in told if "silent" in headline]


def test_a_stop_without_a_peer_releases_and_ends() -> None:
    pair = Pair(start=("alpha",)).run(5_000)
    pair.feed("alpha", StopAsked())
    pair.run(5_000)
    assert pair.holders() == []
    assert pair.ended("alpha")


def test_a_stop_ends_also_when_the_peer_refuses() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].veto[Phase.PRE_ACQ] = "no disk"
    pair.feed("alpha", StopAsked())
    pair.run(5_000)
    assert pair.ended("alpha")
    assert pair.phases("alpha")[-2:] == ["pre_rel", "post_rel"]


def test_a_stop_during_a_handover_still_hands_over() -> None:
    pair = settled(groups={"web": PHASED})
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.feed("alpha", StopAsked())
    until_held(pair, "beta")
    pair.run(5_000)
    assert pair.ended("alpha")


def test_a_standby_ends_at_once() -> None:
    pair = settled()
    pair.feed("beta", StopAsked())
    assert pair.ended("beta")
    pair.feed("beta", ResumeAsked())
    assert sum(type(e).__name__ == "End" for _, e in pair.hosts["beta"].effects) == 1


def test_standby_hands_everything_over_and_resume_lets_in_again() -> None:
    pair = settled()
    pair.feed("alpha", StandbyAsked())
    until_held(pair, "beta")
    pair.run(3_000)
    assert pair.role("alpha") is Role.OUTCAST
    assert [s.done for s in pair.settled("alpha")] == [True]
    pair.power_cut("beta")
    pair.run(10_000)
    assert pair.holders() == []
    pair.feed("alpha", ResumeAsked())
    until_held(pair, "alpha", 2_000)


def test_standby_is_refused_when_the_peer_cannot_take_over() -> None:
    pair = settled()
    pair.power_cut("beta")
    pair.run(5_000)
    pair.feed("alpha", StandbyAsked())
    assert [s.done for s in pair.settled("alpha")] == [False]
    assert pair.run(1_000).holders() == ["alpha"]


def test_standby_is_refused_by_a_test() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["alpha"].veto[Phase.TEST] = "a backup runs"
    pair.feed("alpha", StandbyAsked())
    pair.run(5_000)
    assert [s.done for s in pair.settled("alpha")] == [False]
    assert pair.holders() == ["alpha"]
    assert not pair.hosts["alpha"].node.outcast


def test_a_peer_that_hears_nothing_of_an_offer_is_not_waited_for_for_long() -> None:
    pair = settled()
    pair.cut = {("alpha", "public"), ("alpha", "private")}
    pair.run(4_000)
    pair.feed("alpha", StopAsked())
    pair.run(1_000)
    assert not pair.ended("alpha")
    pair.run(8_000)
    assert pair.ended("alpha")


def test_a_peer_to_whom_the_wire_just_answered_takes_what_is_handed_over() -> None:
    """It was late, asked the wire, and heard that this holder is there: no reason to refuse it."""
    pair = settled()
    pair.cut = {("alpha", "public"), ("alpha", "private")}
    pair.run(4_000)
    pair.feed("alpha", StopAsked())
    pair.heal()
    assert until_held(pair, "beta") < 1_200
    assert pair.double_ns == 0
