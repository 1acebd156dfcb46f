"""Moves that nobody asks for: for health, back to the preferred node; and what stops them."""

from dataclasses import replace

import pytest
from tests.machine.scenes import WEB, settled, until_held
from tests.machine.virtual_pair import Pair

from ipfo.machine.effects import Notify
from ipfo.machine.events import (
    HandoverAsked,
    HealthChanged,
    MaintenanceAsked,
    ResumeAsked,
    StandbyAsked,
)
from ipfo.model import SECOND, Health

AUTO = {"web": replace(WEB, failback_after_ns=60 * SECOND)}


def test_a_holder_whose_checks_fail_hands_over_to_a_peer_that_is_well() -> None:
    pair = settled()
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    assert until_held(pair, "beta") < 1_000
    assert pair.double_ns == 0


def test_where_both_are_ill_nothing_moves_and_people_are_told_once() -> None:
    pair = settled()
    pair.feed("beta", HealthChanged("web", "http: 500"))
    pair.run(10)
    pair.feed("alpha", HealthChanged("web", "http: 502"))
    pair.run(60_000)
    assert pair.holders() == ["alpha"]
    assert pair.told("alpha").count("failure") == 1


def test_p3_one_that_is_ill_is_better_than_none() -> None:
    pair = settled()
    pair.feed("beta", HealthChanged("web", "http: 500"))
    pair.power_cut("alpha")
    assert until_held(pair, "beta") < 3_300


def test_at_first_the_well_one_claims_though_the_other_is_preferred() -> None:
    pair = Pair()
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    pair.run(10_000)
    assert pair.holders() == ["beta"]


def test_failback_by_itself_waits_until_the_preferred_node_has_been_well_for_long_enough() -> None:
    """Pain 22: the clock begins anew with each illness and each silence."""
    pair = settled(groups=AUTO)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(40_000)
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    pair.run(1_000)
    pair.feed("alpha", HealthChanged("web", None))
    pair.run(50_000)
    assert pair.holders() == ["beta"]
    pair.run(12_000)
    assert pair.holders() == ["alpha"]


def reasons(pair: Pair, name: str) -> list[str]:
    """Why `name` let go, as people were told it."""
    return [e.detail for _, e in pair.hosts[name].effects if isinstance(e, Notify)]


def test_p10_what_moves_by_itself_says_why() -> None:
    """A failback that nobody asked for looks like a whim, else."""
    pair = settled(groups=AUTO)
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    pair.run(2_000)
    assert "ill here: http: 500; beta is ready" in reasons(pair, "alpha")
    pair.feed("alpha", HealthChanged("web", None))
    pair.run(70_000)
    assert pair.holders() == ["alpha"]
    why = 'failback = "auto": it belongs on alpha, and alpha has been well for 60 s; alpha is ready'
    assert why in reasons(pair, "beta")


def test_without_it_a_failback_is_made_only_when_asked_for() -> None:
    pair = settled()
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(400_000)
    assert pair.holders() == ["beta"]


def ill_in_turn(pair: Pair, rounds: int) -> list[str]:
    """Who held after each round, where the holder of each falls ill and the other is well."""
    held = []
    for _ in range(rounds):
        (now,) = pair.holders()
        pair.feed("beta" if now == "alpha" else "alpha", HealthChanged("web", None))
        pair.run(2_000)
        pair.feed(now, HealthChanged("web", "http: 500"))
        pair.run(8_000)
        held += pair.holders()
    return held


def test_the_breaker_freezes_a_group_that_moves_too_often_and_lets_it_thaw() -> None:
    """Design 7.9, pain 17: three automatic moves in ten minutes, and no fourth."""
    pair = settled()
    assert ill_in_turn(pair, 5) == ["beta", "alpha", "beta", "beta", "beta"]
    assert sum(told == "failure" for told in pair.told("beta")) >= 1
    pair.run(600_000)
    assert pair.holders() == ["alpha"]


def test_an_administrator_s_word_thaws_and_is_done_at_once() -> None:
    pair = settled()
    ill_in_turn(pair, 4)
    assert pair.holders() == ["beta"]
    pair.feed("alpha", HealthChanged("web", None))
    pair.run(1_500)
    pair.feed("beta", HandoverAsked("web", "alpha"))
    pair.run(2_000)
    assert pair.holders() == ["alpha"]


def test_a_frozen_standby_takes_nothing_until_it_thaws_or_is_resumed() -> None:
    pair = settled()
    ill_in_turn(pair, 4)
    pair.feed("alpha", HealthChanged("web", None))
    pair.power_cut("beta")
    pair.run(30_000)
    assert pair.holders() == []
    assert pair.hosts["alpha"].node.said["web"].health is Health.FROZEN
    pair.feed("alpha", ResumeAsked())
    until_held(pair, "alpha", ms=1_000)


@pytest.mark.parametrize("where", ["alpha", "beta"])
def test_under_maintenance_nothing_moves_by_itself_whichever_node_was_told(where: str) -> None:
    pair = settled(groups=AUTO)
    pair.feed(where, MaintenanceAsked())
    pair.run(2_000)
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    pair.run(5_000)
    pair.power_cut("alpha")
    pair.run(60_000)
    assert pair.holders() == []
    pair.feed("beta", ResumeAsked())
    until_held(pair, "beta", ms=2_000)


def test_under_maintenance_administrators_move_what_they_like() -> None:
    pair = settled()
    pair.feed("alpha", MaintenanceAsked())
    pair.run(1_500)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(2_000)
    assert pair.holders() == ["beta"]


def test_an_offer_that_is_refused_is_not_repeated_at_every_heartbeat() -> None:
    pair = settled()
    pair.hosts["beta"].acquire_fails = "no such device"
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    pair.run(50_000)
    assert pair.holders() == ["alpha"]
    assert pair.turns("beta").count("standby->claimant") == 1


def test_standby_outlives_maintenance_only_if_asked_for() -> None:
    pair = settled()
    pair.feed("beta", StandbyAsked())
    pair.feed("beta", MaintenanceAsked())
    pair.feed("beta", ResumeAsked())
    pair.run(1_000)
    pair.power_cut("alpha")
    until_held(pair, "beta")
