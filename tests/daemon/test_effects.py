"""Each effect becomes a call with a deadline, and each way that a call can end exactly one event."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.daemon.paper import document
from tests.daemon.rig import FIVE, LEASE_S, Rig

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.phases import PHASE_MARGIN_NS, move_fields
from ipfo.machine import effects as ask
from ipfo.machine.events import (
    Acquired,
    PeerProbed,
    PhaseEnded,
    Probed,
    Released,
    Renewed,
    Swept,
)
from ipfo.model import SECOND, Answer, Epoch, Instant, Phase, Reason, Role
from ipfo.model import Event as Told

WIRE = ["lease", "probe", "wire"]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def test_an_acquire_says_how_long_it_is_good_and_how_long_it_lasts(rig: Rig) -> None:
    good_until = Instant(clock.now() + SECOND)
    rig.do(ask.Acquire("web", FIVE, good_until))
    rig.effects.flush()
    do, given, deadline, _ = rig.pool.desk.last()
    assert do == "acquire_all"
    assert given == {"units": [("web", 5, good_until)], "lifetime_s": LEASE_S}
    assert deadline > good_until
    rig.pool.desk.end({"acquired": {"web": 77}, "failed": {}, "remarks": ["it was slow"]})
    assert rig.inbox == [Acquired("web", FIVE, Instant(77))]
    assert rig.told("record")[-1]["rule"] == "it was slow"


def test_an_acquire_without_leases_and_one_that_fails(rig: Rig) -> None:
    for ok in (
        {"acquired": {"plain": None}, "failed": {}},
        {"acquired": {}, "failed": {"plain": "no card"}},
    ):
        rig.do(ask.Acquire("plain", FIVE, Instant(1)))
        rig.effects.flush()
        rig.pool.desk.end(ok)
    rig.do(ask.Acquire("plain", FIVE, Instant(1)))
    rig.effects.flush()
    rig.pool.desk.end(failed="timed out")
    assert rig.inbox == [
        Acquired("plain", FIVE, None),
        Acquired("plain", FIVE, None, "no card"),
        Acquired("plain", FIVE, None, "timed out"),
    ]


def test_what_comes_while_one_is_being_put_on_is_put_on_together_after_it(rig: Rig) -> None:
    rig.do(ask.Acquire("web", FIVE, Instant(1)))
    rig.effects.flush()
    rig.do(ask.Acquire("web", Epoch(6), Instant(2)))
    rig.effects.flush()
    rig.do(ask.Acquire("web", Epoch(7), Instant(3)))
    rig.effects.flush()
    assert [call[1]["units"] for call in rig.pool.desk.calls] == [[("web", 5, 1)]]
    rig.pool.desk.end({"acquired": {"web": 77}, "failed": {}})
    assert rig.pool.desk.last()[1]["units"] == [("web", 6, 2), ("web", 7, 3)]
    rig.pool.desk.end(failed="timed out")
    assert rig.inbox == [
        Acquired("web", FIVE, Instant(77)),
        Acquired("web", Epoch(6), None, "timed out"),
        Acquired("web", Epoch(7), None, "timed out"),
    ]


def test_a_release_is_answered_well_or_with_what_failed(rig: Rig) -> None:
    for failed in (None, "worker ended"):
        rig.do(ask.Release("web", FIVE))
        rig.pool.desk.end(None if failed else {}, failed)
        assert rig.inbox.pop() == Released("web", FIVE, failed)


def test_a_renewal_takes_less_than_half_the_lease_and_fails_for_every_group(rig: Rig) -> None:
    now = clock.now()
    rig.do(ask.Renew(("web",), now, Instant(now + 5), 2))
    do, given, deadline, _ = rig.pool.desk.last()
    assert (do, given["lifetime_s"], given["good_until"]) == ("renew", LEASE_S, now + 5)
    assert deadline - clock.now() <= LEASE_S * SECOND // 2
    rig.pool.desk.end({"began": 9, "failed": ["web"]})
    rig.do(ask.Renew(("web",), now, Instant(now + 5), 2))
    rig.pool.desk.end(failed="timed out")
    assert rig.inbox == [Renewed(Instant(9), ("web",)), Renewed(now, ("web",))]


def test_a_home_address_is_swept_and_what_was_found_is_told(rig: Rig) -> None:
    rig.do(ask.Sweep("web"))
    rig.pool.desk.end({"found": True})
    rig.do(ask.Sweep("web"))
    rig.pool.desk.end(failed="busy")
    assert rig.inbox == [Swept("web", found=True), Swept("web", failed="busy")]


def test_probes_of_one_step_are_one_call_and_each_is_answered(rig: Rig) -> None:
    """One after the other they would hold up a renewal for longer than a lease."""
    for group in ("web", "plain"):
        rig.do(ask.Probe(group, Instant(3), SECOND))
    rig.effects.flush()
    rig.effects.flush()
    card = "02:00:5e:00:53:01"
    answers = {"web": [["192.0.2.100", card]]}
    rig.pool.desk.end({"answers": answers, "failed": {"plain": "no such interface"}})
    assert rig.pool.desk.calls == []
    assert rig.inbox == [
        Probed("web", Instant(3), (Answer("192.0.2.100", card),)),
        Probed("plain", Instant(3), (), "no such interface"),
    ]


def test_probes_that_the_worker_did_not_survive_have_failed(rig: Rig) -> None:
    rig.do(ask.Probe("web", Instant(4), SECOND))
    rig.effects.flush()
    rig.pool.desk.end(failed="timed out")
    assert rig.inbox == [Probed("web", Instant(4), (), "timed out")]


def test_an_announcement_is_answered_by_nothing_and_its_failure_written_down(rig: Rig) -> None:
    rig.do(ask.Announce("web", FIVE))
    rig.pool.desk.end(failed="no carrier")
    assert rig.inbox == []
    assert "no carrier" in rig.told("record")[-1]["rule"]


def run(phase: Phase) -> ask.RunPhase:
    return ask.RunPhase("web", phase, FIVE, phase is not Phase.PRE_REL, Reason.TAKEOVER)


def test_a_phase_gets_the_move_and_a_little_more_time_than_it_is_told(rig: Rig) -> None:
    rig.do(run(Phase.PRE_ACQ))
    do, given, deadline, _ = rig.pool.moves.last()
    assert do == "run"
    assert given["phase"] == "pre_acq"
    assert given["timeout_s"] == 30
    assert given["move"] == {
        "group": "web",
        "epoch": 5,
        "acquire": True,
        "reason": "takeover",
        "node": "alpha",
        "peer": "beta",
        "pair": "looped",
        "interface": "en0",
        "addresses": ["192.0.2.100"],
    }
    assert rig.pool.moves.calls[1:] == []
    assert deadline - clock.now() <= 30 * SECOND + PHASE_MARGIN_NS
    rig.pool.moves.end({"veto": "no disk", "failures": [], "said": ["looked at the disk"]})
    assert rig.inbox == [PhaseEnded("web", Phase.PRE_ACQ, FIVE, "no disk")]
    assert rig.told("record")[-1]["rule"] == "looked at the disk"


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_that_is_lost_vetoes_before_the_claim_and_is_told_after_it(
    rig: Rig, phase: Phase
) -> None:
    rig.do(run(phase))
    rig.pool.moves.end(failed="timed out")
    (ended,) = rig.inbox
    assert isinstance(ended, PhaseEnded)
    if phase in (Phase.TEST, Phase.PRE_ACQ):
        assert ended.veto == f"{phase.value}: timed out"
        assert rig.told("notify") == []
    else:
        assert ended.veto is None
        (notice,) = rig.told("notify")
        assert notice["event"] == "failure"
        assert "timed out" in notice["detail"]


def test_a_worker_is_given_back_when_the_move_rests_and_not_before(rig: Rig) -> None:
    rig.do(run(Phase.PRE_ACQ))
    rig.effects.rest(lambda _: Role.HOLDER)
    assert rig.pool.done == []  # a phase is under way
    rig.pool.moves.end({"veto": None, "failures": [], "said": []})
    rig.effects.rest(lambda _: Role.CLAIMANT)
    assert rig.pool.done == []  # there are more to come
    rig.effects.rest(lambda _: Role.HOLDER)
    rig.effects.rest(lambda _: Role.HOLDER)
    assert rig.pool.done == ["web"]


def test_p7_every_notice_has_a_key_of_its_own_and_says_who_speaks(rig: Rig) -> None:
    """P7: what was decided is told, with an id."""
    for _ in range(2):
        rig.do(ask.Notify(Told.TAKEOVER, "web is now on alpha", group="web", epoch=FIVE))
    first, second = rig.told("notify")
    assert first["key"] == "alpha-000000000000000b-1"
    assert second["key"] == "alpha-000000000000000b-2"
    assert (first["pair"], first["node"], first["peer"]) == ("looped", "alpha", "beta")
    assert first["at"].endswith("Z")


def test_lost_papers_are_counted(rig: Rig) -> None:
    rig.do(ask.Record("turn", "takeover", "web", Role.STANDBY, Role.CLAIMANT, FIVE, (("ms", 3),)))
    rig.pool.notices.end(failed="the queue is full")
    assert rig.paper.lost == 1
    assert rig.paper.fault == "the queue is full"


def test_p7_what_a_worker_failed_to_store_is_told_again(rig: Rig) -> None:
    rig.do(ask.Notify(Told.TAKEOVER, "web is now on alpha", group="web", epoch=FIVE))
    first = rig.told("notify")
    rig.pool.notices.end(failed="timed out")
    assert rig.told("notify") == first, "the same notice, under the same key"
    assert rig.paper.lost == 0


def test_what_a_plugin_says_without_end_is_cut(rig: Rig) -> None:
    rig.paper.write("post_acq", "x" * 2_000_000, "web")
    assert len(rig.told("record")[-1]["rule"]) < 10_000


def test_the_outbox_is_asked_once_at_a_time(rig: Rig) -> None:
    rig.paper.ask_state()
    rig.paper.ask_state()
    assert [do for do, *_ in rig.pool.notices.calls] == ["state"]
    rig.pool.notices.end({"queued": 3})
    assert rig.paper.outbox is not None
    assert rig.paper.outbox["queued"] == 3


@pytest.mark.parametrize(("effect", "restarting"), [(ask.End(), False), (ask.Restart(), True)])
def test_the_end_is_noted_and_whether_a_new_run_follows(
    rig: Rig, effect: ask.Effect, restarting: bool
) -> None:
    before = rig.effects.ended
    rig.do(effect)
    assert (before, rig.effects.ended, rig.effects.restarting) == (False, True, restarting)


@pytest.mark.parametrize(
    ("ok", "failed", "event"),
    [
        ({"answered": True}, None, PeerProbed(Instant(3), answered=True)),
        ({"answered": False}, None, PeerProbed(Instant(3))),
        ({"answered": False, "failed": "no wire"}, None, PeerProbed(Instant(3), failed="no wire")),
        (None, "timed out", PeerProbed(Instant(3), failed="timed out")),
    ],
)
def test_the_peers_own_addresses_are_asked_for_on_the_wire(
    rig: Rig, ok: dict[str, Any] | None, failed: str | None, event: PeerProbed
) -> None:
    rig.do(ask.ProbePeer(Instant(3), SECOND))
    assert rig.pool.desk.last()[:2] == ("probe_peer", {"timeout_ns": SECOND})
    rig.pool.desk.end(ok, failed)
    assert rig.inbox == [event]


def test_who_answered_is_told_with_his_name(rig: Rig) -> None:
    """Design 7.3: the peer's card, or a third host's."""
    rig.do(ask.Probe("web", Instant(4), SECOND))
    rig.effects.flush()
    answers = {"web": [["192.0.2.100", "02:00:5e:00:53:01", "beta"]]}
    rig.pool.desk.end({"answers": answers, "failed": {}})
    answer = Answer("192.0.2.100", "02:00:5e:00:53:01", "beta")
    assert rig.inbox == [Probed("web", Instant(4), (answer,))]


def test_a_renewal_says_what_somebody_else_has_taken_off(rig: Rig) -> None:
    rig.do(ask.Renew(("web", "plain"), Instant(1), Instant(5), 10))
    assert rig.pool.desk.last()[1]["lifetime_s"] == 10  # longer before a restart
    rig.pool.desk.end({"began": 9, "failed": [], "gone": ["plain"]})
    assert rig.inbox == [Renewed(Instant(9), (), ("plain",))]


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Rig]:
    """`web` and `far` are of different providers."""
    far = {"provider": "cloud", "traits": ["lease"]}
    made = Rig(tmp_path, Config.from_document(document(groups={"web": {}, "far": far})))
    yield made
    made.close()


def test_p6_what_another_provider_does_not_renew_has_failed_and_makes_nothing_older(
    apart: Rig,
) -> None:
    now = clock.now()
    apart.do(ask.Renew(("web", "far"), now, Instant(now + 5), 2))
    web, far = apart.pool.addresses["web"], apart.pool.addresses["far"]
    assert [desk.last()[1]["groups"] for desk in (web, far)] == [["web"], ["far"]]
    assert far.last()[2] - clock.now() <= LEASE_S * SECOND // 4
    web.end({"began": now + 3, "failed": []})
    assert apart.inbox == [], "the machine has one answer for all"
    far.end(failed="timed out")
    assert apart.inbox == [Renewed(Instant(now + 3), ("far",))]


def test_a_renewal_of_nothing_is_answered_all_the_same(rig: Rig) -> None:
    rig.do(ask.Renew((), Instant(4), Instant(5), 2))
    assert rig.inbox == [Renewed(Instant(4))]


def test_p6_an_acquire_and_a_probe_do_not_wait_for_another_provider(apart: Rig) -> None:
    for group in ("far", "web"):
        apart.do(ask.Acquire(group, FIVE, Instant(1)))
        apart.do(ask.Probe(group, Instant(4), SECOND))
    apart.effects.flush()
    apart.pool.addresses["web"].end({"answers": {}, "failed": {}})
    apart.pool.addresses["web"].end({"acquired": {"web": 77}, "failed": {}})
    assert set(map(type, apart.inbox)) == {Acquired, Probed}
    assert [call[0] for call in apart.pool.addresses["far"].calls] == ["acquire_all", "probe"]


def test_the_peer_is_asked_for_by_a_worker_that_can_and_is_not_busy(tmp_path: Path) -> None:
    plain = {"provider": "pretence", "traits": ["lease"]}
    groups = {"plain": plain, "web": {"traits": WIRE}, "far": {"provider": "cloud", "traits": WIRE}}
    rig = Rig(tmp_path, Config.from_document(document(groups=groups)))
    rig.do(ask.ProbePeer(Instant(3), SECOND))
    rig.do(ask.ProbePeer(Instant(4), SECOND))
    asked = {unit: len(desk.calls) for unit, desk in rig.pool.addresses.items()}
    assert asked == {"plain": 0, "web": 1, "far": 1}
    rig.close()


def test_what_failed_is_kept_for_the_status_for_as_long_as_the_epoch_lasts(rig: Rig) -> None:
    troubles, long_ago, later = rig.effects.troubles, Instant(0), Instant(2**62)
    rig.do(ask.Acquire("web", FIVE, Instant(1)))
    rig.effects.flush()
    rig.pool.desk.end(failed="no such interface")
    rig.do(run(Phase.POST_ACQ))
    rig.pool.moves.end({"veto": None, "failures": ["db did not start"], "said": []})
    rig.do(ask.Renew(("web",), Instant(1), Instant(5), 2))
    rig.pool.desk.end(failed="timed out")
    kept = {each.what: each.why for each in troubles.since("web", FIVE, long_ago)}
    assert kept == {
        "acquire": "no such interface",
        "post_acq": "db did not start",
        "lease": "timed out",
    }
    assert troubles.since("web", Epoch(6), later) == []
    assert troubles.since("plain", FIVE, long_ago) == []


def test_the_fields_of_a_move_are_all_there() -> None:
    from dataclasses import fields

    from ipfo.model import Move

    move = Move("web", FIVE, True, Reason.STOP, "alpha", "beta", "looped", "en0", ("192.0.2.1",))
    assert set(move_fields(move)) == {field.name for field in fields(Move)}
