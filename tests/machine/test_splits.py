"""Two holders, and how it comes to one: design 7.6, promises P2 and P4."""

from dataclasses import replace

import pytest
from tests.machine.scenes import PHASED, settled
from tests.machine.virtual_pair import Pair

from ipfo.machine.effects import Announce
from ipfo.machine.events import (
    HandoverAsked,
)
from ipfo.machine.step import Remembered
from ipfo.model import SECOND, Epoch, Role


def test_p2_after_a_full_partition_the_lower_epoch_lets_go_within_two_heartbeats() -> None:
    pair = settled()
    pair.partition()
    pair.run(10_000)
    assert pair.holders() == ["alpha", "beta"]
    pair.heal()
    pair.run(2_000)
    assert pair.holders() == ["beta"]
    assert pair.told("alpha").count("split") == 1
    assert pair.told("beta").count("split") == 1


@pytest.mark.parametrize("later_ms", range(0, 1_000, 100))
def test_p2_both_tell_of_a_split_whoever_is_heard_first_when_it_heals(later_ms: int) -> None:
    """The loser that hears first has begun to let go when the winner hears it: it had it still."""
    pair = Pair(start=("alpha",)).run(10_300)  # so that their heartbeats do not go at one instant
    pair.start("beta")
    pair.run(10_000)
    pair.partition()
    pair.run(10_000 + later_ms)
    pair.heal()
    pair.run(2_000)
    assert [pair.told(node).count("split") for node in ("alpha", "beta")] == [1, 1]


def test_p2_the_winner_announces_again_when_the_other_has_let_go() -> None:
    pair = settled()
    pair.partition()
    pair.run(120_000)
    began = len(pair.hosts["beta"].effects)
    pair.heal()
    pair.run(3_000)
    after = [type(e).__name__ for _, e in pair.hosts["beta"].effects[began:]]
    assert after.count("Announce") >= 2


def test_equal_epochs_go_to_the_preferred_node() -> None:
    pair = Pair(start=("alpha",)).run(10_000)
    pair.cut = {(n, link) for n in ("alpha", "beta") for link in ("public", "private")}
    pair.deaf_wire = True
    pair.start("beta")
    pair.run(70_000)
    assert pair.holders() == ["alpha", "beta"]
    pair.heal()
    pair.run(3_000)
    assert pair.holders() == ["alpha"]


def test_a_claimant_gives_up_when_the_holder_is_heard_again() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].phase_ns = 4 * SECOND
    pair.partition()
    pair.run(5_000)
    assert pair.role("beta") is Role.CLAIMANT
    pair.heal()
    pair.run(15_000)
    assert pair.holders() == ["alpha"]
    assert pair.double_ns == 0
    assert pair.role("beta") is Role.STANDBY


def test_p4_every_claim_has_a_higher_epoch() -> None:
    pair = settled()
    for wish in ("beta", "alpha", "beta"):
        pair.feed("alpha", HandoverAsked("web", wish))
        pair.run(2_000)
    assert pair.hosts["beta"].node.groups["web"].claim == 4
    pair.kill("beta")
    pair.run(10_000)
    assert pair.hosts["alpha"].node.groups["web"].claim == 5


def test_p4_an_epoch_is_remembered_over_a_restart() -> None:
    pair = Pair(start=())
    pair.start("alpha", {"web": Remembered(epoch=Epoch(41))})
    assert pair.run(5_000).hosts["alpha"].node.groups["web"].claim == 42


def blocked(pair: Pair) -> Pair:
    """No heartbeat gets through, but the wire is whole; and both nodes have the address."""
    pair.partition()
    pair.run(10_000)
    assert pair.holders() == ["alpha", "beta"]
    pair.deaf_wire = False
    return pair


def test_p1_two_holders_on_one_wire_become_one_without_a_heartbeat() -> None:
    """A filter may block heartbeats for good: what the wire knows is enough."""
    pair = blocked(settled())
    pair.run(8_000)
    assert pair.holders() == ["alpha"], "who wins ties"
    assert pair.told("alpha").count("split") == 1
    assert pair.told("beta").count("split") == 1
    pair.run(60_000)
    assert pair.holders() == ["alpha"]


@pytest.mark.parametrize("later_ms", range(0, 3_000, 300))
def test_p2_where_heartbeats_come_back_too_they_decide(later_ms: int) -> None:
    """The wire may be asked just when it has healed: the higher epoch wins all the same."""
    pair = blocked(settled())
    pair.deaf_wire = True
    pair.run(later_ms)
    pair.heal()
    pair.run(8_000)
    assert pair.holders() == ["beta"]


def test_p3_two_configs_that_each_prefer_their_own_node_still_give_one_holder() -> None:
    pair = Pair()
    beta = pair.hosts["beta"]
    groups = {"web": replace(beta.terms.groups["web"], preferred="beta")}
    beta.terms = replace(beta.terms, groups=groups, config_digest=99)
    pair.run(60_000)
    assert len(pair.holders()) == 1
    assert pair.double_ns == 0


def test_p2_the_winner_of_a_duel_that_it_never_heard_of_announces_again_and_tells() -> None:
    """The other was denied by the voter, and let go, before the two heard each other again."""
    pair = settled(vote_ttl_ns=3 * SECOND, groups={"web": replace(PHASED, probes=False)})
    pair.others.voterless = {"beta"}
    pair.partition()
    pair.run(20_000)
    assert pair.holders() == ["alpha", "beta"]
    pair.others.voterless = set()
    pair.run(3_000)
    assert pair.holders() == ["alpha"]
    before = len(pair.hosts["alpha"].effects)
    pair.heal()
    pair.run(3_000)
    effects = [e for _, e in pair.hosts["alpha"].effects[before:]]
    assert any(isinstance(e, Announce) for e in effects)
    assert pair.told("alpha").count("split") == 1
    assert pair.phases("alpha")[-1] == "reassert"
