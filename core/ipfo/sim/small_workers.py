"""What the workers of a small world do, one call at a time: addresses, witnesses, voter, fence."""

from ipfo.machine import effects as ask
from ipfo.machine.effects import Effect
from ipfo.machine.events import (
    Acquired,
    Event,
    Fenced,
    PeerProbed,
    Probed,
    Released,
    Renewed,
    Swept,
    Voted,
    WitnessesAsked,
)
from ipfo.machine.evolve import evolve
from ipfo.model import SECOND, Answer
from ipfo.sim import small_judge
from ipfo.sim.small import GROUP, NAMES, peer_answers, wire_answers
from ipfo.sim.small_hosts import Draft

CARD = Answer(GROUP, "02:00:5e:00:53:01")


def end_call(draft: Draft, index: int, *, fails: bool = False, silently: bool = False) -> None:
    """The first call of host `index` is done, or fails; `silently`: its engine dies before it knows."""
    host = draft.hosts[index]
    wish = host.calls[0].wish
    draft.put(index, calls=host.calls[1:])
    event = _failed(wish) if fails else _work(draft, index, wish)
    if silently:
        return
    draft.answer(index, event)
    if draft.hosts[index].node is not None:
        draft.pump(index)


def _failed(wish: Effect) -> Event:
    match wish:
        case ask.Acquire():
            return Acquired(GROUP, wish.epoch, None, "no")
        case ask.Release():
            return Released(GROUP, wish.epoch, "no")
        case ask.Renew():
            return Renewed(wish.asked_at, wish.groups)
        case ask.Sweep():
            return Swept(GROUP, failed="no")
        case ask.Probe():
            return Probed(GROUP, wish.asked_at, (), "no")
    raise AssertionError(wish)


def _work(draft: Draft, index: int, wish: Effect) -> Event:  # long: one case a call
    host = draft.hosts[index]
    disk = host.disk
    leased = draft.scope.group.home != NAMES[index]
    match wish:
        case ask.Acquire():
            if draft.now > wish.good_until:
                return Acquired(GROUP, wish.epoch, None, "late")
            small_judge.takes(draft, index)
            draft.turn_on(index)
            held = evolve(disk, epoch=int(wish.epoch), held=True, leased=leased)
            draft.put(index, disk=held)
            return Acquired(GROUP, wish.epoch, draft.now if leased else None)
        case ask.Release():
            small_judge.releases(draft, index)
            draft.turn_off(index)
            draft.put(index, disk=evolve(disk, held=False, leased=False))
            return Released(GROUP, wish.epoch)
        case ask.Renew():
            if host.unrenewing:
                return _failed(wish)
            if not wish.groups or not host.on:
                return Renewed(draft.now, gone=wish.groups)
            if leased and draft.now > wish.good_until:
                return Renewed(draft.now, wish.groups)
            if leased:
                ends_at = draft.now + host.terms.lease_ns + (
                    wish.lease_s - host.terms.lease_s
                ) * SECOND  # fmt: skip
                draft.put(index, ends_at=ends_at)
            return Renewed(draft.now)
        case ask.Sweep():
            found = host.on and not disk.held
            if found:
                draft.turn_off(index)
            return Swept(GROUP, found)
        case ask.Probe():
            said = (CARD,) if wire_answers(draft, index) else ()
            return Probed(GROUP, wish.asked_at, said)
    raise AssertionError(wish)


def end_ask(draft: Draft, index: int, which: int, *, fails: bool = False) -> None:
    """One question to others is answered."""
    host = draft.hosts[index]
    wish = host.asks[which].wish
    draft.put(index, asks=host.asks[:which] + host.asks[which + 1 :])
    match wish:
        case ask.AskWitnesses():
            event: Event = WitnessesAsked(wish.asked_at, not host.isolated, "")
        case ask.Vote():
            event = _voted(draft, index, wish)
        case ask.ProbePeer():
            event = PeerProbed(wish.asked_at, peer_answers(draft, index))
        case ask.Fence():
            event = Fenced(wish.asked_at, "no" if fails else None)
            if not fails:
                draft.power_off(1 - index)
        case _:
            raise AssertionError(wish)
    draft.answer(index, event)


def _voted(draft: Draft, index: int, wish: ask.Vote) -> Event:
    if draft.hosts[index].isolated:
        return Voted(wish.asked_at, failed="no answer")
    if draft.vote is not None and draft.vote[0] != index and draft.now < draft.vote[2]:
        return Voted(wish.asked_at, denied=((GROUP, "another has it"),))
    ttl_ns = draft.hosts[index].terms.vote_ttl_ns
    assert ttl_ns is not None
    epoch = wish.claims[0][1]
    draft.vote = (index, int(epoch), draft.now + ttl_ns)
    return Voted(wish.asked_at, (GROUP,))
