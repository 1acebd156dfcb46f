"""The rules of the holder: keep the address announced, let go when it must, hand over when asked."""

from ipfo.machine import evidence
from ipfo.machine.effects import Announce, Record
from ipfo.machine.evolve import evolve
from ipfo.machine.group import (
    Around,
    Group,
    Hold,
    Out,
    expired,
    forget,
    lease_ends,
    notice,
    offer_lasts_ns,
    peer_beats,
    peer_holds,
    set_back,
    settle,
    sign_lasts_ns,
    step_phase,
    tell_once,
    turn,
    wins_ties,
)
from ipfo.model import SECOND, GroupEntry, Health, Instant, Phase, Reason, Role, Sign
from ipfo.model import Event as Told

ANNOUNCE_GAPS_NS = (SECOND // 10, SECOND // 2, SECOND, 3 * SECOND, 10 * SECOND, 30 * SECOND)
"""Between the first announcements: a switch that was slow to learn learns from a later one."""

TESTED = (Reason.HANDOVER, Reason.FAILBACK, Reason.STANDBY)
"""Releases that a test may refuse: those that somebody asked for and that can wait."""

IN_WORDS = {
    Reason.FIRST_CLAIM: "nobody held it since this node was started",
    Reason.ORPHAN: "nobody held it any more",
    Reason.CONTESTED: "taken though somebody still answers for it",
}
"""Reasons that need more than their name in a message to people."""

ALL_MAY_TAKE = (Health.ABLE, Health.LISTENING)
"""A peer that may be offered a group."""


def holder(group: Group, a: Around) -> Out:
    """Hold, until one of the reasons to let go is there."""
    ends_at = lease_ends(group, a)
    if expired(ends_at, a):
        unfit = set_back(group, a, Health.FAILED)  # the peer may do better
        return let_go(unfit, a, Reason.LEASE, "the lease ran out before it was renewed")
    if not a.carrier:
        return let_go(group, a, Reason.CARRIER, _no_carrier(a))
    if peer_holds(group, a):
        if peer_beats(group, a):
            return _beaten(group, a)
        return _beat(group, a)
    if _peer_had_it(group, a) and "split" not in group.told:
        return _beat(group, a)
    if group.split:
        return _announce(evolve(group, split=False, announced=0), a)
    if not _peer_had_it(group, a):
        group = forget(group, "split")
    if a.silent and a.group.probes and not a.group.take_contested:
        taken = _look_round(group, a)
        if taken is not None:
            return taken
    elif group.contested_since is not None:
        group = evolve(group, contested_since=None)
    leaving = a.stopping or (a.outcast and group.sign is not Sign.REFUSED)
    if leaving and group.giving is None:
        reason = Reason.STOP if a.stopping else Reason.STANDBY
        return give(group, a, reason)
    if a.stopping and group.giving is not Reason.STOP and group.running is None:
        group = evolve(group, giving=Reason.STOP)
    if group.giving is not None:
        return _hand_over(group, a)
    if group.sign is Sign.REFUSED and expired(group.sign_until, a):
        group = evolve(group, sign=Sign.NONE, sign_until=None)
    if group.sign is Sign.NONE and _peer_wishes(group, a):
        return give(group, a, _planned(a))
    if expired(group.announce_at, a):
        return _announce(group, a)
    return group, ()


def took(group: Group, a: Around) -> Out:
    """The address is on: holder, everybody is told, and post_acq begins."""
    group = evolve(
        forget(group, "veto", "failed", "contested", "contest", "split"),
        hold=Hold.ON,
        seen_held=True,
        tries=0,
        setback=Health.ABLE,
        retry_at=None,
        contested_since=None,
        evidence=None,
        probe_at=a.now,
        giving=None,
        unrenewed=False,
        announced=1,
        announce_at=Instant(a.now + ANNOUNCE_GAPS_NS[0]),
    )
    silence_ms = a.silence_ms
    group, effects = turn(group, a, Role.HOLDER, group.reason.value, ("silence_ms", silence_ms))
    planned = {Reason.HANDOVER: Told.HANDOVER, Reason.FAILBACK: Told.FAILBACK}
    event = planned.get(group.reason, Told.TAKEOVER)
    why = IN_WORDS.get(group.reason, group.reason.value)
    headline = f"{group.name} is now on {a.terms.node}: {why}"
    heard = f"was last heard {silence_ms} ms ago" if a.peer_ever else "was never heard"
    told = notice(group, event, headline, f"{a.terms.peer} {heard}")
    here = group.asked == a.terms.node
    group, settled = settle(group, done=here, why=f"{a.terms.node} holds it")
    if not a.group.phases:
        return group, (*effects, told, *settled)
    group, phase = step_phase(evolve(group, post_acq=True), Phase.POST_ACQ, acquire=True)
    return group, (*effects, told, *settled, *phase)


def give(group: Group, a: Around, reason: Reason) -> Out:
    """Begin to hand `group` over, if the peer can take it."""
    why = unable(group, a)
    if why is None:
        group = evolve(group, giving=reason, tested=reason not in TESTED, reason=reason)
        return _hand_over(group, a)
    if reason is Reason.STOP:
        return _leave(evolve(group, reason=reason), a, why)
    return _refuse(group, a, why)


def unable(group: Group, a: Around) -> str | None:
    """Why the peer cannot take `group` now; None: it can."""
    if a.silent or group.peer is None:
        return f"{a.terms.peer} is silent"
    if group.peer.health not in ALL_MAY_TAKE:
        return f"{a.terms.peer} cannot take it: {group.peer.health.name.lower()}"
    return None


def test_refused(group: Group, a: Around, why: str) -> Out:
    """The test of a release said no: the group stays."""
    headline = f"{group.name} stays on {a.terms.node}: test refused the release"
    told = notice(group, Told.VETO, headline, why)
    group, effects = _refuse(group, a, f"test refused: {why}")
    return group, (told, *effects)


def let_go(group: Group, a: Around, reason: Reason, why: str) -> Out:
    """Let go at once, the address first: nobody was asked and nothing may delay it."""
    group = evolve(group, reason=reason, forced=True)
    event = Told.SPLIT if reason is Reason.SPLIT else Told.RELEASE
    told = notice(group, event, f"{a.terms.node} lets go of {group.name}: {why}")
    group, effects = settle(group, done=False, why=why)
    beaten = reason is Reason.SPLIT
    sign, until = (Sign.BEATEN, Instant(a.now + sign_lasts_ns(a))) if beaten else (Sign.NONE, None)
    cleared = evolve(group, giving=None, sign=sign, sign_until=until, split=False)
    cleared, more = turn(cleared, a, Role.YIELDER, reason.value, ("why", why))
    return cleared, (*more, told, *effects)


def _hand_over(group: Group, a: Around) -> Out:
    """Test, offer, and let go when the peer is ready; or keep it, when that comes to nothing."""
    assert group.giving is not None
    if group.running is not None:
        return group, ()  # post_acq of the move before; phases never overlap
    if group.sign is not Sign.OFFER:
        if not group.tested and a.group.phases:
            return step_phase(group, Phase.TEST, acquire=False)
        offer = evolve(group, sign=Sign.OFFER, sign_until=Instant(a.now + offer_lasts_ns(a)))
        return offer, (Record("offer", group.giving.value, group.name, epoch=group.claim),)
    peer = group.peer
    if peer is not None and not a.silent and _is_ready(peer, group):
        return _yield(group, a, f"{a.terms.peer} is ready")
    if peer is not None and peer.sign is Sign.REFUSED:
        return _keep(group, a, f"{a.terms.peer} refused: {peer.health.name.lower()}")
    if a.silent:
        return _keep(group, a, f"{a.terms.peer} fell silent")
    if expired(group.sign_until, a):
        return _keep(group, a, f"{a.terms.peer} was not ready in time")
    return group, ()


def _keep(group: Group, a: Around, why: str) -> Out:
    """The offer came to nothing. A daemon that must end lets go all the same."""
    if group.giving is Reason.STOP:
        return _leave(group, a, why)
    headline = f"{group.name} stays on {a.terms.node}"
    told = notice(group, Told.FAILURE, headline, why)
    group, effects = _refuse(group, a, why)
    return group, (told, *effects)


def _refuse(group: Group, a: Around, why: str) -> Out:
    group, effects = settle(group, done=False, why=why)
    kept = evolve(
        group,
        giving=None,
        sign=Sign.REFUSED,
        sign_until=Instant(a.now + sign_lasts_ns(a)),
    )
    return kept, (Record("kept", why, group.name, epoch=group.claim), *effects)


def _yield(group: Group, a: Around, why: str) -> Out:
    """Let go in order: pre_rel while the address still answers, then the address, then post_rel."""
    group = evolve(group, forced=False, sign=Sign.NONE, sign_until=None)
    reason = group.reason
    told = notice(
        group, Told.RELEASE, f"{a.terms.node} lets go of {group.name}: {reason.value}", why
    )
    group, effects = turn(group, a, Role.YIELDER, reason.value, ("why", why))
    return evolve(group, giving=None), (*effects, told)


def _leave(group: Group, a: Around, why: str) -> Out:
    """Let go though nobody takes it, since the daemon ends.

    A home node leaves its own address where the operating system had set it: nobody else has it,
    and without it the machine may be out of reach.
    """
    return _yield(evolve(group, keep_home=a.at_home), a, f"the daemon ends; {why}")


def _beaten(group: Group, a: Around) -> Out:
    assert group.peer is not None
    why = f"{a.terms.peer} holds it under epoch {group.peer.epoch}, ours is {group.claim}"
    return let_go(group, a, Reason.SPLIT, why)


def _beat(group: Group, a: Around) -> Out:
    """The peer holds it too, under a worse claim: it will let go; announce over it."""
    if group.split:
        return group, ()
    assert group.peer is not None
    headline = f"{group.name} had two holders: {a.terms.node} keeps it"
    why = f"{a.terms.peer} claims epoch {group.peer.epoch}, ours is {group.claim}"
    group, told = tell_once(group, "split", notice(group, Told.SPLIT, headline, why))
    group, effects = _announce(evolve(group, split=True, announced=0), a)
    return group, (*told, *effects)


def _look_round(group: Group, a: Around) -> Out | None:
    """Hold while the peer is silent: ask the wire now and then whether somebody else has it, too.

    Heartbeats may be filtered while both live, and both may have claimed within one probe. Where
    the wire has only just healed, the next heartbeats settle it, so these are waited for. Then who
    wins ties tells people and announces; the other lets go.
    """
    said = group.evidence
    if said is None or said.asked_at < group.since:
        asked, effects = evidence.seek(group, a)
        later = Instant(a.now + a.terms.takeover_after_ns)
        return (evolve(asked, probe_at=later), effects) if effects else None
    group = evolve(group, evidence=None)
    if not said.answers:
        return evolve(group, contested_since=None), ()
    if group.contested_since is None:
        again_at = Instant(a.now + 2 * a.terms.interval_ns)
        return evolve(group, contested_since=a.now, probe_at=again_at), ()
    group = evolve(group, contested_since=None)
    who = f"{said.answers[0].address} is at {said.answers[0].card}, too"
    if not wins_ties(a):
        return let_go(group, a, Reason.SPLIT, who)
    headline = f"{group.name} has two holders on the wire: {a.terms.node} keeps it"
    group, told = tell_once(group, "contest", notice(group, Told.SPLIT, headline, who))
    group, effects = _announce(evolve(group, announced=0), a)
    return group, (*told, *effects)


def _peer_had_it(group: Group, a: Around) -> bool:
    """Whether the peer was a holder too, and has begun to let go before we heard that it was."""
    return not a.silent and group.peer is not None and group.peer.sign is Sign.BEATEN


def _announce(group: Group, a: Around) -> Out:
    gap_ns = a.group.announce_every_ns
    if group.announced < len(ANNOUNCE_GAPS_NS):
        gap_ns = min(gap_ns, ANNOUNCE_GAPS_NS[group.announced])
    group = evolve(group, announced=group.announced + 1, announce_at=Instant(a.now + gap_ns))
    return group, (Announce(group.name, group.claim),)


def _peer_wishes(group: Group, a: Around) -> bool:
    return not a.silent and group.peer is not None and group.peer.sign is Sign.WISH


def _is_ready(peer: GroupEntry, group: Group) -> bool:
    claims = peer.role is Role.CLAIMANT and peer.epoch > group.claim
    return claims and peer.sign is Sign.READY


def _planned(a: Around) -> Reason:
    """Why a group moves to the peer: because it is preferred, or because somebody wants it there."""
    return Reason.FAILBACK if a.group.preferred == a.terms.peer else Reason.HANDOVER


def _no_carrier(a: Around) -> str:
    return f"{' or '.join(a.group.interfaces)} lost its carrier"
