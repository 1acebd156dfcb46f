"""Why this node does not take a group that it does not hold, in words for who was paged (P10).

It reads what the machine knows and decides nothing: whatever it says, the rules of
`machine.claim` have said it with their deeds.
"""

from ipfo.machine import evidence
from ipfo.machine.evidence import Verdict
from ipfo.machine.group import Around, Group, health, is_frozen, may_take
from ipfo.model import Health, Role

OF_HEALTH = {
    Health.STOPPING: "{node} is stopping",
    Health.OUTCAST: "{node} is set aside, until 'ipfo resume' there",
    Health.CARRIER: "{node} has no carrier on the interface of it",
    Health.VETOED: "a test or pre_acq on {node} refused its last claim; it is tried again",
    Health.FAILED: "the last claim of {node} failed; it is tried again",
}
"""What keeps a node from any claim, whatever it hears."""


def against_taking(group: Group, a: Around) -> str | None:
    """What would keep this node from taking `group`, were the peer silent now; None: nothing.

    A claimant is on its way, so what it waits for is told, if it waits for others.
    """
    if group.role is Role.CLAIMANT:
        return _waits_for(group, a)
    if group.role not in (Role.STANDBY, Role.OUTCAST):
        return None
    fit = health(group, a)
    if fit in OF_HEALTH:
        return OF_HEALTH[fit].format(node=a.terms.node)
    if not may_take(group, a):
        return _peace(group, a)
    if fit is Health.ISOLATED:
        return f"{a.terms.node} reaches no witness: it may be the isolated one"
    if fit is Health.LISTENING:
        return f"{a.terms.node} still listens: it was started, or slept, a moment ago"
    if a.silent and group.contested_since is not None:
        return "its address answers on the wire"
    if a.silent and not a.peer_ever and not a.preferred and not group.urged:
        return _first_claim(a)
    if a.silent and a.group.probes and evidence.verdict(group, a) is Verdict.UNKNOWN:
        return "the wire has not said yet whether its address is still in use"
    return None


def _peace(group: Group, a: Around) -> str:
    """Why nothing moves by itself."""
    if is_frozen(group, a):
        return f"it is frozen: it moved by itself {times(len(group.moves))} within {a.group.per_ns // 10**9} s"
    return "the pair is under maintenance: nothing moves by itself"


def times(count: int) -> str:
    """`count` times, in words."""
    return "once" if count == 1 else f"{count} times"


def _first_claim(a: Around) -> str | None:
    after_ns = a.terms.first_claim_after_ns
    never_heard = f"{a.terms.peer}, to whom it belongs, has not been heard since the start"
    if after_ns is None:
        return f'{never_heard}, and first_claim_after is "never"'
    left_s = (a.started_at + after_ns - a.now) / 10**9
    return f"{never_heard}; it is waited for, for {left_s:.0f} s more" if left_s > 0 else None


def _waits_for(group: Group, a: Around) -> str | None:
    if group.wants_fence and not a.fenced:
        return f"it waits until {a.terms.peer} is fenced"
    against = a.denied or a.vote_lost
    if a.silent and a.terms.vote_ttl_ns is not None and against is not None:
        return f"the voter does not grant it to {a.terms.node}: {against}"
    if a.silent and group.contested_since is not None:
        return "its address answers on the wire"
    return None
