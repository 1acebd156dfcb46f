"""What a node knows of one group, and what the rules of all roles share.

A group is stepped only when something of it changed; what the pair as a whole knows comes in as
`Around`. Every rule is a function of both that returns the group and what it asks of the world.
"""

from dataclasses import dataclass, field
from enum import Enum

from ipfo.machine import turns
from ipfo.machine.effects import Effect, Notify, Record, RunPhase, Settle
from ipfo.machine.evolve import evolve
from ipfo.model import (
    Answer,
    Epoch,
    GroupEntry,
    GroupTerms,
    Health,
    Instant,
    Phase,
    Reason,
    Role,
    Sign,
    Terms,
)
from ipfo.model import Event as Told

RETRY_MAX_NS = 60_000_000_000
"""Longest wait between claims that fail one after the other."""

Out = tuple["Group", tuple[Effect, ...]]
"""What a rule returns."""


class Hold(Enum):
    """Where the group's addresses are, as far as this node's own doing goes."""

    OFF = "off"
    COMING = "coming"  # acquire asked
    ON = "on"
    GOING = "going"  # release asked


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the wire said when it was asked for the group's addresses."""

    asked_at: Instant
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Group:
    """One group on this node. Instants are this node's; None where there is nothing to wait for."""

    name: str
    since: Instant  # since when it has its role
    role: Role = Role.STANDBY
    reason: Reason = Reason.FIRST_CLAIM  # of the move in progress, or of the last
    claim: Epoch = Epoch(0)  # the epoch of this node's own last claim
    known: Epoch = Epoch(0)  # the highest made or heard of
    peer: GroupEntry | None = None  # what the peer said last; None: nothing in its present boot
    seen_held: bool = False  # somebody held it since this node was started
    ours_last: bool = False  # this node was the last that is known to have held it
    peer_able_at: Instant | None = None  # since when the peer could hold it, by its own word
    peer_had: bool = False  # it was a holder in its present boot, and has not been free since
    let_go_at: Instant | None = None  # when the peer, who had it, said that it is off

    hold: Hold = Hold.OFF
    leased_from: Instant | None = None  # when the lease began; None: no lease
    release_again_at: Instant | None = None  # the last release failed
    forced: bool = False  # a yielder that takes the address off before it runs pre_rel
    sweep_at: Instant = Instant(
        0
    )  # when to look whether the home address is here though it may not
    keep_home: bool = False  # a yielder that leaves its own address where it is
    unrenewed: bool = False  # the last renewal of its lease failed

    running: Phase | None = None  # the phase that has been asked for and has not ended
    tested: bool = False  # this move's test is passed
    prepared: bool = False  # this move's pre_acq is passed
    pre_acq: bool = False  # pre_acq has begun and is not undone by post_rel
    post_acq: bool = False  # post_acq has begun and is not undone by pre_rel

    giving: Reason | None = None  # a holder that would hand over, and why
    asked: str | None = None  # the node on which an administrator wants it, and waits for that
    asked_until: Instant | None = None  # and for how long
    sign: Sign = Sign.NONE
    sign_until: Instant | None = None
    linger_until: Instant | None = None  # until when the end waits for the peer to hold it

    probe_at: Instant = Instant(0)  # not to be asked again before
    probe_asked_at: Instant | None = None  # a probe that has not been answered
    evidence: Evidence | None = None
    contested_since: Instant | None = None

    setback: Health = Health.ABLE  # why the last claim failed
    tries: int = 0  # claims that failed one after the other
    retry_at: Instant | None = None

    announce_at: Instant | None = None
    announced: int = 0
    split: bool = False  # the peer holds it too, under a worse claim
    reassert: bool = False  # outside systems are to be told again who holds it

    ill: str | None = None  # what its checks on this node say; None: all is well
    moves: tuple[Instant, ...] = ()  # the last automatic ones, of both nodes
    urged: bool = False  # an administrator wants it here, whoever has been heard
    give_at: Instant = Instant(0)  # not to be given by itself before
    pushes: bool = False  # the move in progress is one that no administrator asked for
    wished_at: Instant | None = (
        None  # when an administrator's wish brought it; None: or it left again
    )
    gave: bool = False  # the last claim here ended by giving the group to the peer
    wants_fence: bool = False  # a claim that waits for the peer to be off
    shared_at: Instant | None = None  # since when the peer has it too, in a seamless handover
    gone_at: Instant | None = None  # when an address was missing that ought to be on
    put_back: tuple[Instant, ...] = ()  # when it was put back
    told: frozenset[str] = field(default=frozenset())  # what people know and need not be told again


