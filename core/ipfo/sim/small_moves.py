"""What may happen next in a small world: the scheduler's choices.

Faults are counted down; everything else may happen at any time up to its due. Time passes only
when nothing is due any more, and then to the next instant at which something is.
"""

from collections.abc import Iterator

from ipfo.machine import effects as ask
from ipfo.model import Phase, Role
from ipfo.sim.small import (
    GROUP,
    KINDS,
    NAMES,
    Host,
    Scope,
    World,
    peer_answers,
    wire_answers,
)

Move = tuple[str, int, int]
"""A word, whom it happens to, and which."""

TIME: Move = ("time", 0, 0)

LOSE, FAIL, VETO, SHOT, SLOW = (
    KINDS.index(kind) for kind in ("lose", "fail", "veto", "shot fails", "slow")
)


def moves(scope: Scope, world: World) -> list[Move]:
    """Everything that may happen now.

    Where the order is fixed it is that of the daemon's loop: heartbeats, answers, deadlines; each
    heartbeat and each call is done at once or at its due (in a `prompt` scope only so many are not
    done at once that could be), and faults strike when all else rests.
    """
    if scope.any_order:
        found = list(_anything(world))
    else:
        found = _next_thing(scope, world)
        if found:
            return found
    if not _is_due(world) and next_instant(world) is not None:
        found.append(TIME)
    return [*found, *_faults(scope, world)]


def _anything(world: World) -> Iterator[Move]:
    for number, flight in enumerate(world.flight):
        if not _is_behind(world, number, same_instant=False):
            yield ("hear", flight.to, number)
            if world.left[LOSE]:
                yield ("lose", flight.to, number)
    for host in world.hosts:
        if _wakes(world, host):
            yield ("wake", host.index, 0)
        yield from _answers(world, host)


def _next_thing(scope: Scope, world: World) -> list[Move]:
    """The first thing that is undecided at this instant, and how it may be decided."""
    loses = world.left[LOSE]
    may_wait = not scope.prompt or world.left[SLOW] > 0
    for number, flight in enumerate(world.flight):
        due = flight.due <= world.now
        if (due or not flight.waits) and not _is_behind(world, number):
            hear: list[Move] = [("hear", flight.to, number)]
            if not due and may_wait:
                hear.append(("wait for", flight.to, number))
            if loses:
                hear.append(("lose", flight.to, number))
            return hear
    for host in world.hosts:
        found = list(_answers(world, host, undecided=True))
        if found:
            done = [move for move in found if move[0] != "wait"]
            return found if may_wait or not done else done
    return [("wake", host.index, 0) for host in world.hosts if _wakes(world, host)][:1]


def _is_behind(world: World, number: int, *, same_instant: bool = True) -> bool:
    """Whether an earlier heartbeat on the same link to the same host has not come yet.

    `same_instant`: one that was sent at the same instant, which no two are in earnest.
    """
    flight = world.flight[number]
    return any(
        other.to == flight.to
        and other.beat.link == flight.beat.link
        and (other.beat.sent_at == flight.beat.sent_at or not same_instant)
        for other in world.flight[:number]
    )


def _wakes(world: World, host: Host) -> bool:
    return host.node is not None and not host.frozen and host.node.due_at <= world.now


def _answers(world: World, host: Host, *, undecided: bool = False) -> Iterator[Move]:
    """What the workers of `host` may do. `undecided`: only of the first that is due or does not wait."""
    index, now, left = host.index, world.now, world.left
    if host.calls and host.calls[0].due is not None:
        call = host.calls[0]
        due = now >= call.due  # type: ignore[operator]  # begun
        if not undecided or due or not call.waits:
            ends = can_end(world, host)
            if ends:
                yield ("end", index, 0)
            if left[FAIL]:
                yield ("fail", index, 0)
            if undecided and not due:
                yield ("wait", index, 0)
            if undecided:
                return
    if host.phase is not None and (not undecided or now >= host.phase_due or not host.phase_waits):
        yield ("phase", index, 0)
        if left[VETO] and host.phase.phase in (Phase.TEST, Phase.PRE_ACQ):
            yield ("veto", index, 0)
        if undecided and now < host.phase_due:
            yield ("wait", index, 1)
        if undecided:
            return
    for number, call in enumerate(host.asks):
        assert call.due is not None
        due = now >= call.due
        if undecided and not due and call.waits:
            continue
        if due or _answers_early(world, host, call.wish):
            yield ("answer", index, number)
        if left[SHOT] and isinstance(call.wish, ask.Fence):
            yield ("shot fails", index, number)
        if undecided and not due:
            yield ("wait", index, 2 + number)
        if undecided:
            return


def can_end(world: World, host: Host) -> bool:
    """Whether the first call may be done now: that nobody answers is known only in the end."""
    call = host.calls[0]
    if isinstance(call.wish, ask.Probe):
        return call.due is None or world.now >= call.due or wire_answers(world, host.index)
    return True


def _answers_early(world: World, host: Host, wish: ask.Effect) -> bool:
    match wish:
        case ask.ProbePeer():
            return peer_answers(world, host.index)
        case ask.Fence():
            return False
    return not host.isolated


