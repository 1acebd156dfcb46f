"""Which groups stay together: ``with`` in one of them is enough, and it goes on from group to group.

A unit bears the name of its first group, in the order of the file.
"""

from collections.abc import Mapping

from ipfo.config.draft import Draft


def units(draft: Draft) -> Mapping[str, tuple[str, ...]]:
    """The members of each unit by its name, in the order of the file; most have one."""
    names = draft.names("groups")
    unit_of = {name: name for name in names}
    for name in names:
        for other in partners(draft, name):
            joined = {unit_of[name], unit_of[other]}
            first = min(joined, key=names.index)
            unit_of = {each: first if unit in joined else unit for each, unit in unit_of.items()}
    return {
        first: tuple(name for name in names if unit_of[name] == first)
        for first in dict.fromkeys(unit_of.values())
    }


def partners(draft: Draft, group: str) -> list[str]:
    """The other groups that ``with`` of `group` names, as far as there are such."""
    found = draft.get("groups", group, "with") or ()
    return [name for name in found if name in draft.names("groups") and name != group]
