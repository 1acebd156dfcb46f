"""Names and their short ids on the wire. An id is a hash, so both nodes know it without asking.

Nothing here depends on the order in which the config names things: nodes whose configs have
drifted apart still agree on the ids of what both of them know.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from ipfo.model import Terms

ID_BYTES = 4
"""Of a node, a link, a group, a key. A hundred names collide once in a million configs."""

PAIR_ID_BYTES = 8
"""Of a pair. Longer, since pairs on one wire are not in one config, so nobody can check them."""

LINKS_MAX = 16
"""Links of a pair. Four are many; with a bound, so is the room left for groups in a datagram."""


def short_id(kind: str, name: str, size: int = ID_BYTES) -> bytes:
    """The id of `name`; equal names of different kinds have different ids."""
    return sha256(f"{kind}\0{name}".encode()).digest()[:size]


@dataclass(frozen=True, slots=True)
class Names:
    """All names that a heartbeat of this pair may hold, as seen from `node`, both ways.

    What a group stands for goes into its id: a group that has other addresses in the peer's config
    is one that the peer does not know, and so nothing that is said of the one moves the other.

    :raises ValueError: if two names of one kind have one id, or there are more than `LINKS_MAX`
        links; its text says which, for the config's check to show.
    """

    pair: str
    node: str
    peer: str
    links: tuple[str, ...]
    groups: tuple[str, ...]
    stand_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pair_id: bytes = field(init=False, repr=False, compare=False)
    node_ids: Mapping[str, bytes] = field(init=False, repr=False, compare=False)
    link_ids: Mapping[str, bytes] = field(init=False, repr=False, compare=False)
    group_ids: Mapping[str, bytes] = field(init=False, repr=False, compare=False)
    nodes_by_id: Mapping[bytes, str] = field(init=False, repr=False, compare=False)
    links_by_id: Mapping[bytes, str] = field(init=False, repr=False, compare=False)
    groups_by_id: Mapping[bytes, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out the ids, once."""
        if len(self.links) > LINKS_MAX:
            raise ValueError(f"{len(self.links)} links; a heartbeat has room for {LINKS_MAX}")
        # A frozen dataclass has no other way to fill in what follows from its fields.
        put = object.__setattr__
        put(self, "pair_id", short_id("pair", self.pair, PAIR_ID_BYTES))
        of_kind = {"node": (self.node, self.peer), "link": self.links, "group": self.groups}
        for kind, names in of_kind.items():
            by_id = _by_id(kind, names, self.stand_for if kind == "group" else {})
            put(self, f"{kind}s_by_id", by_id)
            put(self, f"{kind}_ids", {name: name_id for name_id, name in by_id.items()})

    @classmethod
    def of(cls, terms: Terms) -> "Names":
        """The names of the pair that `terms` describe."""
        stand_for = {
            name: (*group.stands_for, *([group.home] if group.home is not None else []))
            for name, group in terms.groups.items()
        }
        groups = tuple(terms.groups)
        return cls(terms.pair, terms.node, terms.peer, terms.links, groups, stand_for)


def _by_id(
    kind: str, names: Iterable[str], stand_for: Mapping[str, tuple[str, ...]]
) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for name in names:
        name_id = short_id(kind, "\0".join((name, *stand_for.get(name, ()))))
        if name_id in found:
            raise ValueError(
                f"the {kind}s {found[name_id]!r} and {name!r} look alike on the wire: rename one"
            )
        found[name_id] = name
    return found
