"""When two small worlds are alike: nothing that can happen in one can turn out otherwise in the other.

Instants count from now, and no further back than any rule looks; epochs count from the lowest known;
what only names or tells (boots, sequence numbers, what people were told, announcements) is left out.
Where a rule compares two instants of the past, the outcome stands here instead of the instants.
"""

import marshal
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ipfo.machine.group import Group, Hold
from ipfo.machine.links import Link
from ipfo.machine.node import Node
from ipfo.model import Echo, GroupEntry, Heartbeat, Instant, Terms
from ipfo.sim.small import GROUP, Call, Host, Scope, World
from ipfo.sim.small_hosts import accepts

SPLIT_TOLD = frozenset({"split", "release"})
"""The only things told that a rule looks at."""


@dataclass(slots=True)
class Described:
    """A world in bytes: each host by itself, since a choice changes one of the two as a rule."""

    world: World
    least: int
    hosts: tuple[bytes, bytes]
    key: int


def describe(scope: Scope, world: World, before: Described | None = None) -> Described:
    """`world`, whose `key` is the same for worlds that are alike, and for practically no others.

    `before`: another one; what has not changed since is not described again.
    """
    told = _World(scope, world)
    parts = [
        before.hosts[host.index]
        if before is not None and _is_unchanged(before, told, host.index)
        else marshal.dumps(told.host(host, world.hosts[1 - host.index]), 2)
        for host in world.hosts
    ]
    whole = blake2b(marshal.dumps(told.fields(), 2), digest_size=8)
    for part in parts:
        whole.update(part)
    key = int.from_bytes(whole.digest(), "little")
    return Described(world, told.least, (parts[0], parts[1]), key)


def _is_unchanged(before: Described, told: "_World", index: int) -> bool:
    """Whether the host is the same, and what its part depends on besides: time, epochs, our sendings."""
    was, now = before.world, told.world
    if was.now != now.now or was.hosts[index] is not now.hosts[index]:
        return False
    return before.least == told.least and _sendings(was.hosts[1 - index]) == _sendings(
        now.hosts[1 - index]
    )


def _sendings(host: Host) -> tuple[Any, ...]:
    if host.node is None:
        return ()
    return (host.terms.boot, *(link.sent for link in host.node.links.values()))


