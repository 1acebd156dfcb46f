"""Worlds from seeds: a pair's settings, and a dozen things that happen to it. Nothing else is chance.

A plan is what a story is, only nobody wrote it: so it can be printed, shrunk, and told again.
Instants are whole ms, so that a printed plan is the same plan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251 - seeded: a world is its seed

from ipfo.model import SECOND
from ipfo.sim import drift
from ipfo.sim.happenings import Happening, happening
from ipfo.sim.settings import MS, Character, GroupSettings, Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """A world before it runs. At `healed_ns` all is well again, and stays so."""

    settings: Settings
    happenings: tuple[Happening, ...]
    seed: int
    healed_ns: int


PACES = (
    (SECOND, 3 * SECOND, None),
    (SECOND, 3 * SECOND, 1300 * MS),
    (SECOND, 5 * SECOND, None),
    (500 * MS, 2500 * MS, 800 * MS),
    (200 * MS, 1500 * MS, None),
)
"""Interval, takeover_after and dead_after of pairs, from the usual to the fast."""


UNITS = 0.2
"""The share of worlds whose groups are of several addresses, or kept together."""

DRIFTS = 0.1
"""And of those in which one node gets another configuration than the other."""


def settings(chance: Random) -> Settings:
    """A pair that somebody might have."""
    interval_ns, takeover_ns, dead_ns = chance.choice(PACES)
    deniers, voter = chance.choice(
        ((False, False),) * 4 + ((True, False), (False, True), (False, True))
    )
    fenced = chance.random() < 0.2
    groups = tuple(_group(chance, f"g{n}") for n in range(chance.choice((1, 1, 1, 2, 3))))
    other: tuple[GroupSettings, ...] = ()
    if chance.random() < UNITS:
        groups = tuple(_unit(chance, group) for group in groups)
    if chance.random() < DRIFTS:
        if len(groups) == 1:
            groups = (*groups, replace(_group(chance, "g9"), home=None))
        groups, other = drift.two_configs(chance, groups, _group)
    return Settings(
        groups=groups,
        other=other,
        interval_ns=interval_ns,
        takeover_after_ns=takeover_ns,
        dead_after_ns=dead_ns,
        consistent=(deniers or voter or fenced) and chance.random() < 0.4,
        deniers=deniers,
        voter=voter,
        fence_timeout_ns=chance.choice((2, 10)) * SECOND if fenced else None,
        fence_delay_ns=chance.choice((0, 0, 3)) * SECOND if fenced else 0,
        character=_character(chance),
    )


def _group(chance: Random, name: str) -> GroupSettings:
    preferred = chance.choice(("alpha", "beta"))
    home = preferred if chance.random() < 0.15 else None
    return GroupSettings(
        name,
        preferred,
        home=home,
        phases=chance.random() < 0.5,
        phase_timeout_ns=2 * SECOND,
        handover="seamless" if home is None and chance.random() < 0.2 else "strict",
        failback_after_ns=chance.choice((3, 10)) * SECOND if chance.random() < 0.25 else None,
        announce_every_ns=20 * SECOND,
        max_moves=chance.choice((3, 3, 100)),
        per_ns=60 * SECOND,
    )


def _unit(chance: Random, group: GroupSettings) -> GroupSettings:
    """`group` with several addresses, or kept together with another one; a home address is alone."""
    if group.home is not None:
        return replace(group, members=((group.name, (f"{group.name}a",)),))
    several = ((f"{group.name}", (f"{group.name}a", f"{group.name}b")),)
    together = ((group.name, (f"{group.name}a",)), (f"{group.name}x", (f"{group.name}xa",)))
    return replace(group, members=chance.choice((several, together, (*several, together[1]))))


def _character(chance: Random) -> Character:
    slow = chance.choice((0.0, 0.0, 0.0, 0.03))
    return Character(
        delay_ns=chance.choice(((100_000, 400_000), (200_000, 20 * MS), (5 * MS, 60 * MS))),
        loss=chance.choice((0.0, 0.0, 0.0, 0.02, 0.1)),
        doubled=chance.choice((0.0, 0.0, 0.03)),
        slow=slow,
        host_boot_ns=(2 * SECOND, 6 * SECOND),
        offset_ns={node: chance.randrange(1, 10**6) * SECOND for node in ("alpha", "beta")},
        ppm={
            node: chance.choice((-200, 150)) for node in ("alpha", "beta") if chance.random() < 0.4
        },
    )


class _Draft:
    """Happenings as they are thought of, one after the other."""

    def __init__(self, pair: Settings, chance: Random) -> None:
        self.pair = pair
        self.chance = chance
        self.now_ms = 0
        self.happenings: list[Happening] = []

    def say(self, line: str, after_ms: int = 0) -> None:
        """`line` happens, `after_ms` from now."""
        self.happenings.append(happening((self.now_ms + after_ms) * MS, line))

    def node(self) -> str:
        return self.chance.choice(self.pair.nodes)

    def group(self) -> str:
        return self.chance.choice(self.pair.groups).name

    def link(self) -> str:
        return self.chance.choice(self.pair.links)

    def while_ms(self) -> int:
        """A short while, a long one, or one near the pair's own times."""
        takeover_ms = self.pair.takeover_after_ns // MS
        return self.chance.choice(
            (
                self.chance.randrange(1, 400),
                self.chance.randrange(50, 2 * takeover_ms),
                self.chance.randrange(takeover_ms, 4 * takeover_ms),
            )
        )


