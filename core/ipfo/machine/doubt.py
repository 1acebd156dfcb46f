"""When hearing the peer, or being heard by it, has been lacking for so long that it matters.

Three instants, each before the peer can have taken what this node holds: silence on every link, a
peer that lives and does not hear us, and a holder that must have somebody else's word to go on.
"""

from ipfo.machine import asking
from ipfo.machine.evolve import evolve
from ipfo.machine.node import Node, alone_at, unheard_at
from ipfo.machine.work import Work
from ipfo.model import Heartbeat, Instant, Terms


def silent_at(node: Node, terms: Terms) -> Instant:
    """When silence on every link is full, where nothing is asked."""
    wait_ns = terms.restart_wait_ns if node.peer_restarting else terms.takeover_after_ns
    return Instant(node.heard_at + wait_ns)


def mind(w: Work) -> bool:
    """Bring late, silent, alone and unheard up to date; whether anything of it changed."""
    node, terms = w.node, w.terms
    late = w.now >= node.heard_at + terms.late_after_ns
    silent = w.now >= silent_at(node, terms) or asking.is_dead(node, terms, w.now)
    alone_since, unheard_since = alone_at(node, terms), unheard_at(node, terms)
    alone = alone_since is not None and w.now >= alone_since
    unheard = unheard_since is not None and w.now >= unheard_since
    if (late, silent, alone, unheard) == (node.late, node.silent, node.alone, node.unheard):
        return False
    if late and not node.late:
        node = evolve(node, ask_at=w.now, asked=0, witness_at=w.now)
    if silent and w.now < silent_at(node, terms):
        silence_ms = (w.now - node.heard_at) // 1_000_000
        w.record("peer", "dead: nothing answers", ("silence_ms", silence_ms), ("asked", node.asked))
    w.node = evolve(node, late=late, silent=silent, alone=alone, unheard=unheard)
    w.run_all()
    return True


def wakes_at(node: Node, terms: Terms) -> Instant | None:
    """When `mind` will notice something that no link's clock tells, if nothing happens first."""
    waits: list[Instant] = []
    if not node.silent:
        waits.append(silent_at(node, terms))
        if not node.late:
            waits.append(Instant(node.heard_at + terms.late_after_ns))
    if terms.asks_others and not node.alone:
        at = alone_at(node, terms)
        if at is not None:
            waits.append(at)
    if node.peer_deaf and not node.unheard:
        at = unheard_at(node, terms)
        if at is not None:
            waits.append(at)
    return min(waits, default=None)


def listen(w: Work, beat: Heartbeat) -> bool:
    """Note whether the peer hears us, whether it is being restarted, and whether it wants peace.

    :returns: whether the rules must look at every group, as soon as what `beat` says of them is noted.
    """
    node = w.node
    deaf = not beat.hears
    changed = deaf != node.peer_deaf or beat.maintenance != node.peer_maintenance
    if beat.maintenance != node.peer_maintenance:
        w.record("maintenance", "begun by the peer" if beat.maintenance else "ended by the peer")
    if changed or beat.restarting != node.peer_restarting:
        w.node = evolve(
            node,
            peer_deaf=deaf,
            peer_restarting=beat.restarting,
            peer_maintenance=beat.maintenance,
        )
    return changed


def note_echo(w: Work, sent_at: Instant | None) -> None:
    """The peer has heard what we sent at `sent_at`, so it heard us then or later."""
    known_at = w.node.peer_heard_us_at
    if sent_at is not None and (known_at is None or sent_at > known_at):
        w.node = evolve(w.node, peer_heard_us_at=sent_at)
