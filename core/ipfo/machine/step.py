"""One step of a node: an event goes in, the node's next state and its wishes come out.

Pure and total: no clock, no chance, no waiting, and an answer to every event in every state. The
rules of a group are in `claim`, `hold` and `unwind`; those of the pair in `pair`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ipfo.machine import asking, doubt, fence, give, leases, links, pair, pause, restart, witness
from ipfo.machine.effects import Effect, End, Record, Settle
from ipfo.machine.events import (
    Acquired,
    CarrierChanged,
    DeadlineReached,
    Event,
    Fenced,
    HandoverAsked,
    HealthChanged,
    HeartbeatHeard,
    MaintenanceAsked,
    PeerProbed,
    PhaseEnded,
    Probed,
    Released,
    Renewed,
    RestartAsked,
    ResumeAsked,
    StandbyAsked,
    StopAsked,
    Swept,
    TermsChanged,
    Voted,
    WitnessesAsked,
)
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Around, Group, Hold, step_phase, turn
from ipfo.machine.links import Link
from ipfo.machine.node import Node, around
from ipfo.machine.work import Work
from ipfo.model import Epoch, Instant, Phase, Reason, Role, Terms

ASKED_NS = 10_000_000
"""Shortest gap between two answers to a peer that asks for one at once."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of a group from before this start. `epoch`: the highest made or heard of."""

    epoch: Epoch = Epoch(0)
    pre_acq: bool = False  # begun and not undone
    post_acq: bool = False
    adopted: Instant | None = (
        None  # still on, and renewed (a home address: found) then for this run
    )
    claim: Epoch | None = None  # under which it is held; None: the same as `epoch`


@dataclass(frozen=True, slots=True)
class Step:
    """What became of a node, and what it asks of the world, in this order."""

    node: Node
    effects: tuple[Effect, ...]


def boot(
    terms: Terms, memory: Mapping[str, Remembered], now: Instant, *, down: frozenset[str]
) -> Step:
    """A node that has just been started: it knows nobody, and listens before it claims.

    :param memory: by group; one that is missing was never claimed here.
    :param down: the interfaces that have no carrier.
    """
    node = Node(
        started_at=now,
        links={name: Link(name, now) for name in terms.links},
        groups={name: _remember(name, memory.get(name), now) for name in terms.groups},
        beat_at=now,
        heard_at=now,
        down=down,
        listen_until=Instant(now + terms.takeover_after_ns),
        stepped_at=now,
    )
    w = Work(node, now, terms)
    for name, past in memory.items():
        if name in terms.groups and past.adopted is not None and _is_whole(w, name):
            _adopt(w, name, past.adopted)
        elif name in terms.groups and (past.pre_acq or past.post_acq):
            _undo_leftover(w, name)
    w.mind_leases()
    w.run_all()
    return _finish(w)


def step(node: Node, event: Event, *, now: Instant, terms: Terms) -> Step:
    """Advance `node` by one event.

    :param now: when the event is seen; never earlier than in the call before.
    :raises AssertionError: for a bug in these rules, and for nothing else.
    """
    return step_all(node, (event,), now=now, terms=terms)


def step_all(node: Node, events: Iterable[Event], *, now: Instant, terms: Terms) -> Step:
    """Advance `node` by events that are seen together, in their order, as `step` does by one.

    The peer hears once of what came of all of them: a thousand groups that turn at the same time
    are a few heartbeats, and not a thousand.
    """
    assert now >= node.stepped_at, "time runs backwards"
    w = Work(node, now, terms)
    pause.mind(w)
    w.node = evolve(w.node, stepped_at=now)
    if w.node.lapses_at is not None and now >= w.node.lapses_at:
        w.run_all()  # a lease that ran out is noticed before anything else is believed
        w.mind_leases()
    for event in events:
        _take_in(w, event)
    return _finish(w)


def next_deadline(node: Node) -> Instant:
    """When `step` wants a `DeadlineReached`, if nothing else happens first."""
    return node.due_at


