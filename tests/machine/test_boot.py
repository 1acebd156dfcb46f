"""Starting in any order: design 7.7, and what the peer says of itself."""

from dataclasses import replace

import pytest
from tests.machine.scenes import WEB, settled
from tests.machine.virtual_pair import Pair

from ipfo.machine.step import Remembered
from ipfo.model import Epoch, Health


def test_the_preferred_node_holds_after_both_were_started() -> None:
    pair = settled()
    assert pair.turns("alpha") == ["standby->claimant", "claimant->holder"]
    assert pair.turns("beta") == []
    assert pair.double_ns == 0


def test_booting_the_other_node_first_steals_nothing() -> None:
    """Seed: booted first, the secondary took the address at once."""
    pair = Pair(start=("beta",)).run(30_000)
    assert pair.holders() == []
    pair.start("alpha")
    pair.run(10_000)
    assert pair.holders() == ["alpha"]


def test_a_node_that_never_heard_its_peer_claims_alone_after_first_claim_after() -> None:
    pair = Pair(start=("beta",)).run(59_000)
    assert pair.holders() == []
    assert pair.run(2_000).holders() == ["beta"]


def test_first_claim_after_never_means_never() -> None:
    assert Pair(start=("beta",), first_claim_after_ns=None).run(300_000).holders() == []


def test_the_preferred_node_claims_alone_after_it_has_listened() -> None:
    pair = Pair(start=("alpha",)).run(2_900)
    assert pair.holders() == []
    assert pair.run(600).holders() == ["alpha"]


def test_a_preferred_node_that_comes_late_does_not_take_the_address_back() -> None:
    pair = Pair(start=("beta",)).run(65_000)
    pair.start("alpha")
    assert pair.run(30_000).holders() == ["beta"]


def test_a_peer_that_is_started_anew_is_believed_anew() -> None:
    pair = settled()
    pair.kill("alpha")
    pair.start("alpha", {"web": Remembered(Epoch(1))})
    pair.run(6_000)
    assert len(pair.holders()) == 1
    assert pair.double_ns == 0


def test_another_configuration_is_told_once() -> None:
    pair = settled()
    mine = pair.hosts["alpha"].terms
    pair.hosts["alpha"].terms = replace(mine, config_digest=99)
    pair.run(5_000)
    assert pair.told("beta").count("drift") == 1
    pair.hosts["alpha"].terms = mine
    pair.run(2_000)
    assert pair.told("beta")[-1] == "recovered"


def test_health_travels() -> None:
    pair = settled()
    entry = pair.hosts["alpha"].node.groups["web"].peer
    assert entry is not None
    assert entry.health is Health.ABLE


def test_crossed_preferences_are_two_groups_with_a_life_each() -> None:
    groups = {"web": WEB, "mail": replace(WEB, name="mail", preferred="beta")}
    pair = Pair(groups=groups).run(10_000)
    assert (pair.holders("web"), pair.holders("mail")) == (["alpha"], ["beta"])
    pair.power_cut("alpha")
    pair.run(5_000)
    assert (pair.holders("web"), pair.holders("mail")) == (["beta"], ["beta"])


@pytest.mark.parametrize("alone_ms", range(3_000, 9_000, 500))
def test_a_preferred_node_that_comes_late_is_waited_for_from_when_it_could_claim(
    alone_ms: int,
) -> None:
    """7.7: booting in the wrong order steals nothing, however long the other was alone."""
    pair = Pair(start=("beta",)).run(alone_ms)
    pair.start("alpha")
    pair.run(8_000)
    assert pair.turns("beta") == []
    assert pair.holders() == ["alpha"]
