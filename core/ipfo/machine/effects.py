"""What a node may ask of the world. The engine carries effects out at once and in this order."""

from dataclasses import dataclass, field

from ipfo.model import Epoch, Heartbeat, Instant, Phase, Reason, Role
from ipfo.model import Event as Told


@dataclass(frozen=True, slots=True)
class SendHeartbeat:
    """Seal `heartbeat` and send it on its link. Answered by nothing."""

    heartbeat: Heartbeat


@dataclass(frozen=True, slots=True)
class RunPhase:
    """Call the participants of `phase` in config order. Answered by exactly one `PhaseEnded`."""

    group: str
    phase: Phase
    epoch: Epoch
    acquire: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class Acquire:
    """Put the group's addresses on, all or none, record it, and announce. Answered by `Acquired`.

    Not begun after `good_until`: then it has failed.
    """

    group: str
    epoch: Epoch
    good_until: Instant


@dataclass(frozen=True, slots=True)
class Renew:
    """Renew the leases of `groups`, unless `good_until` is past. Answered by `Renewed`.

    A group that is held without a lease is only looked for. `lease_s` is longer than usual only
    before a restart that the peer knows of.
    """

    groups: tuple[str, ...]
    asked_at: Instant
    good_until: Instant
    lease_s: int


@dataclass(frozen=True, slots=True)
class Release:
    """Take the group's addresses off; none there is well done. Answered by `Released`.

    Until that is answered well, no `Renew` may touch the group.
    """

    group: str
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Sweep:
    """Take the home address off if it is here: the peer claims it. Answered by `Swept`."""

    group: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the neighbours where the group's addresses are. Answered by nothing."""

    group: str
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask the wire who has the group's addresses; at most `timeout_ns`. Answered by `Probed`."""

    group: str
    asked_at: Instant
    timeout_ns: int


@dataclass(frozen=True, slots=True)
class ProbePeer:
    """Ask the wire of each link for the peer's own address there. Answered by `PeerProbed`."""

    asked_at: Instant
    timeout_ns: int


@dataclass(frozen=True, slots=True)
class AskWitnesses:
    """Ask all witnesses that can deny, together; at most `timeout_ns`. Answered by `WitnessesAsked`."""

    asked_at: Instant
    timeout_ns: int


@dataclass(frozen=True, slots=True)
class Vote:
    """Have the voter keep `claims` (group and epoch) for this node. Answered by `Voted`.

    What it grants is good for `Terms.vote_ttl_ns` from `asked_at`, and ends by itself.
    """

    asked_at: Instant
    claims: tuple[tuple[str, Epoch], ...]
    timeout_ns: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The voter need not keep the group for this node any longer. Answered by nothing."""

    group: str
    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Fence:
    """Make sure that the peer is off. Answered by `Fenced`."""

    asked_at: Instant


@dataclass(frozen=True, slots=True)
class Record:
    """Store one line of history: what happened to `group` (or the pair), by which rule, from what.

    `inputs` are the figures that the rule looked at, by name; durations in ms.
    """

    what: str
    rule: str
    group: str | None = None
    was: Role | None = None
    role: Role | None = None
    epoch: Epoch = Epoch(0)
    inputs: tuple[tuple[str, str | int], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell people, at least once."""

    event: Told
    headline: str
    detail: str = ""
    group: str | None = None
    role: Role | None = None
    epoch: Epoch = Epoch(0)
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Settle:
    """What an administrator asked for has come to an end. Answered by nothing."""

    group: str | None
    done: bool
    why: str


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is held any more and the daemon was asked to stop: it may end."""


@dataclass(frozen=True, slots=True)
class Restart:
    """The daemon may be replaced now: what it holds stays, and the peer knows. Like `End`."""


Effect = (
    SendHeartbeat
    | RunPhase
    | Acquire
    | Renew
    | Release
    | Sweep
    | Announce
    | Probe
    | ProbePeer
    | AskWitnesses
    | Vote
    | Withdraw
    | Fence
    | Record
    | Notify
    | Settle
    | End
    | Restart
)
