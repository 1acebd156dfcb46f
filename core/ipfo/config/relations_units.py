"""Relations between groups that stay together: to move as one they must be told the same.

What their members must agree on is what the pair decides once for all of them.
"""

from collections.abc import Iterator
from typing import Any

from ipfo.config import durations
from ipfo.config.draft import Draft
from ipfo.config.faults import Fault, show
from ipfo.config.units import partners, units
from ipfo.plugin.vetting import nearest

ALIKE = (
    "preferred",
    "contested",
    "failback",
    "failback_after",
    "handover",
    "max_moves",
    "per",
    "announce_every",
)
"""The keys that all groups of a unit must have alike."""

_DURATIONS = frozenset({"failback_after", "per", "announce_every"})


def faults(draft: Draft) -> Iterator[Fault]:
    """What must not be among groups that stay together."""
    for group in draft.names("groups"):
        yield from _name_faults(draft, group)
    for first, *others in units(draft).values():
        if others:
            yield from _home_faults(draft, [first, *others])
            yield from _difference_faults(draft, first, others)


def _name_faults(draft: Draft, group: str) -> Iterator[Fault]:
    path, names = ("groups", group, "with"), draft.names("groups")
    others = [name for name in names if name != group]
    for index, name in enumerate(draft.get(*path) or ()):
        if name == group:
            yield Fault((*path, index), f"{show(name)} is this group itself; name the others")
        elif draft.get(*path, index) is not None and name not in draft.get("groups"):
            hint = nearest(name, others) or _known(others)
            yield Fault((*path, index), f"{show(name)} is no group of this file{hint}")


def _known(others: list[str]) -> str:
    return f"; known here: {', '.join(others)}" if others else ", which has no other"


def _home_faults(draft: Draft, members: list[str]) -> Iterator[Fault]:
    for name in members:
        if draft.get("groups", name, "home") is None:
            continue
        others = " and ".join(each for each in members if each != name)
        own = partners(draft, name)
        yield Fault(
            ("groups", name, "with" if own else "home"),
            f"a home group cannot stay together with {others}: its address is its home node's"
            f' own, and goes back to it alone; take it out of "with"',
        )


def _difference_faults(draft: Draft, first: str, others: list[str]) -> Iterator[Fault]:
    for key in ALIKE:
        for other in others:
            paths = [("groups", name, key) for name in (first, other)]
            if draft.bad.intersection(paths):
                continue
            if key == "preferred" and any(draft.get("groups", n, "home") for n in (first, other)):
                continue  # that it is a home group is told already
            here, there = (_value(draft, name, key) for name in (other, first))
            if here == there:
                continue
            # at the one that says it; what neither says is alike
            name, than = (other, first) if draft.get(*paths[1]) is not None else (first, other)
            mine, its = (here, there) if name == other else (there, here)
            yield Fault(
                ("groups", name, key),
                f"{_shown(key, mine)} here, but {_shown(key, its)} in group {than}, with which it"
                " stays together; give both the same",
            )


def _value(draft: Draft, group: str, key: str) -> Any:  # noqa: ANN401 - whatever the key has
    if key in _DURATIONS:
        return draft.duration("groups", group, key)
    found = draft.value("groups", group, key)
    if key == "preferred" and found is None and draft.nodes is not None:
        return draft.nodes[0]
    return found


def _shown(key: str, value: Any) -> str:  # noqa: ANN401 - whatever the key has
    return show(durations.text(value) if key in _DURATIONS else value)
