"""One step of one group: take in what happened, then let the rules of its role look at it.

The rules are asked again as long as they turn the role, so that no turn waits for a heartbeat.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ipfo.machine import claim, evidence, give, hold, home, unwind
from ipfo.machine.effects import Record, Settle
from ipfo.machine.events import (
    Acquired,
    Fenced,
    HandoverAsked,
    HealthChanged,
    PhaseEnded,
    Probed,
    Released,
    ResumeAsked,
    Swept,
)
from ipfo.machine.evolve import evolve
from ipfo.machine.group import (
    Around,
    Group,
    Hold,
    Out,
    count_move,
    expired,
    forget,
    health,
    lease_ends,
    notice,
    offer_lasts_ns,
    order,
    peer_holds,
    peer_is_free,
    set_back,
    settle,
    tell_once,
    thawed,
    unlike,
)
from ipfo.model import Epoch, GroupEntry, Health, Instant, Phase, Reason, Role, Sign
from ipfo.model import Event as Told

TURNS_MAX = 8
"""Turns in one step; more would be two rules that contradict each other."""


@dataclass(frozen=True, slots=True)
class Outvoted:
    """The voter knows a higher epoch than that of our claim, and yet nobody has the group.

    So it is where the memory of both nodes is younger than the voter's.
    """

    highest: Epoch


Fact = (
    GroupEntry
    | PhaseEnded
    | Acquired
    | Released
    | Swept
    | Probed
    | Fenced
    | Outvoted
    | HealthChanged
    | HandoverAsked
    | ResumeAsked
    | None
)
"""What happened to a group: the peer's word, an answer, a wish; None: time, or something of the pair."""

RULES: Mapping[Role, Callable[[Group, Around], Out]] = {
    Role.STANDBY: claim.standby,
    Role.CLAIMANT: claim.claimant,
    Role.HOLDER: hold.holder,
    Role.YIELDER: unwind.yielder,
    Role.OUTCAST: claim.outcast,
}


def step_group(group: Group, fact: Fact, a: Around) -> Out:
    """`group` after `fact`, and what it asks for."""
    group, taken = _take_in(group, fact, a)
    effects = list(taken)
    if expired(group.asked_until, a):
        group, settled = settle(group, done=False, why=_unfinished(group, a))
        effects.extend(settled)
    for _ in range(TURNS_MAX):
        was = group
        group, asked = RULES[group.role](group, a)
        effects.extend(asked)
        if group is was or group == was:
            group, asked = home.look(group, a)
            return group, (*effects, *asked)
    msg = f"the rules do not come to rest: {group}"
    raise AssertionError(msg)


def wakes_at(group: Group, a: Around) -> Instant | None:
    """When the rules want to look at `group` again, if nothing happens first. Always later than now.

    What hangs on heartbeats and leases is the pair's to know, and not here: else each heartbeat
    would cost a look at each group.
    """
    waits = [
        group.asked_until,
        group.retry_at,
        group.sign_until,
        group.linger_until,
        group.release_again_at,
        evidence.contest_ripe_at(group, a),
        group.sweep_at if home.must_be_away(group, a) else None,
        a.listen_until,
        thaws_at(group, a),
    ]
    if group.role is Role.STANDBY:
        waits.append(claim.patient_until(group, a))
        waits.append(claim.steady_at(a))
        if a.terms.first_claim_after_ns is not None:
            waits.append(Instant(a.started_at + a.terms.first_claim_after_ns))
    if group.role is Role.HOLDER:
        waits += [group.announce_at, group.give_at, give.failback_at(group, a)]
        if a.deaf:
            waits.append(give.hears_by(group, a))
        if group.shared_at is not None:
            waits.append(Instant(group.shared_at + give.VERIFY_NS))
        if group.peer is not None and group.peer.sign is Sign.SHARE:
            waits.append(Instant(group.since + give.SHARE_NS))
    if group.role is Role.CLAIMANT:
        waits.append(Instant(group.since + a.terms.takeover_after_ns))
    looks = group.role in (Role.STANDBY, Role.CLAIMANT) or (
        group.role is Role.HOLDER
        and (hold.looks_round(group, a) or group.shared_at is not None or group.gone_at is not None)
    )
    if looks and group.probe_asked_at is None:
        waits.append(group.probe_at)
    if group.role is Role.YIELDER and group.release_again_at is not None:
        waits.append(lease_ends(group, a))
    return min((at for at in waits if at is not None and at > a.now), default=None)


