"""The rules of those who do not have the address: standby, claimant, outcast.

A standby claims when nobody holds the group, or when the holder offers it. A claimant passes test
and pre_acq, makes sure once more that it may, and takes the address.
"""

from ipfo.machine import evidence
from ipfo.machine.effects import Acquire, Effect, Record
from ipfo.machine.evidence import Verdict
from ipfo.machine.evolve import evolve
from ipfo.machine.group import (
    Around,
    Group,
    Hold,
    Out,
    can_claim,
    expired,
    forget,
    has_vote,
    health,
    may_move_itself,
    may_take,
    notice,
    peer_beats,
    peer_holds,
    peer_is_free,
    peer_offers,
    set_back,
    settle,
    sign_lasts_ns,
    step_phase,
    tell_once,
    thawed,
    turn,
)
from ipfo.model import BY_OFFER, SECOND, Epoch, Health, Instant, Phase, Reason, Role, Sign
from ipfo.model import Event as Told

ACQUIRE_NS = SECOND // 2
"""An acquire may begin at least so long after it was decided: a worker may have to be started."""

UNABLE = (
    Health.CARRIER,
    Health.OUTCAST,
    Health.STOPPING,
    Health.VETOED,
    Health.FAILED,
    Health.FROZEN,
)
"""A preferred peer that says one of these will not claim soon: the other node does."""


SEEKING = (Health.ABLE, Health.ILL, Health.LISTENING)
"""A standby that asks the wire while the peer is late: it could claim now, or soon."""

AGAINST = {
    Health.STOPPING: "this node is stopping",
    Health.OUTCAST: "this node is outcast",
    Health.CARRIER: "no carrier",
    Health.ISOLATED: "no witness can be reached",
}
"""What ends a claim at any time."""


def standby(group: Group, a: Around) -> Out:
    """Listen; claim when it is due and the wire agrees."""
    if a.outcast:
        settled: tuple[Effect, ...] = ()
        if group.asked == a.terms.node:
            group, settled = settle(group, done=False, why=f"{a.terms.node} was set aside")
        aside = evolve(group, sign=Sign.NONE, sign_until=None, urged=False)
        group, effects = turn(aside, a, Role.OUTCAST, "set aside")
        return group, (*settled, *effects)
    if peer_offers(group, a) and a.now >= a.slept_at + a.terms.interval_ns:
        return _answer_offer(group, a)
    group, effects = _tidy_signs(group, a)
    group, more = _settle_given(group, a)
    effects = (*effects, *more)
    if group.linger_until is not None and (peer_holds(group, a) or expired(group.linger_until, a)):
        group = evolve(group, linger_until=None)
    reason = due_claim(group, a)
    group, more = _tell_of_peace(group, a)
    effects = (*effects, *more)
    if reason is None:
        if a.late and health(group, a) in SEEKING:
            group, more = evidence.seek(group, a)
            return group, (*effects, *more)
        return evolve(group, contested_since=None), effects
    group, more = evidence.watch_contest(group, a)
    effects = (*effects, *more)
    said = evidence.verdict(group, a)
    if said is Verdict.SILENT:
        group, more = claim(group, a, reason)
    elif a.group.take_contested and expired(evidence.contest_ripe_at(group, a), a):
        group, more = claim(group, a, Reason.CONTESTED)
    else:
        group, more = evidence.seek(group, a)
    return group, (*effects, *more)


def due_claim(group: Group, a: Around) -> Reason | None:
    """Why this node should claim `group` now, whatever the wire says; None: it should not."""
    if not can_claim(group, a) or not may_take(group, a):
        return None
    if a.silent:
        alone = a.terms.first_claim_after_ns
        # a peer that was never heard may only be slow to boot: it is not shot for that
        first = a.preferred and a.terms.fence is None
        if a.peer_ever or first or group.urged:
            return Reason.TAKEOVER if group.seen_held else Reason.FIRST_CLAIM
        return Reason.FIRST_CLAIM if alone is not None and a.now >= a.started_at + alone else None
    if group.peer is None or a.alone or not peer_is_free(group, a):
        return None
    reason = Reason.ORPHAN if group.seen_held else Reason.FIRST_CLAIM
    if group.urged or not may_move_itself(group, a):
        return reason  # the peer may not take it
    if group.ill is not None and group.peer.health is Health.ABLE:
        return None  # the peer does, and better
    if a.preferred or (group.ill is None and group.peer.health is Health.ILL):
        return reason
    if group.peer.health is Health.CARRIER and a.now < steady_at(a):
        return None
    if group.peer.health in UNABLE:
        return reason
    if group.peer.health is Health.LISTENING:
        return reason if group.seen_held else None  # a cold start: let the preferred one listen
    idle = group.peer.role is Role.STANDBY and expired(patient_until(group, a), a)
    return reason if idle else None


