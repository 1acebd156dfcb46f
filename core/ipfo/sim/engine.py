"""One run of the daemon on a simulated host: the real machine, fed as the daemon's loop feeds it.

Datagrams first, then answers, then what is due. A stopped engine's sockets keep what comes; it
may be killed before or after it has carried out any single effect.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ipfo.machine import effects as ask
from ipfo.machine.effects import Effect
from ipfo.machine.events import DeadlineReached, Event, HeartbeatHeard, Released
from ipfo.machine.node import Node
from ipfo.machine.step import next_deadline, step
from ipfo.model import Instant, Terms
from ipfo.wire import Rejected, Windows, make_datagram, open_datagram

if TYPE_CHECKING:
    from ipfo.sim.host import Host

SPINS_MAX = 500
"""So many deadlines in one instant are a machine that never comes to rest."""


class SpinError(AssertionError):
    """The machine asks for a deadline that is over, again and again."""


@dataclass(slots=True)
class Crash:
    """The engine is to be killed at its next effect of the kind `at`: before it, or after it."""

    at: str
    before: bool


class Engine:
    """A run. `due` is the world's instant at which it wants to be woken."""

    def __init__(self, host: "Host", terms: Terms, node: Node) -> None:
        self.host = host
        self.terms = terms
        self.node = node
        self.frozen = False
        self.due = 0
        self.ended = False
        self._world = host.world
        self._clock = host.clock
        self._stepped_at = node.started_at
        self._windows = Windows(terms.boot)
        self._sent: dict[str, int] = {}
        self._datagrams: deque[tuple[str, bytes, Instant]] = deque()
        self._answers: deque[Event] = deque()
        self._awaited: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._probes: list[ask.Probe] = []
        self._spins = (0, 0)

    def begin(self, effects: tuple[Effect, ...]) -> None:
        """Carry out what the start has asked for."""
        self._carry_out(effects)
        self._plan()

    def hear(self, link: str, datagram: bytes) -> None:
        """A datagram has come: through the one door, or into the socket's queue."""
        if self.frozen:
            self._datagrams.append((link, datagram, self._clock.steady(self._world.now)))
        else:
            self._open(link, datagram, self._clock.steady(self._world.now))

    def answer(self, event: Event) -> None:
        """A worker has answered, or something of the host has changed. Stepped on a moment later."""
        self._answers.append(event)
        if not self.frozen and self.host.stands is None:
            self._world.push(self._world.now, self._take_answers, None)

    def when_awake(self, do: Callable[[Any], None], what: object) -> None:
        """Call `do(what)` once the engine is thawed and has taken in what had come."""
        self._awaited.append((do, what))

    def wake(self) -> None:
        """The deadline is here."""
        at, count = self._spins
        self._spins = (self._world.now, count + 1 if at == self._world.now else 0)
        if self._spins[1] > SPINS_MAX:
            msg = f"{self.host.name} asks for a deadline that is over, again and again"
            raise SpinError(msg)
        self._step(DeadlineReached(), self._clock.steady(self._world.now))

    def thaw(self) -> None:
        """It runs again: first what the sockets have kept, then the answers, then time."""
        self.frozen = False
        now = self._clock.steady(self._world.now)
        while self._datagrams and self.host.engine is self:
            link, datagram, at = self._datagrams.popleft()
            lately = 0 <= now - at < self.terms.interval_ns // 2
            self._open(link, datagram, at if lately else now)
        self._take_answers(None)
        while self._awaited and self.host.engine is self:
            do, what = self._awaited.popleft()
            do(what)
        if self.host.engine is self:
            self.host.addresses.pump()
            self._plan()

    def _take_answers(self, _: object) -> None:
        host = self.host
        while self._answers and not self.frozen and host.engine is self and host.stands is None:
            event = self._answers.popleft()
            if isinstance(event, Released) and event.failed is None:
                self._world.judge.released(host, event.group)
            self._step(event, self._clock.steady(self._world.now))

    def _open(self, link: str, datagram: bytes, at: Instant) -> None:
        host = self.host
        opened = open_datagram(
            datagram,
            link=link,
            names=host.names,
            ring=self._world.ring,
            windows=self._windows,
            sent=self._sent.get(link, 0),
        )
        if isinstance(opened, Rejected):
            host.rejected[opened.reason] = host.rejected.get(opened.reason, 0) + 1
            return
        heartbeat, proven = opened
        if proven:
            host.heard_at = self._world.now
        self._step(HeartbeatHeard(link, heartbeat, proven), at)
        if proven:
            self._world.judge.heard(host)

    def _step(self, event: Event, at: Instant) -> None:
        if at < self._stepped_at:
            at = self._stepped_at
        self._stepped_at = at
        was = self.node
        taken = step(was, event, now=at, terms=self.terms)
        self.node = taken.node
        if taken.node.groups is not was.groups:
            self.host.remember(taken.node)
        if taken.effects:
            self._carry_out(taken.effects)
        self._plan()

    def _plan(self) -> None:
        self.due = self._clock.world(next_deadline(self.node))

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        host = self.host
        for effect in effects:
            if host.crash is not None and type(effect).__name__.lower() == host.crash.at:
                crash, host.crash = host.crash, None
                if not crash.before:
                    self._do(effect)
                    self._flush()
                host.kill_engine(f"killed at an effect: {crash.at}")
                return
            self._do(effect)
        self._flush()

    def _do(self, effect: Effect) -> None:  # long: one case an effect
        host = self.host
        match effect:
            case ask.SendHeartbeat():
                self._send(effect)
            case ask.Renew():
                self._world.judge.renewing(host, effect)
                host.addresses.ask(effect)
            case ask.Record():
                host.record(effect)
            case ask.Acquire():
                self._world.judge.acquiring(host, effect)
                host.addresses.ask(effect)
            case ask.Release():
                self._world.judge.releasing(host, effect)
                host.addresses.ask(effect)
            case ask.Sweep():
                host.addresses.ask(effect)
            case ask.Probe():
                self._probes.append(effect)
            case ask.Announce():
                host.announce(effect.group)
            case ask.RunPhase():
                host.phases.run(effect)
            case ask.Notify():
                host.tell(effect)
            case ask.Settle():
                host.settled.append((self._world.now, effect))
                self._world.judge.orders.settled(host, effect)
            case ask.ProbePeer():
                host.others.probe_peer(effect)
            case ask.AskWitnesses():
                host.others.ask_witnesses(effect)
            case ask.Vote():
                host.others.vote(effect)
            case ask.Withdraw():
                host.others.withdraw(effect)
            case ask.Fence():
                host.others.fence(effect)
            case ask.End():
                host.end_engine()
            case ask.Restart():
                host.replace_engine()

    def _flush(self) -> None:
        """Probes of one step are one call, as in the daemon."""
        if self._probes and self.host.engine is self:
            probes, self._probes = tuple(self._probes), []
            self.host.addresses.ask(probes)

    def _send(self, effect: ask.SendHeartbeat) -> None:
        heartbeat = effect.heartbeat
        self._sent[heartbeat.link] = heartbeat.sequence
        world = self._world
        datagram = make_datagram(heartbeat, self.host.names, world.ring)
        world.send(self.host.name, heartbeat.link, datagram)