def _take_in(group: Group, fact: Fact, a: Around) -> Out:
    """Note `fact`; an answer to a question that is not open any more changes nothing."""
    match fact:
        case None:
            return group, ()
        case GroupEntry():
            return _peer_said(group, fact, a)
        case Probed():
            return evidence.take_in(group, fact)
        case Released():
            return unwind.released(group, fact, a)
        case Swept():
            return home.swept(group, fact, a)
        case PhaseEnded():
            return _phase_ended(group, fact, a)
        case Acquired():
            return _acquired(group, fact, a)
        case HandoverAsked():
            return _handover_asked(group, fact, a)
        case Outvoted():
            return _outvoted(group, fact, a)
        case HealthChanged():
            return _health_changed(group, fact, a)
        case ResumeAsked():
            return give.resumed(thawed(group), a)
        case Fenced():
            waits = group.role is Role.CLAIMANT and group.wants_fence
            if fact.failed is None or not waits:
                return group, ()
            return claim.fence_failed(group, a, fact.failed)


def _health_changed(group: Group, fact: HealthChanged, a: Around) -> Out:
    """Note what the checks say; people are told of each illness once, and of its end."""
    if fact.ill is None:
        record = Record("health", "all is well again", group.name, epoch=group.known)
        if "ill" not in group.told:
            return evolve(group, ill=None), (record,)
        well = evolve(forget(group, "ill"), ill=None)
        headline = f"{group.name} is well again on {a.terms.node}"
        return well, (record, notice(well, Told.RECOVERED, headline))
    ill = evolve(group, ill=fact.ill)
    record = Record("health", fact.ill, group.name, epoch=group.known)
    headline = f"{group.name} is ill on {a.terms.node}"
    ill, told = tell_once(ill, "ill", notice(ill, Told.ANOMALY, headline, fact.ill))
    return ill, (record, *told)


def _outvoted(group: Group, fact: Outvoted, a: Around) -> Out:
    """Claim anew, above what the voter knows: who holds it does so without letting go."""
    group = evolve(group, known=Epoch(max(group.known, fact.highest)))
    if fact.highest < group.claim or group.running is not None:
        return group, ()
    if group.role is Role.CLAIMANT and group.hold is Hold.OFF:
        return claim.above_what_is_known(group)
    if group.role is Role.HOLDER and group.hold is Hold.ON and group.giving is None:
        return hold.above_what_is_known(group, a)
    return group, ()


def thaws_at(group: Group, a: Around) -> Instant | None:
    """When a group that moved too often may move by itself again."""
    if len(group.moves) < a.group.max_moves:
        return None
    return Instant(group.moves[-a.group.max_moves] + a.group.per_ns)


def _peer_said(group: Group, entry: GroupEntry, a: Around) -> Out:
    held = entry.role is Role.HOLDER
    took = held and group.peer is not None and group.peer.role is not Role.HOLDER
    moved: Out = (group, ())
    if took and group.seen_held and entry.epoch > group.claim and not group.gave:
        moved = count_move(group, a)  # nothing of ours asked it to
    group, told = moved
    if _claimed_unheard(group, entry):
        group, more = hold.outlived(group, a, entry)
        told = (*told, *more)
    said = evolve(
        group,
        peer=entry,
        known=Epoch(max(group.known, entry.epoch)),
        seen_held=group.seen_held or held,
        ours_last=group.ours_last and not (held and entry.epoch >= group.claim),
    )
    if held:
        wished_at = said.wished_at if said.role is Role.HOLDER else None
        said = evolve(said, peer_had=True, wished_at=wished_at)
    elif group.peer_had and peer_is_free(said, a):
        stays = entry.sign is Sign.KEPT
        said = evolve(said, peer_had=False, let_go_at=None if stays else a.now)
    if entry.health is not Health.ABLE:
        return evolve(said, peer_able_at=None), told
    return (said if said.peer_able_at is not None else evolve(said, peer_able_at=a.now)), told


