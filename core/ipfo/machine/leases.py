"""Keeping what is held: leases are renewed just before a heartbeat goes out, and at no other time.

So a lease always ends before a peer that heard that heartbeat has waited long enough (design 7.1).
What is held without a lease is only looked for.
"""

from ipfo.machine.effects import Renew
from ipfo.machine.events import Renewed
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Hold, is_renewed, lease_ends
from ipfo.machine.node import around
from ipfo.machine.work import Work
from ipfo.model import SECOND, Instant
from ipfo.model import Event as Told


def renew(w: Work) -> None:
    """Ask for the leases to be renewed, if it is time; called only when a heartbeat is due."""
    node, terms = w.node, w.terms
    if not node.holds or node.renew_asked_at is not None or w.now < node.renew_due_at:
        return
    if node.restart_asked_renewal:
        return  # a longer lease has begun, and must not be shortened
    ask(w, terms.lease_s)
    # A third of the lease, less half an interval: due with the heartbeat that is nearest to it.
    wait_ns = max(0, terms.lease_s * SECOND // 3 - terms.interval_ns // 2)
    w.node = evolve(w.node, renew_due_at=Instant(w.now + wait_ns))


def ask(w: Work, lease_s: int) -> None:
    """Ask for all that is held to be renewed for `lease_s`."""
    held = tuple(
        name
        for name, group in w.node.groups.items()
        if group.hold is Hold.ON and group.release_again_at is None
    )
    w.effects.append(Renew(held, w.now, Instant(w.now + w.terms.renew_margin_ns), lease_s))
    w.node = evolve(w.node, renew_asked_at=w.now)


def renewed(w: Work, event: Renewed) -> None:
    """Note that the leases began anew, but those that failed: these go on from where they were."""
    gone = [name for name in event.gone if _is_on(w, name)]
    failed = [name for name in (*event.failed, *gone) if _is_renewed(w, name)]
    for name in failed:
        group = w.node.groups[name]
        ends_at = lease_ends(group, around(w.node, name, w.now, w.terms))
        assert ends_at is not None
        began = Instant(ends_at - w.terms.lease_ns)
        w.put(evolve(group, leased_from=began, unrenewed=True))
        if name not in gone:
            headline = f"the lease of {name} could not be renewed"
            w.tell_once(f"renew {name}", Told.FAILURE, headline)
    for name, group in w.node.groups.items():
        if group.unrenewed and name not in failed:
            w.put(evolve(group, unrenewed=False))
            w.tell_over(f"renew {name}", f"the lease of {name} is renewed again")
    w.node = evolve(w.node, renew_asked_at=None, renewed_at=event.began)
    w.mind_leases()
    for name in gone:
        if w.node.groups[name].gone_at is None:
            w.put(evolve(w.node.groups[name], gone_at=w.now, probe_at=w.now))
        w.run(name)


def _is_on(w: Work, name: str) -> bool:
    return name in w.node.groups and w.node.groups[name].hold is Hold.ON


def _is_renewed(w: Work, name: str) -> bool:
    return name in w.node.groups and is_renewed(w.node.groups[name])
