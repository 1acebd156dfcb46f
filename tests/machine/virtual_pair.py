"""Two machines, a list for a wire, and answers that come after a while: no clock, no socket, no mock.

Time is virtual, in ms at this file's edge and ns inside. The kernel's part is played by `Host`:
an address with a lease goes by itself, an address that is there answers a probe.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

from tests.machine.others import Others

from ipfo.machine.effects import (
    Acquire,
    Effect,
    End,
    Notify,
    Probe,
    Record,
    Release,
    Renew,
    RunPhase,
    SendHeartbeat,
    Settle,
    Sweep,
)
from ipfo.machine.events import (
    Acquired,
    DeadlineReached,
    Event,
    HeartbeatHeard,
    PhaseEnded,
    Probed,
    Released,
    Renewed,
    Swept,
)
from ipfo.machine.step import Node, Remembered, boot, next_deadline, step
from ipfo.model import SECOND, Answer, GroupTerms, Heartbeat, Instant, Phase, Role, Terms

MS = 1_000_000
LATENCY_NS = MS // 2
WORK_NS = 2 * MS


def terms(node: str, **more: Any) -> Terms:
    """Those of `node` in the pair of these tests."""
    group = GroupTerms("web", preferred="alpha", phases=False, interfaces=("eth0",))
    made = Terms(
        pair="www",
        node=node,
        peer="beta" if node == "alpha" else "alpha",
        links=("public", "private"),
        groups={"web": group},
        interval_ns=SECOND,
        takeover_after_ns=3 * SECOND,
        first_claim_after_ns=60 * SECOND,
        lease_s=2,
        boot=hash(node) & 0xFFFF,
    )
    return replace(made, **more)


@dataclass
class Host:
    """One node and the kernel under it."""

    name: str
    terms: Terms
    node: Node
    alive: bool = True  # the engine runs
    powered: bool = True  # the machine does
    addresses: dict[str, int | None] = field(default_factory=dict)  # group -> lease end
    renewed: set[str] = field(default_factory=set)  # groups that a renewal touches
    seen_boots: set[int] = field(default_factory=set)
    epoch: int = 0
    effects: list[tuple[int, Effect]] = field(default_factory=list)
    veto: dict[Phase, str] = field(default_factory=dict)
    phase_ns: int = 10 * MS
    acquire_fails: str | None = None
    release_fails: str | None = None
    renew_fails: tuple[str, ...] = ()
    probe_fails: str | None = None
    boots: int = 0


class Pair:
    """A world of two hosts. `cut` says which datagrams do not arrive."""

    def __init__(self, *, start: tuple[str, ...] = ("alpha", "beta"), **more: Any) -> None:
        self.now = 1000 * SECOND
        self.queue: list[tuple[int, int, Callable[[], None]]] = []
        self.order = count()
        self.more = more
        self.cut: set[tuple[str, str]] = set()  # (sender, link)
        self.third: set[str] = set()  # groups whose address somebody else answers for
        self.deaf_wire = False  # probes are not answered at all
        self.drift = False  # their configs differ, and each means another group by the name
        self.others = Others()
        self.hosts: dict[str, Host] = {}
        self.double_ns = 0
        self.looked_at = self.now
        for name in start:
            self.start(name)

    def start(self, name: str, memory: dict[str, Remembered] | None = None) -> None:
        """Start (or start anew) the daemon of `name`."""
        was = self.hosts.get(name)
        number = was.boots + 1 if was else 1
        mine = terms(name, **self.more)
        mine = replace(mine, boot=mine.boot * 16 + number)
        taken = boot(mine, memory or {}, Instant(self.now), down=frozenset())
        host = Host(name, mine, taken.node, boots=number)
        if was is not None and was.powered:
            host.addresses = {g: e for g, e in was.addresses.items() if e is None}
        self.hosts[name] = host
        self._carry_out(host, taken.effects)

    def start_over(self, name: str, memory: dict[str, Remembered]) -> None:
        """Start the daemon of `name` anew over the addresses that its last run has left."""
        was = self.hosts[name]
        self.start(name, memory)
        host = self.hosts[name]
        host.addresses, host.renewed = dict(was.addresses), set(was.renewed)
        for group in memory:  # adopted: renewed for this run
            host.addresses[group] = self.now + host.terms.lease_s * SECOND + 200 * MS
            host.renewed.add(group)

    def at(self, delay_ns: int, what: Callable[[], None]) -> None:
        heapq.heappush(self.queue, (self.now + delay_ns, next(self.order), what))

    def feed(self, name: str, event: Event) -> None:
        """Let `event` happen to the node of `name` now."""
        host = self.hosts[name]
        if not host.alive or not host.powered:
            return
        taken = step(host.node, event, now=Instant(self.now), terms=host.terms)
        host.node = taken.node
        if isinstance(event, DeadlineReached):
            assert next_deadline(host.node) > self.now, "it would spin"
        self._carry_out(host, taken.effects)

    def run(self, ms: int) -> "Pair":
        """Let `ms` of virtual time go by."""
        end = self.now + ms * MS
        while True:
            deadlines = [
                (max(self.now, next_deadline(h.node)), h.name)
                for h in self.hosts.values()
                if h.alive and h.powered
            ]
            at, name = min(deadlines, default=(end + 1, ""))
            if self.queue and self.queue[0][0] <= min(at, end):
                due, _, what = heapq.heappop(self.queue)
                self._advance(due)
                what()
            elif at <= end:
                self._advance(at)
                self.feed(name, DeadlineReached())
            else:
                self._advance(end)
                return self

    def kill(self, name: str) -> None:
        """The daemon is gone; the kernel, and what it leased, is still there."""
        self.hosts[name].alive = False

    def power_cut(self, name: str) -> None:
        self.hosts[name].alive = False
        self.hosts[name].powered = False
        self.hosts[name].addresses.clear()

    def partition(self) -> None:
        self.cut = {(name, link) for name in self.hosts for link in ("public", "private")}
        self.deaf_wire = True

    def heal(self) -> None:
        self.cut.clear()
        self.deaf_wire = False

    def holders(self, group: str = "web") -> list[str]:
        """Who has the address, as the kernel sees it."""
        return [h.name for h in self.hosts.values() if self._has(h, group)]

    def role(self, name: str, group: str = "web") -> Role:
        return self.hosts[name].node.groups[group].role

    def told(self, name: str) -> list[str]:
        """The events that people were told of by `name`."""
        return [e.event.value for _, e in self.hosts[name].effects if isinstance(e, Notify)]

    def settled(self, name: str) -> list[Settle]:
        return [e for _, e in self.hosts[name].effects if isinstance(e, Settle)]

    def ended(self, name: str) -> bool:
        return any(isinstance(e, End) for _, e in self.hosts[name].effects)

    def phases(self, name: str) -> list[str]:
        return [e.phase.value for _, e in self.hosts[name].effects if isinstance(e, RunPhase)]

    def turns(self, name: str) -> list[str]:
        return [
            f"{e.was.value}->{e.role.value}"
            for _, e in self.hosts[name].effects
            if isinstance(e, Record) and e.what == "turn" and e.was and e.role
        ]

    def _has(self, host: Host, group: str) -> bool:
        if not host.powered or group not in host.addresses:
            return False
        ends_at = host.addresses[group]
        return ends_at is None or self.now < ends_at

    def _advance(self, at: int) -> None:
        if len(self.holders()) > 1:
            self.double_ns += at - self.looked_at
        self.now = self.looked_at = at

    def _carry_out(self, host: Host, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            host.effects.append((self.now, effect))
            if self.others.take(
                effect,
                host.terms,
                self.now,
                partial(self._answer, host),
                peer_answers=self._peer_answers(host),
            ):
                self._power_off_fenced()
                continue
            match effect:
                case SendHeartbeat(beat):
                    if (host.name, beat.link) not in self.cut:
                        self.at(LATENCY_NS, partial(self._deliver, host, beat))
                case RunPhase():
                    ended = PhaseEnded(
                        effect.group, effect.phase, effect.epoch, host.veto.get(effect.phase)
                    )
                    self._answer(host, host.phase_ns, ended)
                case Acquire():
                    self.at(WORK_NS, partial(self._acquire, host, effect))
                case Release():
                    self.at(WORK_NS, partial(self._release, host, effect))
                case Renew():
                    self.at(WORK_NS, partial(self._renew, host, effect))
                case Sweep():
                    self.at(WORK_NS, partial(self._sweep, host, effect))
                case Probe():
                    self.at(WORK_NS, partial(self._probe, host, effect))
                case _:
                    pass

    def _peer_answers(self, host: Host) -> bool:
        """Whether the kernel of the peer of `host` answers for its own addresses."""
        peer = self.hosts.get(host.terms.peer)
        return peer is not None and peer.powered and not self.deaf_wire

    def _power_off_fenced(self) -> None:
        fenced, self.others.fenced = self.others.fenced, []
        for name in fenced:
            if name in self.hosts:
                self.power_cut(name)

    def _answer(self, host: Host, delay_ns: int, event: Event) -> None:
        boots = host.boots

        def answer() -> None:
            if self.hosts[host.name].boots == boots:  # else it was for the run before
                self.feed(host.name, event)

        self.at(delay_ns, answer)

    def _deliver(self, source: Host, beat: Heartbeat) -> None:
        target = self.hosts.get(source.terms.peer)
        if target is None or not target.alive or not source.powered:
            return
        if beat.echo is not None and beat.echo.boot == target.terms.boot:
            target.seen_boots.add(beat.boot)
        proven = beat.boot in target.seen_boots
        if self.drift:  # what the wire makes of it: see tests/wire/test_names.py
            beat = replace(beat, config_digest=beat.config_digest + 1, entries=())
        self.feed(target.name, HeartbeatHeard(beat.link, beat, proven))

    def _acquire(self, host: Host, effect: Acquire) -> None:
        if not host.alive:
            return
        failed = host.acquire_fails
        leased_from = None
        if failed is None:
            home = host.terms.groups[effect.group].home == host.name
            ends_at = None if home else self.now + host.terms.lease_s * SECOND + 200 * MS
            host.addresses[effect.group] = ends_at
            leased_from = None if home else Instant(self.now)
            host.renewed.add(effect.group)
        self._answer(host, 0, Acquired(effect.group, effect.epoch, leased_from, failed))

    def _release(self, host: Host, effect: Release) -> None:
        if not host.alive:
            return
        host.renewed.discard(effect.group)
        if host.release_fails is None:
            host.addresses.pop(effect.group, None)
        self._answer(host, 0, Released(effect.group, effect.epoch, host.release_fails))

    def _renew(self, host: Host, effect: Renew) -> None:
        if not host.alive:
            return
        late = self.now > effect.good_until
        gone = [g for g in effect.groups if g in host.renewed and not self._has(host, g)]
        leased = [
            g for g in effect.groups if g not in gone and host.addresses.get(g, 0) is not None
        ]
        failed = [g for g in leased if late or g in host.renew_fails or g not in host.renewed]
        for group in set(leased) - set(failed):
            host.addresses[group] = self.now + effect.lease_s * SECOND + 200 * MS
        self._answer(host, 0, Renewed(Instant(self.now), tuple(failed), tuple(gone)))

    def _sweep(self, host: Host, effect: Sweep) -> None:
        if host.alive:
            found = host.addresses.pop(effect.group, 0) != 0
            self._answer(host, 0, Swept(effect.group, found))

    def _probe(self, host: Host, effect: Probe) -> None:
        answers = [
            Answer("192.0.2.100", "02:00:00:00:00:01")
            for other in self.hosts.values()
            if other is not host and self._has(other, effect.group) and not self.deaf_wire
        ]
        if effect.group in self.third:
            answers.append(Answer("192.0.2.100", "02:00:00:00:00:99"))
        delay_ns = 0 if answers else effect.timeout_ns
        said = Probed(effect.group, effect.asked_at, tuple(answers), host.probe_fails)
        self._answer(host, delay_ns, said)
