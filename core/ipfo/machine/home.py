"""A home node's own address while the peer has the group: it must not be here (design 7.11).

The operating system sets it at boot, or later, and knows nothing of the pair. So a home node that
does not hold its group looks at once when the peer claims it, and now and then as long as it does.
"""

from ipfo.machine.effects import Sweep
from ipfo.machine.events import Swept
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Around, Group, Hold, Out, forget, notice, peer_claims, tell_once
from ipfo.model import Event as Told
from ipfo.model import Instant, Role

AWAY = (Role.STANDBY, Role.OUTCAST, Role.YIELDER)
"""Roles in which a home node has no business with its address while the peer claims it."""


def must_be_away(group: Group, a: Around) -> bool:
    """Whether the peer claims the home address, so that it must not be on this host."""
    if not a.at_home or group.role not in AWAY or group.hold is not Hold.OFF:
        return False
    return peer_claims(group, a)


def look(group: Group, a: Around) -> Out:
    """Have the address taken off, if it is time to look."""
    if not must_be_away(group, a) or a.now < group.sweep_at:
        return group, ()
    again_at = Instant(a.now + a.terms.takeover_after_ns)
    return evolve(group, sweep_at=again_at), (Sweep(group.name),)


def swept(group: Group, event: Swept, a: Around) -> Out:
    """Tell people that the address was here, or that it could not be taken off."""
    if event.failed is not None:
        headline = f"{group.name}: {a.terms.node}'s own address could not be taken off"
        return tell_once(group, "sweep", notice(group, Told.FAILURE, headline, event.failed))
    group = forget(group, "sweep")
    if not event.found:
        return group, ()
    headline = f"{group.name} is with {a.terms.peer}: {a.terms.node} gives its own address way"
    return group, (notice(group, Told.RELEASE, headline, "it comes back by a failback"),)