@dataclass(frozen=True)
class Around:
    """What the pair knows, for the rules of a group; made by `node.around_group`."""

    now: Instant
    terms: Terms
    group: GroupTerms
    started_at: Instant
    heard_at: Instant  # when the peer was last heard on any link; the start, if never
    peer_ever: bool
    late: bool  # nothing came in time on any link
    silent: bool  # nothing for takeover_after
    carrier: bool  # of the group's interface
    carrier_at: Instant  # when it came; the start, if it was there
    outcast: bool
    stopping: bool
    renewed_at: Instant | None  # when all leases held were renewed last
    drift: bool  # the peer's config is another
    peer_knows: bool  # the peer has heard a heartbeat of ours with the present claim in it
    back_at: Instant  # when the peer was heard again after a silence
    listen_until: Instant  # after a start or a pause: not to be decided before
    slept_at: Instant  # when this node woke from a pause that was longer than a lease
    deaf: bool  # the peer lives and hears us on no link
    unheard: bool  # and has not for so long that it may be about to take what we hold
    alone: bool  # the peer is silent, or we to it, for as long as a holder may ignore it
    reached: bool  # a witness that could deny was reached since the peer was heard
    voted_until: Instant | None  # until when the voter keeps the group for us
    denied: str | None  # why the voter does not
    vote_lost: str | None  # why it could not be asked
    vote_known: bool  # it has answered, in whatever way, since the present claim
    fenced: bool  # the peer is surely off
    maintenance: bool  # nothing is to move by itself

    @property
    def preferred(self) -> bool:
        """Whether the group belongs here, all else being equal."""
        return self.group.preferred == self.terms.node

    @property
    def at_home(self) -> bool:
        """Whether the group's address is this node's own."""
        return self.group.home == self.terms.node

    @property
    def silence_ms(self) -> int:
        """How long the peer has been silent."""
        return (self.now - self.heard_at) // 1_000_000


def health(group: Group, a: Around) -> Health:
    """Whether this node could hold `group` now, and if not, the first reason why."""
    if a.stopping:
        return Health.STOPPING
    if a.outcast:
        return Health.OUTCAST
    if not a.carrier:
        return Health.CARRIER
    if is_frozen(group, a) and (group.role is Role.HOLDER or not group.ours_last):
        return Health.FROZEN
    if group.retry_at is not None and a.now < group.retry_at:
        return group.setback
    if a.silent and not a.reached:
        return Health.ISOLATED
    if a.now < a.listen_until:
        return Health.LISTENING
    return Health.ABLE if group.ill is None else Health.ILL


def can_claim(group: Group, a: Around) -> bool:
    """Whether this node could take `group` now: one that is ill is better than none."""
    return health(group, a) in (Health.ABLE, Health.ILL)


def is_frozen(group: Group, a: Around) -> bool:
    """Whether it has moved by itself so often of late that it stays where it is (design 7.9)."""
    if len(group.moves) < a.group.max_moves:
        return False
    return a.now < group.moves[-a.group.max_moves] + a.group.per_ns


def count_move(group: Group, a: Around) -> Out:
    """Note an automatic move, by whichever node; people are told of the one that freezes."""
    counted = evolve(group, moves=(*group.moves, a.now)[-a.group.max_moves :])
    if not is_frozen(counted, a):
        return forget(counted, "frozen"), ()
    per_s = a.group.per_ns // 1_000_000_000
    headline = f"{group.name} is frozen: it moved {a.group.max_moves} times by itself in {per_s} s"
    detail = "it stays where it is until that is over, or `ipfo resume` is given on both nodes"
    return tell_once(counted, "frozen", notice(counted, Told.FAILURE, headline, detail))


def thawed(group: Group) -> Group:
    """`group`, which an administrator looks after now: what moved by itself before is forgotten."""
    return forget(evolve(group, moves=()), "frozen")


def may_move_itself(group: Group, a: Around) -> bool:
    """Whether anything but an administrator may move `group`."""
    return not a.maintenance and not is_frozen(group, a)


def may_take(group: Group, a: Around) -> bool:
    """Whether a node without `group` may claim it: who had it last takes it back, which is no move."""
    return group.urged or group.ours_last or may_move_itself(group, a)


def turn(group: Group, a: Around, role: Role, rule: str, *inputs: tuple[str, str | int]) -> Out:
    """`group` in another role, and the record of it: the rule that fired and what it looked at."""
    turns.check(group.role, role)
    epoch = group.claim if role is not Role.STANDBY else group.known
    record = Record("turn", rule, group.name, group.role, role, epoch, inputs)
    return evolve(group, role=role, since=a.now), (record,)


def step_phase(group: Group, phase: Phase, *, acquire: bool) -> Out:
    """`group`, waiting for `phase`."""
    assert group.running is None, f"{phase.value} would overlap {group.running}"
    ask = RunPhase(group.name, phase, group.claim, acquire, group.reason)
    record = Record(phase.value, "phase begins", group.name, epoch=group.claim)
    return evolve(group, running=phase), (record, ask)


def lease_ends(group: Group, a: Around) -> Instant | None:
    """When the kernel has surely dropped the address by itself; None: never.

    Until then a renewal is still in time: a peer that heard the heartbeat before waits longer.
    """
    if group.leased_from is None:
        return None
    began = group.leased_from
    if is_renewed(group) and not group.unrenewed and a.renewed_at is not None:
        began = max(began, a.renewed_at)
    return Instant(began + a.terms.lease_ns)


