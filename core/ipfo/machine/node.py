"""What a node knows: of its links, of its peer, of each group. Equal nodes, given equal events, stay equal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from ipfo.machine.group import Around, Group, Hold
from ipfo.machine.links import Link
from ipfo.model import GroupEntry, Instant, LinkState, Role, Terms


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
    down: frozenset[str] = frozenset()  # interfaces without carrier
    up_at: Mapping[str, Instant] = field(default_factory=dict)  # when one came back
    outcast: bool = False
    standby_asked: bool = False
    stopping: bool = False
    renew_asked_at: Instant | None = None  # a renewal that has not been answered
    renewed_at: Instant | None = None  # when the last good one began
    lapses_at: Instant | None = None  # when the first lease held may run out
    renew_due_at: Instant = Instant(0)
    said: Mapping[str, GroupEntry] = field(default_factory=dict)  # our entries, as sent
    digest: int = 0  # over `said`
    claimants: tuple[str, ...] = ()  # groups that wait for the peer to know of a claim
    carried: Mapping[str, tuple[Instant, ...]] = field(default_factory=dict)  # when, by claimant
    known_claims: frozenset[str] = frozenset()  # claims that the peer has heard of
    hot: Mapping[str, int] = field(default_factory=dict)  # how often an entry is still to be sent
    rotation: int = 0  # whose turn it is among the entries that did not change
    wakes: Mapping[str, Instant] = field(default_factory=dict)  # by group
    wakes_at: Instant | None = None  # the earliest of them
    told: frozenset[str] = frozenset()
    stepped_at: Instant = Instant(0)
    ended: bool = False


def around(node: Node, name: str, now: Instant, terms: Terms) -> Around:
    """What the rules of the group `name` may know of the pair."""
    group = terms.groups[name]
    return Around(
        now=now,
        terms=terms,
        group=group,
        started_at=node.started_at,
        heard_at=node.heard_at,
        peer_ever=node.peer_boot is not None,
        late=node.late,
        silent=node.silent,
        carrier=node.down.isdisjoint(group.interfaces),
        carrier_at=max(
            (node.up_at.get(each, node.started_at) for each in group.interfaces),
            default=node.started_at,
        ),
        outcast=node.outcast,
        stopping=node.stopping,
        renewed_at=node.renewed_at,
        drift=node.peer_config not in (None, terms.config_digest),
        peer_knows=name in node.known_claims,
    )


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