def _kill(d: _Draft) -> None:
    node = d.node()
    d.say(f"kill {node}")
    d.say(f"start {node}", d.while_ms())


def _crash(d: _Draft) -> None:
    node, when = d.node(), d.chance.choice(("before", "after"))
    kinds = ("acquire", "release", "renew", "runphase", "record", "probe", "sendheartbeat")
    d.say(f"kill {node} {when} its next {d.chance.choice(kinds)}")
    d.say(f"start {node}", d.while_ms() + 500)
    if d.chance.random() < 0.5:  # something that makes it act
        d.say(f"handover {d.group()} to {d.node()}", 5)


def _power(d: _Draft) -> None:
    node = d.node()
    d.say(f"power off {node}" + d.chance.choice(("", "", " losing the last record")))
    d.say(f"power on {node}", d.while_ms())


def _wipe(d: _Draft) -> None:
    """Hosts that are set up anew: one, or both, while a voter still knows what was."""
    nodes = d.chance.choice((d.pair.nodes, (d.node(),)))
    for node in nodes:
        d.say(f"power off {node} losing its disk")
        d.say(f"power on {node}", d.while_ms())


def _config(d: _Draft) -> None:
    """One node gets the other configuration, and perhaps its peer after it."""
    if not d.pair.other:
        _order(d)
        return
    which = d.chance.choice(("other", "other", "other", "first"))
    nodes = [d.node()]
    if d.chance.random() < 0.5:
        nodes.append(d.pair.peer(nodes[0]))
    for node in nodes:
        d.say(f"the {which} configuration lies on {node}")
        how = d.chance.choice(("restart", "restart", "kill", "stop", "power", ""))
        if how == "restart":
            d.say(f"restart {node}", 1)
        elif how == "power":
            d.say(f"power off {node}", 1)
            d.say(f"power on {node}", d.while_ms())
        elif how:
            d.say(f"{how} {node}", 1)
            d.say(f"start {node}", d.while_ms())
        d.now_ms += d.chance.choice((0, 10_000, d.while_ms()))


def _order(d: _Draft) -> None:
    """An administrator, on either node."""
    line = d.chance.choice(
        (
            *("handover {group} to {to}", "handover {group} to {to} asked on {node}") * 3,
            *("standby {node}", "maintenance {node}", "resume {node}", "restart {node}"),
        )
    )
    d.say(line.format(group=d.group(), to=d.node(), node=d.node()))


def _orders(d: _Draft) -> None:
    """Several of them, while something else is under way."""
    for _ in range(d.chance.randrange(1, 4)):
        _order(d)
        d.now_ms += d.chance.choice((d.chance.randrange(5), d.chance.randrange(400), d.while_ms()))


def _cut(d: _Draft) -> None:
    link, source = d.link(), d.chance.choice(("", "", f" from {d.node()}"))
    d.say(f"cut {link}{source}")
    d.say(f"heal {link}{source}", d.while_ms())


def _partition(d: _Draft) -> None:
    d.say("cut everything")
    d.say("heal everything", d.while_ms())


def _mute(d: _Draft) -> None:
    source = d.chance.choice(("", f" from {d.node()}"))
    d.say(f"filter heartbeats on everything{source}")
    d.say("heal everything", d.while_ms())


def _filter_wire(d: _Draft) -> None:
    d.say("filter arp on everything" + d.chance.choice(("", f" from {d.node()}")))


def _witness(d: _Draft) -> None:
    node = d.node()
    if d.pair.voter:
        what, back = d.chance.choice(
            (
                ("the voter is lost", "the voter is well"),
                (f"no voter reaches {node}", f"the voter reaches {node}"),
            )
        )
    else:
        what, back = f"no witness reaches {node}", f"witnesses reach {node}"
    d.say(what)
    d.say(back, d.while_ms())