def _due_at(node: Node, terms: Terms) -> Instant:
    at = node.beat_at
    if node.lapses_at is not None and node.lapses_at < at:
        at = node.lapses_at
    if node.wakes_at is not None and node.wakes_at < at:
        at = node.wakes_at
    others = [doubt.wakes_at(node, terms)]
    if terms.deniers or terms.vote_ttl_ns is not None:
        others.append(witness.wakes_at(node, terms))
    if terms.dead_after_ns is not None:
        others.append(asking.wakes_at(node, terms))
    if terms.fence is not None:
        others.append(fence.wakes_at(node, terms))
    for other in others:
        if other is not None and other < at:
            at = other
    for link in node.links.values():
        changes_at = links.changes_at(link, terms)
        if changes_at is not None and changes_at < at:
            at = changes_at
    return at


def _take_in(w: Work, event: Event) -> None:
    match event:
        case HeartbeatHeard():
            pair.hear(w, event)
        case DeadlineReached():
            pair.watch_time(w)
            witness.mind(w)
            _wake(w)
        case PhaseEnded() | Acquired() | Released() | Swept() | Probed() | HealthChanged():
            if event.group in w.node.groups:
                w.run(event.group, event)
        case Renewed():
            leases.renewed(w, event)
        case PeerProbed():
            asking.probed(w, event)
            pair.watch_time(w)
        case WitnessesAsked():
            witness.asked(w, event)
        case Voted():
            witness.voted(w, event)
        case Fenced():
            fence.fenced(w, event)
        case CarrierChanged():
            down = w.node.down - {event.interface} | (set() if event.up else {event.interface})
            up_at = {**w.node.up_at, event.interface: w.now} if event.up else w.node.up_at
            w.node = evolve(w.node, down=down, up_at=up_at)
            w.record("carrier", "up" if event.up else "down", ("interface", event.interface))
            w.run_all()
        case HandoverAsked():
            if event.group in w.node.groups:
                w.run(event.group, event)
            else:
                w.effects.append(Settle(event.group, done=False, why="there is no such group"))
        case StandbyAsked():
            _stand_by(w)
        case MaintenanceAsked():
            _set_maintenance(w)
        case ResumeAsked():
            _resume(w)
        case RestartAsked():
            w.mind_leases()
            restart.ask(w)
        case TermsChanged():
            pair.take_terms(w, event.groups)
        case StopAsked():
            w.node = evolve(w.node, stopping=True)
            w.run_all()


