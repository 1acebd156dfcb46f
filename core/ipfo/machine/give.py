"""Giving a group to the peer while both live: asked for, for its health, or back where it belongs.

Strict: test, offer, and when the peer is ready pre_rel, release. Seamless: the peer takes it first,
the wire is asked whether it has, and then it goes here; the overlap has an end.
"""

from ipfo.machine import evidence
from ipfo.machine.effects import Record
from ipfo.machine.evolve import evolve
from ipfo.machine.group import (
    Around,
    Group,
    Out,
    count_move,
    expired,
    may_move_itself,
    notice,
    offer_lasts_ns,
    settle,
    sign_lasts_ns,
    step_phase,
    thawed,
    turn,
    unlike,
)
from ipfo.model import SECOND, GroupEntry, Health, Instant, Phase, Reason, Role, Sign
from ipfo.model import Event as Told

TESTED = (Reason.HANDOVER, Reason.FAILBACK, Reason.STANDBY)
"""Releases that a test may refuse: those that somebody asked for and that can wait."""

TAKERS = (Health.ABLE, Health.LISTENING, Health.CONTESTED)
"""A peer that may be offered a group. One to whom the wire answered has seen this holder there."""

LAST_TAKERS = (*TAKERS, Health.ILL, Health.FROZEN)
"""A peer that may be offered one that this node cannot keep, or that an administrator wants there."""

MENDED_BY = {
    Health.ILL: " (its checks fail; 'ipfo status' on {peer} says which)",
    Health.OUTCAST: " ('ipfo resume' on {peer} lets it in again)",
}
"""What an administrator can do about a peer that cannot take a group."""

AGAIN_NS = 60 * SECOND
"""How soon a group that the peer refused is offered again by itself."""

SHARE_NS = 2 * SECOND
"""Longest time in which both may have a group in a seamless handover, and longest wait for it."""

VERIFY_NS = SECOND // 2
"""How long the wire may take to know the peer's card, before the address goes here all the same."""

OFFERS = (Sign.OFFER, Sign.PUSH)


def give(group: Group, a: Around, reason: Reason, *, pushed: bool = False) -> Out:
    """Begin to hand `group` over, if the peer can take it. `pushed`: no administrator asked for it."""
    why = unable(group, a, LAST_TAKERS if reason is Reason.STOP else TAKERS)
    if why is None:
        tested = reason not in TESTED or pushed
        group = evolve(group, giving=reason, tested=tested, reason=reason, pushes=pushed)
        return hand_over(group if pushed else thawed(group), a)
    if reason is Reason.STOP:
        return _leave(evolve(group, reason=reason), a, why)
    return _refuse(group, a, why)


def unable(group: Group, a: Around, takers: tuple[Health, ...] = TAKERS) -> str | None:
    """Why the peer cannot take `group` now; None: it can."""
    if a.silent:
        return f"{a.terms.peer} is silent"
    if group.peer is None:
        return unlike(group, a)
    frozen = group.peer.health is Health.FROZEN and group.asked is not None
    if group.peer.health not in takers and not frozen:
        more = MENDED_BY.get(group.peer.health, "").format(peer=a.terms.peer)
        return f"{a.terms.peer} cannot take it: {group.peer.health.name.lower()}{more}"
    return None


def by_itself(group: Group, a: Around) -> Reason | None:
    """Why the holder should give `group` away though nobody asked; None: it should not."""
    peer = group.peer
    if peer is None or a.silent or peer.health is not Health.ABLE or group.sign is not Sign.NONE:
        return None
    if not may_move_itself(group, a) or a.now < group.give_at:
        return None
    if group.ill is not None:
        return Reason.HEALTH
    due_at = failback_at(group, a)
    return Reason.FAILBACK if due_at is not None and a.now >= due_at else None


def _for_what(group: Group, a: Around) -> str:
    """Why a group that nobody asked for is given away; empty where somebody did."""
    wait_ns = a.group.failback_after_ns
    if not group.pushes:
        return ""
    if group.giving is Reason.HEALTH:
        return f"ill here: {group.ill}; " if group.ill is not None else "it was ill here; "
    if group.giving is not Reason.FAILBACK or wait_ns is None:
        return ""
    well = f"{a.terms.peer} has been well for {wait_ns / SECOND:g} s"
    return f'failback = "auto": it belongs on {a.terms.peer}, and {well}; '


def failback_at(group: Group, a: Around) -> Instant | None:
    """When the peer, whom the group belongs to, will have been well for long enough.

    Where an administrator wanted it here, only after the peer has been away or ill since.
    """
    wait_ns = a.group.failback_after_ns
    if wait_ns is None or a.group.preferred != a.terms.peer or group.peer_able_at is None:
        return None
    well_since = max(group.peer_able_at, a.back_at)
    if group.wished_at is not None and well_since <= group.wished_at:
        return None
    return Instant(well_since + wait_ns)


def resumed(group: Group, a: Around) -> Out:
    """This node may hold groups again: what only left because it was set aside need not go."""
    if group.giving is not Reason.STANDBY or group.sign is Sign.SHARE:
        return group, ()
    return _refuse(group, a, f"{a.terms.node} is let in again")