def _tell_of_peace(group: Group, a: Around) -> Out:
    """What would be taken, were it not that nothing may move by itself: people are told, once."""
    if not (a.silent and group.seen_held) or may_take(group, a):
        return forget(group, "peace"), ()
    why = "the pair is under maintenance" if a.maintenance else "it is frozen"
    headline = f"{group.name} is not taken though {a.terms.peer} is silent: {why}"
    detail = f"`ipfo handover {group.name} --to {a.terms.node}` takes it, `ipfo resume` ends that"
    return tell_once(group, "peace", notice(group, Told.FAILURE, headline, detail))


def steady_at(a: Around) -> Instant:
    """When a carrier that came back is no longer news.

    A switch that restarts gives both nodes theirs back within a second, in either order: the
    preferred one is not passed over for that.
    """
    return Instant(a.carrier_at + a.terms.takeover_after_ns)


def patient_until(group: Group, a: Around) -> Instant | None:
    """How long a preferred node that could claim is waited for: somebody must in the end.

    Not the same on both, lest two nodes that each take the other for preferred claim together.
    None: it cannot claim yet.
    """
    if group.peer_able_at is None:
        return None
    second = a.terms.node > a.terms.peer
    patience_ns = 2 * a.terms.takeover_after_ns + (2 * a.terms.interval_ns if second else 0)
    return Instant(max(group.since, group.peer_able_at) + patience_ns)


