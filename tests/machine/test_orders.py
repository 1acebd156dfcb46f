"""What an administrator asks for comes to an end, whatever goes wrong on the way, and says how."""

from dataclasses import replace

import pytest
from tests.machine.scenes import WEB, settled
from tests.machine.virtual_pair import Pair

from ipfo.machine.events import (
    CarrierChanged,
    HandoverAsked,
    HealthChanged,
    MaintenanceAsked,
    ResumeAsked,
    StandbyAsked,
)
from ipfo.machine.step import Remembered
from ipfo.model import SECOND, Epoch, Reason, Role

ORDER_MS = 140_000
"""Longer than any order at the defaults: two offers, each two phases and two silences long."""


def test_p3_under_maintenance_a_handover_that_the_taker_fails_ends_where_it_began() -> None:
    pair = settled()
    pair.feed("alpha", MaintenanceAsked())
    pair.run(2_000)
    pair.hosts["beta"].acquire_fails = "no room"
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(5_000)
    assert pair.holders() == ["alpha"]
    answer = pair.settled("alpha")[-1]
    assert (answer.done, answer.why) == (False, "beta did not take it; alpha holds it")


def test_p3_under_maintenance_a_handover_whose_taker_dies_ends_where_it_began() -> None:
    pair = settled()
    pair.feed("alpha", MaintenanceAsked())
    pair.run(2_000)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    while pair.role("alpha") is not Role.STANDBY:
        pair.run(1)
    pair.power_cut("beta")
    pair.run(4_000)
    assert pair.holders() == ["alpha"]


def test_p3_a_frozen_group_goes_back_to_who_had_it_last() -> None:
    """Design 7.9: it stays where it is; that its holder had to drop it for a while is no move."""
    pair = settled(groups={"web": replace(WEB, max_moves=1)})
    pair.feed("alpha", CarrierChanged("eth0", up=False))
    pair.run(8_000)
    pair.feed("alpha", CarrierChanged("eth0", up=True))
    pair.run(8_000)
    assert pair.holders() == ["beta"]
    pair.feed("beta", CarrierChanged("eth0", up=False))
    pair.run(5_000)
    assert pair.holders() == []
    pair.feed("beta", CarrierChanged("eth0", up=True))
    pair.run(1_000)
    assert pair.holders() == ["beta"]


def test_p3_under_maintenance_a_holder_takes_back_what_it_had_to_drop() -> None:
    pair = settled()
    pair.feed("beta", MaintenanceAsked())
    pair.run(2_000)
    pair.feed("alpha", CarrierChanged("eth0", up=False))
    pair.run(20_000)
    assert pair.holders() == []
    pair.feed("alpha", CarrierChanged("eth0", up=True))
    pair.run(1_000)
    assert pair.holders() == ["alpha"]


def test_p10_a_standby_that_may_not_take_what_nobody_holds_says_so_once() -> None:
    pair = settled()
    pair.feed("alpha", MaintenanceAsked())
    pair.run(2_000)
    pair.power_cut("alpha")
    pair.run(60_000)
    assert pair.holders() == []
    assert pair.told("beta").count("failure") == 1


def test_a_wish_of_a_node_that_is_then_set_aside_is_settled() -> None:
    pair = settled()
    pair.cut = {("beta", "public"), ("beta", "private")}
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.feed("beta", StandbyAsked())
    pair.heal()
    pair.run(5_000)
    assert "beta was set aside" in [answer.why for answer in pair.settled("beta")]
    pair.feed("beta", ResumeAsked())
    pair.run(5_000)
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.run(5_000)
    assert pair.holders() == ["beta"]


def test_a_claim_that_waits_for_the_voter_answers_who_asked_for_it() -> None:
    pair = Pair(vote_ttl_ns=3 * SECOND, consistent=True)
    pair.others.voterless = {"alpha", "beta"}
    pair.run(10)
    pair.kill("alpha")
    pair.run(10_000)
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.run(ORDER_MS)
    answer = pair.settled("beta")[-1]
    assert not answer.done
    assert answer.why == "the voter does not grant it to beta: nobody answers"


def test_failback_by_itself_does_not_undo_what_an_administrator_wanted() -> None:
    """Only after the preferred node has been away or ill since: that is a new state of things."""
    pair = Pair(groups={"web": replace(WEB, failback_after_ns=8 * SECOND)}).run(20_000)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(600_000)
    assert pair.holders() == ["beta"]
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    pair.run(1_000)
    pair.feed("alpha", HealthChanged("web", None))
    pair.run(10_000)
    assert pair.holders() == ["alpha"]


@pytest.mark.parametrize("asked", ["alpha", "beta"])
def test_a_handover_of_a_frozen_group_thaws_it_on_both_nodes(asked: str) -> None:
    pair = settled(groups={"web": replace(WEB, max_moves=1)})
    pair.feed("alpha", CarrierChanged("eth0", up=False))
    pair.run(8_000)
    pair.feed("alpha", CarrierChanged("eth0", up=True))
    pair.run(8_000)
    pair.feed(asked, HandoverAsked("web", "alpha"))
    pair.run(1_000)
    assert pair.holders() == ["alpha"]
    assert [host.node.groups["web"].moves for host in pair.hosts.values()] == [(), ()]


def test_failback_by_itself_does_not_undo_what_an_administrator_took_from_nobody() -> None:
    web = replace(WEB, preferred="beta", failback_after_ns=8 * SECOND)
    pair = settled_on_beta(Pair(groups={"web": web}))
    pair.feed("alpha", MaintenanceAsked())
    pair.run(2_000)
    pair.kill("beta")
    pair.run(5_000)
    pair.start("beta", {"web": Remembered(Epoch(1))})
    pair.run(5_000)
    assert pair.holders() == []
    pair.feed("alpha", HandoverAsked("web", "alpha"))
    pair.run(2_000)
    pair.feed("alpha", ResumeAsked())
    pair.run(60_000)
    assert pair.holders() == ["alpha"]


def test_failback_by_itself_brings_back_what_went_for_an_illness_that_was_over_at_once() -> None:
    web = replace(WEB, preferred="beta", failback_after_ns=8 * SECOND)
    pair = settled_on_beta(Pair(groups={"web": web}))
    pair.feed("beta", HealthChanged("web", "http: 500"))
    pair.run(1)
    pair.feed("beta", HealthChanged("web", None))
    pair.run(500)
    assert pair.holders() == ["alpha"]
    pair.run(12_000)
    assert pair.holders() == ["beta"]


def settled_on_beta(pair: Pair) -> Pair:
    pair.run(20_000)
    assert pair.holders() == ["beta"]
    return pair


def test_a_node_that_is_let_in_again_keeps_what_nobody_took_while_it_was_set_aside() -> None:
    pair = settled()
    pair.feed("beta", StandbyAsked())
    pair.feed("alpha", StandbyAsked())
    assert pair.hosts["alpha"].node.groups["web"].giving is Reason.STANDBY
    pair.feed("alpha", ResumeAsked())
    pair.feed("beta", ResumeAsked())
    pair.run(5_000)
    assert pair.holders() == ["alpha"]
    assert pair.hosts["alpha"].node.groups["web"].claim == 1
