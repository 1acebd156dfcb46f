"""A daemon that is replaced, and one that comes back in time: nobody notices (design 7.1, 7.6)."""

from dataclasses import replace
from typing import Any

import pytest
from tests.machine.scenes import HOME, PHASED, settled
from tests.machine.virtual_pair import Pair

from ipfo.machine.effects import Record, Release, Renew, Restart
from ipfo.machine.events import HandoverAsked, RestartAsked, StopAsked
from ipfo.machine.step import Remembered, step
from ipfo.model import RESTART_LEASE_S, SECOND, Epoch, FenceTerms, Instant, Phase, Role


def adopt(pair: Pair, name: str) -> None:
    """Start `name` anew over the addresses that are still there, as the `addresses` worker does."""
    group = pair.hosts[name].node.groups["web"]
    memory = Remembered(group.claim, group.pre_acq, group.post_acq, Instant(pair.now))
    pair.start_over(name, {"web": memory})


def test_an_engine_that_comes_back_in_time_keeps_address_epoch_and_clients() -> None:
    pair = settled(groups={"web": PHASED})
    pair.kill("alpha")
    pair.run(800)
    adopt(pair, "alpha")
    before = pair.phases("alpha")
    pair.run(60_000)
    assert pair.holders() == ["alpha"]
    assert pair.hosts["alpha"].node.groups["web"].claim == 1
    assert pair.role("beta") is Role.STANDBY
    assert pair.phases("alpha") == before == []
    assert "takeover" not in pair.told("beta")


def test_p5_one_that_was_killed_before_post_acq_begins_it_now() -> None:
    pair = settled(groups={"web": PHASED})
    pair.kill("alpha")
    was = pair.hosts["alpha"]
    group = was.node.groups["web"]
    pair.start_over("alpha", {"web": Remembered(group.claim, True, False, Instant(pair.now))})
    pair.run(1_000)
    assert pair.phases("alpha") == [Phase.POST_ACQ.value]


def test_p2_what_was_adopted_though_the_peer_has_it_is_let_go() -> None:
    pair = settled()
    pair.kill("alpha")
    pair.run(8_000)
    assert pair.holders() == ["beta"]
    pair.start_over("alpha", {"web": Remembered(Epoch(1), False, False, Instant(pair.now))})
    pair.run(3_000)
    assert pair.holders() == ["beta"]


def test_a_restart_tells_the_peer_to_wait_and_releases_nothing() -> None:
    pair = settled()
    pair.feed("alpha", RestartAsked())
    while not any(isinstance(e, Restart) for _, e in pair.hosts["alpha"].effects):
        pair.run(10)
    effects = [e for _, e in pair.hosts["alpha"].effects]
    assert not any(isinstance(e, Release) for e in effects)
    assert next(e for e in reversed(effects) if isinstance(e, Renew)).lease_s == 10
    pair.kill("alpha")
    pair.run(9_000)
    assert pair.holders() == ["alpha"]
    assert pair.role("beta") is Role.STANDBY


def test_p3_a_restart_that_never_comes_back_is_not_waited_for_for_ever() -> None:
    pair = settled()
    pair.feed("alpha", RestartAsked())
    pair.run(1_000)
    pair.kill("alpha")
    pair.run(18_000)
    assert pair.holders() == ["beta"]
    assert pair.double_ns == 0


def test_p1_where_the_peer_does_not_hear_of_it_the_leases_stay_short() -> None:
    pair = settled()
    pair.cut = {("alpha", "public"), ("alpha", "private")}
    pair.feed("alpha", RestartAsked())
    pair.run(4_000)
    effects = [e for _, e in pair.hosts["alpha"].effects]
    assert all(e.lease_s == 2 for e in effects if isinstance(e, Renew))


@pytest.fixture
def alone() -> Pair:
    """alpha holds, and beta has lost its power."""
    pair = settled()
    pair.power_cut("beta")
    return pair.run(10_000)


def leases_before_the_end(pair: Pair) -> list[int]:
    """What alpha renewed for, since it was asked to restart; the end of it is the restart."""
    last = [e for _, e in pair.hosts["alpha"].effects]
    assert any(isinstance(e, Restart) for e in last)
    return [e.lease_s for e in last if isinstance(e, Renew)]


def test_alone_a_holder_tells_who_may_still_hear_it_and_restarts_under_a_long_lease(
    alone: Pair,
) -> None:
    """P2: nobody else can have it, so it is not lost to a start that takes longer than a lease."""
    alone.feed("alpha", RestartAsked())
    alone.run(2_500)
    assert not alone.ended("alpha"), "whoever hears it must have heard of the restart"
    alone.run(2_000)
    assert leases_before_the_end(alone)[-1] == RESTART_LEASE_S


@pytest.mark.parametrize(
    "others",
    [{"deniers": True}, {"vote_ttl_ns": 3 * SECOND}, {"fence": FenceTerms(SECOND, 0)}],
    ids=["witness", "voter", "fence"],
)
def test_p1_alone_no_lease_outlasts_what_others_may_deny_it(alone: Pair, others: Any) -> None:
    """P1: a vote that ends, or a shot, must find the address gone; so the usual lease it is."""
    alpha = alone.hosts["alpha"]
    terms = replace(alpha.terms, **others)
    taken = step(alpha.node, RestartAsked(), now=Instant(alone.now), terms=terms)
    assert {e.lease_s for e in taken.effects if isinstance(e, Renew)} == {terms.lease_s}
    (why,) = [e.rule for e in taken.effects if isinstance(e, Record)]
    assert "beta is silent, so the leases last for no more than 2 s" in why


def test_alone_a_node_that_holds_nothing_restarts_at_once() -> None:
    pair = Pair(start=("beta",)).run(10_000)
    assert pair.holders() == []
    pair.feed("beta", RestartAsked())
    pair.run(100)
    assert any(isinstance(e, Restart) for _, e in pair.hosts["beta"].effects)


def test_in_the_middle_of_a_move_a_restart_is_refused() -> None:
    pair = settled(groups={"web": PHASED})
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(5)
    pair.feed("alpha", RestartAsked())
    assert [s.done for s in pair.settled("alpha")] == [False]


def test_a_home_node_whose_engine_comes_back_still_holds_its_own_address() -> None:
    """It has no lease, and has been on all the time: nobody else can have taken it."""
    pair = settled(groups={"web": HOME})
    pair.kill("alpha")
    pair.run(800)
    pair.start_over("alpha", {"web": Remembered(Epoch(1), adopted=Instant(pair.now))})
    pair.hosts["alpha"].addresses["web"] = None
    pair.run(20_000)
    assert pair.holders() == ["alpha"]
    assert pair.hosts["alpha"].node.groups["web"].leased_from is None
    assert pair.role("beta") is Role.STANDBY


def test_p5_a_home_address_that_an_orderly_end_has_left_on_is_claimed_anew() -> None:
    pair = Pair(start=("alpha",), groups={"web": replace(HOME, phases=True)}).run(6_000)
    pair.feed("alpha", StopAsked())
    pair.run(3_000)
    assert (pair.holders(), pair.ended("alpha")) == (["alpha"], True)
    pair.start_over("alpha", {"web": Remembered(Epoch(1), adopted=Instant(pair.now))})
    pair.hosts["alpha"].addresses["web"] = None
    pair.run(6_000)
    assert pair.phases("alpha") == ["test", "pre_acq", "post_acq"]
