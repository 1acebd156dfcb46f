"""Watches a world and says which promise is broken: P1, P2, P4 and P5 after every event, P3 at the end.

Two holders are a broken P1 unless `excuses` knows why nobody could have prevented them; then they
must end in time (P2). The judge looks at kernels and workers; of a node only at what it claims.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ipfo.machine.effects import Acquire, Release, Renew, RunPhase
from ipfo.machine.step import Remembered
from ipfo.model import BY_OFFER, SECOND, Phase, Role
from ipfo.sim import excuses
from ipfo.sim.disk import Open
from ipfo.sim.orders import Orders
from ipfo.sim.phases import KEPT
from ipfo.sim.settings import GroupSettings

if TYPE_CHECKING:
    from ipfo.sim.host import Host
    from ipfo.sim.world import World

HEARTBEATS_MAX = 2
"""P2: who has heard so many of the winner's heartbeats has begun to let go."""

RELEASE_MAX_NS = 8 * SECOND
"""And is done after so long: a worker may have to be killed for it, or the lease has to end."""

FOLLOWS: Mapping[Phase, frozenset[frozenset[Phase]]] = {
    Phase.PRE_ACQ: frozenset({frozenset()}),
    Phase.POST_ACQ: frozenset({frozenset({Phase.PRE_ACQ})}),
    Phase.PRE_REL: frozenset({frozenset({Phase.PRE_ACQ, Phase.POST_ACQ})}),
    Phase.POST_REL: frozenset({frozenset({Phase.PRE_ACQ})}),
}
"""P5: what must be open, and nothing else, when a phase begins."""

UNDOES: Mapping[Phase, frozenset[Phase]] = {
    Phase.PRE_REL: frozenset({Phase.PRE_ACQ, Phase.POST_ACQ}),
    Phase.POST_REL: frozenset({Phase.PRE_ACQ}),
}
"""What is open while a phase undoes it."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that was not kept."""

    promise: str
    at_ns: int
    group: str
    why: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.promise} is broken at {self.at_ns / 1e9:.3f} s, {self.group}: {self.why}"


@dataclass(slots=True)
class Double:
    """Two holders of one address at once, and what may be said for it."""

    address: str
    since: int
    first: str  # who had it before
    second: str  # who took it as well
    excuse: excuses.Excuse
    until: int | None = None
    heard: dict[str, int] = field(default_factory=dict)  # heartbeats since both could hear
    hear_since: int | None = None
    unlike: bool = False  # what they hear is of a unit that means something else to the other

    def unheard(self) -> None:
        """They do not hear each other: counting begins anew."""
        self.heard.clear()
        self.hear_since = None


