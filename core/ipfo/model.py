"""The words of ipfo as types. Values only: nothing here knows a clock, a file or a socket.

The vocabulary is explained in docs/reference/words.md; one word means one thing everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import NewType

Instant = NewType("Instant", int)
"""A point on the steady clock of this host, suspend included, in ns. Never compared across hosts."""

Epoch = NewType("Epoch", int)
"""The number of a claim; it only grows. 0: nobody has claimed yet."""

SECOND = 1_000_000_000
"""One second in the unit of `Instant`."""


class Role(Enum):
    """What a node is to a group."""

    STANDBY = "standby"
    CLAIMANT = "claimant"
    HOLDER = "holder"
    YIELDER = "yielder"
    OUTCAST = "outcast"


class Phase(Enum):
    """The steps of a move that plugins and scripts take part in; `TEST` may only veto.

    `REASSERT` is no step: a holder that stayed holder calls it when outside systems may believe
    otherwise. It begins nothing and undoes nothing.
    """

    TEST = "test"
    PRE_ACQ = "pre_acq"
    POST_ACQ = "post_acq"
    PRE_REL = "pre_rel"
    POST_REL = "post_rel"
    REASSERT = "reassert"


class Reason(Enum):
    """Why a move is made: the rule that fired (docs/explanation/who-may-hold.md)."""

    TAKEOVER = "takeover"  # silence on every link, and the wire does not know the address
    FIRST_CLAIM = "first claim"  # nobody held the group since this node was started
    ORPHAN = "orphan"  # both nodes live and neither holds the group
    HANDOVER = "handover"  # asked for, both alive
    FAILBACK = "failback"  # a handover to the preferred node
    STANDBY = "standby"  # the administrator takes this node out of the game
    STOP = "stop"  # orderly end of the daemon
    SPLIT = "split"  # the peer holds it under a better claim
    CARRIER = "carrier"  # this node's own interface lost its carrier
    LEASE = "lease"  # the lease ran out before it was renewed
    CONTESTED = "contested"  # taken although the wire still knows the address: contested = "take"
    LEFTOVER = "leftover"  # found at start, from a run that did not end in order
    ADOPTED = "adopted"  # found at start, still under the lease of the run before
    HEALTH = "health"  # the holder's checks fail, and the peer's do not
    UNHEARD = "unheard"  # the peer does not hear this node, and is about to take the group
    ISOLATED = "isolated"  # the peer is silent, and no witness says that this node may go on
    REMOVED = "removed"  # somebody else takes the address off again and again


BY_OFFER = (Reason.HANDOVER, Reason.FAILBACK)
"""Why a group is claimed that its holder has offered."""


class LinkState(Enum):
    """What the clock says of a link: heartbeats in time, one is late, or nothing for too long."""

    UP = "up"
    LATE = "late"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Address:
    """A service address with its prefix length, as in ``192.0.2.100/24``."""

    interface: IPv4Interface | IPv6Interface

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `text`; without a prefix it is a host address (/32 or /128).

        :raises ValueError: for anything else than one address.
        """
        return cls(ip_interface(text))

    @property
    def ip(self) -> str:
        """The address alone, in its shortest form."""
        return str(self.interface.ip)

    @property
    def prefix(self) -> int:
        """The prefix length."""
        return self.interface.network.prefixlen

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.interface.version

    def __str__(self) -> str:
        """``address/prefix``."""
        return str(self.interface)


class Health(Enum):
    """Whether a node could hold a group now, and if not, why; it travels in each heartbeat."""

    ABLE = 0
    LISTENING = 1  # started so lately that it may not claim yet
    CARRIER = 2  # no carrier on the group's interface
    OUTCAST = 3  # set aside by the administrator
    STOPPING = 4  # on its way out
    VETOED = 5  # a test or a pre_acq hook refused the last claim
    FAILED = 6  # the last acquire failed
    ILL = 7  # its checks fail; better than nobody
    FROZEN = 8  # too many automatic moves of late
    ISOLATED = 9  # the witnesses cannot be reached from here, or speak against it
    CONTESTED = 10  # it could, but the wire still answers for the address