def test_refused(group: Group, a: Around, why: str) -> Out:
    """The test of a release said no: the group stays."""
    headline = f"{group.name} stays on {a.terms.node}: test refused the release"
    told = notice(group, Told.VETO, headline, why)
    group, effects = _refuse(group, a, f"test refused: {why}")
    return group, (told, *effects)


def hand_over(group: Group, a: Around) -> Out:
    """Test, offer, and let go when the peer is ready; or keep it, when that comes to nothing."""
    assert group.giving is not None
    if group.running is not None:
        return group, ()  # post_acq of the move before; phases never overlap
    if group.sign not in (*OFFERS, Sign.SHARE):
        return _offer(group, a)
    peer = group.peer
    if peer is not None and not a.silent and _is_ready(peer, group):
        if not a.group.seamless:
            return _yield(group, a, f"{_for_what(group, a)}{a.terms.peer} is ready")
        if group.sign is not Sign.SHARE:
            until = Instant(a.now + SHARE_NS)
            shared = evolve(group, sign=Sign.SHARE, sign_until=until)
            return shared, (Record("share", group.giving.value, group.name, epoch=group.claim),)
    if peer is not None and peer.sign is Sign.REFUSED:
        return _keep(group, a, f"{a.terms.peer} refused: {peer.health.name.lower()}")
    if a.silent:
        return _keep(group, a, f"{a.terms.peer} fell silent")
    if a.deaf and expired(hears_by(group, a), a):
        return _keep(group, a, f"{a.terms.peer} does not hear {a.terms.node}")
    if expired(group.sign_until, a):
        return _keep(group, a, f"{a.terms.peer} was not ready in time")
    return group, ()


def hears_by(group: Group, a: Around) -> Instant | None:
    """Until when a peer that does not hear us has a chance to hear of the offer."""
    if group.sign_until is None or group.sign not in OFFERS:
        return None
    offered_at = group.sign_until - offer_lasts_ns(a)
    return Instant(offered_at + a.terms.takeover_after_ns)


def shared(group: Group, a: Around) -> Out:
    """The peer has it too, as agreed: let go as soon as the wire knows the peer's card."""
    if group.shared_at is None:
        group = evolve(group, shared_at=a.now, evidence=None, probe_at=a.now)
    assert group.shared_at is not None
    said = group.evidence
    seen = said is not None and said.asked_at >= group.shared_at and bool(said.answers)
    if seen or not a.group.probes or a.now >= group.shared_at + VERIFY_NS:
        overlap = ("overlap_ms", (a.now - group.shared_at) // 1_000_000)
        record = Record(
            "share", "the peer has it", group.name, epoch=group.claim,
            inputs=(overlap, ("seen_on_the_wire", str(seen).lower())),
        )  # fmt: skip
        why = f"{_for_what(group, a)}{a.terms.peer} has it"
        group, effects = _yield(group, a, why, forced=True)
        return evolve(group, shared_at=None), (record, *effects)
    return evidence.seek(group, a)


def _offer(group: Group, a: Around) -> Out:
    assert group.giving is not None
    if not group.tested and a.group.phases:
        return step_phase(group, Phase.TEST, acquire=False)
    sign = Sign.PUSH if group.pushes else Sign.OFFER
    offer = evolve(group, sign=sign, sign_until=Instant(a.now + offer_lasts_ns(a)))
    why = _for_what(group, a).removesuffix("; ")
    inputs = (("why", why),) if why else ()
    return offer, (
        Record("offer", group.giving.value, group.name, epoch=group.claim, inputs=inputs),
    )


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
        pushes=False,
        shared_at=None,
        sign=Sign.REFUSED,
        sign_until=Instant(a.now + sign_lasts_ns(a)),
        give_at=Instant(a.now + AGAIN_NS),
    )
    return kept, (Record("kept", why, group.name, epoch=group.claim), *effects)


def _yield(group: Group, a: Around, why: str, *, forced: bool = False) -> Out:
    """Let go in order: pre_rel while the address still answers, then the address, then post_rel.

    `forced`: the address first, since the peer serves already.
    """
    counted: Out = count_move(group, a) if group.pushes else (group, ())
    group, frozen = counted
    group = evolve(group, forced=forced, sign=Sign.NONE, sign_until=None, gave=True, pushes=False)
    reason = group.reason
    told = notice(
        group, Told.RELEASE, f"{a.terms.node} lets go of {group.name}: {reason.value}", why
    )
    group, effects = turn(group, a, Role.YIELDER, reason.value, ("why", why))
    return evolve(group, giving=None), (*effects, told, *frozen)


def _leave(group: Group, a: Around, why: str) -> Out:
    """Let go though nobody takes it, since the daemon ends.

    A home node leaves its own address where the operating system had set it: nobody else has it,
    and without it the machine may be out of reach.
    """
    return _yield(evolve(group, keep_home=a.at_home), a, f"the daemon ends; {why}")


def _is_ready(peer: GroupEntry, group: Group) -> bool:
    claims = peer.role is Role.CLAIMANT and peer.epoch > group.claim
    return claims and peer.sign is Sign.READY
