"""What a pair's timings come to: outages for each kind of fault, and how often two nodes held at once.

Each kind is tried in many worlds of the same pair, the fault at another instant of the interval
each time. An outage is time in which no client that asks the wire would get an answer.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded: a world is its seed

from ipfo.model import SECOND
from ipfo.sim.happenings import Happening, happening
from ipfo.sim.judge import Broken
from ipfo.sim.plans import Plan, plan
from ipfo.sim.runs import run
from ipfo.sim.settings import MS, Settings
from ipfo.sim.world import World

KINDS: Mapping[str, tuple[tuple[float, str], ...]] = {
    "power cut of the holder": ((0, "power off {holder}"),),
    "engine killed": ((0, "kill {holder}"),),
    "engine killed and restarted": ((0, "kill {holder}"), (0, "start {holder}")),
    "engine frozen": ((0, "freeze {holder} for {long}"),),
    "host paused for long": ((0, "pause {holder} for {long}"),),
    "holder loses its carrier": ((0, "carrier lost on {holder}"),),
    "one link cut": ((0, "cut {link}"), (4, "heal {link}")),
    "every heartbeat filtered": (
        (0, "filter heartbeats on everything"),
        (4, "heal everything"),
    ),
    "every link cut (partition)": ((0, "cut everything"), (4, "heal everything")),
    "power cut of the standby": ((0, "power off {other}"),),
    "checks fail on the holder": ((0, "checks of {group} fail on {holder}"),),
    "orderly stop": ((0, "stop {holder}"),),
    "restart": ((0, "restart {holder}"),),
    "handover": ((0, "handover {group} to {other}"),),
}
"""What happens, and when: in multiples of takeover_after from the fault."""

LONG = 6
"""Something long lasts so many takeover_after."""

WORLDS = 200
"""Random worlds that are run unless somebody wants more."""


@dataclass(frozen=True, slots=True)
class Outages:
    """One kind of fault in many worlds, sorted; None stands for what did not end. In ns."""

    kind: str
    lasted: tuple[int | None, ...]
    moved: int  # worlds in which another node had the group in the end
    doubled: tuple[int, ...]  # how long two had it, where they did
    broken: tuple[Broken, ...]

    @property
    def median(self) -> int | None:
        """The outage in the middle."""
        return self.lasted[len(self.lasted) // 2]

    @property
    def worst(self) -> int | None:
        """The longest; None: it did not end."""
        return self.lasted[-1]


def outages(pair: Settings, seed: int, worlds: int) -> Iterator[Outages]:
    """All kinds, one after the other, each in `worlds` worlds of `pair`; the first group is watched."""
    for number, kind in enumerate(KINDS):
        yield _outages(pair, kind, Random(f"{seed} {number}"), worlds)


def _outages(pair: Settings, kind: str, chance: Random, worlds: int) -> Outages:
    lasted: list[int | None] = []
    doubled: list[int] = []
    broken: list[Broken] = []
    moved = 0
    group = pair.groups[0]
    for _ in range(worlds):
        world, fault_ns = _world(pair, kind, chance)
        lasted.append(outage(world, group.name, fault_ns))
        total = double_ns(world)
        if total:
            doubled.append(total)
        if world.judge.broken is not None:
            broken.append(world.judge.broken)
        moved += world.holders(group.name) not in ([], [group.preferred])
    lasted.sort(key=lambda ns: (ns is None, ns or 0))
    return Outages(kind, tuple(lasted), moved, tuple(sorted(doubled)), tuple(broken))


def _world(pair: Settings, kind: str, chance: Random) -> tuple[World, int]:
    takeover_ns = pair.takeover_after_ns
    settled_ns = 2 * takeover_ns + 4 * SECOND + 2 * sum(pair.character.start_ns)
    fault_ms = (settled_ns + chance.randrange(max(MS, pair.interval_ns))) // MS
    group = pair.groups[0]
    words = {
        "holder": group.preferred,
        "other": pair.peer(group.preferred),
        "group": group.name,
        "link": pair.links[0],
        "long": f"{LONG * takeover_ns // MS}ms",
    }
    happened: list[Happening] = []
    for after, line in KINDS[kind]:
        at_ms = fault_ms + int(after * takeover_ns) // MS
        happened.append(happening(at_ms * MS, line.format(**words)))
    world = World(pair, happened, seed=chance.randrange(1 << 32))
    world.run(fault_ms * MS + (LONG + 2) * takeover_ns + 2 * SECOND)
    return world, fault_ms * MS


def outage(world: World, group: str, since_ns: int) -> int | None:
    """How long nobody had the first address of `group` from `since_ns` on, all told; None: nobody has it in the end."""
    log = world.judge.held.get(world.named[group].addresses[0], [(0, ())])
    if not log[-1][1]:
        return None
    ends = [at for at, _ in log[1:]] + [world.now]
    return sum(
        max(0, end - max(at, since_ns))
        for (at, who), end in zip(log, ends, strict=True)
        if not who and end > since_ns
    )


def double_ns(world: World) -> int:
    """How long two nodes had the same group, all told."""
    return sum(
        (world.now if double.until is None else double.until) - double.since
        for double in world.judge.doubles
    )


@dataclass(frozen=True, slots=True)
class Chance:
    """How many of `worlds` worlds with several faults had two holders, and how long in ns."""

    worlds: int
    virtual_ns: int
    excused: Mapping[str, tuple[int, int, int]]  # why: in how many worlds, all told, at worst
    broken: tuple[tuple[Plan, Broken], ...]


def chances(pair: Settings, seed: int, worlds: int) -> Chance:
    """Run `worlds` worlds of `pair` to which several things happen by chance."""
    virtual_ns = 0
    excused: dict[str, tuple[int, int, int]] = {}
    broken: list[tuple[Plan, Broken]] = []
    for number in range(seed, seed + worlds):
        made = plan(number, pair)
        world = run(made)
        virtual_ns += world.now
        took: dict[str, int] = {}
        for double in world.judge.doubles:
            until = world.now if double.until is None else double.until
            took[double.excuse.why] = took.get(double.excuse.why, 0) + until - double.since
        for why, ns in took.items():
            many, total, worst = excused.get(why, (0, 0, 0))
            excused[why] = (many + 1, total + ns, max(worst, ns))
        if world.judge.broken is not None:
            broken.append((made, world.judge.broken))
    return Chance(worlds, virtual_ns, excused, tuple(broken))
