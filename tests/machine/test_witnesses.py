"""What third parties decide while the peer is silent, and that they decide nothing while it is not.

Rules 4 and 5 of the design, and the table in docs/explanation/partitions.md.
"""

from dataclasses import replace
from typing import Any

import pytest
from tests.machine.scenes import WEB, settled, until_held
from tests.machine.virtual_pair import MS, Pair

from ipfo.machine.effects import Fence, Vote
from ipfo.machine.events import HandoverAsked, RestartAsked
from ipfo.machine.step import Remembered
from ipfo.model import SECOND, Epoch, FenceTerms, Role

VOTER: dict[str, Any] = {"vote_ttl_ns": 3 * SECOND}


def test_p1_a_standby_that_reaches_no_witness_is_the_isolated_one_and_takes_nothing() -> None:
    for consistent in (False, True):
        pair = settled(deniers=True, consistent=consistent)
        pair.others.unreached = {"beta"}
        pair.power_cut("alpha")
        pair.run(30_000)
        assert pair.holders() == []
        pair.others.unreached.clear()
        until_held(pair, "beta", ms=3_000)


def test_p3_a_standby_that_reaches_a_witness_takes_as_soon_as_without_one() -> None:
    pair = settled(deniers=True, consistent=True)
    pair.power_cut("alpha")
    assert until_held(pair, "beta") < 3_300


def test_no_witness_moves_anything_while_the_peer_is_heard() -> None:
    """Pain 45: the loss of the judge is not the loss of the claim."""
    for terms in ({"deniers": True}, VOTER):
        pair = settled(consistent=True, **terms)
        pair.others.unreached = pair.others.voterless = {"alpha", "beta"}
        pair.run(60_000)
        assert pair.holders() == ["alpha"]


@pytest.mark.parametrize("consistent", [False, True], ids=["available", "consistent"])
def test_p1_of_two_isolated_nodes_one_at_most_holds_where_there_is_a_voter(
    consistent: bool,
) -> None:
    pair = settled(consistent=consistent, **VOTER)
    pair.partition()
    pair.run(40_000)
    assert pair.holders() == ["alpha"]
    assert pair.double_ns == 0
    pair.heal()
    pair.run(10_000)
    assert pair.holders() == ["alpha"]


def test_p3_the_voter_lets_the_other_have_what_a_dead_holder_had() -> None:
    pair = settled(consistent=True, **VOTER)
    pair.power_cut("alpha")
    assert until_held(pair, "beta") < 4_000


def test_p1_a_holder_that_loses_peer_and_voter_lets_go_before_the_other_has_it() -> None:
    pair = settled(consistent=True, **VOTER)
    pair.partition()
    pair.others.voterless = {"alpha"}
    pair.run(40_000)
    assert pair.holders() == ["beta"]
    assert pair.double_ns == 0


def test_with_neither_peer_nor_voter_the_policy_decides() -> None:
    """`available`: both go on, as without a voter; `consistent`: nobody."""
    for consistent, holders in ((False, ["alpha", "beta"]), (True, [])):
        pair = settled(consistent=consistent, **VOTER)
        pair.others.voterless = {"alpha", "beta"}
        pair.partition()
        pair.run(30_000)
        assert pair.holders() == holders


def test_a_claim_that_the_voter_denies_is_made_once_and_waits() -> None:
    pair = settled(**VOTER)
    pair.partition()
    pair.run(60_000)
    assert pair.role("beta") is Role.CLAIMANT
    assert pair.hosts["beta"].node.groups["web"].claim == 2
    assert pair.phases("beta") == []


def test_a_handover_takes_the_vote_along() -> None:
    from ipfo.machine.events import HandoverAsked

    pair = settled(**VOTER)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(3_000)
    assert pair.holders() == ["beta"]
    assert pair.others.kept["web"][:2] == ("beta", 2)


def test_a_voter_is_asked_no_oftener_than_needed() -> None:
    pair = settled(**VOTER)
    began = len(pair.hosts["alpha"].effects)
    pair.run(60_000)
    votes = [e for _, e in pair.hosts["alpha"].effects[began:] if isinstance(e, Vote)]
    assert 60 <= len(votes) <= 120


FENCE = {"fence": FenceTerms(timeout_ns=30 * SECOND)}


def test_a_fence_shoots_after_the_suspicion_and_before_the_acquire() -> None:
    pair = settled(**FENCE)
    pair.kill("alpha")
    until_held(pair, "beta")
    assert not pair.hosts["alpha"].powered
    assert sum(isinstance(e, Fence) for _, e in pair.hosts["beta"].effects) == 1


def test_a_fence_that_fails_stops_the_takeover_and_people_are_told_once() -> None:
    pair = settled(**FENCE)
    pair.others.fence_fails = "no power switch"
    pair.power_cut("alpha")
    pair.run(40_000)
    assert pair.holders() == []
    assert pair.told("beta").count("failure") == 1
    pair.others.fence_fails = None
    until_held(pair, "beta", ms=70_000)


