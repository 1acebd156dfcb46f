"""Making sure that a silent peer is off before what it had is taken (design 7.5).

Asked once for all groups that wait for it. Who holds a group never shoots. The delay before the
first shot falls on the challenger, not on who held it last and had to let go.
"""

from ipfo.machine.effects import Fence
from ipfo.machine.events import Fenced
from ipfo.machine.evolve import evolve
from ipfo.machine.node import Node
from ipfo.machine.work import Work
from ipfo.model import Event as Told
from ipfo.model import FenceTerms, Instant, Terms


def look(w: Work) -> None:
    """Shoot, if a claimant waits for it and the time has come."""
    terms = w.terms.fence
    if terms is None:
        return
    node = w.node
    waiting = [group for group in node.groups.values() if group.wants_fence]
    if not waiting or not node.silent:
        if node.fence_at is not None and node.fence_asked_at is None:
            w.node = evolve(node, fence_at=None)
        return
    if node.fence_asked_at is not None or node.fenced:
        return
    if node.fence_at is None:
        w.node = evolve(node, fence_at=_first_shot_at(w, terms))
        w.record("fence", "wanted", ("delay_ms", terms.delay_ns // 1_000_000))
    assert w.node.fence_at is not None
    if w.now >= w.node.fence_at:
        w.node = evolve(w.node, fence_asked_at=w.now)
        w.record("fence", "the peer is silent and its groups are claimed")
        w.effects.append(Fence(w.now))


def wakes_at(node: Node, terms: Terms) -> Instant | None:
    """When `look` would shoot, if nothing happens first."""
    if terms.fence is None or node.fence_asked_at is not None or node.fenced:
        return None
    return node.fence_at


def fenced(w: Work, event: Fenced) -> None:
    """The peer is off: who waited may go on. Or it may not be: nobody goes on, and people are told."""
    if w.node.fence_asked_at != event.asked_at:
        return
    if not w.node.silent:  # it is heard, so it is not off
        w.node = evolve(w.node, fence_asked_at=None, fence_at=None)
        return
    w.node = evolve(w.node, fence_asked_at=None, fence_at=None, fenced=event.failed is None)
    if event.failed is None:
        w.record("fence", "the peer is off")
        w.tell_over("fence", f"{w.terms.peer} is fenced")
    else:
        w.record("fence", "failed", ("why", event.failed))
        headline = f"{w.terms.peer} could not be fenced: nothing of it is taken"
        w.tell_once("fence", Told.FAILURE, headline, event.failed)
    for name in [group.name for group in w.node.groups.values() if group.wants_fence]:
        w.run(name, event)


def _first_shot_at(w: Work, terms: FenceTerms) -> Instant:
    """At once for who held it last; for a challenger later, so that not both shoot."""
    groups = w.node.groups.values()
    if any(group.wants_fence and group.ours_last for group in groups):
        return w.now
    more_ns = 0
    if not any(group.seen_held for group in groups):
        # nobody held anything, so both may claim: one of the two waits for the other's shot
        second = w.terms.node > w.terms.peer
        more_ns = w.terms.takeover_after_ns + terms.timeout_ns if second else 0
    elif w.terms.consistent and not w.terms.deniers and w.terms.vote_ttl_ns is None:
        more_ns = w.terms.takeover_after_ns  # the holder has let go, and shoots first
    return Instant(w.now + terms.delay_ns + more_ns)