def is_moving(group: Group) -> bool:
    """Whether the group is between two states that it could stay in."""
    return (
        group.role in (Role.CLAIMANT, Role.YIELDER)
        or group.giving is not None
        or group.running is not None
        or group.hold in (Hold.COMING, Hold.GOING)
    )


def is_renewed(group: Group) -> bool:
    """Whether renewals keep the address on: a lease is held, and its release was not asked yet."""
    leased = group.hold is Hold.ON and group.leased_from is not None
    return leased and group.release_again_at is None


def peer_holds(group: Group, a: Around) -> bool:
    """Whether the peer says, and lives to say, that it has the address."""
    return not a.silent and group.peer is not None and group.peer.role is Role.HOLDER


def peer_claims(group: Group, a: Around) -> bool:
    """Whether the peer has the address, or is about to take it."""
    if a.silent or group.peer is None:
        return False
    return group.peer.role in (Role.CLAIMANT, Role.HOLDER)


def peer_offers(group: Group, a: Around) -> bool:
    """Whether the peer has the address and would give it."""
    offers = (Sign.OFFER, Sign.PUSH, Sign.SHARE)
    return peer_holds(group, a) and group.peer is not None and group.peer.sign in offers


def peer_is_free(group: Group, a: Around) -> bool:
    """Whether the peer lives and says that it does not have the address (any more)."""
    if a.silent or group.peer is None:
        return False
    if group.peer.role in (Role.STANDBY, Role.OUTCAST):
        return True
    return group.peer.role is Role.YIELDER and group.peer.sign is Sign.RELEASED


def peer_beats(group: Group, a: Around) -> bool:
    """Whether the peer's claim is better: the higher epoch, and where they are equal a tie-break."""
    assert group.peer is not None
    if group.peer.epoch != group.claim:
        return group.peer.epoch > group.claim
    return not wins_ties(a)


def wins_ties(a: Around) -> bool:
    """Whether this node goes before its peer, all else being equal: the preferred one does.

    Two configs that differ may each prefer another node, and then both would win or both lose: so
    while they differ the names decide, which both have.
    """
    return a.terms.node < a.terms.peer if a.drift else a.preferred


def unlike(group: Group, a: Around) -> str:
    """Why nothing is done with a group that has other addresses in the peer's config."""
    differ = "as it is here: the two configurations differ" if a.drift else "yet"
    return f"{a.terms.peer} does not know {group.name} {differ}"


def tell_once(group: Group, what: str, notice: Notify) -> Out:
    """Tell people, unless they know `what` already."""
    if what in group.told:
        return group, ()
    return evolve(group, told=group.told | {what}), (notice,)


def forget(group: Group, *what: str) -> Group:
    """`group`, of which people will be told `what` again."""
    return evolve(group, told=group.told - set(what)) if group.told & set(what) else group


def notice(group: Group, event: Told, headline: str, detail: str = "") -> Notify:
    """A notice about `group` as it is now."""
    return Notify(event, headline, detail, group.name, group.role, group.claim, group.reason)


def settle(group: Group, *, done: bool, why: str) -> Out:
    """Answer the administrator who waits, if one does."""
    if group.asked is None:
        return group, ()
    return evolve(group, asked=None, asked_until=None), (Settle(group.name, done, why),)


def order(group: Group, a: Around, to: str) -> Group:
    """`group`, which an administrator wants on `to`; whatever becomes of it, he gets an answer."""
    return evolve(group, asked=to, asked_until=Instant(a.now + order_lasts_ns(a)))


def sign_lasts_ns(a: Around) -> int:
    """How long a refusal is shown: a few heartbeats, so that a lost one does not matter."""
    return 4 * a.terms.interval_ns


def offer_lasts_ns(a: Around) -> int:
    """How long a handover may take: the test and pre_acq of the peer, and some heartbeats."""
    return 2 * (a.group.phase_timeout_ns + a.terms.takeover_after_ns)


def order_lasts_ns(a: Around) -> int:
    """How long an administrator waits at most: an offer, and the phases of both nodes after it."""
    return 2 * offer_lasts_ns(a)


def set_back(group: Group, a: Around, setback: Health) -> Group:
    """`group`, not to be claimed here for a while, the longer the oftener it failed."""
    delay_ns = min(RETRY_MAX_NS, a.terms.takeover_after_ns << min(group.tries, 16))
    retry_at = Instant(a.now + max(delay_ns, a.terms.takeover_after_ns))
    return evolve(group, setback=setback, tries=group.tries + 1, retry_at=retry_at)


def has_vote(a: Around) -> bool:
    """Whether the voter keeps the group for us, so that nobody else can take it."""
    return a.voted_until is not None and a.now < a.voted_until - a.terms.letting_go_ns


def expired(at: Instant | None, a: Around) -> bool:
    """Whether `at` is past."""
    return at is not None and a.now >= at