def _finish(w: Work) -> Step:
    """Settle what concerns the whole node, then beat: effects first, leases, heartbeats last.

    A release goes before a renewal, so that no renewal can touch what is let go; a renewal goes
    before the heartbeat that it belongs to.
    """
    if w.node.standby_asked:
        _settle_standby(w)
    w.mind_changes()
    due = w.now >= w.node.beat_at
    if due:
        leases.renew(w)
        beat_at = Instant(w.node.beat_at + w.terms.interval_ns)
        if beat_at <= w.now:  # overslept: do not catch up in a burst
            beat_at = Instant(w.now + w.terms.interval_ns)
        w.node = evolve(w.node, beat_at=beat_at)
    fence.look(w)
    witness.look(w)
    restart.look(w)
    asks = asking.look(w)
    if due or w.urgent or asks:
        pair.beat(w, asks=asks)
    elif w.asked_on is not None:
        _answer(w, w.asked_on, min(w.terms.interval_ns // 4, ASKED_NS), echo_only=False)
    elif w.answer_on is not None:
        _answer(w, w.answer_on, w.terms.interval_ns // 4, echo_only=True)
    if w.node.stopping and not w.node.ended and pair.holds_nothing(w):
        w.node = evolve(w.node, ended=True)
        w.effects.append(End())
    w.mind_changes()
    w.node = evolve(w.node, due_at=_due_at(w.node, w.terms))
    return Step(w.node, tuple(w.effects))


def _answer(w: Work, name: str, gap_ns: int, *, echo_only: bool) -> None:
    """Answer at once, but not more often than so: no amplifier."""
    link = w.node.links[name]
    last_at = link.sent[-1][1] if link.sent else None
    if last_at is None or w.now - last_at >= gap_ns:
        pair.beat(w, only=name, echo_only=echo_only)


def _wake(w: Work) -> None:
    """Step the groups whose time has come."""
    if w.node.wakes_at is None or w.now < w.node.wakes_at:
        return
    for name in [name for name, at in w.node.wakes.items() if w.now >= at]:
        w.run(name)


def _set_maintenance(w: Work) -> None:
    """Nothing moves by itself any more, on either node: the next heartbeat says so."""
    w.node = evolve(w.node, maintenance=True)
    w.record("maintenance", "an administrator wants it")
    w.urgent = True
    w.run_all()
    w.effects.append(Settle(None, done=True, why="nothing moves by itself until ipfo resume"))


def _resume(w: Work) -> None:
    """End standby and maintenance, and thaw what is frozen, on this node."""
    node = w.node
    theirs = node.peer_maintenance and not node.silent
    w.node = evolve(
        node, outcast=False, standby_asked=False, maintenance=False, peer_maintenance=theirs
    )
    w.record("resume", "an administrator wants it")
    w.urgent = True
    for name in w.node.groups:
        w.run(name, ResumeAsked())
    w.run_all()
    why = f"{w.terms.node} may hold groups"
    if theirs:
        why += f"; {w.terms.peer} is under maintenance: give ipfo resume there, too"
    w.effects.append(Settle(None, done=True, why=why))


def _stand_by(w: Work) -> None:
    """Set this node aside, if the peer can take all that it holds."""
    for name, group in w.node.groups.items():
        why = give.unable(group, around(w.node, name, w.now, w.terms))
        if group.role is Role.HOLDER and why is not None:
            w.effects.append(Settle(None, done=False, why=f"{name}: {why}"))
            return
    w.node = evolve(w.node, outcast=True, standby_asked=True)
    w.record("standby", "an administrator wants it")
    w.run_all()


def _settle_standby(w: Work) -> None:
    roles = {group.role for group in w.node.groups.values()}
    kept = [
        name
        for name, group in w.node.groups.items()
        if group.role is Role.HOLDER and group.giving is None
    ]
    if kept:
        w.node = evolve(w.node, outcast=False, standby_asked=False)
        w.run_all()
        w.effects.append(Settle(None, done=False, why=f"{kept[0]} stays on {w.terms.node}"))
    elif roles == {Role.OUTCAST}:
        w.node = evolve(w.node, standby_asked=False)
        w.effects.append(Settle(None, done=True, why=f"{w.terms.node} holds nothing"))


def _remember(name: str, past: Remembered | None, now: Instant) -> Group:
    if past is None:
        return Group(name, now)
    return Group(
        name,
        now,
        claim=past.epoch if past.claim is None else past.claim,
        known=past.epoch,
        pre_acq=past.pre_acq,
        post_acq=past.post_acq,
    )


def _is_whole(w: Work, name: str) -> bool:
    """Whether what is found on is a holding: a home address may only have been left where it was.

    That is so after an end in order without a peer: its phases are undone, and it is claimed anew.
    """
    terms = w.terms.groups[name]
    return terms.home != w.terms.node or not terms.phases or w.node.groups[name].pre_acq


def _adopt(w: Work, name: str, leased_from: Instant) -> None:
    """Go on holding what the run before held: same epoch, same address, and nobody notices."""
    group = evolve(
        w.node.groups[name],
        reason=Reason.ADOPTED,
        hold=Hold.ON,
        leased_from=None if w.terms.groups[name].home == w.terms.node else leased_from,
        seen_held=True,
        ours_last=True,
        announce_at=w.now,
    )
    a: Around = around(w.node, name, w.now, w.terms)
    group, effects = turn(group, a, Role.HOLDER, "adopted")
    if a.group.phases and group.pre_acq and not group.post_acq:
        group, more = step_phase(evolve(group, post_acq=True), Phase.POST_ACQ, acquire=True)
        effects = (*effects, *more)
    w.effects.extend(effects)
    w.put(group)


def _undo_leftover(w: Work, name: str) -> None:
    """A run that did not end in order left phases open: promise P5 wants them undone.

    The address itself was swept before; a home address stays until somebody else claims it.
    """
    group = evolve(w.node.groups[name], reason=Reason.LEFTOVER, forced=True, hold=Hold.OFF)
    a: Around = around(w.node, name, w.now, w.terms)
    group, effects = turn(group, a, Role.YIELDER, "left from before")
    w.effects.extend(effects)
    w.put(group)


__all__ = ["Node", "Record", "Remembered", "Step", "boot", "next_deadline", "step", "step_all"]
