"""One step of a node: an event goes in, the node's next state and its wishes come out.

Pure and total: no clock, no chance, no waiting, and an answer to every event in every state. The
rules of a group are in `claim`, `hold` and `unwind`; those of the pair in `pair`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ipfo.machine import hold, links, pair
from ipfo.machine.effects import Effect, End, Record, Settle
from ipfo.machine.events import (
    Acquired,
    CarrierChanged,
    DeadlineReached,
    Event,
    HandoverAsked,
    HeartbeatHeard,
    PhaseEnded,
    Probed,
    Released,
    Renewed,
    ResumeAsked,
    StandbyAsked,
    StopAsked,
    Swept,
)
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Around, Group, Hold, turn
from ipfo.machine.links import Link
from ipfo.machine.node import Node, around
from ipfo.machine.work import Work
from ipfo.model import Epoch, Instant, Reason, Role, Terms


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of a group from before this start."""

    epoch: Epoch = Epoch(0)
    pre_acq: bool = False  # begun and not undone
    post_acq: bool = False


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
        stepped_at=now,
    )
    w = Work(node, now, terms)
    for name, past in memory.items():
        if name in terms.groups and (past.pre_acq or past.post_acq):
            _undo_leftover(w, name)
    w.run_all()
    return _finish(w)


def step(node: Node, event: Event, *, now: Instant, terms: Terms) -> Step:
    """Advance `node` by one event.

    :param now: when the event is seen; never earlier than in the call before.
    :raises AssertionError: for a bug in these rules, and for nothing else.
    """
    assert now >= node.stepped_at, "time runs backwards"
    w = Work(node, now, terms)
    _mind_pause(w)
    w.node = evolve(w.node, stepped_at=now)
    if w.node.lapses_at is not None and now >= w.node.lapses_at:
        w.run_all()  # a lease that ran out is noticed before anything else is believed
        w.mind_leases()
    _take_in(w, event)
    return _finish(w)


def next_deadline(node: Node, terms: Terms) -> Instant:
    """When `step` wants a `DeadlineReached`, if nothing else happens first."""
    at = node.beat_at
    for other in (node.lapses_at, node.wakes_at):
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
            _wake(w)
        case PhaseEnded() | Acquired() | Released() | Swept() | Probed():
            if event.group in w.node.groups:
                w.run(event.group, event)
        case Renewed():
            pair.renewed(w, event)
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
        case ResumeAsked():
            w.node = evolve(w.node, outcast=False, standby_asked=False)
            w.run_all()
            w.effects.append(Settle(None, done=True, why=f"{w.terms.node} may hold groups"))
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
    due = w.now >= w.node.beat_at
    if due:
        pair.renew(w)
        beat_at = Instant(w.node.beat_at + w.terms.interval_ns)
        if beat_at <= w.now:  # overslept: do not catch up in a burst
            beat_at = Instant(w.now + w.terms.interval_ns)
        w.node = evolve(w.node, beat_at=beat_at)
    if due or w.urgent:
        pair.beat(w)
    elif w.answer_on is not None:
        _answer(w, w.answer_on)
    if w.node.stopping and not w.node.ended and pair.holds_nothing(w):
        w.node = evolve(w.node, ended=True)
        w.effects.append(End())
    return Step(w.node, tuple(w.effects))


def _answer(w: Work, name: str) -> None:
    """Echo somebody new at once, but not more often than regular heartbeats go out: no amplifier."""
    link = w.node.links[name]
    last_at = link.sent[-1][1] if link.sent else None
    if last_at is None or w.now - last_at >= w.terms.interval_ns // 4:
        pair.beat(w, only=name)


def _wake(w: Work) -> None:
    """Step the groups whose time has come."""
    if w.node.wakes_at is None or w.now < w.node.wakes_at:
        return
    for name in [name for name, at in w.node.wakes.items() if w.now >= at]:
        w.run(name)


def _mind_pause(w: Work) -> None:
    """What we slept through is not the peer's silence (design 7.8): silence begins that much later."""
    planned = max(next_deadline(w.node, w.terms), w.node.stepped_at)
    slept_ns = w.now - planned
    if slept_ns <= w.terms.interval_ns // 2:
        return
    moved = {
        name: evolve(link, heard_at=min(w.now, Instant(link.heard_at + slept_ns)))
        for name, link in w.node.links.items()
    }
    heard_at = min(w.now, Instant(w.node.heard_at + slept_ns))
    w.node = evolve(w.node, links=moved, heard_at=heard_at)
    w.record("pause", "this node was not awake", ("slept_ms", slept_ns // 1_000_000))


def _stand_by(w: Work) -> None:
    """Set this node aside, if the peer can take all that it holds."""
    for name, group in w.node.groups.items():
        why = hold.unable(group, around(w.node, name, w.now, w.terms))
        if group.role is Role.HOLDER and why is not None:
            w.effects.append(Settle(None, done=False, why=f"{name}: {why}"))
            return
    w.node = evolve(w.node, outcast=True, standby_asked=True)
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
        claim=past.epoch,
        known=past.epoch,
        pre_acq=past.pre_acq,
        post_acq=past.post_acq,
    )


def _undo_leftover(w: Work, name: str) -> None:
    """A run that did not end in order left phases open: promise P5 wants them undone.

    The address itself was swept before; a home address stays until somebody else claims it.
    """
    group = evolve(w.node.groups[name], reason=Reason.LEFTOVER, forced=True, hold=Hold.OFF)
    a: Around = around(w.node, name, w.now, w.terms)
    group, effects = turn(group, a, Role.YIELDER, "left from before")
    w.effects.extend(effects)
    w.put(group)


__all__ = ["Node", "Record", "Remembered", "Step", "boot", "next_deadline", "step"]