def claim(group: Group, a: Around, reason: Reason) -> Out:
    """`group` as claimant under a new epoch."""
    epoch = Epoch(max(group.claim, group.known) + 1)
    said = group.evidence.answers if group.evidence is not None else None
    group = evolve(
        group,
        claim=epoch,
        known=epoch,
        reason=reason,
        tested=False,
        prepared=False,
        forced=False,
        sign=Sign.NONE,
        sign_until=None,
        linger_until=None,
        gave=False,
        wants_fence=False,
    )
    inputs: tuple[tuple[str, str | int], ...] = (
        ("silence_ms", a.silence_ms),
        ("takeover_after_ms", a.terms.takeover_after_ns // 1_000_000),
        ("wire", "not asked" if said is None else f"{len(said)} answers"),
    )
    return turn(group, a, Role.CLAIMANT, reason.value, *inputs)


def above_what_is_known(group: Group) -> Out:
    """The same claim under a new epoch: somebody remembers a higher one."""
    epoch = Epoch(group.known + 1)
    record = Record("claim", "a higher epoch is remembered", group.name, epoch=epoch)
    return evolve(group, claim=epoch, known=epoch), (record,)


def claimant(group: Group, a: Around) -> Out:
    """Go through test, pre_acq and acquire, unless something speaks against it by now."""
    against = _against(group, a)
    if against is not None:
        return _abandon(group, a, against)
    if group.running is not None or group.hold is not Hold.OFF or a.now < _decides_at(group, a):
        return group, ()
    if a.silent and not _voter_agrees(a):
        return _told_of_denial(group, a)
    if not a.group.phases:
        group = evolve(group, tested=True, prepared=True)
    if not group.tested:
        return step_phase(group, Phase.TEST, acquire=True)
    if not group.prepared:
        return step_phase(evolve(group, pre_acq=True), Phase.PRE_ACQ, acquire=True)
    if _needs_fence(a):
        if group.reason is Reason.CONTESTED or evidence.verdict(group, a) is Verdict.SILENT:
            return evolve(group, wants_fence=True), ()
        return evidence.seek(group, a)
    if may_acquire(group, a):
        good_until = Instant(a.now + max(evidence.fresh_ns(a), ACQUIRE_NS))
        record = Record("acquire", "acquire begins", group.name, epoch=group.claim)
        acquire = Acquire(group.name, group.claim, good_until)
        coming = evolve(group, hold=Hold.COMING, sign=Sign.NONE, wants_fence=False)
        return coming, (record, acquire)
    if group.reason in BY_OFFER and not a.silent:
        return (group, ()) if group.sign is Sign.READY else (evolve(group, sign=Sign.READY), ())
    return evidence.seek(group, a)


def may_acquire(group: Group, a: Around) -> bool:
    """Whether nobody else has the address, as far as can be known: looked at last of all."""
    if not a.silent and group.reason in BY_OFFER:
        return (peer_is_free(group, a) and _was_given(group)) or _is_shared(group, a)
    if not a.silent and not (peer_is_free(group, a) and a.peer_knows):
        return False  # two standbys could claim within one heartbeat's flight, and both acquire
    if group.reason is Reason.CONTESTED:
        return True
    if evidence.verdict(group, a) is not Verdict.SILENT:
        return False
    held = group.peer is not None and group.peer.role is Role.HOLDER
    if held or not a.silent or not a.group.probes:
        return True
    # Nobody held it: the silent peer may be claiming too, so look again after the claim.
    return group.evidence is not None and group.evidence.asked_at >= group.since


def _decides_at(group: Group, a: Around) -> Instant:
    """After a pause nothing that was known counts: only what is heard after it."""
    return a.started_at if group.reason in BY_OFFER and not a.silent else a.listen_until


def _voter_agrees(a: Around) -> bool:
    """Whether no voter stands in the way: it keeps the group for us, or cannot be had at all."""
    if a.terms.vote_ttl_ns is None:
        return True
    if has_vote(a):
        return True
    lost = a.vote_known and a.vote_lost is not None
    return lost and not a.terms.consistent


def _told_of_denial(group: Group, a: Around) -> Out:
    """Wait for the voter: it is asked again and again, and what it keeps for others ends by itself."""
    why = a.denied or a.vote_lost
    if why is None or not a.vote_known or a.now < group.since + a.terms.takeover_after_ns:
        return group, ()
    headline = f"{group.name} is not taken: the voter does not grant it to {a.terms.node}"
    return tell_once(group, "vote", notice(group, Told.ANOMALY, headline, why))


def _needs_fence(a: Around) -> bool:
    return a.silent and a.terms.fence is not None and not a.fenced


def _was_given(group: Group) -> bool:
    """Whether the peer, in the run that made the offer, let go after our claim."""
    return group.let_go_at is not None and group.let_go_at >= group.since


def _is_shared(group: Group, a: Around) -> bool:
    return peer_offers(group, a) and group.peer is not None and group.peer.sign is Sign.SHARE


def fence_failed(group: Group, a: Around, why: str) -> Out:
    """The peer may still be on: undo what had begun, and try again later."""
    return _abandon(set_back(group, a, Health.FAILED), a, f"the fence failed: {why}")


def vetoed(group: Group, a: Around, phase: Phase, why: str) -> Out:
    """A test or a pre_acq said no: undo what had begun, and try again later."""
    headline = f"{group.name} was not taken: {phase.value} refused"
    group, told = tell_once(group, "veto", notice(group, Told.VETO, headline, why))
    group, effects = _abandon(set_back(group, a, Health.VETOED), a, f"{phase.value} refused: {why}")
    return group, (*told, *effects)


def acquire_failed(group: Group, a: Around, why: str) -> Out:
    """The address could not be put on: undo what had begun, and try again later."""
    headline = f"{group.name} could not be taken"
    group, told = tell_once(group, "failed", notice(group, Told.FAILURE, headline, why))
    group, effects = _abandon(set_back(group, a, Health.FAILED), a, f"acquire failed: {why}")
    return evolve(group, hold=Hold.ON, forced=True), (*told, *effects)


def outcast(group: Group, a: Around) -> Out:
    """Do nothing until the administrator lets this node in again."""
    if a.outcast:
        return _settle_given(group, a)
    return turn(group, a, Role.STANDBY, "let in again")


def _settle_given(group: Group, a: Around) -> Out:
    """What was to be given to the peer is there."""
    if group.asked == a.terms.peer and peer_holds(group, a):
        return settle(group, done=True, why=f"{a.terms.peer} holds it")
    return group, ()


def _abandon(group: Group, a: Around, why: str) -> Out:
    """Give the claim up; what had begun is undone by the yielder's rules."""
    sign = Sign.REFUSED if group.reason in BY_OFFER else Sign.NONE
    sign_until = Instant(a.now + sign_lasts_ns(a)) if sign is Sign.REFUSED else None
    group, settled = settle(group, done=False, why=why)
    group = evolve(group, sign=sign, sign_until=sign_until, forced=True, wants_fence=False)
    group, effects = turn(group, a, Role.YIELDER, f"claim given up: {why}")
    return group, (*settled, *effects)


def _against(group: Group, a: Around) -> str | None:
    """What speaks against going on with a claim; None: nothing."""
    unable = health(group, a)
    if unable in AGAINST:
        return AGAINST[unable]
    if a.slept_at >= group.since:
        return "this node slept, and nothing that it knew counts"
    if a.silent or group.peer is None:
        return None
    if group.peer.role is Role.HOLDER:
        offered = group.reason in BY_OFFER and peer_offers(group, a)
        return None if offered else f"{a.terms.peer} lives and holds it"
    if group.reason in BY_OFFER and peer_is_free(group, a) and not _was_given(group):
        return f"{a.terms.peer} was started anew, and offers nothing any more"
    if group.peer.role is Role.CLAIMANT and peer_beats(group, a):
        return f"{a.terms.peer} has the better claim"
    return None


def _answer_offer(group: Group, a: Around) -> Out:
    """The holder would hand over: claim, or say that it cannot be."""
    if group.sign is Sign.REFUSED:
        return evolve(group, sign_until=Instant(a.now + sign_lasts_ns(a))), ()
    assert group.peer is not None
    # A run that comes only when the group is shared already cannot know who wanted that.
    pushed = group.peer.sign is not Sign.OFFER
    if health(group, a) in (Health.ABLE, Health.LISTENING, Health.ILL) or (
        health(group, a) is Health.FROZEN and not pushed
    ):
        given = evolve(group if pushed else thawed(group), pushes=pushed)
        return claim(given, a, Reason.FAILBACK if a.preferred else Reason.HANDOVER)
    why = f"{a.terms.node} cannot take it: {health(group, a).name.lower()}"
    group, effects = settle(group, done=False, why=why)
    refused = evolve(group, sign=Sign.REFUSED, sign_until=Instant(a.now + sign_lasts_ns(a)))
    return refused, effects


def _tidy_signs(group: Group, a: Around) -> Out:
    """End what has been shown long enough, and a wish that is granted or hopeless."""
    if group.urged and peer_holds(group, a):
        taken = f"{a.terms.peer} holds it now"
        return settle(evolve(group, urged=False, sign_until=None), done=False, why=taken)
    if group.urged and expired(group.sign_until, a):
        unable = f"{a.terms.node} cannot take it: {health(group, a).name.lower()}"
        return settle(evolve(group, urged=False, sign_until=None), done=False, why=unable)
    if group.sign in (Sign.REFUSED, Sign.BEATEN) and expired(group.sign_until, a):
        return evolve(group, sign=Sign.NONE, sign_until=None), ()
    if group.sign is not Sign.WISH:
        return group, ()
    why: str | None = None
    if expired(group.sign_until, a):
        why = f"{a.terms.peer} did not answer in time"
    elif a.silent:
        why = f"{a.terms.peer} fell silent"
    elif group.peer is not None and group.peer.sign is Sign.REFUSED:
        ill = None if group.ill is None else f": {a.terms.node} is ill ({group.ill})"
        why = f"{a.terms.peer} will not give it now{ill or '; its log says why'}"
    if why is None:
        return group, ()
    return settle(evolve(group, sign=Sign.NONE, sign_until=None), done=False, why=why)
