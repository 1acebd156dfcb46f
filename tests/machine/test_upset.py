"""What upsets a holder: its address is taken off by others, it sleeps, another had it too."""

from dataclasses import replace

from tests.machine.scenes import PHASED, settled, until_held

from ipfo.machine.effects import Acquire, SendHeartbeat
from ipfo.machine.events import DeadlineReached, HeartbeatHeard
from ipfo.model import SECOND, Epoch, GroupEntry, Instant, Role, Sign


def test_an_address_that_somebody_takes_off_is_put_back_and_people_are_told() -> None:
    """Pain 26."""
    pair = settled()
    del pair.hosts["alpha"].addresses["web"]
    assert until_held(pair, "alpha") <= 1_100
    assert "anomaly" in pair.told("alpha")
    assert pair.hosts["alpha"].node.groups["web"].claim == 1


def test_but_only_so_often_and_then_the_peer_has_it() -> None:
    pair = settled()
    for _ in range(60):
        pair.hosts["alpha"].addresses.pop("web", None)
        pair.run(1_000)
    assert pair.holders() == ["beta"]
    acquires = [e for _, e in pair.hosts["alpha"].effects if isinstance(e, Acquire)]
    assert len([e for e in acquires if e.epoch == 1]) == 1 + 3


def test_p1_where_the_peer_is_silent_the_wire_is_asked_before_it_is_put_back() -> None:
    pair = settled()
    pair.power_cut("beta")
    pair.run(10_000)
    pair.third.add("web")
    del pair.hosts["alpha"].addresses["web"]
    pair.run(5_000)
    assert pair.holders() == []
    pair.third.clear()
    until_held(pair, "alpha", ms=60_000)


def test_p1_a_node_that_slept_for_longer_than_its_lease_believes_nothing_it_knew() -> None:
    """Design 7.8: no claim in its first heartbeat, an interval of listening, and only then more."""
    pair = settled()
    host = pair.hosts["alpha"]
    host.alive = False
    pair.run(20_000)
    assert pair.holders() == ["beta"]
    host.alive = True
    before = len(host.effects)
    pair.feed("alpha", DeadlineReached())
    beats = [e for _, e in host.effects[before:] if isinstance(e, SendHeartbeat)]
    assert beats
    roles = {entry.role for beat in beats for entry in beat.heartbeat.entries}
    assert roles <= {Role.STANDBY, Role.YIELDER}
    assert host.node.listen_until >= Instant(pair.now + SECOND)
    pair.run(20_000)
    assert pair.holders() == ["beta"]
    assert pair.double_ns == 0


def test_p2_the_winner_of_a_duel_tells_outside_systems_again() -> None:
    """Pains 7 and 36: its state did not change, and the others believe the loser."""
    pair = settled(groups={"web": replace(PHASED, probes=False)})
    pair.partition()
    pair.run(10_000)
    assert len(pair.holders()) == 2
    pair.heal()
    pair.run(10_000)
    assert pair.holders() == ["beta"]
    assert pair.phases("beta")[-1] == "reassert"
    assert "reassert" not in pair.phases("alpha")


def test_p1_what_waited_in_the_socket_while_this_node_slept_moves_nothing() -> None:
    """A thawed node reads its peer's old offer and release first; the peer has it back long since."""
    pair = settled()
    host = pair.hosts["beta"]
    sent = [e.heartbeat for _, e in pair.hosts["alpha"].effects if isinstance(e, SendHeartbeat)]
    host.alive = False
    pair.run(6_000)
    host.alive = True
    before = len(host.effects)
    for order, (role, sign) in enumerate(
        ((Role.HOLDER, Sign.OFFER), (Role.YIELDER, Sign.RELEASED)), start=1
    ):
        said = GroupEntry("web", role, Epoch(1), sign=sign)
        beat = replace(
            sent[-1],
            sent_at=Instant(sent[-1].sent_at + order),
            sequence=sent[-1].sequence + order,
            entries=(said,),
            groups_digest=order,
        )
        pair.feed("beta", HeartbeatHeard("private", beat))
    assert host.node.slept_at == pair.now
    pair.run(500)
    assert not any(isinstance(e, Acquire) for _, e in host.effects[before:])
    assert pair.double_ns == 0


def test_p1_a_peer_counts_from_the_last_word_and_so_does_a_node_that_slept() -> None:
    """It overslept by less than a lease, and the peer may have claimed all the same (exploration)."""
    pair = settled()
    host = pair.hosts["beta"]
    while not any(isinstance(e, SendHeartbeat) for at, e in host.effects if at == pair.now):
        pair.run(1)
    pair.run(10)
    host.alive = False
    pair.run(3_000)
    host.alive = True
    assert pair.now - host.node.due_at < host.terms.lease_ns
    pair.feed("beta", DeadlineReached())
    assert host.node.slept_at == pair.now