class Judge:
    """The judge of `world`. `broken` is the first promise that was not kept."""

    def __init__(self, world: "World") -> None:
        self.broken: Broken | None = None
        self.doubles: list[Double] = []
        self.held: dict[
            str, list[tuple[int, tuple[str, ...]]]
        ] = {}  # by address: from when, by whom
        self.past = excuses.Past(world)
        self.orders = Orders(world)
        self._world = world
        self._double: dict[str, Double] = {}
        self._took: dict[tuple[str, str], int] = {}  # when it came, by address and host
        self._epochs: dict[tuple[str, str], tuple[int, int]] = {}
        self._releasing: set[tuple[str, int, str]] = set()
        self._open: dict[tuple[str, str], frozenset[Phase]] = {}
        self._running: dict[tuple[str, str], RunPhase] = {}
        self._repeats: dict[tuple[str, str], set[Phase]] = {}  # they may have begun before a kill
        self._meanings: dict[tuple[str, str], object] = {}  # what a unit was in the run before

    def breaks(self, promise: str, group: str, why: str) -> None:
        """Say that `promise` is broken; the first one counts."""
        if self.broken is None:
            self.broken = Broken(promise, self._world.now, group, why)
            self._world.mark("", str(self.broken))

    # --- P1 and P2: who holds

    def look(self) -> None:
        """Something happened to the world: what was possible may not be any more."""
        self.past.look()
        for double in self._double.values():
            if not self.past.talking():
                double.unheard()

    def holders_changed(self, address: str) -> None:
        """An address came or went."""
        world = self._world
        self.past.look()
        now = tuple(world.having(address))
        log = self.held.setdefault(address, [(0, ())])
        was = log[-1][1]
        if now == was:
            return
        log.append((world.now, now))
        for name in now:
            if name not in was:
                self._took[address, name] = self.past.took[address, name] = world.now
        running = self._double.get(address)
        if len(now) > 1 and running is None:
            self._begin(address, now, was)
        elif len(now) < 2 and running is not None:
            running.until = world.now
            del self._double[address]

    def _begin(self, address: str, now: tuple[str, ...], was: tuple[str, ...]) -> None:
        world = self._world
        first = was[0] if was else min(now, key=lambda name: self._took[address, name])
        second = next(name for name in now if name != first)
        if world.hosts[second].kernel_boot and self.past.woke_at(second) == world.now:
            first, second = second, first  # it had it all the time, and only slept
        excuse = self._inherited(address, first, second)
        if excuse is None:
            excuse = excuses.find(self.past, address, world.hosts[first], world.hosts[second])
        double = Double(address, world.now, first, second, excuse or excuses.NONE)
        self.doubles.append(double)
        self._double[address] = double
        if excuse is None:
            self.breaks("P1", address, f"{first} has it, and {second} took it as well")
        elif excuse.at_most_ns is not None:
            world.push(world.now + excuse.at_most_ns, self._overlong, double)
        else:
            world.mark("", f"{address} has two holders: {excuse.why}")

    def _inherited(self, address: str, first: str, second: str) -> excuses.Excuse | None:
        """The excuse of a split that is not over: first has not let go of the address since.

        Unless it has offered it, for then it is over.
        """
        taken = self.past.acquires.get((second, address))
        if taken is not None and taken.reason in BY_OFFER:
            return None
        for was in reversed(self.doubles):
            if was.address == address and was.until is not None:
                kept = self._took[address, first] <= was.until
                return was.excuse if kept and was.excuse.at_most_ns is None else None
        return None

    def _overlong(self, double: Double) -> None:
        if double.until is not None or double.excuse.at_most_ns is None:
            return
        ends = self._parted_until() + double.excuse.at_most_ns
        if self._world.now < ends:
            self._world.push(ends, self._overlong, double)
            return
        took = (self._world.now - double.since) / SECOND
        self.breaks("P1", double.address, f"two holders for {took:.3f} s, {double.excuse.why}")

    def _parted_until(self) -> int:
        """Until when a partition kept the two from ending what began as something else."""
        if self._world.settings.consistent:
            return excuses.NEVER
        return min(self.past.talking_since(), self._world.now)

    def heard(self, host: "Host") -> None:
        """`host` has heard its peer. While there are two holders this counts (P2)."""
        if not self._double:
            return
        world = self._world
        for double in self._double.values():
            if not self.past.talking():
                double.unheard()
                continue
            alike = _is_alike(world, double.address)
            if alike and double.unlike:
                double.heard.clear()  # what they told each other before was of something else
            double.unlike = not alike
            double.heard[host.name] = double.heard.get(host.name, 0) + 1
            least = min(double.heard.get(name, 0) for name in world.hosts)
            if least >= 1 and double.hear_since is None:
                double.hear_since = world.now
                world.push(world.now + RELEASE_MAX_NS, self._not_healed, (double, world.now))
            if least < HEARTBEATS_MAX or double.excuse.lasting or double.hear_since is None:
                continue
            if world.now < double.hear_since + HEARTBEATS_MAX * world.settings.interval_ns:
                continue  # answers to questions are no heartbeats that carry everything
            roles = [_role_of(each, double.address) for each in world.hosts.values()]
            if alike and all(role is Role.HOLDER for role in roles):
                why = f"each heard {least} heartbeats or more, and none lets go"
                self.breaks("P2", double.address, why)

    def _not_healed(self, told: tuple[Double, int]) -> None:
        double, hear_since = told
        closed = max(self.past.wire_closed.get(name, 0) for name in self._world.hosts)
        if not _is_alike(self._world, double.address) and (
            closed > self._world.now - RELEASE_MAX_NS
        ):  # only the wire tells of each other those to whom its unit means something else
            self._world.push(self._world.now + RELEASE_MAX_NS, self._not_healed, told)
            return
        lasting = double.excuse.lasting or self.past.hindered(double.address)
        if double.until is None and double.hear_since == hear_since and not lasting:
            self.breaks("P2", double.address, "the loser's address is still on")

    @staticmethod
    def _role(host: "Host", group: str) -> Role | None:
        return None if host.engine is None else host.engine.node.groups[group].role

    # --- P4 and leases

    def acquiring(self, host: "Host", effect: Acquire) -> None:
        """An acquire is asked for: under an epoch that grows, over restarts of the host, too.

        Only a holder whose address somebody else took off puts it back under the same one.
        """
        key = (host.name, effect.group)
        last, lost = self._epochs.get(key, (0, 0))
        kept = effect.epoch == last and self._role(host, effect.group) is Role.HOLDER
        if effect.epoch <= last and not kept and lost == host.disk.lost:
            why = f"{host.name} claims epoch {effect.epoch}, and had {last} before"
            self.breaks("P4", effect.group, why)
        self._epochs[key] = (effect.epoch, host.disk.lost)
        self._releasing.discard((host.name, host.terms.boot, effect.group))  # it is off, or gone
        assert host.engine is not None
        known = host.engine.node.groups[effect.group]
        asked_at = None if known.evidence is None else host.clock.world(known.evidence.asked_at)
        for address in host.units[effect.group].addresses:
            acquired = excuses.Acquired(known.reason, self._world.now, asked_at, host.heard_at)
            self.past.acquires[host.name, address] = acquired
        undone = self.orders.undoes(effect.group, host.name)
        if undone is not None:
            self.breaks("an order", effect.group, undone)

    def acquired(self, host: "Host", group: str, epoch: int) -> None:
        """The address is being put on."""
        if epoch != self._epochs.get((host.name, group), (0, 0))[0]:
            self.breaks("P4", group, f"{host.name} acquires under epoch {epoch}, not the last one")

    def releasing(self, host: "Host", effect: Release) -> None:
        """A release is asked for."""
        self._releasing.add((host.name, host.terms.boot, effect.group))

    def released(self, host: "Host", group: str) -> None:
        """It was answered well."""
        self._releasing.discard((host.name, host.terms.boot, group))

    def renewing(self, host: "Host", effect: Renew) -> None:
        """No renewal may touch what is being let go."""
        for group in effect.groups:
            if (host.name, host.terms.boot, group) in self._releasing:
                self.breaks("P1", group, f"{host.name} renews what it is releasing")

    # --- P5: phases

    def booting(self, host: "Host", memory: Mapping[str, Remembered]) -> None:
        """A run begins: what the ledger says is open has to be undone, or goes on."""
        for key in list(self._meanings):
            if key[0] == host.name and key[1] not in host.units:
                del self._meanings[key]  # its groups are of another unit now
        for unit in host.units.values():
            key = (host.name, unit.name)
            told = memory.get(unit.name, Remembered())
            began = {Phase.PRE_ACQ: told.pre_acq, Phase.POST_ACQ: told.post_acq}
            kept = frozenset(phase for phase, so in began.items() if so)
            same = self._meanings.get(key) == unit.meaning  # else it is made of others' phases
            opened = self._open.get(key, frozenset())
            if same and not opened <= kept and not host.disk.lost and told.adopted is None:
                self.breaks("P5", unit.name, f"the ledger of {host.name} has forgotten phases")
            self._meanings[key] = unit.meaning
            self._open[key] = kept
            self._repeats[key] = set(UNDOES) if kept else set()

    def phase_began(self, host: "Host", effect: RunPhase) -> None:
        """A phase begins to run."""
        key = (host.name, effect.group)
        name = effect.phase.value
        if key in self._running:
            was = self._running[key].phase.value
            self.breaks("P5", effect.group, f"{name} overlaps {was} on {host.name}")
        self._running[key] = effect
        if effect.phase not in KEPT:
            return
        opened = self._open.get(key, frozenset())
        if effect.phase in self._repeats.get(key, ()):
            opened = UNDOES[effect.phase]  # what was under way at a kill is undone once more
            self._repeats[key].discard(effect.phase)
        if effect.phase in FOLLOWS and opened not in FOLLOWS[effect.phase]:
            had = ", ".join(sorted(phase.value for phase in opened)) or "nothing"
            self.breaks("P5", effect.group, f"{name} runs on {host.name} with {had} open")
        if effect.phase in (Phase.PRE_ACQ, Phase.POST_ACQ):
            opened |= {effect.phase}
        self._open[key] = opened

    def phase_ended(
        self, host: "Host", effect: RunPhase, parts: tuple[str, ...], *, of_this_run: bool
    ) -> None:
        """It is over, however it went. What an earlier run had begun is judged by the ledger."""
        key = (host.name, effect.group)
        self._running.pop(key, None)
        if not of_this_run:
            opened = [host.disk.phases.get(name, Open()).began for name in parts]
            self._open[key] = frozenset(phase for began in opened for phase in began)
        elif effect.phase is Phase.PRE_REL:
            self._open[key] = self._open.get(key, frozenset()) - {Phase.POST_ACQ}
        elif effect.phase is Phase.POST_REL:
            self._open[key] = frozenset()

    # --- P3: at the end

    def unsettled(self) -> str | None:
        """What is not as it must be in the end, when all has been well for long enough; else None.

        Where the two configurations differ, that is a unit which both mean alike.
        """
        world = self._world
        for address in world.addresses:
            if len(world.having(address)) > 1:
                return f"{address}: held by {' and '.join(world.having(address))}"
        for found in (self._not_as_in_the_end(unit) for unit in _alike(world)):
            if found is not None:
                return found
        return self.orders.unanswered()

    def _not_as_in_the_end(self, unit: GroupSettings) -> str | None:
        world, name = self._world, unit.name
        holders = world.having(unit.addresses[0])
        for address in unit.addresses:
            found = world.having(address)
            if len(found) != 1:
                return f"{name}: {address} is held by {' and '.join(found) or 'nobody'}"
            if found != holders:
                return f"{name}: {address} is held by {found[0]} alone"
        wanted = self.orders.wants(name, holders[0])
        if unit.failback_after_ns is not None and holders != [unit.preferred] and not wanted:
            return f"{name}: failback is automatic, and {holders[0]} has it"
        for host in world.hosts.values():
            role = self._role(host, name)
            expected = Role.HOLDER if host.name == holders[0] else Role.STANDBY
            if role is not expected:
                return f"{name}: {host.name} is {role.value if role else 'not running'}"
            opened = self._open.get((host.name, name), frozenset())
            if (host.name, name) in self._running:
                return f"{name}: a phase runs on {host.name}"
            if unit.phases and (role is Role.HOLDER) is not (Phase.POST_ACQ in opened):
                had = ", ".join(sorted(phase.value for phase in opened)) or "nothing"
                return f"{name}: {host.name} is {role.value}, and open is: {had}"
        return None


def _alike(world: "World") -> Iterator[GroupSettings]:
    """The units that both nodes have, and mean the same by."""
    first, second = world.hosts.values()
    for name, unit in first.units.items():
        if name in second.units and second.units[name].meaning == unit.meaning:
            yield unit


def _is_alike(world: "World", address: str) -> bool:
    """Whether both nodes mean the same by the unit that `address` is of."""
    return any(address in unit.addresses for unit in _alike(world))


def _role_of(host: "Host", address: str) -> Role | None:
    unit = host.unit_of.get(address)
    return None if host.engine is None or unit is None else host.engine.node.groups[unit].role