def _claimed_unheard(group: Group, entry: GroupEntry) -> bool:
    """Whether the peer had claimed what we hold, and has let go of it, before we heard of either."""
    # the claim of one that claims again now, at least, was the one before
    unheard = entry.epoch - 1 if entry.role is Role.CLAIMANT else entry.epoch
    holds = group.role is Role.HOLDER and entry.role is not Role.HOLDER
    return holds and unheard > max(group.claim, group.known)


def _phase_ended(group: Group, fact: PhaseEnded, a: Around) -> Out:
    if fact.phase is not group.running or fact.epoch != group.claim:
        return group, ()
    group = evolve(group, running=None)
    if fact.phase is Phase.TEST and group.role is Role.HOLDER:
        if fact.veto is not None and group.giving is not None:
            return give.test_refused(group, a, fact.veto)
        return evolve(group, tested=True), ()
    if group.role is not Role.CLAIMANT:
        return group, ()
    if fact.veto is not None:
        return claim.vetoed(group, a, fact.phase, fact.veto)
    if fact.phase is Phase.TEST:
        return evolve(group, tested=True), ()
    return evolve(group, prepared=True), ()


def _acquired(group: Group, fact: Acquired, a: Around) -> Out:
    if fact.epoch != group.claim or group.hold is not Hold.COMING:
        return group, ()
    why = fact.failed
    if why is None:
        group = evolve(group, leased_from=fact.leased_from, unrenewed=False)
        if expired(lease_ends(group, a), a):
            why = "the lease ran out before it was known"
    if group.role is Role.HOLDER:
        if why is None:
            return hold.is_back(group, a)
        unfit = set_back(group, a, Health.FAILED)
        return hold.let_go(unfit, a, Reason.REMOVED, f"it could not be put back: {why}")
    if why is not None:
        return claim.acquire_failed(group, a, why)
    return hold.took(group, a)


def _handover_asked(group: Group, fact: HandoverAsked, a: Around) -> Out:
    """What an administrator wants: done already, begun, or refused with the reason."""
    here = fact.to == a.terms.node
    group = thawed(group)
    if group.asked is not None or group.giving is not None:
        return group, (Settle(group.name, done=False, why="a move is under way already"),)
    if group.role is Role.HOLDER and not here:
        wanted = order(group, a, fact.to)
        back = a.group.preferred == fact.to
        return give.give(wanted, a, Reason.FAILBACK if back else Reason.HANDOVER)
    if group.role is Role.HOLDER or (not here and peer_holds(group, a)):
        return group, (Settle(group.name, done=True, why=f"{fact.to} holds it already"),)
    if not here:
        why = f"{a.terms.node} does not hold it"
    elif group.role is not Role.STANDBY:
        why = f"{a.terms.node} is {group.role.value}"
    elif group.peer is None and a.drift and not a.silent:
        why = unlike(group, a)
    elif health(group, a) not in (Health.ABLE, Health.LISTENING, Health.ILL):
        why = f"{a.terms.node} cannot take it: {health(group, a).name.lower()}"
    elif not peer_holds(group, a):
        until = Instant(a.now + offer_lasts_ns(a))
        return evolve(order(group, a, fact.to), urged=True, sign_until=until), ()
    else:
        until = Instant(a.now + offer_lasts_ns(a))
        return evolve(order(group, a, fact.to), sign=Sign.WISH, sign_until=until), ()
    return group, (Settle(group.name, done=False, why=why),)


def _unfinished(group: Group, a: Around) -> str:
    """Why an order has not come to its end in all the time that it had."""
    against = a.denied or a.vote_lost
    if group.role is Role.CLAIMANT and a.silent and against is not None:
        return f"the voter does not grant it to {a.terms.node}: {against}"
    return f"it takes too long; {a.terms.node} is {group.role.value} of {group.name}"
