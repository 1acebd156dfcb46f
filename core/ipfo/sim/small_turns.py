"""What becomes of a small world when the scheduler has chosen: time passes, a worker is done, a fault strikes."""

from ipfo.machine.events import (
    CarrierChanged,
    DeadlineReached,
    HandoverAsked,
    HealthChanged,
    StopAsked,
)
from ipfo.machine.evolve import evolve
from ipfo.model import Instant
from ipfo.sim import small_workers
from ipfo.sim.settings import INTERFACE
from ipfo.sim.small import GROUP, KINDS, NAMES, Left, Scope, World
from ipfo.sim.small_hosts import Draft
from ipfo.sim.small_moves import Move, moves, next_instant


def take(
    scope: Scope, world: World, move: Move, *, telling: bool = False
) -> World:  # long: one case a choice
    """`world` after `move`."""
    draft = Draft(scope, world, telling=telling)
    word, index, which = move
    left = world.left
    match word:
        case "time":
            _pass_time(draft, world)
        case "wake":
            _wake(draft, index)
        case "hear":
            _hear(draft, index, which)
        case "wait for":
            draft.flight[which] = evolve(draft.flight[which], waits=True)
            left = less(left, "slow") if scope.prompt else left
        case "wait":
            if scope.prompt and any(other[0] != "wait" for other in moves(scope, world)):
                left = less(left, "slow")
            _wait(draft, index, which)
        case "lose":
            del draft.flight[which]
            left = less(left, "lose")
        case "end":
            small_workers.end_call(draft, index)
        case "fail":
            small_workers.end_call(draft, index, fails=True)
            left = less(left, "fail")
        case "phase":
            draft.end_phase(index, None)
        case "veto":
            draft.end_phase(index, "no")
            left = less(left, "veto")
        case "answer":
            small_workers.end_ask(draft, index, which)
        case "shot fails":
            small_workers.end_ask(draft, index, which, fails=True)
            left = less(left, "shot fails")
        case _:
            left = _strike(draft, word, index, which, left)
    return draft.done(left=left)


def _strike(
    draft: Draft, word: str, index: int, which: int, left: Left
) -> Left:  # long: one case a fault
    host = draft.hosts[index] if index < 2 else None
    links = draft.scope.settings.links
    match word:
        case "kill":
            assert host is not None
            if which and host.calls and host.calls[0].due is not None:
                small_workers.end_call(draft, index, silently=True)
            if which and host.phase is not None:
                draft.end_phase(index, None, silently=True)
            draft.kill(index)
        case "start":
            assert host is not None
            if not host.powered:
                draft.put(index, powered=True)
                if draft.scope.group.home == NAMES[index]:
                    draft.turn_on(index)
                    return left  # the operating system is up; the daemon starts some time later
            draft.start(index)
        case "power":
            draft.power_off(index)
        case "freeze":
            draft.put(index, frozen=True)
        case "pause":
            draft.put(index, frozen=True, deaf=True)
        case "thaw":
            _thaw(draft, index)
            return left
        case "handover":
            draft.feed(index, HandoverAsked(GROUP, NAMES[index]))
        case "stop":
            draft.feed(index, StopAsked())
        case "ill":
            assert host is not None
            draft.put(index, ill=not host.ill)
            draft.feed(index, HealthChanged(GROUP, None if host.ill else "ill"))
        case "renewals fail":
            draft.put(index, unrenewing=True)
        case "isolate":
            draft.put(index, isolated=True)
        case "carrier":
            draft.put(index, carrier=False)
            _mute(draft, [(links[0], 0), (links[0], 1)])
            draft.feed(index, CarrierChanged(INTERFACE, up=False))
        case "mute":
            sources = (0, 1) if index == 2 else (index,)
            _mute(draft, [(link, source) for link in links for source in sources])
        case "link":
            _mute(draft, [(links[0], 0), (links[0], 1)])
        case "cut":
            draft.wire_cut = True
            _mute(draft, [(link, source) for link in links for source in (0, 1)])
            draft.parted = draft.scope.excused
            if which:
                for each in (0, 1) if index == 2 else (index,):
                    draft.put(each, isolated=True)
        case "heal":
            heal(draft)
            return left
    return less(left, word)


def heal(draft: Draft) -> None:
    """Links and wire are whole again; who could not reach others still cannot."""
    draft.wire_cut = False
    draft.muted = frozenset()


def carrier_back(draft: Draft, index: int) -> None:
    """The interface of host `index` has its carrier again."""
    draft.put(index, carrier=True)
    draft.feed(index, CarrierChanged(INTERFACE, up=True))


def _mute(draft: Draft, ways: list[tuple[str, int]]) -> None:
    draft.muted |= set(ways)
    draft.flight = [
        flight for flight in draft.flight if (flight.beat.link, 1 - flight.to) not in draft.muted
    ]


def _pass_time(draft: Draft, world: World) -> None:
    at = next_instant(world)
    assert at is not None
    assert at > world.now, "time does not pass"
    draft.now = Instant(at)
    for host in world.hosts:
        if host.ends_at is not None and host.ends_at <= at:
            draft.say(host.index, "the kernel drops the address: its lease ran out")
            draft.turn_off(host.index)


def _wake(draft: Draft, index: int) -> None:
    was = draft.hosts[index]
    draft.feed(index, DeadlineReached())
    host = draft.hosts[index]
    if host.node is None or host.node.due_at > draft.now or draft.broken is not None:
        return
    draft.feed(index, DeadlineReached())  # a second look at the same instant must be enough
    host = draft.hosts[index]
    if host.node is not None and host.node.due_at <= draft.now and was.node is not None:
        draft.breaks("the machine", f"{NAMES[index]} asks for a deadline that is over")


def _wait(draft: Draft, index: int, which: int) -> None:
    """What host `index` has under way takes its time."""
    host = draft.hosts[index]
    if which == 0:
        draft.put(index, calls=(evolve(host.calls[0], waits=True), *host.calls[1:]))
    elif which == 1:
        draft.put(index, phase_waits=True)
    else:
        asks = list(host.asks)
        asks[which - 2] = evolve(asks[which - 2], waits=True)
        draft.put(index, asks=tuple(asks))


def _hear(draft: Draft, index: int, which: int) -> None:
    flight = draft.flight.pop(which)
    host = draft.hosts[index]
    if host.deaf:
        return
    if host.frozen:
        kept = (*host.kept, (flight.beat.link, flight.beat, draft.now))
        draft.put(index, kept=kept)
    elif host.node is not None:
        draft.hear(index, flight.beat)


def _thaw(draft: Draft, index: int) -> None:
    """It runs again: first what the sockets have kept, then the answers."""
    host = draft.put(index, frozen=False, deaf=False)
    kept, late = host.kept, host.late
    draft.put(index, kept=(), late=())
    for _, beat, at in kept:
        lately = draft.now - at < draft.scope.settings.interval_ns // 2
        draft.hear(index, beat, at if lately else draft.now)
    for event in late:
        draft.feed(index, event)
    draft.pump(index)


def less(left: Left, kind: str) -> Left:
    """`left` with one of `kind` gone."""
    number = KINDS.index(kind)
    assert left[number] > 0
    return (*left[:number], left[number] - 1, *left[number + 1 :])
