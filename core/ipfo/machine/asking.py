"""Asking a late peer instead of only waiting for it: ``dead_after`` (design 7.3).

Once a heartbeat is late each link is asked for an answer at once, again and again, and the wire
for the peer's own addresses. Where nothing of all that answers, the host is gone.
"""

from ipfo.machine.effects import ProbePeer
from ipfo.machine.events import PeerProbed
from ipfo.machine.evolve import evolve
from ipfo.machine.node import Node
from ipfo.machine.work import Work
from ipfo.model import Instant, Terms

ASKS = 8
"""Questions between a late heartbeat and ``dead_after``: losing all of them is no accident."""

PROBE_MAX_NS = 200_000_000
"""Who has not answered an ARP request in so long is not on this wire."""

ASKS_LEAST = 3
"""Fewer than so many have not been a fair chance to answer."""


def pace_ns(terms: Terms) -> int:
    """From one question to the next."""
    assert terms.dead_after_ns is not None
    return max(1_000_000, (terms.dead_after_ns - terms.late_after_ns) // ASKS)


def probe_ns(terms: Terms) -> int:
    """How long the wire may take: a neighbour answers in a millisecond, and others want to ask, too."""
    assert terms.dead_after_ns is not None
    return max(pace_ns(terms), min(PROBE_MAX_NS, (terms.dead_after_ns - terms.late_after_ns) // 4))


def look(w: Work) -> bool:
    """Whether it is time to ask the peer on every link; the wire is asked beside it."""
    node, terms = w.node, w.terms
    if terms.dead_after_ns is None or not node.late or node.silent or node.peer_restarting:
        return False
    if w.now < node.ask_at:
        return False
    node = evolve(node, ask_at=Instant(w.now + pace_ns(terms)), asked=node.asked + 1)
    if node.peer_probe_asked_at is None and _worth_probing(node):
        node = evolve(node, peer_probe_asked_at=w.now)
        w.effects.append(ProbePeer(w.now, probe_ns(terms)))
    w.node = node
    return True


def wakes_at(node: Node, terms: Terms) -> Instant | None:
    """When `look` or `is_dead` has something to say, if nothing happens first."""
    if terms.dead_after_ns is None or not node.late or node.silent or node.peer_restarting:
        return None
    dead_at = Instant(node.heard_at + terms.dead_after_ns)
    return node.ask_at if dead_at <= node.stepped_at else min(node.ask_at, dead_at)


def probed(w: Work, event: PeerProbed) -> None:
    """Note whether the peer's host lives: its kernel answers whatever its daemon does."""
    if w.node.peer_probe_asked_at != event.asked_at:
        return
    answered = None if event.failed is not None else event.answered
    news = w.node.peer_probe_at < w.node.heard_at or answered is not w.node.peer_answered
    w.node = evolve(
        w.node, peer_probe_asked_at=None, peer_probe_at=event.asked_at, peer_answered=answered
    )
    if news:
        w.record("peer", "asked the wire for its own addresses", ("answers", _in_words(event)))


def is_dead(node: Node, terms: Terms, now: Instant) -> bool:
    """Whether the peer was asked in every way, long enough, and nothing has answered."""
    if terms.dead_after_ns is None or node.peer_restarting:
        return False
    if now < node.heard_at + terms.dead_after_ns or node.asked < ASKS_LEAST:
        return False
    return node.peer_probe_at >= node.heard_at and node.peer_answered is False


def _worth_probing(node: Node) -> bool:
    """Not probed since the peer was heard last, or it answered then."""
    return node.peer_probe_at < node.heard_at or node.peer_answered is not False


def _in_words(event: PeerProbed) -> str:
    if event.failed is not None:
        return f"unknown: {event.failed}"
    return "yes" if event.answered else "none"
