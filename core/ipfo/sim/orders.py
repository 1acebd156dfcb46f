"""Whether each order of an administrator is answered: once, in time, and by what then is so.

A daemon that ends tells who waits; the control socket takes one order for a group, or for the
node, at a time. An engine that is stopped, or a host, answers nobody, and that time does not count.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipfo.machine.effects import Settle
from ipfo.machine.events import (
    HandoverAsked,
    MaintenanceAsked,
    RestartAsked,
    ResumeAsked,
    StandbyAsked,
)
from ipfo.model import SECOND, Reason, Role
from ipfo.sim.happenings import seconds

if TYPE_CHECKING:
    from ipfo.sim.host import Host
    from ipfo.sim.world import World

Order = HandoverAsked | StandbyAsked | ResumeAsked | MaintenanceAsked | RestartAsked

PATIENCE_NS = 60 * SECOND
"""How much longer than its own time, and `takeover_after`, an order may wait for its answer."""

STAGES = 4
"""An offer and its phases, there and back: so many times a phase's time and `takeover_after`."""

Key = tuple[str, str | None]
"""A node, and a group or None for the node itself."""


@dataclass(slots=True)
class Waiting:
    """An administrator waits."""

    order: Order
    since: int
    moves: bool  # it is not where it is wanted already


class Orders:
    """All of a world. What is broken is told to the world's judge."""

    def __init__(self, world: "World") -> None:
        self.waiting: dict[Key, Waiting] = {}
        self._done: dict[
            str, tuple[str, int]
        ] = {}  # group: where it was to be, and since when it is claimed there
        self._claimed: dict[tuple[str, str], int] = {}  # when a node claimed a group last
        self._wanted: set[tuple[str, str]] = set()  # group and node
        self._world = world

    def given(self, host: "Host", order: Order) -> bool:
        """Whether the control socket of `host` takes it: nothing of its kind is under way."""
        key = _key(host, order)
        if key in self.waiting:
            return False
        moves = isinstance(order, HandoverAsked) and self._world.holders(order.group) != [order.to]
        waiting = Waiting(order, self._world.now, moves)
        self.waiting[key] = waiting
        if isinstance(order, HandoverAsked):
            self._wanted.add((order.group, order.to))
        self._world.push(self._world.now + self._bound_ns(host), self._overdue, (host, waiting))
        return True

    def settled(self, host: "Host", effect: Settle) -> None:
        """`host` has answered."""
        waiting = self.waiting.pop((host.name, effect.group), None)
        if waiting is None or not isinstance(waiting.order, HandoverAsked):
            return
        if effect.done and waiting.moves:
            group, to = waiting.order.group, waiting.order.to
            # who gave it may answer long after: its release was slow
            self._done[group] = (to, self._claimed.get((group, to), self._world.now))

    def claimed(self, group: str, node: str) -> None:
        """`node` claims `group`."""
        self._claimed[group, node] = self._world.now

    def daemon_ended(self, host: "Host") -> None:
        """Who waits has been told that it ends."""
        for key in [key for key in self.waiting if key[0] == host.name]:
            del self.waiting[key]

    def wants(self, group: str, node: str) -> bool:
        """Whether an administrator wanted it there. One who was told no may still get it.

        His wish and the refusal cross on the wire where a host stands still for a while.
        """
        return (group, node) in self._wanted

    def undoes(self, group: str, node: str) -> str | None:
        """Why `node` may not take `group` that falls back: an order was to have it elsewhere."""
        to, since = self._done.get(group, (node, 0))
        unit = self._world.hosts[node].units[group]
        giver = self._world.hosts[to].engine
        if unit.failback_after_ns is None or giver is None or group not in giver.node.groups:
            return None
        gives = giver.node.groups[group]
        reason = gives.reason if gives.role is Role.YIELDER else gives.giving
        if reason is not Reason.FAILBACK:
            return None
        if node == to or self.wants(group, node):
            return None
        lasted_ns = self._world.now - since
        if lasted_ns >= unit.failback_after_ns - self._world.settings.interval_ns:
            return None
        return f"{node} takes back what was ordered to {to} {seconds(lasted_ns)} before"

    def unanswered(self) -> str | None:
        """Who waits still."""
        for (node, group), waiting in self.waiting.items():
            what = type(waiting.order).__name__
            return f"{group or node}: {what} of {seconds(waiting.since)} waits on {node}"
        return None

    def _bound_ns(self, host: "Host") -> int:
        longest_ns = max(
            (group.phase_timeout_ns for group in host.terms.groups.values()), default=0
        )
        takeover_ns = host.terms.takeover_after_ns
        return STAGES * (longest_ns + takeover_ns) + takeover_ns + PATIENCE_NS

    def _overdue(self, told: tuple["Host", Waiting]) -> None:
        host, waiting = told
        key = _key(host, waiting.order)
        if self.waiting.get(key) is not waiting:
            return
        stopped_at = self._world.judge.past.stopped_at(host.name)
        if stopped_at > waiting.since:
            waiting.since = min(stopped_at, self._world.now)
            self._world.push(self._world.now + self._bound_ns(host), self._overdue, told)
            return
        group = waiting.order.group if isinstance(waiting.order, HandoverAsked) else ""
        what = type(waiting.order).__name__
        why = f"{what} on {host.name} has no answer after {seconds(self._bound_ns(host))}"
        self._world.judge.breaks("an answer", group, why)


def _key(host: "Host", order: Order) -> Key:
    return host.name, order.group if isinstance(order, HandoverAsked) else None
