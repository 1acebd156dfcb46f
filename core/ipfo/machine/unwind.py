"""The rules of the yielder: take off and undo what this node had put on and begun, in order.

Promise P5: pre_acq is undone by post_rel, post_acq by pre_rel; what had not begun is not undone.
Asked for, the address stays until pre_rel is over; forced, it goes first.
"""

from ipfo.machine.effects import Record, Release
from ipfo.machine.events import Released
from ipfo.machine.evolve import evolve
from ipfo.machine.group import (
    Around,
    Group,
    Hold,
    Out,
    expired,
    forget,
    is_renewed,
    lease_ends,
    notice,
    peer_claims,
    step_phase,
    tell_once,
    turn,
)
from ipfo.model import Event as Told
from ipfo.model import Instant, Phase, Role, Sign

RELEASE_AGAIN_NS = 1_000_000_000
"""How soon a release that failed is tried again."""

LASTING = (Sign.REFUSED, Sign.BEATEN, Sign.KEPT)
"""What a yielder goes on saying until the peer must have heard it."""


def yielder(group: Group, a: Around) -> Out:
    """The next thing to undo; when nothing is left, a standby again."""
    if is_renewed(group) and expired(lease_ends(group, a), a):
        group = evolve(group, forced=True)  # gone; the release sees to it that nothing renews it
    if group.forced and group.hold in (Hold.ON, Hold.COMING):
        return _release(group, a)
    if group.running is not None:
        return group, ()
    if group.hold in (Hold.ON, Hold.COMING):
        if group.post_acq:
            return step_phase(evolve(group, post_acq=False), Phase.PRE_REL, acquire=False)
        return _release(group, a)
    if group.hold is Hold.GOING:
        return group, ()
    if group.post_acq:
        return step_phase(evolve(group, post_acq=False), Phase.PRE_REL, acquire=False)
    if group.pre_acq:
        return step_phase(evolve(group, pre_acq=False), Phase.POST_REL, acquire=False)
    return _rest(group, a)


def released(group: Group, event: Released, a: Around) -> Out:
    """The address is off, or could not be taken off: then people are told and it is tried again."""
    if event.epoch != group.claim or group.hold is not Hold.GOING:
        return group, ()
    if event.failed is None:
        return _off(group, a, "released")
    if group.leased_from is not None and "release" not in group.told:
        group = evolve(group, leased_from=a.now)  # a renewal may have been on its way before it
    again = evolve(group, hold=Hold.ON, release_again_at=Instant(a.now + RELEASE_AGAIN_NS))
    headline = f"{group.name} could not be taken off"
    told = notice(group, Told.FAILURE, headline, event.failed)
    return tell_once(again, "release", told)


def _release(group: Group, a: Around) -> Out:
    if group.keep_home and peer_claims(group, a):
        group = evolve(group, keep_home=False)  # it was not known when the daemon began to end
    if group.keep_home:
        return _off(group, a, "left where the operating system had set it")
    if group.release_again_at is not None:
        if expired(lease_ends(group, a), a):
            return _off(group, a, "dropped by the kernel")
        if not expired(group.release_again_at, a):
            return group, ()
    group = evolve(group, hold=Hold.GOING, release_again_at=None)
    record = Record("release", "release begins", group.name, epoch=group.claim)
    return group, (record, Release(group.name, group.claim))


def _off(group: Group, a: Around, rule: str) -> Out:
    """The address is gone: say so at once, and for long enough to be heard."""
    kept = group.keep_home
    group = evolve(
        forget(group, "release"),
        hold=Hold.OFF,
        leased_from=None,
        release_again_at=None,
        announce_at=None,
        keep_home=False,
        linger_until=Instant(a.now + 2 * a.terms.interval_ns),
    )
    if kept:
        group = evolve(group, sign=Sign.KEPT, sign_until=None)
    elif group.sign not in LASTING:
        group = evolve(group, sign=Sign.RELEASED)
    return group, (Record("released", rule, group.name, epoch=group.claim),)


def _rest(group: Group, a: Around) -> Out:
    sign = group.sign if group.sign in LASTING else Sign.NONE
    group = evolve(group, sign=sign, forced=False, tested=False, prepared=False)
    role = Role.OUTCAST if a.outcast else Role.STANDBY
    return turn(group, a, role, "everything is undone")
