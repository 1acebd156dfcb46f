"""Which units share an `addresses` worker: those of one provider; another's that hangs must not hold them up.

A unit of groups with several providers is put on as a whole, so its providers share one, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST = "addresses"


@dataclass(frozen=True, slots=True)
class Part:
    """What one `addresses` worker looks after. `name`: among a node's workers."""

    name: str
    providers: frozenset[str]
    units: tuple[str, ...]

    @property
    def is_first(self) -> bool:
        """Whether it has the plain name; it looks after what nobody else would, too."""
        return self.name == FIRST

    def to_json(self) -> dict[str, Any]:
        """For the set-up of its worker: a later document may have the groups in another order."""
        return {"name": self.name, "providers": sorted(self.providers), "units": list(self.units)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Part":
        """What `to_json` made."""
        return cls(given["name"], frozenset(given["providers"]), tuple(given["units"]))


def parts(groups: Mapping[str, Mapping[str, Any]]) -> tuple[Part, ...]:
    """The parts of a document's `groups`, in its order; where there are none, one for what an earlier run left.

    The first has the plain name: most nodes have no other.
    """
    providers: dict[str, dict[str, None]] = {}  # by unit, in order
    for group in groups.values():
        providers.setdefault(group["unit"], {})[group["provider"]] = None
    joined: list[tuple[dict[str, None], list[str]]] = []
    for unit, wanted in providers.items():
        near = [part for part in joined if not part[0].keys().isdisjoint(wanted)]
        names, units = near[0] if near else ({}, [])
        for other in near[1:]:
            names |= other[0]
            units += other[1]
            joined.remove(other)
        names |= wanted
        units.append(unit)
        if not near:
            joined.append((names, units))
    first, *rest = joined or [({}, [])]
    return (
        Part(FIRST, frozenset(first[0]), tuple(first[1])),
        *(
            Part(f"{FIRST}:{'+'.join(names)}", frozenset(names), tuple(units))
            for names, units in rest
        ),
    )