class _World:
    """A world about to be described."""

    def __init__(self, scope: Scope, world: World) -> None:
        self.now = world.now
        self.world = world
        settings = scope.settings
        self.silent_ns = settings.takeover_after_ns
        self.interval_ns = settings.interval_ns
        self.long_ns = max(
            2 * settings.takeover_after_ns + 2 * settings.interval_ns,
            settings.first_claim_after_ns or 0,
            scope.group.failback_after_ns or 0,
        )
        self.failback = scope.group.failback_after_ns
        self.breaker = scope.moves_max is not None
        first, second = (host.disk for host in world.hosts)
        self.least = min(first.known, second.known, first.epoch, second.epoch)

    def ago(self, at: int | None, most_ns: int) -> int | None:
        """How long `at` is past, of which more than `most_ns` is no matter."""
        if at is None:
            return None
        past = self.now - at
        return min(most_ns, past)

    def until(self, at: int | None) -> int | None:
        """How long until `at`, of which it is no matter how long it is past."""
        if at is None:
            return None
        return at - self.now if at > self.now else 0

    def epoch(self, epoch: int) -> int:
        return epoch - self.least

    def fields(self) -> tuple[Any, ...]:
        world = self.world
        vote, double = world.vote, world.double
        return (
            world.left,
            tuple(
                tuple(
                    (self.until(flight.due), flight.waits, self.beat(flight.beat, world.hosts[to]))
                    for flight in world.flight
                    if flight.to == to
                )
                for to in (0, 1)
            ),
            tuple(sorted(world.muted)),
            (world.wire_cut, world.parted, world.moved, world.broken),
            vote and (vote[0], self.epoch(vote[1]), self.until(vote[2])),
            double and (self.ago(double.since, 5 * self.interval_ns), double.heard, double.excused),
        )

    def host(self, host: Host, other: Host) -> tuple[Any, ...]:
        node, disk = host.node, host.disk
        phase = host.phase
        return (
            (host.powered, host.on, host.carrier, host.ill, host.isolated, host.frozen, host.deaf),
            host.unrenewing,
            self.until(host.ends_at),
            tuple(self.call(call, node) for call in host.calls),
            tuple(self.call(call, node) for call in host.asks),
            phase and (phase.phase.value, self.until(host.phase_due), host.phase_waits),
            (self.epoch(disk.known), self.epoch(disk.epoch), disk.held, disk.leased),
            (tuple(each.value for each in disk.began), disk.unwinding),
            tuple(
                (self.ago(at, self.interval_ns), self.beat(beat, host)) for _, beat, at in host.kept
            ),
            tuple(type(event).__name__ + str(getattr(event, "failed", "")) for event in host.late),
            self.epoch(host.last_epoch),
            tuple(sorted(each.value for each in host.open)),
            tuple(sorted(each.value for each in host.repeats)),
            self.ago(host.took_at, self.silent_ns),
            other.node is not None and host.believed == other.terms.boot,
            node and self.node(node, host, other),
        )

    def call(self, call: Call, node: Node | None) -> tuple[Any, ...]:
        """A call, and whether its answer would still be of use."""
        wish: Any = call.wish
        at = getattr(wish, "asked_at", None)
        good_until = getattr(wish, "good_until", None)
        claims = getattr(wish, "claims", ())
        epoch = getattr(wish, "epoch", None)
        return (
            type(wish).__name__,
            self.until(call.due),
            call.waits,
            self.until(good_until),
            self.ago(at, self.silent_ns),
            epoch is not None and node is not None and epoch == node.groups[GROUP].claim,
            tuple(self.epoch(each) for _, each in claims),
            getattr(wish, "lease_s", None),
            len(getattr(wish, "groups", ())),
        )

    def beat(self, beat: Heartbeat, host: Host) -> tuple[Any, ...]:
        """A heartbeat, as `host` would take it in now."""
        node = host.node
        entry = beat.entries[0] if beat.entries else None
        return (
            beat.link,
            accepts(host, beat),
            node is not None and beat.boot == node.peer_boot,
            node is not None and beat.sent_at >= node.peer_sent_at,
            node and self.echo(node.links[beat.link], beat.echo, host.terms.boot),
            beat.hears,
            self.entry(entry),
            (beat.asks, beat.restarting, beat.maintenance),
            self.ago(beat.sent_at, self.interval_ns) if self.world.double else 0,
        )

    def echo(self, link: Link, echo: Echo | None, boot: int) -> int | None:
        """How long ago the listener sent what is echoed; None: unknown."""
        if echo is None or echo.boot != boot:
            return None
        return self.sent(link, echo.sequence)

    def sent(self, link: Link, sequence: int) -> int | None:
        for number, at in link.sent:
            if number == sequence:
                return self.ago(at, self.silent_ns)
        return None

    def entry(self, entry: GroupEntry | None) -> tuple[Any, ...] | None:
        if entry is None:
            return None
        return (entry.role.value, self.epoch(entry.epoch), entry.health.value, entry.sign.value)

    def node(self, node: Node, host: Host, other: Host) -> tuple[Any, ...]:
        terms = host.terms
        group = node.groups[GROUP]
        asks = terms.asks_others
        wait_ns = terms.restart_wait_ns if node.peer_restarting else self.silent_ns
        known = GROUP in node.known_claims
        said = node.said.get(GROUP)
        return (
            tuple(self.link(link, other) for link in node.links.values()),
            self.until(node.beat_at),
            self.ago(node.heard_at, wait_ns),
            self.until(node.due_at) if host.frozen else node.due_at <= self.now,
            (node.peer_boot is not None, node.heard_ever),
            self.ago(node.started_at, self.long_ns),
            self.ago(node.back_at, self.failback or 3 * self.interval_ns // 2),
            (node.late, node.silent, node.peer_deaf, node.alone, node.unheard),
            self.ago(node.peer_heard_us_at, self.silent_ns),
            (node.peer_restarting, self.ago(node.restarting_at, self.silent_ns)),
            (node.restart_known, node.restart_asked_renewal),
            self.until(node.listen_until),
            self.ago(node.slept_at, self.interval_ns),
            node.slept_at >= group.since,
            (node.stopping, node.outcast, tuple(node.down)),
            tuple(self.ago(at, self.silent_ns) for at in node.up_at.values()),
            node.renew_asked_at is not None,
            self.until(node.renew_due_at) if node.holds else 0,
            self.until(node.lapses_at),
            known,
            None
            if known or not node.claimants
            else tuple(self.ago(at, self.silent_ns) for at in node.carried.get(GROUP, ())),
            self.entry(said),
            self.asking(node, terms),
            self.others(node, terms) if asks else None,
            (self.until(node.fence_at), node.fence_asked_at is not None, node.fenced)
            if terms.fence is not None
            else None,
            self.group(group, node),
        )

    def asking(self, node: Node, terms: Terms) -> tuple[Any, ...] | None:
        if terms.dead_after_ns is None:
            return None
        return (
            self.until(node.ask_at),
            min(node.asked, 3),
            node.peer_probe_asked_at is not None,
            node.peer_probe_at >= node.heard_at,
            node.peer_answered,
        )

    def others(self, node: Node, terms: Terms) -> tuple[Any, ...]:
        heard_at = node.heard_at
        if node.peer_deaf and node.peer_heard_us_at is not None:
            heard_at = min(heard_at, node.peer_heard_us_at)
        return (
            node.witness_asked_at is not None,
            self.until(node.witness_at),
            node.reached,
            node.reached_at >= heard_at,
            node.reached_at >= node.heard_at,
            node.vote_asked_at is not None,
            self.until(node.vote_at),
            self.until(node.votes.get(GROUP)),
            GROUP in node.denied,
            node.vote_lost is not None,
            node.asked_for.get(GROUP) == node.groups[GROUP].claim,
            terms.consistent,
        )

    def link(self, link: Link, other: Host) -> tuple[Any, ...]:
        theirs = other.node
        echo = None
        if theirs is not None and link.echo_at is not None and link.echo_boot == other.terms.boot:
            echo = self.sent(theirs.links[link.name], link.echo_sequence)
        last_at = link.sent[-1][1] if link.sent else None
        return (
            self.ago(link.heard_at, self.silent_ns),
            (link.ever_heard, link.state.value, link.peer_hears),
            echo,
            self.ago(last_at, self.interval_ns // 4),
        )

    def group(self, group: Group, node: Node) -> tuple[Any, ...]:
        leased = group.leased_from is not None
        looked = group.evidence
        answered_at: Instant | None = looked.asked_at if looked is not None else None
        return (
            (group.role.value, group.reason.value, self.epoch(group.known)),
            self.epoch(group.claim) if group.claim else None,
            self.ago(group.since, self.silent_ns),
            self.entry(group.peer),
            (group.seen_held, group.ours_last, group.peer_had),
            self.ago(group.peer_able_at, self.long_ns),
            self.ago(group.let_go_at, 2 * self.interval_ns),
            group.let_go_at is not None and group.let_go_at >= group.since,
            (group.hold.value, leased, group.unrenewed and group.hold is Hold.ON),
            self.ago(group.leased_from, self.silent_ns) if leased and group.unrenewed else None,
            (group.forced, group.keep_home, group.tested, group.prepared),
            self.until(group.sweep_at),
            self.until(group.release_again_at),
            group.running.value if group.running else None,
            (group.pre_acq, group.post_acq),
            group.giving.value if group.giving else None,
            (group.asked, group.sign.value, group.urged, group.pushes, group.gave),
            self.ago(group.wished_at, self.long_ns),
            self.until(group.asked_until),
            self.until(group.sign_until),
            self.until(group.linger_until),
            self.until(group.probe_at),
            group.probe_asked_at is not None,
            self.ago(answered_at, self.silent_ns),
            looked is not None and bool(looked.answers),
            answered_at is not None and answered_at >= group.since,
            answered_at is not None and answered_at >= node.heard_at,
            self.ago(group.contested_since, self.silent_ns),
            (group.setback.value, min(group.tries, 6), self.until(group.retry_at)),
            (group.split, group.reassert, group.ill is not None, group.wants_fence),
            self.until(group.give_at),
            self.ago(group.shared_at, self.interval_ns),
            self.ago(group.gone_at, self.interval_ns),
            len(group.put_back),
            tuple(sorted(group.told & SPLIT_TOLD)),
            tuple(self.ago(at, 600 * self.interval_ns) for at in group.moves)
            if self.breaker
            else None,
        )