class Sign(Enum):
    """What two nodes tell each other during a move; travels beside the role."""

    NONE = 0
    WISH = 1  # a standby asks the holder for the group
    OFFER = 2  # the holder would give the group to its peer
    READY = 3  # the claimant has run test and pre_acq and waits for the release
    RELEASED = 4  # the address is off: take it
    REFUSED = 5  # the claimant cannot take it, or the holder will not give it
    BEATEN = 6  # the address was here too, under a worse claim, and is let go
    SHARE = 7  # take it while the holder still has it: a seamless handover
    PUSH = 8  # an offer that no administrator asked for
    KEPT = 9  # nobody holds it, and yet the home address stays where it is


@dataclass(frozen=True, slots=True)
class GroupEntry:
    """What a heartbeat says of one group: the sender's part in it."""

    group: str
    role: Role
    epoch: Epoch
    health: Health = Health.ABLE
    sign: Sign = Sign.NONE


@dataclass(frozen=True, slots=True)
class Echo:
    """The last datagram that the sender heard on a link: whose, which, and how long ago."""

    boot: int
    sequence: int
    dwell_ns: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One datagram's content. `sequence` counts on one link within one `boot`.

    `hears` names the links on which the sender hears its peer in time. `groups_digest` covers the
    sender's entries of *all* groups; `entries` are those that changed or whose turn it is. `asks`:
    answer at once. `restarting`: the sender is about to be replaced, its addresses stay.
    `maintenance`: nothing is to move by itself.
    """

    sender: str
    link: str
    boot: int
    sequence: int
    sent_at: Instant  # the sender's clock: compare only with other values of the same boot
    echo: Echo | None
    hears: tuple[str, ...]
    config_digest: int
    groups_digest: int
    entries: tuple[GroupEntry, ...] = ()
    asks: bool = False
    restarting: bool = False
    maintenance: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Somebody answered for a service address: who, by the card's address.

    `whose`: the name of the node whose card it is, "a third host" if it is neither's, "" if
    nobody could tell.
    """

    address: str
    card: str  # "02:00:5e:00:53:01"
    whose: str = ""


