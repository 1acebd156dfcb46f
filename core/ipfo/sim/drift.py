"""Two configurations of one pair that differ in what a group stands for: as files do that are edited.

Timings are alike, and so are home addresses: those belong to hosts.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random  # noqa: TID251 - seeded: a world is its seed

from ipfo.sim.settings import GroupSettings

Groups = tuple[GroupSettings, ...]
Making = Callable[[Random, str], GroupSettings]


def two_configs(chance: Random, groups: Groups, making: Making) -> tuple[Groups, Groups]:
    """The first and the other; which of them is the elder is left to chance."""
    phases = groups[0].phases  # what is joined or parted has them before and after
    groups = tuple(replace(group, members=group.parts, phases=phases) for group in groups)
    ways = (_one_more, _another_address, _one_address_more, _moved, _joined)
    other = chance.choice(ways)(chance, groups, making)
    if other == groups:
        other = _one_more(chance, groups, making)
    return (groups, other) if chance.random() < 0.6 else (other, groups)


def _floating(groups: Groups) -> list[int]:
    return [number for number, group in enumerate(groups) if group.home is None]


def _with(groups: Groups, number: int, group: GroupSettings) -> Groups:
    return (*groups[:number], group, *groups[number + 1 :])


def _one_more(chance: Random, groups: Groups, making: Making) -> Groups:
    more = replace(making(chance, "more"), home=None)
    return (*groups, replace(more, members=more.parts))


def _another_address(chance: Random, groups: Groups, _: Making) -> Groups:
    return _readdressed(chance, groups, keeping=False)


def _one_address_more(chance: Random, groups: Groups, _: Making) -> Groups:
    return _readdressed(chance, groups, keeping=True)


def _readdressed(chance: Random, groups: Groups, *, keeping: bool) -> Groups:
    floating = _floating(groups)
    if not floating:
        return groups
    number = chance.choice(floating)
    (name, addresses), *rest = groups[number].members
    now = (*addresses, "new") if keeping else ("new", *addresses[1:])
    return _with(groups, number, replace(groups[number], members=((name, now), *rest)))


def _moved(chance: Random, groups: Groups, _: Making) -> Groups:
    """An address goes from one group to another; a group with none left is gone."""
    floating = _floating(groups)
    if len(floating) < 2:
        return groups
    source, target = chance.sample(floating, 2)
    *kept, (name, addresses) = groups[source].members
    left = (*kept, (name, addresses[:-1])) if len(addresses) > 1 else tuple(kept)
    (first, has), *rest = groups[target].members
    moved = ((first, (*has, addresses[-1])), *rest)
    groups = _with(groups, target, replace(groups[target], members=moved))
    if left:
        return _with(groups, source, replace(groups[source], members=left))
    return (*groups[:source], *groups[source + 1 :])


def _joined(chance: Random, groups: Groups, _: Making) -> Groups:
    """`with = [...]`: two groups become one unit, which moves as a whole."""
    floating = _floating(groups)
    if len(floating) < 2:
        return groups
    first, second = sorted(chance.sample(floating, 2))
    members = (*groups[first].members, *groups[second].members)
    groups = _with(groups, first, replace(groups[first], members=members))
    return (*groups[:second], *groups[second + 1 :])
