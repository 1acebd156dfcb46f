"""Tries everything that can happen in a small world, from the shortest course of events to longer ones.

Breadth first, so the first broken promise that is found has the shortest trace there is. Worlds
that are alike are looked at once. Time is a choice like any other: the depth counts choices.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ipfo.machine.events import HandoverAsked
from ipfo.machine.evolve import evolve
from ipfo.machine.node import Node
from ipfo.model import SECOND
from ipfo.sim import alike, small_judge
from ipfo.sim.small import GROUP, KINDS, NAMES, Host, Scope, World
from ipfo.sim.small_hosts import Draft
from ipfo.sim.small_moves import Move, in_words, moves, usual
from ipfo.sim.small_turns import carrier_back, heal, take

PATIENCE_NS = 90 * SECOND
"""So long a world is left to run, until one node must hold the group."""

CALM_NS = 8 * SECOND
"""And so long it must have been at rest."""

CHOICES_MAX = 100_000

Trace = tuple["Trace", Move] | None
"""How a world was come to: all that was chosen, the last first."""


@dataclass(frozen=True, slots=True)
class Found:
    """A broken promise, and the shortest way to it."""

    scope: Scope
    why: str
    trace: tuple[Move, ...]
    left_to_run: bool  # the trace's end is not wrong yet: it becomes so when all is left to run


@dataclass(slots=True)
class Explored:
    """What was looked at: `depth` choices deep; `whole`: nothing is left beyond it."""

    scope: Scope
    states: int = 0
    choices: int = 0
    depth: int = 0
    whole: bool = False
    left_to_run: int = 0
    widest: int = 0
    found: Found | None = None


def begin(scope: Scope) -> World:
    """The world in which `scope` begins."""
    hosts = (Host(0, scope.terms(0, 0)), Host(1, scope.terms(1, 0)))
    world = World(0, hosts, scope.left)
    orders: dict[str, tuple[int, ...]] = dict.fromkeys(("settled", "handover", "split"), (0, 1))
    order = orders.get(scope.begins, ())
    if scope.begins in ("apart", "split"):
        ways = frozenset((link, source) for link in scope.settings.links for source in (0, 1))
        world = evolve(world, wire_cut=True, muted=ways, parted=scope.excused)
    if scope.group.home is not None:
        index = NAMES.index(scope.group.home)
        draft = Draft(scope, world)
        draft.turn_on(index)
        world = draft.done()
    for index in order:
        draft = Draft(scope, world)
        draft.start(index)
        for_ns = 20 * SECOND + scope.offset_ns if index == order[0] else 20 * SECOND
        world = _run(scope, draft.done(), for_ns)
    if scope.begins == "handover":
        draft = Draft(scope, world)
        draft.feed(1, HandoverAsked(GROUP, NAMES[1]))
        world = draft.done()
    return world


def explore(
    scope: Scope, *, depth: int, states: int = 10_000_000, every: int = 0
) -> Explored:  # fmt: skip
    """Look at all worlds that are at most `depth` choices from where `scope` begins.

    :param states: stop after so many: then the depth is that of the last whole layer.
    :param every: of so many worlds one is left to run, both as it is and when all is well again.
    """
    first = begin(scope)
    done = Explored(scope)
    described = alike.describe(scope, first)
    seen = {described.key}
    layer: list[tuple[alike.Described, Trace]] = [(described, None)]
    while layer and done.depth < depth:
        after: list[tuple[alike.Described, Trace]] = []
        for was, trace in layer:
            for move in moves(scope, was.world):
                came = take(scope, was.world, move)
                done.choices += 1
                described = alike.describe(scope, came, was)
                name = described.key
                assert name != was.key, f"a choice that changes nothing: {in_words(move)}"
                if name in seen:
                    continue
                seen.add(name)
                way = (trace, move)
                if came.broken is not None:
                    done.found = Found(scope, came.broken, _moves(way), left_to_run=False)
                elif every and name % every == 0:
                    done.left_to_run += 1
                    why = unsettled(scope, came)
                    if why is not None:
                        done.found = Found(scope, why, _moves(way), left_to_run=True)
                if done.found is not None:
                    done.states = len(seen)
                    done.depth += 1
                    return done
                after.append((described, way))
            if len(seen) >= states:
                done.states = len(seen)
                return done
        layer = after
        done.depth += 1
        done.widest = max(done.widest, len(layer))
    done.states = len(seen)
    done.whole = not layer
    return done


def _moves(trace: Trace) -> tuple[Move, ...]:
    found: list[Move] = []
    while trace is not None:
        trace, move = trace
        found.append(move)
    return tuple(reversed(found))


def unsettled(scope: Scope, world: World) -> str | None:
    """P3: what is wrong after `world` was left to run, as it is and with every fault over; else None."""
    if _serves(scope, world):
        why = _rests(scope, world)
        if why is not None:
            return f"P3, left to run: {why}"
    why = _rests(scope, mended(scope, world))
    return None if why is None else f"P3, when all is well again: {why}"


def _serves(scope: Scope, world: World) -> bool:
    """Whether it needs no mending for a node to hold the group."""
    if world.muted or world.wire_cut:
        return False
    able = [
        host.node is not None
        and not (host.frozen or host.node.stopping or host.ill or host.isolated)
        and host.carrier
        and _may_claim_alone(scope, host.node, host.index)
        for host in world.hosts
    ]
    return any(able) and world.hosts[0].terms.fence is None


def _may_claim_alone(scope: Scope, node: Node, index: int) -> bool:
    """Whether a node that is never joined by its peer will claim (rule 7)."""
    waits_for_ever = scope.settings.first_claim_after_ns is None
    return node.heard_ever or not waits_for_ever or scope.group.preferred == NAMES[index]


def mended(scope: Scope, world: World) -> World:
    """`world` with every fault over."""
    draft = Draft(scope, world)
    heal(draft)
    for index in (0, 1):
        draft.put(index, isolated=False)
        if draft.hosts[index].frozen:
            evened = take(scope, draft.done(), ("thaw", index, 0))
            draft = Draft(scope, evened)
        if draft.hosts[index].ill:
            evened = take(scope, evolve(draft.done(), left=(9,) * len(KINDS)), ("ill", index, 0))
            draft = Draft(scope, evened)
        if not draft.hosts[index].carrier:
            carrier_back(draft, index)
    if not scope.group.probes and any(host.node is None for host in draft.hosts):
        # A daemon that adopts what it held just when the peer's silence is full is known to
        # share it where the wire cannot be asked: what a dead daemon held runs out first.
        draft = Draft(scope, _run(scope, draft.done(), scope.settings.takeover_after_ns + SECOND))
    for index in (0, 1):
        if draft.hosts[index].node is None:
            draft.start(index)
    return draft.done()


def _rests(scope: Scope, world: World) -> str | None:
    """Leave `world` to run; why it does not come to rest with one holder, or None."""
    until = world.now + PATIENCE_NS
    calm_since: int | None = None
    why: str | None = "it never rests"
    for came in _usually(scope, world, until):
        if came.broken is not None:
            return came.broken
        everybody = all(host.node is not None for host in came.hosts)
        why = small_judge.unsettled(came, everybody=everybody)
        if why is not None:
            calm_since = None
        elif calm_since is None:
            calm_since = came.now
        elif came.now >= calm_since + CALM_NS:
            return None
    return why


def _usually(scope: Scope, world: World, until: int, *, telling: bool = False) -> Iterator[World]:
    """`world` as it goes on where nothing goes wrong any more."""
    for _ in range(CHOICES_MAX):
        move = usual(world)
        if move is None or world.now > until:
            return
        world = take(scope, world, move, telling=telling)
        yield world


def _run(scope: Scope, world: World, for_ns: int) -> World:
    until = world.now + for_ns
    for came in _usually(scope, world, until):
        if came.now > until:
            break
        world = came
    return evolve(world, now=until)


def story(found: Found) -> Iterator[str]:
    """The trace of `found` for people: each choice with its instant, and what the nodes said to it."""
    scope = found.scope
    world = begin(scope)
    began = world.now
    for move in found.trace:
        came = take(scope, world, move, telling=True)
        if move[0] != "time":
            yield f"{(came.now - began) / SECOND:7.3f} s  {in_words(move)}"
        for line in came.told:
            yield f"{'':12}{line}"
        world = evolve(came, told=())
    yield f"{(world.now - began) / SECOND:7.3f} s  {found.why}"
