"""The rules of the holder: keep the address announced and let go when it must; giving is in `give`."""

from ipfo.machine import claim, evidence, give
from ipfo.machine.effects import Acquire, Announce, Record
from ipfo.machine.evolve import evolve
from ipfo.machine.group import (
    Around,
    Group,
    Hold,
    Out,
    count_move,
    expired,
    forget,
    has_vote,
    lease_ends,
    notice,
    peer_beats,
    peer_holds,
    peer_is_free,
    set_back,
    settle,
    sign_lasts_ns,
    step_phase,
    tell_once,
    turn,
    wins_ties,
)
from ipfo.model import BY_OFFER, SECOND, GroupEntry, Health, Instant, Phase, Reason, Role, Sign
from ipfo.model import Event as Told

ANNOUNCE_GAPS_NS = (SECOND // 10, SECOND // 2, SECOND, 3 * SECOND, 10 * SECOND, 30 * SECOND)
"""Between the first announcements: a switch that was slow to learn learns from a later one."""

UNFIT = (Reason.LEASE,)
"""After these the peer may do better: this node does not claim again at once."""

PUT_BACK_MAX = 3
"""How often an address that somebody else takes off is put back, in the time of the breaker."""

IN_WORDS = {
    Reason.TAKEOVER: "{peer} fell silent",
    Reason.HANDOVER: "{peer} gave it",
    Reason.FAILBACK: "it belongs here, and {peer} gave it",
    Reason.FIRST_CLAIM: "nobody held it since this node was started",
    Reason.ORPHAN: "nobody held it any more",
    Reason.CONTESTED: "taken though somebody still answers for it",
}
"""Reasons that need more than their name in a message to people."""


def holder(group: Group, a: Around) -> Out:
    """Hold, until one of the reasons to let go is there."""
    must = _must_let_go(group, a)
    if must is not None:
        reason, why = must
        unfit = set_back(group, a, Health.FAILED) if reason in UNFIT else group
        return let_go(unfit, a, reason, why)
    if peer_holds(group, a):
        return _both(group, a)
    if _peer_had_it(group, a) and "split" not in group.told:
        return _beat(group, a)
    if group.split:
        return _announce(evolve(group, split=False, announced=0, reassert=True), a)
    if not _peer_had_it(group, a):
        group = forget(group, "split")
    if group.hold is Hold.COMING:
        return group, ()  # it is being put back: nothing is given until it is known to be here
    if group.gone_at is not None:
        return _put_back(group, a)
    if looks_round(group, a):
        taken = _look_round(group, a)
        if taken is not None:
            return taken
    elif group.contested_since is not None:
        group = evolve(group, contested_since=None)
    return _giving(group, a)


def _giving(group: Group, a: Around) -> Out:
    """Give the group away, if there is a reason to; else keep it announced."""
    leaving = a.stopping or (a.outcast and group.sign is not Sign.REFUSED)
    if leaving and group.giving is None:
        reason = Reason.STOP if a.stopping else Reason.STANDBY
        return give.give(group, a, reason)
    if a.stopping and group.giving is not Reason.STOP and group.running is None:
        group = evolve(group, giving=Reason.STOP)
    if group.giving is not None:
        return give.hand_over(group, a)
    if group.sign is Sign.REFUSED and expired(group.sign_until, a):
        group = evolve(group, sign=Sign.NONE, sign_until=None)
    if group.sign is Sign.NONE and _peer_wishes(group, a):
        return give.give(group, a, _planned(a))
    by_itself = give.by_itself(group, a)
    if by_itself is not None:
        return give.give(group, a, by_itself, pushed=True)
    group, told = _tell_of_illness(group, a)
    if group.reassert and group.running is None:
        group = evolve(group, reassert=False)
        if a.group.phases:
            group, effects = step_phase(group, Phase.REASSERT, acquire=True)
            return group, (*told, *effects)
    if expired(group.announce_at, a):
        group, effects = _announce(group, a)
        return group, (*told, *effects)
    return group, told


def _must_let_go(group: Group, a: Around) -> tuple[Reason, str] | None:
    """Why the group must go at once, whether anybody takes it or not; None: it need not."""
    if expired(lease_ends(group, a), a):
        return Reason.LEASE, "the lease ran out before it was renewed"
    if not a.carrier:
        return Reason.CARRIER, f"{' or '.join(a.group.interfaces)} lost its carrier"
    if a.alone:
        why = _isolated(a)
        if why is not None:
            return Reason.ISOLATED, f"{a.terms.peer} is not heard, and {why}"
    if a.deaf and _peer_takes(group, a):
        return Reason.UNHEARD, f"{a.terms.peer} does not hear {a.terms.node} and takes it"
    return None


def _isolated(a: Around) -> str | None:
    """Why a holder whom the peer may not hear must not go on; None: it may (design 7.2, 7.4)."""
    if a.fenced:
        return None
    if a.terms.vote_ttl_ns is not None:
        if has_vote(a):
            return None
        if a.denied is not None:
            return f"the voter keeps it for another: {a.denied}"
        return f"the voter cannot be asked: {a.vote_lost}" if a.terms.consistent else None
    if not a.terms.consistent or (a.terms.deniers and a.reached):
        return None
    return "no witness can be reached" if a.terms.deniers else "there is no witness"


def _peer_takes(group: Group, a: Around) -> bool:
    """Whether a peer that does not hear us is about to take what we hold, or does so already."""
    peer = group.peer
    if peer is None or group.giving is not None or has_vote(a):
        return False
    if a.now < a.back_at + a.terms.late_after_ns:
        return False  # the wire has only just healed: the peer will hear us, too
    if peer.role is Role.CLAIMANT:
        return peer.epoch > group.claim
    return a.unheard and peer.role is Role.STANDBY and peer.health in (Health.ABLE, Health.ILL)


def _both(group: Group, a: Around) -> Out:
    """The peer holds it too: agreed upon, or one of the two lets go."""
    assert group.peer is not None
    if not peer_beats(group, a):
        shares = group.peer.sign is Sign.SHARE and a.now < group.since + give.SHARE_NS
        return (group, ()) if shares else _beat(group, a)
    if group.sign is Sign.SHARE:
        return give.shared(group, a)
    return _beaten(group, a)


def _put_back(group: Group, a: Around) -> Out:
    """Somebody else took an address off: put it back, so many times, if nobody can have taken it."""
    assert group.gone_at is not None
    recent = tuple(at for at in group.put_back if a.now < at + a.group.per_ns)
    if len(recent) >= PUT_BACK_MAX:
        why = f"somebody takes its address off: it was put back {len(recent)} times"
        return let_go(set_back(group, a, Health.FAILED), a, Reason.REMOVED, why)
    if a.now < a.listen_until:
        return group, ()  # it went while this node slept: the peer may have taken it, and says so
    asked = group.evidence is not None and group.evidence.asked_at >= group.gone_at
    if not asked and a.group.probes and not _surely_free(group, a):
        return evidence.seek(group, a)
    if asked and group.evidence is not None and group.evidence.answers:
        return let_go(group, a, Reason.REMOVED, "its address was taken off and is elsewhere")
    group = evolve(group, hold=Hold.COMING, gone_at=None, put_back=(*recent, a.now), announced=0)
    good_until = Instant(a.now + evidence.fresh_ns(a))
    record = Record("acquire", "put back", group.name, epoch=group.claim)
    headline = f"{group.name}: somebody took an address off {a.terms.node}; it is put back"
    told = notice(group, Told.ANOMALY, headline, f"{len(recent) + 1} of {PUT_BACK_MAX} times")
    return group, (record, told, Acquire(group.name, group.claim, good_until))


def _surely_free(group: Group, a: Around) -> bool:
    """Whether the peer says in time that it has not taken what is gone here.

    Its operating system may have put its own address on, and its daemon knows nothing of that.
    """
    in_doubt = a.late or a.deaf or a.now < a.slept_at + a.terms.takeover_after_ns
    return peer_is_free(group, a) and not in_doubt and a.group.home != a.terms.peer


def above_what_is_known(group: Group, a: Around) -> Out:
    """Hold on under a new epoch: the address is put on once more, where it is, and so recorded."""
    ends_at = lease_ends(group, a)
    began = None if ends_at is None else Instant(ends_at - a.terms.lease_ns)
    group, claimed = claim.above_what_is_known(evolve(group, hold=Hold.COMING, leased_from=began))
    good_until = Instant(a.now + evidence.fresh_ns(a))
    return group, (*claimed, Acquire(group.name, group.claim, good_until))


def is_back(group: Group, a: Around) -> Out:
    """What had gone is on again: announce it."""
    return _announce(evolve(group, hold=Hold.ON), a)


def _tell_of_illness(group: Group, a: Around) -> Out:
    """Both are ill: nothing moves, and people are told, once."""
    peer = group.peer
    if group.ill is None or a.silent or peer is None or peer.health is not Health.ILL:
        return forget(group, "both ill"), ()
    headline = f"{group.name} is ill on both nodes: it stays on {a.terms.node}"
    return tell_once(group, "both ill", notice(group, Told.FAILURE, headline, group.ill))


def took(group: Group, a: Around) -> Out:
    """The address is on: holder, everybody is told, and post_acq begins."""
    group = evolve(
        forget(group, "veto", "failed", "contested", "contest", "split", "vote"),
        hold=Hold.ON,
        seen_held=True,
        ours_last=True,
        tries=0,
        setback=Health.ABLE,
        retry_at=None,
        contested_since=None,
        evidence=None,
        probe_at=a.now,
        giving=None,
        unrenewed=False,
        urged=False,
        gone_at=None,
        shared_at=None,
        announced=1,
        announce_at=Instant(a.now + ANNOUNCE_GAPS_NS[0]),
    )
    silence_ms = a.silence_ms
    here = group.asked == a.terms.node
    if here or (group.reason in BY_OFFER and not group.pushes):
        group = evolve(
            group, wished_at=group.since
        )  # of the claim: who is well again since is back
    group, frozen = count_move(group, a) if _was_automatic(group) else (group, ())
    group = evolve(group, pushes=False)
    group, effects = turn(group, a, Role.HOLDER, group.reason.value, ("silence_ms", silence_ms))
    effects = (*effects, *frozen)
    planned = {Reason.HANDOVER: Told.HANDOVER, Reason.FAILBACK: Told.FAILBACK}
    event = planned.get(group.reason, Told.TAKEOVER)
    why = IN_WORDS.get(group.reason, group.reason.value).format(peer=a.terms.peer)
    headline = f"{group.name} is now on {a.terms.node}: {why}"
    heard = f"was last heard {silence_ms} ms ago" if a.peer_ever else "was never heard"
    told = notice(group, event, headline, f"{a.terms.peer} {heard}")
    why = "" if here else f"{group.asked} did not take it; "
    group, settled = settle(group, done=here, why=f"{why}{a.terms.node} holds it")
    if not a.group.phases:
        return group, (*effects, told, *settled)
    group, phase = step_phase(evolve(group, post_acq=True), Phase.POST_ACQ, acquire=True)
    return group, (*effects, told, *settled, *phase)


def _was_automatic(group: Group) -> bool:
    """Whether the claim that has come true was nobody's wish; the first one is no move."""
    if group.asked is not None or group.reason is Reason.FIRST_CLAIM:
        return False
    return group.pushes or group.reason not in BY_OFFER


def let_go(group: Group, a: Around, reason: Reason, why: str) -> Out:
    """Let go at once, the address first: nobody was asked and nothing may delay it."""
    group = evolve(group, reason=reason, forced=True)
    event = Told.SPLIT if reason is Reason.SPLIT else Told.RELEASE
    told = notice(group, event, f"{a.terms.node} lets go of {group.name}: {why}")
    group, effects = settle(group, done=False, why=why)
    beaten = reason is Reason.SPLIT
    sign, until = (Sign.BEATEN, Instant(a.now + sign_lasts_ns(a))) if beaten else (Sign.NONE, None)
    cleared = evolve(group, giving=None, gone_at=None, shared_at=None, pushes=False)
    cleared = evolve(cleared, sign=sign, sign_until=until, split=False)
    cleared, more = turn(cleared, a, Role.YIELDER, reason.value, ("why", why))
    return cleared, (*more, told, *effects)


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


def outlived(group: Group, a: Around, entry: GroupEntry) -> Out:
    """The peer held it, too, and is done with it: tell people, announce, and call outside systems."""
    headline = f"{group.name} may have had two holders: {a.terms.node} keeps it"
    why = f"{a.terms.peer} claimed epoch {entry.epoch} unheard, ours is {group.claim}"
    told = notice(group, Told.SPLIT, headline, why)
    group, effects = _announce(evolve(group, announced=0, reassert=True), a)
    return group, (told, *effects)


def looks_round(group: Group, a: Around) -> bool:
    """Whether only the wire can tell this holder of another one.

    The peer is silent, or means something else by this group: the two configs differ.
    """
    unlike = a.drift and group.peer is None
    return (a.silent or unlike) and a.group.probes and not a.group.take_contested


def _look_round(group: Group, a: Around) -> Out | None:
    """Hold while the peer says nothing of the group: ask the wire now and then whether somebody else has it, too.

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
    who = f"{said.answers[0].address} is at {evidence.in_words(said.answers[0])}, too"
    if not wins_ties(a):
        return let_go(group, a, Reason.SPLIT, who)
    headline = f"{group.name} has two holders on the wire: {a.terms.node} keeps it"
    group, told = tell_once(group, "contest", notice(group, Told.SPLIT, headline, who))
    group, effects = _announce(evolve(group, announced=0, reassert=True), a)
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


def _planned(a: Around) -> Reason:
    """Why a group moves to the peer: because it is preferred, or because somebody wants it there."""
    return Reason.FAILBACK if a.group.preferred == a.terms.peer else Reason.HANDOVER
