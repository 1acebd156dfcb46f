"""A pair so small that all of its worlds can be tried: one group, two hosts, faults that are counted.

Values only. Both clocks are the same one; a heartbeat in flight and a call take nothing or a quarter
of an interval; leases end as late as was ever measured. What happens next is chosen, not drawn:
`small_moves` says what may, and `explore` tries everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ipfo.machine.effects import Effect, RunPhase
from ipfo.machine.events import Event
from ipfo.machine.node import Node
from ipfo.model import SECOND, Heartbeat, Phase, Reason, Terms
from ipfo.sim.settings import GroupSettings, Settings

GROUP = "web"
NAMES = ("alpha", "beta")

KINDS = (
    "lose", "kill", "start", "power", "freeze", "pause", "mute", "cut", "link", "handover", "fail", "veto",
    "stop", "ill", "isolate", "carrier", "shot fails", "slow", "renewals fail",
)  # fmt: skip
"""What is bounded: how often each may happen in one world."""

Left = tuple[int, ...]


@dataclass(frozen=True)
class Scope:
    """What is explored: a pair, where it begins, and how often each kind of fault may happen.

    `why`: what it is for, in words for people. `begins`: "settled" (alpha holds, beta stands by),
    "handover" (likewise, and beta is to have it), "off" (no daemon runs), "apart" (likewise, and
    all is cut), or "split" (all was cut when both were started, so both hold). `excused`: two holders are what the administrator chose
    while all links and the wire are cut (P2 holds all the same).
    """

    name: str
    why: str
    settings: Settings
    bounds: Mapping[str, int]
    begins: str = "settled"
    excused: bool = False
    hosts: tuple[int, ...] = (0, 1)  # to which the faults may happen
    moves_max: int | None = None  # automatic moves that are too many (rule 9)
    offset_ns: int = SECOND // 2  # by which the second host's heartbeats go out later
    prompt: bool = False  # only what is counted as slow takes its time: so longer stories are whole
    any_order: bool = False  # whatever is possible may happen in any order, at any instant

    @property
    def left(self) -> Left:
        """The bounds, as a world counts them down."""
        assert set(self.bounds) <= set(KINDS), self.bounds
        return tuple(self.bounds.get(kind, 0) for kind in KINDS)

    def terms(self, index: int, boot: int) -> Terms:
        """What the machine of host `index` is told in its run `boot`."""
        return self.settings.terms(NAMES[index], boot)

    @property
    def group(self) -> GroupSettings:
        """The one group."""
        return self.settings.groups[0]


def small_pair(**more: object) -> Settings:
    """A pair of one link, with one group that has no phases; 1 s and 3 s."""
    group = GroupSettings(
        GROUP,
        "alpha",
        phases=False,
        phase_timeout_ns=SECOND,
        max_moves=100,
        announce_every_ns=3600 * SECOND,
    )
    changed = {key: more.pop(key) for key in tuple(more) if key in GroupSettings.__slots__}
    pair = Settings(links=("public",), first_claim_after_ns=5 * SECOND)
    group = replace(group, **changed)  # type: ignore[arg-type]  # by name; checked when made
    return replace(pair, groups=(group,), **more)  # type: ignore[arg-type]  # likewise


@dataclass(frozen=True)
class Call:
    """Something asked of a worker. `due`: when it has its answer at the latest; None: not begun."""

    wish: Effect
    due: int | None
    waits: bool = False  # until it is due


@dataclass(frozen=True)
class Flight:
    """A heartbeat on its way to host `to`; after `due` it has come, or is lost."""

    due: int
    to: int
    beat: Heartbeat
    waits: bool = False  # until it is due


@dataclass(frozen=True)
class Disk:
    """What survives the engine: the ledgers of addresses and phases, the highest epoch."""

    known: int = 0
    epoch: int = 0
    held: bool = False
    leased: bool = False
    began: tuple[Phase, ...] = ()
    unwinding: bool = False


@dataclass(frozen=True)
class Host:
    """One host. `node` is None while no engine runs."""

    index: int
    terms: Terms
    node: Node | None = None
    disk: Disk = Disk()
    powered: bool = True
    on: bool = False  # the address is on the interface
    ends_at: int | None = None  # when its lease does
    carrier: bool = True
    ill: bool = False
    unrenewing: bool = False  # no lease is ever renewed here again
    isolated: bool = False  # neither witness nor voter can be reached from here
    calls: tuple[Call, ...] = ()  # the addresses worker: one after the other
    asks: tuple[Call, ...] = ()  # witnesses, voter, fence, the peer's own addresses: side by side
    phase: RunPhase | None = None
    phase_due: int = 0
    phase_waits: bool = False
    frozen: bool = False
    deaf: bool = False  # and what is sent to it is lost
    kept: tuple[tuple[str, Heartbeat, int], ...] = ()  # datagrams that came meanwhile, and when
    late: tuple[Event, ...] = ()  # answers that did
    believed: int | None = None  # the peer's boot that has proven itself
    proven_at: int = 0
    echoed: tuple[tuple[str, int], ...] = ()  # our highest number in its echoes, by link

    last_epoch: int = 0  # of its last acquire (P4)
    open: frozenset[Phase] = frozenset()  # phases that have begun and are not undone (P5)
    repeats: frozenset[Phase] = frozenset()  # they may have begun before a kill
    took_at: int | None = None  # when the address came; None: it is off
    took_for: Reason | None = None  # why it was taken


@dataclass(frozen=True)
class Double:
    """Two holders at once, and what each has heard since it could (P2)."""

    since: int
    heard: tuple[int, int] = (0, 0)
    excused: bool = False


@dataclass(frozen=True)
class World:
    """Everything there is at one instant."""

    now: int
    hosts: tuple[Host, Host]
    left: Left
    flight: tuple[Flight, ...] = ()
    muted: frozenset[tuple[str, int]] = frozenset()  # links on which a host's heartbeats are lost
    wire_cut: bool = False
    vote: tuple[int, int, int] | None = None  # who has it, under which epoch, until when
    double: Double | None = None
    parted: bool = False  # links and wire were cut together, and both may not know better yet
    moved: int = 0  # automatic moves so far
    broken: str | None = None  # the first promise that was not kept
    told: tuple[str, ...] = field(default=(), compare=False)  # what was said, where it is kept


class Pair(Protocol):
    """A world, or one in the making."""

    @property
    def hosts(self) -> Sequence[Host]:
        """Both."""

    @property
    def wire_cut(self) -> bool:
        """Whether no question to the wire is answered."""


def holders(pair: Pair) -> tuple[int, ...]:
    """Whose answer a client could get."""
    return tuple(host.index for host in pair.hosts if host.on and host.powered and host.carrier)


def wire_answers(pair: Pair, asker: int) -> bool:
    """Whether the address of the group answers host `asker` on the wire."""
    other = pair.hosts[1 - asker]
    return other.index in holders(pair) and pair.hosts[asker].carrier and not pair.wire_cut


def peer_answers(pair: Pair, asker: int) -> bool:
    """Whether the other host's kernel answers for its own addresses."""
    return pair.hosts[1 - asker].powered and not pair.wire_cut