class Event(Enum):
    """What people are told of; the words of a notifier's ``events`` list."""

    TAKEOVER = "takeover"
    HANDOVER = "handover"
    FAILBACK = "failback"
    RELEASE = "release"
    ANOMALY = "anomaly"
    RECOVERED = "recovered"
    CONTESTED = "contested"
    SPLIT = "split"
    VETO = "veto"
    FAILURE = "failure"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to people. `key` is unique: a notifier may see it twice, never two under one."""

    key: str
    at: str  # RFC 3339, UTC
    event: Event
    pair: str
    node: str
    peer: str
    headline: str
    detail: str = ""
    group: str | None = None
    role: Role | None = None
    epoch: Epoch = Epoch(0)
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """One taking or giving up of a group, as phase hooks and scripts see it."""

    group: str
    epoch: Epoch
    acquire: bool  # else release
    reason: Reason
    node: str
    peer: str
    pair: str
    interface: str
    addresses: tuple[str, ...]  # without prefix, in config order


@dataclass(frozen=True, slots=True)
class GroupTerms:
    """What the machine must know of a group. Durations in ns."""

    name: str
    preferred: str
    home: str | None = None  # the node whose own address it is
    stands_for: tuple[str, ...] = ()  # its addresses: one name may mean others in the peer's config
    phases: bool = True  # does anybody take part in phases on this node
    interfaces: tuple[str, ...] = ()  # on this node; none where carrier is of no matter (mock)
    probes: bool = True  # can the provider ask the wire
    take_contested: bool = False
    links_of_home: frozenset[str] = frozenset()  # links that use the home address
    announce_every_ns: int = 60 * SECOND
    phase_timeout_ns: int = 30 * SECOND
    failback_after_ns: int | None = None  # None: only when asked for
    seamless: bool = False  # acquire, announce, then release
    max_moves: int = 3  # so many automatic ones within `per_ns` freeze the group
    per_ns: int = 600 * SECOND


@dataclass(frozen=True, slots=True)
class FenceTerms:
    """How the peer is made sure to be off before its groups are taken. Durations in ns."""

    timeout_ns: int
    delay_ns: int = 0  # before the first shot; falls on who does not hold the group


@dataclass(frozen=True, slots=True)
class Terms:
    """What the machine must know of the pair, seen from one node. Durations in ns."""

    pair: str
    node: str
    peer: str
    links: tuple[str, ...]
    groups: Mapping[str, GroupTerms]
    interval_ns: int
    takeover_after_ns: int
    first_claim_after_ns: int | None  # None: never alone
    lease_s: int
    boot: int  # this run's random number
    config_digest: int = 0
    dead_after_ns: int | None = None  # ask, and do not wait longer; None: only wait
    consistent: bool = False  # with neither peer nor witness: nobody, rather than both
    deniers: bool = False  # there are witnesses that can only deny
    vote_ttl_ns: int | None = None  # how long a vote is good for; None: there is no voter
    fence: FenceTerms | None = None

    @property
    def lease_ns(self) -> int:
        """From the beginning of a lease until Linux has surely dropped the address."""
        return self.lease_s * SECOND + LEASE_SLACK_NS

    @property
    def renew_margin_ns(self) -> int:
        """How late a renewal may begin and still end before a peer has waited long enough."""
        return max(RENEW_MARGIN_NS, self.takeover_after_ns - self.lease_ns)

    @property
    def late_after_ns(self) -> int:
        """When a heartbeat counts as late: half an interval beyond its time, or in time to ask."""
        late_ns = self.interval_ns * 3 // 2
        if self.dead_after_ns is None:
            return late_ns
        return min(late_ns, self.interval_ns + (self.dead_after_ns - self.interval_ns) // 4)

    @property
    def suspect_after_ns(self) -> int:
        """The shortest silence after which a peer may take what this node holds."""
        return self.dead_after_ns or self.takeover_after_ns

    @property
    def letting_go_ns(self) -> int:
        """What is left for letting go in order, before the peer may take."""
        return min(RENEW_MARGIN_NS, (self.suspect_after_ns - self.late_after_ns) // 2)

    @property
    def asks_others(self) -> bool:
        """Whether it matters to a holder what others say while the peer is silent."""
        return self.deniers or self.consistent or self.vote_ttl_ns is not None

    @property
    def restart_wait_ns(self) -> int:
        """How long a peer that said it is being restarted is waited for, from its last word."""
        return RESTART_LEASE_S * SECOND + LEASE_SLACK_NS + self.takeover_after_ns


ENTRIES_MAX = 48
"""Most group entries in one heartbeat: they fit 1,400 bytes beside 16 links."""

RESTART_LEASE_S = 10
"""For how long an orderly restart keeps the addresses, once the peer knows of it."""

RENEW_MARGIN_NS = 300_000_000
"""What a renewal may take from its decision to its end, in a worker that may be busy with a probe."""

LEASE_SLACK_NS = 400_000_000
"""How much later than its lifetime Linux may drop an address: 1.0-1.3, 2.0-2.3, 3.0-3.4 s were measured."""


def lease_seconds(takeover_after_ns: int) -> int:
    """The longest whole number of seconds that ends before `takeover_after_ns`.

    With the slack, and with what a renewal may take. 1 at the least: for pairs faster than that,
    evidence from the wire closes the gap.
    """
    return max(1, (takeover_after_ns - LEASE_SLACK_NS - RENEW_MARGIN_NS) // SECOND)


VOTE_TTL_MIN_S = 2
"""No etcd keeps a lease for less: its least is 1.5 times its election timeout, which is 1 s."""


def vote_seconds(takeover_after_ns: int) -> int:
    """How long a vote lasts: longer than any lease that is renewed under it.

    Else another node could be granted what the kernel of a frozen holder still has.
    """
    return max(VOTE_TTL_MIN_S, lease_seconds(takeover_after_ns) + 1)