def _carrier(d: _Draft) -> None:
    node = d.node()
    d.say(f"carrier lost on {node}")
    d.say(f"carrier back on {node}", d.while_ms())


def _checks(d: _Draft) -> None:
    node, group = d.node(), d.group()
    d.say(f"checks of {group} fail on {node}")
    d.say(f"checks of {group} pass on {node}", d.while_ms())


def _phase(d: _Draft) -> None:
    phase = d.chance.choice(("test", "pre_acq", "post_acq", "pre_rel", "post_rel"))
    manner, node = d.chance.choice(("vetoes", "hangs", "takes 800ms")), d.node()
    d.say(f"{phase} of {d.group()} {manner} on {node}")
    if d.chance.random() < 0.3:
        d.say(f"phases are well on {node}", d.while_ms())


def _addresses(d: _Draft) -> None:
    node = d.node()
    op = d.chance.choice(("acquire", "release", "renew", "probe"))
    d.say(
        d.chance.choice(
            (
                f"{op} fails on {node}",
                f"kill the addresses worker of {node}",
                f"freeze the addresses worker of {node} for {d.while_ms()}ms",
                f"addresses are slow on {node} by {d.chance.randrange(50, 3000)}ms",
            )
        )
    )
    d.say(f"addresses are well on {node}", d.while_ms())


def _weather(d: _Draft) -> None:
    link = d.chance.choice((*d.pair.links, "everything"))
    d.say(
        d.chance.choice(
            (
                f"{link} loses {d.chance.choice((5, 20, 50))} %",
                f"{link} loses 95 % in bursts of {d.chance.randrange(50, 1500)}ms every 4s",
                f"{link} takes 1ms to {d.chance.choice((50, 400))}ms",
                f"{link} doubles 20 %",
            )
        )
    )


def _simple(*lines: str) -> Callable[[_Draft], None]:
    """Something that is said in one line and is over by itself."""

    def say(d: _Draft) -> None:
        line = d.chance.choice(lines)
        d.say(line.format(node=d.node(), to=d.node(), group=d.group(), ms=f"{d.while_ms()}ms"))

    return say


FAULTS: Mapping[str, tuple[int, Callable[[_Draft], None]]] = {
    "kill": (4, _kill),
    "crash": (4, _crash),
    "power": (3, _power),
    "freeze": (4, _simple("freeze {node} for {ms}")),
    "pause": (2, _simple("pause {node} for {ms}", "suspend {node} for {ms}")),
    "cut": (4, _cut),
    "partition": (4, _partition),
    "mute": (3, _mute),
    "filter": (1, _filter_wire),
    "weather": (2, _weather),
    "witness": (2, _witness),
    "carrier": (2, _carrier),
    "checks": (2, _checks),
    "phase": (2, _phase),
    "addresses": (3, _addresses),
    "remove": (1, _simple("remove {group} from {node}")),
    "third": (1, _simple("a third host answers for {group}", "no third host answers for {group}")),
    "fence": (1, _simple("the fence of {node} fails", "the fence of {node} is late")),
    "handover": (
        4,
        _simple("handover {group} to {to}", "handover {group} to {to} asked on {node}"),
    ),
    "orders": (4, _orders),
    "stop": (1, _simple("stop {node}")),
    "restart": (2, _simple("restart {node}")),
    "wipe": (1, _wipe),
    "config": (1, _config),
    "start": (2, _simple("start {node}")),
}
"""What may happen, and how often, one against the other."""


def plan(seed: int, pair: Settings | None = None) -> Plan:
    """The world of `seed`: of `pair`, or of one that is made up as well."""
    chance = Random(seed)
    made = settings(chance) if pair is None else pair
    if chance.random() < 0.15:
        made = replace(made, off=(chance.choice(made.nodes),))
    draft = _Draft(made, chance)
    draft.now_ms = chance.randrange(3 * made.takeover_after_ns // MS)
    kinds = list(FAULTS)
    weights = [weight for weight, _ in FAULTS.values()]
    for number in range(chance.randrange(2, 11)):
        if made.other and number in (0, 4):
            _config(draft)
            _orders(draft)
        kind = chance.choices(kinds, weights)[0]
        FAULTS[kind][1](draft)
        draft.now_ms += chance.choice((chance.randrange(300), draft.while_ms()))
    last_ns = max(each.at_ns for each in draft.happenings)
    healed_ns = last_ns + 2 * made.takeover_after_ns
    happened = (*draft.happenings, happening(healed_ns, "all is well"))
    return Plan(made, tuple(sorted(happened, key=lambda each: each.at_ns)), seed, healed_ns)
