"""The next world in the making: the real machine is stepped, and what it asks for is carried out.

What the engine and its workers do in `daemon/` and `workers/`, without their waiting. The kernel's
part and the ledgers are as in the seeded simulator.
"""

from typing import Any

from ipfo.machine import effects as ask
from ipfo.machine.effects import Effect
from ipfo.machine.events import (
    Event,
    HealthChanged,
    HeartbeatHeard,
    PhaseEnded,
)
from ipfo.machine.evolve import evolve
from ipfo.machine.step import Remembered, boot, step
from ipfo.model import SECOND, Epoch, Heartbeat, Instant, Phase
from ipfo.sim import small_judge
from ipfo.sim.settings import INTERFACE
from ipfo.sim.small import GROUP, NAMES, Call, Flight, Host, Scope, World

FENCE_NS = SECOND // 2
"""A fence that works has switched the peer off after so long."""

PHASE_NS = SECOND // 4
"""And a phase is over, if not at once."""

BOOTS = 4096
"""Runs of one host are numbered apart from the other's."""


class Draft:
    """`world`, being changed. `telling`: what the machine records and tells people is kept."""

    def __init__(self, scope: Scope, world: World, *, telling: bool = False) -> None:
        self.scope = scope
        self.now = Instant(world.now)
        self.hosts: list[Host] = list(world.hosts)
        self.flight: list[Flight] = list(world.flight)
        self.broken = world.broken
        self.vote = world.vote
        self.double = world.double
        self.moved = world.moved
        self.muted = world.muted
        self.wire_cut = world.wire_cut
        self.parted = world.parted
        self.told: list[str] | None = list(world.told) if telling else None
        self._world = world

    def done(self, **more: object) -> World:
        """The world as it is now."""
        small_judge.look(self)
        return evolve(
            self._world,
            now=self.now,
            hosts=tuple(self.hosts),
            flight=tuple(self.flight),
            broken=self.broken,
            vote=self.vote,
            double=self.double,
            moved=self.moved,
            muted=self.muted,
            wire_cut=self.wire_cut,
            parted=self.parted,
            told=() if self.told is None else tuple(self.told),
            **more,
        )

    def put(self, index: int, **changes: Any) -> Host:  # noqa: ANN401 - whatever the fields are
        """Host `index`, with `changes`."""
        host = self.hosts[index] = evolve(self.hosts[index], **changes)
        return host

    def breaks(self, promise: str, why: str) -> None:
        """`promise` is broken; the first one counts."""
        if self.broken is None:
            self.broken = f"{promise}: {why}"

    def say(self, index: int, text: str) -> None:
        """Something that a reader of this world wants to know."""
        if self.told is not None:
            self.told.append(f"{NAMES[index]}: {text}")

    # --- the engine

    def feed(self, index: int, event: Event, at: int | None = None) -> None:
        """Step the machine of host `index`, which runs."""
        host = self.hosts[index]
        node = host.node
        if node is None:
            return
        now = self.now if at is None else Instant(max(at, node.stepped_at))
        try:
            taken = step(node, event, now=now, terms=host.terms)
        except AssertionError as error:
            self.breaks("the machine", str(error))
            return
        known = max(group.known for group in taken.node.groups.values())
        if known > host.disk.known:
            self.put(index, node=taken.node, disk=evolve(host.disk, known=int(known)))
        else:
            self.put(index, node=taken.node)
        if taken.effects:
            self.carry_out(index, taken.effects)

    def answer(self, index: int, event: Event) -> None:
        """A worker has answered: a frozen engine takes it in later."""
        if self.hosts[index].frozen:
            self.put(index, late=(*self.hosts[index].late, event))
        else:
            self.feed(index, event)

    def hear(self, index: int, beat: Heartbeat, at: int | None = None) -> None:
        """A datagram is read by the engine of host `index`."""
        proven = self._accept(index, beat)
        if proven is None:
            return
        self.feed(index, HeartbeatHeard(beat.link, beat, proven), at)
        small_judge.heard(self, index, beat)  # it may let go on hearing the second one

    def _accept(self, index: int, beat: Heartbeat) -> bool | None:
        """As `wire.replay` judges it where nothing comes twice; None: of a boot that is over."""
        host = self.hosts[index]
        verdict = accepts(host, beat)
        if not verdict:
            return verdict
        echoed = dict(host.echoed)
        if beat.boot != host.believed:
            host = self.put(index, believed=beat.boot, proven_at=beat.sent_at)
        if beat.echo is not None and beat.echo.boot == host.terms.boot:
            echoed[beat.link] = max(echoed.get(beat.link, -1), beat.echo.sequence)
            self.put(index, echoed=tuple(echoed.items()))
        return True

    def start(self, index: int) -> None:
        """The daemon starts: what may be adopted is, the rest is swept, and the machine boots."""
        host = self.hosts[index]
        number = host.terms.boot + 1 if host.terms.boot else (index + 1) * BOOTS
        terms = self.scope.terms(index, number)
        adopted = self._adopt(host)
        host, disk = self.hosts[index], self.hosts[index].disk
        epoch = max(disk.known, disk.epoch)
        memory = {}
        if epoch or disk.began or adopted is not None:
            memory[GROUP] = Remembered(
                Epoch(epoch),
                Phase.PRE_ACQ in disk.began,
                Phase.POST_ACQ in disk.began,
                adopted,
                Epoch(disk.epoch),
            )
        self.put(
            index,
            terms=terms,
            powered=True,
            frozen=False,
            kept=(),
            late=(),
            believed=None,
            proven_at=0,
            echoed=(),
        )
        small_judge.booting(self, index)
        down = frozenset() if host.carrier else frozenset({INTERFACE})
        first = boot(terms, memory, self.now, down=down)
        self.put(index, node=first.node)
        self.carry_out(index, first.effects)
        if host.ill:
            self.feed(index, HealthChanged(GROUP, "ill"))

    def _adopt(self, host: Host) -> Instant | None:
        disk = host.disk
        home = self.scope.group.home == NAMES[host.index]
        may = disk.held and host.on and not disk.unwinding and (disk.leased or home)
        if may:
            ends_at = None if home else self.now + host.terms.lease_ns
            self.put(host.index, ends_at=ends_at)
            return self.now
        if not home:
            self.turn_off(host.index)
        self.put(host.index, disk=evolve(disk, held=False, leased=False))
        return None

    def kill(self, index: int) -> None:
        """The engine is gone, and its workers with it."""
        self.put(
            index, node=None, calls=(), asks=(), phase=None, frozen=False, deaf=False, kept=(), late=()
        )  # fmt: skip
        self.flight = [flight for flight in self.flight if flight.to != index]

    def turn_on(self, index: int) -> None:
        """The address comes, or its lease begins anew."""
        host = self.hosts[index]
        home = self.scope.group.home == NAMES[index]
        ends_at = None if home else self.now + host.terms.lease_ns
        self.put(index, on=True, ends_at=ends_at, took_at=self.now)

    def turn_off(self, index: int) -> None:
        """The address goes."""
        self.put(index, on=False, ends_at=None, took_at=None)

    # --- effects

    def carry_out(
        self, index: int, effects: tuple[Effect, ...]
    ) -> None:  # long: one case an effect
        """Do what the machine of host `index` asks for, in this order."""
        for effect in effects:
            match effect:
                case ask.SendHeartbeat():
                    self._send(index, effect.heartbeat)
                case ask.Record():
                    if self.told is not None:
                        turn = f" -> {effect.role.value}" if effect.role else ""
                        self.say(
                            index, f"{effect.what}{turn}: {effect.rule} (epoch {effect.epoch})"
                        )
                case ask.RunPhase():
                    small_judge.phase_begins(self, index, effect)
                    self._begin_phase(index, effect)
                case ask.Acquire():
                    small_judge.acquires(self, index, effect)
                    self._queue(index, effect)
                case ask.Release() | ask.Renew() | ask.Sweep() | ask.Probe():
                    self._queue(index, effect)
                case ask.AskWitnesses() | ask.Vote() | ask.Fence() | ask.ProbePeer():
                    due = self.now + (FENCE_NS if isinstance(effect, ask.Fence) else self.soon_ns)
                    asks = (*self.hosts[index].asks, Call(effect, due))
                    self.put(index, asks=asks)
                case ask.Withdraw():
                    if self.vote and self.vote[0] == index and not self.hosts[index].isolated:
                        self.vote = None
                case ask.End():
                    small_judge.ends(self, index)
                    self.kill(index)
                    return
                case ask.Restart():
                    self.kill(index)
                    self.start(index)
                    return
                case _:
                    pass

    @property
    def soon_ns(self) -> int:
        """The longest that a heartbeat or a call may take."""
        return self.scope.settings.interval_ns // 4

    def _send(self, index: int, beat: Heartbeat) -> None:
        other = self.hosts[1 - index]
        if (beat.link, index) not in self.muted and other.node is not None:
            self.flight.append(Flight(self.now + self.soon_ns, 1 - index, beat))

    def _queue(self, index: int, wish: Effect) -> None:
        host = self.put(index, calls=(*self.hosts[index].calls, Call(wish, None)))
        if len(host.calls) == 1:
            self.pump(index)

    def pump(self, index: int) -> None:
        """The worker begins the next call, if the engine is awake to hand it over."""
        host = self.hosts[index]
        if not host.calls or host.frozen or host.calls[0].due is not None:
            return
        wish = host.calls[0].wish
        takes_ns = wish.timeout_ns if isinstance(wish, ask.Probe) else self.soon_ns
        self.put(index, calls=(Call(wish, self.now + takes_ns), *host.calls[1:]))

    def _begin_phase(self, index: int, effect: ask.RunPhase) -> None:
        disk = self.hosts[index].disk
        if effect.phase in (Phase.PRE_ACQ, Phase.POST_ACQ) and effect.phase not in disk.began:
            disk = evolve(disk, began=(*disk.began, effect.phase))
        elif effect.phase in (Phase.PRE_REL, Phase.POST_REL):
            disk = evolve(disk, unwinding=True)
        self.put(index, phase=effect, phase_due=self.now + PHASE_NS, phase_waits=False, disk=disk)

    def end_phase(self, index: int, veto: str | None, *, silently: bool = False) -> None:
        """The phase of host `index` is over; `silently`: its engine will never know."""
        host = self.hosts[index]
        effect = host.phase
        assert effect is not None
        disk = host.disk
        if effect.phase is Phase.PRE_REL:
            rest = tuple(phase for phase in disk.began if phase is not Phase.POST_ACQ)
            disk = evolve(disk, began=rest)
        elif effect.phase is Phase.POST_REL:
            disk = evolve(disk, began=(), unwinding=False)
        self.put(index, phase=None, disk=disk)
        small_judge.phase_ended(self, index, effect)
        if not silently:
            self.answer(index, PhaseEnded(GROUP, effect.phase, effect.epoch, veto))

    def power_off(self, index: int) -> None:
        """The plug is pulled."""
        self.kill(index)
        disk = evolve(self.hosts[index].disk, held=False, leased=False)  # of another kernel's boot
        self.put(index, powered=False, disk=disk)
        self.turn_off(index)


def accepts(host: Host, beat: Heartbeat) -> bool | None:
    """Whether `beat` proves itself to `host`; None: it is of a boot that is over."""
    if host.believed is not None and beat.boot < host.believed:
        return None
    if beat.boot == host.believed:
        return None if beat.sent_at < host.proven_at else True
    echo = beat.echo
    if echo is None or echo.boot != host.terms.boot:
        return False
    return echo.sequence > dict(host.echoed).get(beat.link, -1)
