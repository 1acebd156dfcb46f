"""`dead_after`: a late peer is asked, and only one that answers in no way is dead (design 7.3)."""

import pytest
from tests.machine.scenes import settled, until_held

from ipfo.machine.effects import ProbePeer, SendHeartbeat
from ipfo.model import SECOND

DEAD = {"dead_after_ns": 1_300_000_000}


def test_p3_a_host_that_answers_in_no_way_is_dead_after_dead_after() -> None:
    pair = settled(**DEAD)
    pair.power_cut("alpha")
    assert until_held(pair, "beta") < 1_350


def test_a_killed_daemon_s_host_answers_and_is_waited_for_as_without_it() -> None:
    """P1: the kernel answers for the host's own addresses, and still has the service address."""
    pair = settled(**DEAD)
    pair.kill("alpha")
    pair.run(1_500)
    assert pair.holders() == ["alpha"]
    assert until_held(pair, "beta") > 500
    assert pair.double_ns == 0


def test_each_link_is_asked_again_and_again_and_the_wire_beside_it() -> None:
    pair = settled(**DEAD)
    pair.power_cut("alpha")
    before = len(pair.hosts["beta"].effects)
    pair.run(1_290)
    effects = [e for _, e in pair.hosts["beta"].effects[before:]]
    asks = [e for e in effects if isinstance(e, SendHeartbeat) and e.heartbeat.asks]
    assert {e.heartbeat.link for e in asks} == {"public", "private"}
    assert len(asks) >= 12
    assert sum(isinstance(e, ProbePeer) for e in effects) == 1


def test_a_lost_heartbeat_is_made_good_by_the_answer_to_a_question() -> None:
    pair = settled(**DEAD)
    pair.cut = {("alpha", "public"), ("alpha", "private")}
    pair.run(1_000)
    pair.heal()
    pair.run(10_000)
    assert pair.holders() == ["alpha"]
    assert "takeover" not in pair.told("beta")


def test_a_wire_that_cannot_be_asked_proves_nothing() -> None:
    pair = settled(**DEAD)
    pair.others.silent_probe = "no provider can ask the wire"
    pair.power_cut("alpha")
    assert until_held(pair, "beta") > 2_500


@pytest.mark.parametrize("ms", [50, 400, 800])
def test_no_question_is_asked_while_heartbeats_come(ms: int) -> None:
    pair = settled(**DEAD)
    pair.run(ms)
    pair.run(30_000)
    for host in pair.hosts.values():
        assert not any(isinstance(e, SendHeartbeat) and e.heartbeat.asks for _, e in host.effects)


def test_with_a_slow_pair_too_the_questions_fit_in() -> None:
    pair = settled(
        interval_ns=200_000_000,
        takeover_after_ns=1_500_000_000,
        dead_after_ns=300_000_000,
        lease_s=1,
    )
    pair.power_cut("alpha")
    assert until_held(pair, "beta") < 400
    assert pair.hosts["beta"].terms.interval_ns < SECOND


def test_a_host_that_answers_at_once_is_not_asked_in_a_spin() -> None:
    pair = settled(**DEAD)
    pair.kill("alpha")
    before = len(pair.hosts["beta"].effects)
    pair.run(2_000)
    probes = [e for _, e in pair.hosts["beta"].effects[before:] if isinstance(e, ProbePeer)]
    assert 2 <= len(probes) <= 2_000 / 25