def _is_due(world: World) -> bool:
    """Whether anything must happen before time may pass."""
    now = world.now
    if any(flight.due <= now for flight in world.flight):
        return True
    for host in world.hosts:
        node = host.node
        if node is not None and not host.frozen and node.due_at <= now:
            return True
        if host.calls and host.calls[0].due is not None and host.calls[0].due <= now:
            return True
        if host.phase is not None and host.phase_due <= now:
            return True
        if any(call.due is not None and call.due <= now for call in host.asks):
            return True
    return False


def next_instant(world: World) -> int | None:
    """When something is due next; None: never."""
    due = [flight.due for flight in world.flight]
    for host in world.hosts:
        if host.node is not None and not host.frozen:
            due.append(host.node.due_at)
        if host.ends_at is not None:
            due.append(host.ends_at)
        if host.calls and host.calls[0].due is not None:
            due.append(host.calls[0].due)
        if host.phase is not None:
            due.append(host.phase_due)
        due += [call.due for call in host.asks if call.due is not None]
    return min(due, default=None)


def _faults(scope: Scope, world: World) -> Iterator[Move]:  # long: one case a fault
    left = dict(zip(KINDS, world.left, strict=True))
    for index in scope.hosts:
        host = world.hosts[index]
        node = host.node
        if left["start"] and node is None:
            yield ("start", index, 0)
        if not host.powered:
            continue
        if left["power"]:
            yield ("power", index, 0)
        if node is None:
            continue
        if left["kill"]:
            yield ("kill", index, 0)
            if (host.calls and host.calls[0].due is not None) or host.phase is not None:
                yield ("kill", index, 1)
        if host.frozen:
            yield ("thaw", index, 0)
            continue
        if left["freeze"]:
            yield ("freeze", index, 0)
        if left["pause"]:
            yield ("pause", index, 0)
        if left["handover"] and node.groups[GROUP].role is Role.STANDBY:
            yield ("handover", index, 0)
        if left["stop"] and not node.stopping:
            yield ("stop", index, 0)
        if left["ill"]:
            yield ("ill", index, 0)
        if left["renewals fail"] and not host.unrenewing:
            yield ("renewals fail", index, 0)
        if left["isolate"] and not host.isolated:
            yield ("isolate", index, 0)
        if left["carrier"] and host.carrier:
            yield ("carrier", index, 0)
        if left["mute"] and not any(source == index for _, source in world.muted):
            yield ("mute", index, 0)
    if left["mute"] and not world.muted:
        yield ("mute", 2, 0)
    if left["link"] and not world.muted:
        yield ("link", 0, 0)
    if left["cut"] and not world.wire_cut:
        if scope.settings.deniers:  # one that both reach decides nothing
            yield from (("cut", index, 1) for index in (0, 1, 2))
        else:
            yield ("cut", 0, 0)
    if world.muted or world.wire_cut:
        yield ("heal", 0, 0)


def usual(world: World) -> Move | None:
    """What happens next where all goes well: whatever can, at once and in order; None: nothing ever."""
    if world.flight:
        return ("hear", world.flight[0].to, 0)
    for host in world.hosts:
        if host.calls and host.calls[0].due is not None and can_end(world, host):
            return ("end", host.index, 0)
        if host.phase is not None:
            return ("phase", host.index, 0)
        for number, call in enumerate(host.asks):
            assert call.due is not None
            if world.now >= call.due or _answers_early(world, host, call.wish):
                return ("answer", host.index, number)
        if host.node is not None and not host.frozen and host.node.due_at <= world.now:
            return ("wake", host.index, 0)
    return None if next_instant(world) is None else TIME


def in_words(move: Move) -> str:
    """`move`, for people."""
    word, index, which = move
    who = NAMES[index] if index < 2 else "both hosts"
    words = {
        "time": "time passes",
        "wake": f"{who}: its deadline is reached",
        "hear": f"{who} hears a heartbeat",
        "wait for": f"a heartbeat to {who} takes its time",
        "wait": f"{who}: a worker takes its time",
        "lose": f"a heartbeat to {who} is lost",
        "end": f"the addresses worker of {who} is done",
        "fail": f"the addresses worker of {who} fails",
        "phase": f"the phase on {who} is over",
        "veto": f"the phase on {who} says no",
        "answer": f"{who} gets an answer of others",
        "shot fails": f"the fence of {who} fails",
        "kill": f"the engine of {who} is killed" + (", its call just done" if which else ""),
        "start": f"{who} is started",
        "power": f"{who} loses power",
        "freeze": f"the engine of {who} is frozen",
        "pause": f"{who} stands still, and what is sent to it is lost",
        "thaw": f"{who} goes on",
        "handover": f"an administrator wants the group on {who}",
        "stop": f"{who} is asked to stop",
        "ill": f"the checks on {who} turn",
        "renewals fail": f"{who} can renew no lease any more",
        "isolate": f"{who} reaches no witness any more",
        "carrier": f"{who} loses its carrier",
        "mute": f"no heartbeat of {who} gets through any more",
        "link": "one link is cut",
        "cut": "all links and the wire are cut" + (f", {who} from the witness" if which else ""),
        "heal": "nothing is cut any more",
    }
    return words[word]
