"""What a node knows: of its links, of its peer, of each group. Equal nodes, given equal events, stay equal."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from ipfo.machine.group import Around, Group, Hold
from ipfo.machine.links import Link
from ipfo.model import SECOND, Epoch, GroupEntry, GroupTerms, Instant, LinkState, Role, Terms


@dataclass(frozen=True)
class Node:
    """The whole state of one node; `step` makes the next one from it."""

    started_at: Instant
    links: Mapping[str, Link]
    groups: Mapping[str, Group]
    beat_at: Instant  # when the next heartbeat is due
    heard_at: Instant  # when the peer was last heard on any link; the start, if never
    peer_boot: int | None = None
    peer_digest: int = 0  # over what the peer said of its groups
    peer_sent_at: Instant = Instant(0)  # the peer's clock in the newest heartbeat taken in
    peer_config: int | None = None  # the digest of its config
    heard_ever: bool = False
    back_at: Instant = Instant(0)  # when the peer was heard again after a silence
    late: bool = False
    silent: bool = False
    peer_heard_us_at: Instant | None = None  # when it last did, by its echoes; None: never
    peer_deaf: bool = False  # the peer hears us on no link
    peer_restarting: bool = False  # it said that it is being replaced
    maintenance: bool = False  # asked for here
    peer_maintenance: bool = False  # asked for there, when the peer was last heard
    restarting_at: Instant | None = None  # since when we tell that we are being replaced
    restart_known: bool = False  # the peer has heard of it
    restart_asked_renewal: bool = False  # for the leases that are to last until it is over
    listen_until: Instant = Instant(0)  # start, or the end of a pause, plus what is to be listened
    slept_at: Instant = Instant(0)  # when it woke from a pause after which nothing counts
    alone: bool = False  # no word of the peer, or of us to it, for as long as a holder may ignore
    unheard: bool = False  # the peer lives, and may be about to take what we hold

    ask_at: Instant = Instant(0)  # the peer is late: when to ask it again
    asked: int = 0  # how often, since it was heard
    peer_probe_asked_at: Instant | None = None  # not answered yet
    peer_probe_at: Instant = Instant(0)  # when the last that was answered was asked
    peer_answered: bool | None = None  # what the wire said; None: it could not be asked

    witness_asked_at: Instant | None = None  # not answered yet
    witness_at: Instant = Instant(0)  # when to ask again
    reached: bool = True
    reached_at: Instant = Instant(0)  # when that was asked
    witness_why: str = ""
    vote_asked_at: Instant | None = None  # not answered yet
    vote_at: Instant = Instant(0)  # when to ask again
    voted_at: Instant = Instant(0)  # when the last that was answered was asked
    asked_for: Mapping[str, Epoch] = field(default_factory=dict)  # the claims in it
    votes: Mapping[str, Instant] = field(default_factory=dict)  # until when, by group
    denied: Mapping[str, str] = field(default_factory=dict)  # why, by group
    vote_lost: str | None = None  # why the voter could not be asked

    fence_asked_at: Instant | None = None  # not answered yet
    fence_at: Instant | None = None  # when to shoot
    fenced: bool = False  # since the peer was heard
    down: frozenset[str] = frozenset()  # interfaces without carrier
    up_at: Mapping[str, Instant] = field(default_factory=dict)  # when one came back
    outcast: bool = False
    standby_asked: bool = False
    stopping: bool = False
    renew_asked_at: Instant | None = None  # a renewal that has not been answered
    renewed_at: Instant | None = None  # when the last good one began
    holds: bool = False  # any address is on
    lapses_at: Instant | None = None  # when the first lease held may run out
    renew_due_at: Instant = Instant(0)
    said: Mapping[str, GroupEntry] = field(default_factory=dict)  # our entries, as sent
    digest: int = 0  # over `said`
    claimants: Mapping[str, None] = field(
        default_factory=dict
    )  # groups that wait for the peer to know of a claim
    carried: Mapping[str, tuple[Instant, ...]] = field(default_factory=dict)  # when, by claimant
    known_claims: frozenset[str] = frozenset()  # claims that the peer has heard of
    hot: Mapping[str, int] = field(default_factory=dict)  # how often an entry is still to be sent
    rotation: int = 0  # whose turn it is among the entries that did not change
    wakes: Mapping[str, Instant] = field(default_factory=dict)  # by group
    wakes_at: Instant | None = None  # the earliest of them
    told: frozenset[str] = frozenset()
    due_at: Instant = Instant(0)  # when to be stepped, if nothing happens first
    stepped_at: Instant = Instant(0)
    ended: bool = False


def around(node: Node, name: str, now: Instant, terms: Terms) -> Around:
    """What the rules of the group `name` may know of the pair."""
    return around_group(pair_part(node, now, terms), node, name)


Part = Mapping[str, Any]
"""Those fields of an `Around` that are the same for all groups."""


def pair_part(node: Node, now: Instant, terms: Terms) -> Part:
    """What all groups may know of the pair: worked out once, however many of them are looked at."""
    return {
        "now": now,
        "terms": terms,
        "started_at": node.started_at,
        "heard_at": node.heard_at,
        "peer_ever": node.peer_boot is not None,
        "late": node.late,
        "silent": node.silent,
        "outcast": node.outcast,
        "stopping": node.stopping,
        "renewed_at": node.renewed_at,
        "drift": node.peer_config not in (None, terms.config_digest),
        "back_at": node.back_at,
        "listen_until": node.listen_until,
        "slept_at": node.slept_at,
        "deaf": node.peer_deaf and not node.silent,
        "unheard": node.unheard and not node.silent,
        "alone": node.alone,
        "reached": not terms.deniers or (node.reached and node.reached_at >= _doubt_since(node)),
        "vote_lost": node.vote_lost,
        "fenced": node.fenced,
        "maintenance": node.maintenance or node.peer_maintenance,
    }


def around_group(part: Part, node: Node, name: str) -> Around:
    """`part`, with what concerns the group `name` alone."""
    group = part["terms"].groups[name]
    asked_for = node.asked_for.get(name)
    made = object.__new__(Around)
    made.__dict__.update(
        part,
        group=group,
        carrier=not node.down or node.down.isdisjoint(group.interfaces),
        carrier_at=_carrier_at(node, group),
        peer_knows=name in node.known_claims,
        voted_until=node.votes.get(name),
        denied=node.denied.get(name),
        vote_known=asked_for is not None
        and asked_for == node.groups[name].claim
        and node.vote_asked_at is None,
    )
    assert len(made.__dict__) == AROUND_FIELDS
    return made


AROUND_FIELDS = len(fields(Around))


def _carrier_at(node: Node, group: GroupTerms) -> Instant:
    if not node.up_at:
        return node.started_at
    up_at = (node.up_at.get(each, node.started_at) for each in group.interfaces)
    return max(up_at, default=node.started_at)


def alone_at(node: Node, terms: Terms) -> Instant | None:
    """When a holder must know from others that it may go on; None: it need not ask any.

    Before the peer, who may hear as little of us, can have taken what we hold. The peer counts from
    our last word that it has heard, which may be an interval before its last word to us; but a
    witness must have had the time to answer since the peer is late. That the peer is being
    restarted is no reason to wait longer: its next run waits no longer than any other.
    """
    if not terms.asks_others:
        return None
    wait_ns = terms.suspect_after_ns - terms.letting_go_ns
    heard_us_at = node.peer_heard_us_at
    if heard_us_at is None or heard_us_at >= node.heard_at:
        return Instant(node.heard_at + wait_ns)
    if node.peer_deaf:
        return Instant(heard_us_at + wait_ns)
    asked_ns = terms.late_after_ns + witness_timeout_ns(terms)
    counts_from_us = max(heard_us_at + wait_ns, node.heard_at + asked_ns)
    return Instant(min(node.heard_at + wait_ns, counts_from_us))


WITNESS_MIN_NS = 20_000_000
WITNESS_MAX_NS = SECOND
"""How long witnesses may take: a third of the time between a late heartbeat and a takeover."""


def witness_timeout_ns(terms: Terms) -> int:
    """How long one question may take, so that two more fit in before the silence is full."""
    window = terms.suspect_after_ns - terms.late_after_ns
    return max(WITNESS_MIN_NS, min(WITNESS_MAX_NS, window // 3))


def unheard_at(node: Node, terms: Terms) -> Instant | None:
    """When a peer that does not hear us may take what we hold; None: it does, or never has."""
    if not node.peer_deaf or node.peer_heard_us_at is None:
        return None
    return Instant(node.peer_heard_us_at + terms.suspect_after_ns - terms.letting_go_ns)


def _doubt_since(node: Node) -> Instant:
    """Since when nobody was sure of the peer: what a witness said before is of no use."""
    if node.peer_deaf and node.peer_heard_us_at is not None:
        return min(node.heard_at, node.peer_heard_us_at)
    return node.heard_at


@lru_cache(maxsize=4096)
def entry_digest(said: GroupEntry) -> int:
    """64 bits over `said`. Those of all groups are joined by exclusive or, so order is no matter."""
    text = f"{said.group}|{said.role.value}|{said.epoch}|{said.health.value}|{said.sign.value}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def out_of_service(node: Node, terms: Terms) -> frozenset[str]:
    """Links that cannot work now because their home address is with the other node (design 7.11)."""
    away: set[str] = set()
    for name, group in terms.groups.items():
        if not group.links_of_home:
            continue
        mine = node.groups[name]
        theirs = mine.peer.role if mine.peer is not None else None
        if group.home == terms.node:
            gone = theirs in (Role.HOLDER, Role.CLAIMANT) and mine.hold is not Hold.ON
        else:
            gone = mine.hold is not Hold.OFF
        if gone:
            away |= group.links_of_home
    return frozenset(away)


def heard_links(node: Node) -> tuple[str, ...]:
    """The links on which we hear the peer in time."""
    return tuple(
        name for name, link in node.links.items() if link.ever_heard and link.state is LinkState.UP
    )