def test_only_the_challenger_shoots_and_only_after_the_delay() -> None:
    pair = settled(fence=FenceTerms(timeout_ns=SECOND, delay_ns=5 * SECOND))
    pair.partition()
    pair.run(6_000)
    assert pair.hosts["alpha"].powered
    assert pair.hosts["beta"].powered
    pair.run(6_000)
    assert not any(isinstance(e, Fence) for _, e in pair.hosts["alpha"].effects)
    assert pair.holders() == ["beta"]
    assert pair.double_ns == 0


def test_a_peer_that_is_heard_again_in_the_delay_is_not_shot() -> None:
    pair = settled(fence=FenceTerms(timeout_ns=SECOND, delay_ns=5 * SECOND))
    pair.partition()
    pair.run(5_000)
    pair.heal()
    pair.run(20_000)
    assert not any(isinstance(e, Fence) for _, e in pair.hosts["beta"].effects)
    assert pair.holders() == ["alpha"]


def test_where_nobody_held_it_one_shoots_first() -> None:
    pair = Pair(fence=FenceTerms(timeout_ns=SECOND), first_claim_after_ns=4 * SECOND)
    pair.partition()
    pair.run(20_000)
    assert [host.powered for host in pair.hosts.values()] == [True, False]
    assert pair.holders() == ["alpha"]


def test_a_peer_that_was_never_heard_is_not_shot_for_being_slow_to_boot() -> None:
    pair = Pair(start=("alpha",), **FENCE).run(50_000)
    assert pair.holders() == []
    pair.run(15_000)
    assert pair.holders() == ["alpha"]


def test_p6_a_shot_that_is_waited_for_in_vain_makes_nobody_spin() -> None:
    """The virtual pair asserts that a deadline which was reached does not stay."""
    pair = settled(fence=FenceTerms(timeout_ns=SECOND, delay_ns=3 * SECOND))
    pair.partition()
    pair.run(5_000)
    pair.heal()
    pair.run(10_000)
    assert pair.holders() == ["alpha"]


@pytest.mark.parametrize("more", [{"deniers": True}, {"vote_ttl_ns": 3 * SECOND}], ids=str)
def test_p1_a_holder_waits_no_longer_because_its_peer_is_being_restarted(more: Any) -> None:
    """Its next run claims as soon as any other would."""
    web = replace(WEB, preferred="beta")
    pair = Pair(start=("alpha",), groups={"web": web}, consistent=True, **more)
    pair.run(70_000)
    pair.start("beta")
    pair.run(5_000)
    assert pair.holders() == ["alpha"]
    pair.feed("beta", RestartAsked())
    pair.run(1_500)
    pair.kill("beta")
    pair.partition()
    pair.others.unreached = pair.others.voterless = {"alpha"}
    pair.run(300)
    pair.start("beta", {"web": Remembered(Epoch(1))})
    pair.run(20_000)
    assert pair.double_ns == 0
    assert pair.holders() == ["beta"]


def test_p1_a_vote_that_was_under_way_when_the_group_was_let_go_counts_for_nothing() -> None:
    for late_ms in range(0, 500, 50):
        pair = Pair(
            consistent=True,
            vote_ttl_ns=2 * SECOND,
            interval_ns=200 * MS,
            takeover_after_ns=1500 * MS,
            lease_s=1,
        )
        pair.others.answer_ns = 250 * MS
        pair.run(10_300 + late_ms)
        pair.feed("alpha", HandoverAsked("web", "beta"))
        until_held(pair, "beta")
        pair.run(2)
        pair.partition()
        pair.run(6_000)
        assert pair.double_ns == 0


@pytest.mark.parametrize("consistent", [True, False])
def test_p3_nodes_that_have_forgotten_what_the_voter_remembers_claim_above_it(
    consistent: bool,
) -> None:
    """Both state folders are new, the voter's is not: nobody's claim would ever be granted."""
    pair = Pair(consistent=consistent, **VOTER)
    pair.others.highest["web"] = 50
    pair.run(20_000)
    assert pair.holders() == ["alpha"]
    assert pair.hosts["alpha"].node.groups["web"].claim == 51
    assert pair.turns("alpha") == ["standby->claimant", "claimant->holder"]
    pair.power_cut("beta")
    pair.run(60_000)
    assert pair.holders() == ["alpha"]
    assert pair.turns("alpha") == ["standby->claimant", "claimant->holder"]


def test_p3_so_does_one_that_is_alone() -> None:
    pair = Pair(start=("alpha",), **VOTER)
    pair.others.highest["web"] = 50
    pair.run(20_000)
    assert pair.holders() == ["alpha"]
    assert pair.hosts["alpha"].node.groups["web"].claim == 51
