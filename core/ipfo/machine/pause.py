"""This node was not awake: what it slept through is not the peer's silence (design 7.8)."""

from ipfo.machine.evolve import evolve
from ipfo.machine.links import Link
from ipfo.machine.work import Work
from ipfo.model import Instant


def mind(w: Work) -> None:
    """Let silence begin later by what was slept; after what a peer waits or a lease lasts, believe nothing.

    A peer waits from our last word, which may be an interval before the deadline that was overslept.
    """
    planned = max(w.node.due_at, w.node.stepped_at)
    slept_ns = w.now - planned
    if slept_ns <= w.terms.interval_ns // 2:
        return
    w.node = evolve(
        w.node,
        links={name: _later(link, w.now, slept_ns) for name, link in w.node.links.items()},
        heard_at=min(w.now, Instant(w.node.heard_at + slept_ns)),
        ask_at=w.now,
        asked=0,
    )
    w.record("pause", "this node was not awake", ("slept_ms", slept_ns // 1_000_000))
    unheard_ns = w.now - _last_word_at(w)
    if slept_ns >= w.terms.lease_ns or unheard_ns >= w.terms.suspect_after_ns:
        _forget(w)


def _last_word_at(w: Work) -> Instant:
    """When the peer can have heard us last."""
    sent = (link.sent[-1][1] for link in w.node.links.values() if link.sent)
    return max(sent, default=w.node.started_at)


def _later(link: Link, now: Instant, slept_ns: int) -> Link:
    return evolve(link, heard_at=min(now, Instant(link.heard_at + slept_ns)))


def _forget(w: Work) -> None:
    """The peer may have claimed anything meanwhile: listen for an interval before deciding."""
    w.record("pause", "longer than a lease: nothing of what was known counts")
    w.node = evolve(
        w.node,
        peer_digest=0,
        known_claims=frozenset(),
        carried={},
        heard_at=w.now,
        peer_heard_us_at=None,
        reached_at=Instant(0),
        voted_at=Instant(0),
        votes={},
        denied={},
        fenced=False,
        slept_at=w.now,
        listen_until=max(w.node.listen_until, Instant(w.now + w.terms.interval_ns)),
    )
    for group in w.node.groups.values():
        unknown = evolve(group, peer=None, peer_able_at=None, peer_had=False)
        w.put(evolve(unknown, evidence=None, let_go_at=None))
