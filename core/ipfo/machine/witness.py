"""What third parties say while the peer cannot be heard: which node is the isolated one (design 7.4).

Witnesses that can only deny are asked while the peer is late; a voter is asked as long as there
is something to keep. While the peer is heard nothing of this moves anything.
"""

from ipfo.machine.effects import AskWitnesses, Vote
from ipfo.machine.events import Voted, WitnessesAsked
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Hold
from ipfo.machine.node import Node, witness_timeout_ns
from ipfo.machine.roles import Outvoted
from ipfo.machine.work import Work
from ipfo.model import SECOND, Instant, Role, Terms
from ipfo.model import Event as Told

VOTE_EVERY_NS = SECOND // 2
"""How often what is held is voted for. A vote must outlast every lease that was renewed under it, and
its ttl is a second longer than a lease, which itself may last 0.4 s too long."""

VOTE_AGAIN_NS = SECOND // 4
"""How soon a voter is asked again that has refused, or could not be asked."""


def look(w: Work) -> None:
    """Ask whom it is time to ask. Called at the end of each step that may have changed that."""
    if w.terms.deniers:
        _ask(w)
    if w.terms.vote_ttl_ns is not None:
        _vote(w, w.terms.vote_ttl_ns)


def wakes_at(node: Node, terms: Terms) -> Instant | None:
    """When `look` has something to do, or `mind` something to notice, if nothing happens first."""
    waits: list[Instant] = []
    if terms.deniers and _in_doubt(node) and node.witness_asked_at is None:
        waits.append(node.witness_at)
    if terms.vote_ttl_ns is not None:
        if _wanted(node) and node.vote_asked_at is None:
            waits.append(node.vote_at)
        waits += [Instant(until - terms.letting_go_ns) for until in node.votes.values()]
    return min((at for at in waits if at > node.stepped_at), default=None)


def mind(w: Work) -> None:
    """Notice votes that are about to end."""
    ending = [
        name
        for name, until in w.node.votes.items()
        if w.now >= until - w.terms.letting_go_ns and name in w.node.groups
    ]
    for name in ending:
        w.run(name)
    over = [name for name in ending if w.now >= w.node.votes.get(name, w.now)]
    if over:
        votes = {name: until for name, until in w.node.votes.items() if name not in over}
        w.node = evolve(w.node, votes=votes)


def asked(w: Work, event: WitnessesAsked) -> None:
    """Note whether this node is the isolated one."""
    if w.node.witness_asked_at != event.asked_at:
        return
    was = w.node.reached
    w.node = evolve(
        w.node,
        witness_asked_at=None,
        reached=event.reached,
        reached_at=event.asked_at,
        witness_why=event.why,
    )
    # Not reached: again at once. Reached: now and then, as long as there is doubt.
    wait_ns = (
        w.terms.interval_ns if event.reached and w.node.silent else witness_timeout_ns(w.terms)
    )
    w.node = evolve(w.node, witness_at=Instant(event.asked_at + wait_ns))
    if event.reached:
        w.tell_over("witness", "a witness can be reached again")
    else:
        headline = f"{w.terms.peer} is not heard, and {w.terms.node} reaches no witness"
        w.tell_once("witness", Told.ANOMALY, headline, event.why)
    if event.reached is not was or w.node.silent or w.node.alone:
        w.run_all()


def voted(w: Work, event: Voted) -> None:
    """Note what the voter keeps for this node, and from when on it does not."""
    node, ttl_ns = w.node, w.terms.vote_ttl_ns
    if node.vote_asked_at != event.asked_at or ttl_ns is None:
        return
    until = Instant(event.asked_at + ttl_ns)
    # what was withdrawn while the question was under way is not kept, whatever the answer says
    denied = {name: why for name, why in event.denied if name in node.asked_for}
    votes = {name: at for name, at in node.votes.items() if name not in denied}
    votes |= {name: until for name in event.granted if name in node.asked_for}
    lost = event.failed
    wait_ns = VOTE_AGAIN_NS if lost is not None or denied else VOTE_EVERY_NS
    w.node = evolve(
        node,
        vote_asked_at=None,
        votes=votes if lost is None else node.votes,
        denied=denied if lost is None else {},
        vote_lost=lost,
        vote_at=Instant(event.asked_at + wait_ns),
        voted_at=event.asked_at,
    )
    if lost is None:
        w.tell_over("voter", "the voter can be asked again")
    else:
        headline = (
            f"{w.terms.node} cannot ask the voter; while {w.terms.peer} is heard nothing moves"
        )
        w.tell_once("voter", Told.ANOMALY, headline, lost)
    for name, highest in event.behind:
        if name in w.node.asked_for:
            w.run(name, Outvoted(highest))
    if w.node.alone or w.node.silent:
        for name in list(w.node.groups):
            if name in node.votes or name in votes or name in denied or lost is not None:
                w.run(name)


def _ask(w: Work) -> None:
    node = w.node
    if not _in_doubt(node) or node.witness_asked_at is not None or w.now < node.witness_at:
        return
    w.node = evolve(node, witness_asked_at=w.now)
    w.effects.append(AskWitnesses(w.now, witness_timeout_ns(w.terms)))


def _in_doubt(node: Node) -> bool:
    return node.late or node.silent or node.alone or node.peer_deaf


def _wanted(node: Node) -> tuple[str, ...]:
    """The groups that the voter is to keep for this node."""
    return tuple(
        name
        for name, group in node.groups.items()
        if (group.role is Role.HOLDER and group.hold is Hold.ON) or group.role is Role.CLAIMANT
    )


def _vote(w: Work, ttl_ns: int) -> None:
    node = w.node
    if node.vote_asked_at is not None:
        return
    wanted = _wanted(node)
    fresh = [name for name in wanted if node.groups[name].claim != node.asked_for.get(name)]
    if not wanted or (w.now < node.vote_at and not fresh):
        return
    claims = tuple((name, node.groups[name].claim) for name in wanted)
    w.node = evolve(node, vote_asked_at=w.now, asked_for=dict(claims))
    w.effects.append(Vote(w.now, claims, min(SECOND, ttl_ns // 3)))
