"""What a world is made of before anything happens: the pair's terms and the character of its hosts.

The same values come from a pair's config, from the head of a story, and from a seed; `terms` gives
the machine what it would get from the config.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ipfo.config.model import Config
from ipfo.model import SECOND, FenceTerms, GroupTerms, Terms, lease_seconds, vote_seconds

MS = 1_000_000

INTERFACE = "eth0"
"""The one that carries the service addresses and the first link, on both hosts."""


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """One unit of groups; durations in ns. The words are those of the config."""

    name: str
    preferred: str
    home: str | None = None
    members: tuple[tuple[str, tuple[str, ...]], ...] = ()  # groups and what each stands for
    phases: bool = True
    lease: bool = True
    probes: bool = True
    contested: str = "wait"
    handover: str = "strict"
    failback_after_ns: int | None = None
    phase_timeout_ns: int = 30 * SECOND
    announce_every_ns: int = 60 * SECOND
    max_moves: int = 3
    per_ns: int = 600 * SECOND
    of_home: tuple[str, ...] = ()  # links that use the home address

    @property
    def parts(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Its groups and their addresses; where none are told it is one of each, called as the unit."""
        return self.members or ((self.name, (self.name,)),)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All that it puts on."""
        return tuple(address for _, addresses in self.parts for address in addresses)

    @property
    def stands_for(self) -> tuple[str, ...]:
        """What the wire's id of it is made of, besides its name."""
        return tuple(sorted(self.addresses)) if self.members else ()

    @property
    def meaning(self) -> tuple[str, str | None, tuple[str, ...]]:
        """What makes it the same unit in two configurations."""
        return self.name, self.home, self.stands_for


@dataclass(frozen=True, slots=True)
class Character:
    """How the links and hosts behave when nothing special happens; from `least` to `most`, in ns."""

    delay_ns: tuple[int, int] = (100_000, 400_000)
    loss: float = 0.0
    doubled: float = 0.0  # share of datagrams that arrive twice
    call_ns: tuple[int, int] = (1 * MS, 6 * MS)  # of the addresses worker
    slow: float = 0.0  # share of its calls that take up to `slow_ns`
    slow_ns: int = 3 * SECOND
    phase_ns: tuple[int, int] = (5 * MS, 60 * MS)
    slack_ns: tuple[int, int] = (0, 400 * MS)  # by which the kernel drops a lease later
    start_ns: tuple[int, int] = (250 * MS, 600 * MS)  # from exec to the first heartbeat
    host_boot_ns: tuple[int, int] = (4 * SECOND, 12 * SECOND)
    offset_ns: Mapping[str, int] = field(default_factory=dict)  # steady clocks, by node
    ppm: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """A pair and its surroundings."""

    pair: str = "www"
    nodes: tuple[str, str] = ("alpha", "beta")
    links: tuple[str, ...] = ("public", "private")
    groups: tuple[GroupSettings, ...] = (GroupSettings("web", "alpha"),)
    other: tuple[GroupSettings, ...] = ()  # of the other configuration that a node may get
    interval_ns: int = SECOND
    takeover_after_ns: int = 3 * SECOND
    dead_after_ns: int | None = None
    first_claim_after_ns: int | None = 60 * SECOND
    consistent: bool = False
    deniers: bool = False
    voter: bool = False
    fence_timeout_ns: int | None = None  # None: there is no fence
    fence_delay_ns: int = 0
    off: tuple[str, ...] = ()  # hosts without power at the start
    character: Character = field(default_factory=Character)

    def peer(self, node: str) -> str:
        """The other one."""
        return self.nodes[1] if node == self.nodes[0] else self.nodes[0]

    @property
    def vote_ttl_ns(self) -> int | None:
        """How long a vote lasts, as the config's would; None: there is no voter."""
        return vote_seconds(self.takeover_after_ns) * SECOND if self.voter else None

    def terms(self, node: str, boot: int, *, other: bool = False) -> Terms:
        """What the machine on `node` is told, in its run `boot`, by the one or the other config."""
        fence = None
        if self.fence_timeout_ns is not None:
            fence = FenceTerms(self.fence_timeout_ns, self.fence_delay_ns)
        return Terms(
            pair=self.pair,
            node=node,
            peer=self.peer(node),
            links=self.links,
            groups={
                group.name: _group_terms(group) for group in (self.other if other else self.groups)
            },
            interval_ns=self.interval_ns,
            takeover_after_ns=self.takeover_after_ns,
            first_claim_after_ns=self.first_claim_after_ns,
            lease_s=lease_seconds(self.takeover_after_ns),
            boot=boot,
            config_digest=int(other),
            dead_after_ns=self.dead_after_ns,
            consistent=self.consistent,
            deniers=self.deniers,
            vote_ttl_ns=self.vote_ttl_ns,
            fence=fence,
        )


def _group_terms(group: GroupSettings) -> GroupTerms:
    return GroupTerms(
        name=group.name,
        preferred=group.preferred,
        home=group.home,
        stands_for=group.stands_for,
        phases=group.phases,
        interfaces=(INTERFACE,),
        probes=group.probes,
        take_contested=group.contested == "take",
        links_of_home=frozenset(group.of_home),
        announce_every_ns=group.announce_every_ns,
        phase_timeout_ns=group.phase_timeout_ns,
        failback_after_ns=group.failback_after_ns,
        seamless=group.handover == "seamless",
        max_moves=group.max_moves,
        per_ns=group.per_ns,
    )


def of_config(config: Config) -> Settings:
    """The pair that `config` describes; what a simulation cannot know of its hosts is as usual."""
    groups = []
    for unit, members in config.units.items():
        known = config.terms(1).groups[unit]
        first = config.groups[unit]
        groups.append(
            GroupSettings(
                name=unit,
                preferred=known.preferred,
                home=known.home,
                members=tuple(
                    (each, tuple(at.ip for at in config.groups[each].addresses)) for each in members
                ),
                phases=known.phases,
                lease=all("lease" in config.groups[each].traits for each in members),
                probes=known.probes,
                contested=first.contested,
                handover=first.handover,
                failback_after_ns=known.failback_after_ns,
                phase_timeout_ns=known.phase_timeout_ns,
                announce_every_ns=known.announce_every_ns,
                max_moves=known.max_moves,
                per_ns=known.per_ns,
                of_home=tuple(name for name in config.links if name in known.links_of_home),
            )
        )
    terms = config.terms(1)
    return Settings(
        pair=config.pair,
        nodes=config.nodes,
        links=tuple(config.links),
        groups=tuple(groups),
        interval_ns=config.interval_ns,
        takeover_after_ns=config.takeover_after_ns,
        dead_after_ns=config.dead_after_ns,
        first_claim_after_ns=config.first_claim_after_ns,
        consistent=config.consistent,
        deniers=terms.deniers,
        voter=terms.vote_ttl_ns is not None,
        fence_timeout_ns=None if terms.fence is None else terms.fence.timeout_ns,
        fence_delay_ns=0 if terms.fence is None else terms.fence.delay_ns,
    )
