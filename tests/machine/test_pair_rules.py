"""What a pair does, one rule of design 7 a test: two machines and a list for a wire."""

from dataclasses import replace

import pytest
from tests.machine.virtual_pair import MS, Pair

from ipfo.machine.events import (
    CarrierChanged,
    HandoverAsked,
    ResumeAsked,
    StandbyAsked,
    StopAsked,
)
from ipfo.machine.step import Remembered
from ipfo.model import SECOND, Epoch, GroupTerms, Health, Phase, Reason, Role

WEB = GroupTerms("web", preferred="alpha", phases=False, interface="eth0")
PHASED = replace(WEB, phases=True, phase_timeout_ns=5 * SECOND)


def settled(**more: object) -> Pair:
    """A pair that has run long enough for alpha to hold web."""
    pair = Pair(**more).run(10_300)  # type: ignore[arg-type]
    assert pair.holders() == ["alpha"]
    return pair


def until_held(pair: Pair, by: str, ms: int = 20_000) -> float:
    began = pair.now
    while pair.holders() != [by]:
        pair.run(10)
        assert pair.now < began + ms * MS, f"{by} does not hold: {pair.holders()}"
    return (pair.now - began) / MS


# Boot: see 7.7.


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


# Silence, evidence, lease: see 7.1-7.3.


def test_silence_on_every_link_moves_the_address() -> None:
    pair = settled()
    pair.power_cut("alpha")
    assert until_held(pair, "beta") <= 3_100
    assert "takeover" in pair.told("beta")


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


# Carrier: see 7.2.


def test_a_node_without_carrier_lets_go_and_its_peer_takes_it_at_once() -> None:
    pair = settled()
    pair.feed("alpha", CarrierChanged("eth0", up=False))
    assert until_held(pair, "beta") < 1_000
    assert pair.double_ns == 0


def test_a_node_without_carrier_does_not_claim() -> None:
    pair = settled()
    pair.feed("beta", CarrierChanged("eth0", up=False))
    pair.power_cut("alpha")
    assert pair.run(20_000).holders() == []
    pair.feed("beta", CarrierChanged("eth0", up=True))
    until_held(pair, "beta", 2_000)


# Splits: see 7.6.


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


# Planned moves.


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


def test_a_handover_is_refused_where_nobody_holds() -> None:
    pair = Pair().run(1_500)
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.feed("beta", HandoverAsked("web", "alpha"))
    assert [s.done for s in pair.settled("beta")] == [False, False]


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


# Stop, standby, resume.


def test_an_orderly_stop_hands_over_and_ends() -> None:
    pair = settled()
    pair.feed("alpha", StopAsked())
    assert until_held(pair, "beta") < 50
    pair.run(3_000)
    assert pair.ended("alpha")
    assert pair.double_ns == 0


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


# Phases: see p5.


def test_p5_phases_run_in_order_on_both_nodes() -> None:
    pair = settled(groups={"web": PHASED})
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(3_000)
    first = ["test", "pre_acq", "post_acq"]
    assert pair.phases("alpha") == [*first, "test", "pre_rel", "post_rel"]
    assert pair.phases("beta") == first


@pytest.mark.parametrize("phase", [Phase.TEST, Phase.PRE_ACQ])
def test_p5_a_veto_undoes_what_had_begun_and_waits_a_silence(phase: Phase) -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].veto[phase] = "no disk"
    pair.power_cut("alpha")
    pair.run(4_000)
    undone = ["test"] if phase is Phase.TEST else ["test", "pre_acq", "post_rel"]
    assert pair.phases("beta") == undone
    assert pair.told("beta").count("veto") == 1
    pair.run(30_000)
    assert pair.told("beta").count("veto") == 1, "told once"
    assert len(pair.phases("beta")) > len(undone), "tried again"
    pair.hosts["beta"].veto.clear()
    until_held(pair, "beta", 60_000)


def test_p5_an_acquire_that_fails_is_rolled_back() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].acquire_fails = "no such interface"
    pair.power_cut("alpha")
    pair.run(5_000)
    assert pair.phases("beta") == ["test", "pre_acq", "post_rel"]
    assert "failure" in pair.told("beta")
    pair.hosts["beta"].acquire_fails = None
    until_held(pair, "beta", 60_000)


def test_a_vetoed_orphan_goes_to_the_other_node() -> None:
    """P3: a node that can hold it does."""
    pair = Pair(groups={"web": PHASED})
    pair.hosts["alpha"].veto[Phase.PRE_ACQ] = "no disk"
    pair.run(6_000)
    assert pair.holders() == ["beta"]


def test_an_idle_preferred_node_is_not_waited_for_without_end() -> None:
    """P3: alpha believes that it is not preferred (different configs): beta claims in the end."""
    pair = Pair()
    mine = pair.hosts["alpha"].terms
    groups = {"web": replace(WEB, preferred="beta")}
    pair.hosts["alpha"].terms = replace(mine, groups=groups)
    pair.run(15_000)
    assert len(pair.holders()) == 1


def test_p5_a_forced_release_takes_the_address_off_before_pre_rel() -> None:
    pair = settled(groups={"web": PHASED})
    pair.feed("alpha", CarrierChanged("eth0", up=False))
    pair.run(5)
    assert "alpha" not in pair.holders()
    pair.run(1_000)
    assert pair.phases("alpha") == ["test", "pre_acq", "post_acq", "pre_rel", "post_rel"]


def test_p5_what_a_killed_run_left_open_is_undone_at_the_next_start() -> None:
    pair = Pair(start=("beta",), groups={"web": PHASED})
    pair.start("alpha", {"web": Remembered(Epoch(7), pre_acq=True, post_acq=True)})
    pair.run(1_000)
    assert pair.phases("alpha") == ["pre_rel", "post_rel"]
    assert pair.run(10_000).holders() == ["alpha"]


def test_a_release_that_fails_is_tried_again_and_told_once() -> None:
    pair = settled()
    pair.hosts["alpha"].release_fails = "busy"
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(1_500)
    assert pair.double_ns == 0
    pair.run(10_000)
    assert pair.told("alpha").count("failure") == 1
    assert pair.holders() == ["beta"], "the kernel dropped it"
    assert pair.double_ns == 0


def test_a_release_that_fails_without_a_lease_waits_until_it_works() -> None:
    home = replace(WEB, home="alpha")
    pair = settled(groups={"web": home})
    pair.hosts["alpha"].release_fails = "busy"
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(10_000)
    assert pair.holders() == ["alpha"]
    pair.hosts["alpha"].release_fails = None
    until_held(pair, "beta", 3_000)


# Home addresses: see 7.11.


HOME = replace(WEB, home="alpha", links_of_home=frozenset({"public"}))


def test_a_home_node_holds_without_a_lease() -> None:
    pair = settled(groups={"web": HOME})
    assert pair.hosts["alpha"].node.groups["web"].leased_from is None
    assert pair.hosts["alpha"].node.lapses_at is None


def test_a_home_node_that_starts_while_its_peer_claims_gives_way_and_gets_it_by_failback() -> None:
    pair = settled(groups={"web": HOME})
    pair.power_cut("alpha")
    until_held(pair, "beta")
    pair.hosts["alpha"].powered = True
    pair.start("alpha", {"web": Remembered(Epoch(1), found=True)})
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
    pair.start("alpha", {"web": Remembered(Epoch(1), found=True)})
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


# The peer's word.


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
