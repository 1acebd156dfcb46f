"""Two configurations that differ are both such as a pair could have, and a start reads the one that lies there."""

from random import Random  # noqa: TID251 - seeded

import pytest

from ipfo.sim.drift import two_configs
from ipfo.sim.plans import plan
from ipfo.sim.settings import GroupSettings
from ipfo.sim.story import parse, tell

SEEDS = range(60)

BOTH = """
pair interval=1s takeover_after=3s
group web members=web:a
group db members=db:b
other group web members=web:a;db:b
"""


def making(_: Random, name: str) -> GroupSettings:
    return GroupSettings(name, "beta")


@pytest.mark.parametrize("seed", SEEDS, ids="seed{}".format)
def test_two_configurations_differ_and_no_address_is_twice_in_one(seed: int) -> None:
    groups = tuple(GroupSettings(f"g{n}", "alpha") for n in range(1 + seed % 3))
    home = GroupSettings("home", "beta", home="beta")
    both = two_configs(Random(seed), (*groups, home), making)
    first, other = both
    assert [unit.meaning for unit in first] != [unit.meaning for unit in other]
    for units in both:
        assert all(unit.addresses for unit in units)
        addresses = [address for unit in units for address in unit.addresses]
        assert len(addresses) == len(set(addresses))
        names = [name for unit in units for name, _ in unit.parts]
        assert len(names) == len(set(names))
        assert [unit.addresses for unit in units if unit.home] == [("home",)]


def test_most_worlds_have_one_configuration_and_one_address_a_group() -> None:
    made = [plan(seed).settings for seed in range(400)]
    assert 20 < sum(bool(pair.other) for pair in made) < 80
    plain = sum(not any(unit.members for unit in pair.groups) for pair in made)
    assert plain > 240


def test_what_lies_there_is_read_at_the_next_start_and_not_before() -> None:
    world = tell(parse(BOTH + "at 10 s  the other configuration lies on alpha\n")).world
    assert list(world.hosts["alpha"].units) == ["web", "db"]
    changed = "at 10 s  the other configuration lies on alpha\nat 10 s  restart alpha\n"
    world = tell(parse(BOTH + changed)).world
    assert list(world.hosts["alpha"].units) == ["web"]
    assert list(world.hosts["beta"].units) == ["web", "db"]
    assert world.holders("web") == ["alpha"], "both were here: the unit is adopted"


def test_a_unit_of_which_one_group_was_not_held_is_not_adopted() -> None:
    """And neither has the addresses of the other: where web is adopted, db would be put on twice."""
    head = BOTH.replace("group db members", "group db preferred=beta members", 1)
    lines = "at 10 s  the other configuration lies on alpha\nat 10 s  restart alpha\nat 60 s  expect beta holds db\n"
    told = tell(parse(head + lines + "never two holders\n"))
    assert told.faults == ()


def test_of_several_addresses_all_are_put_on_or_none() -> None:
    head = "pair interval=1s takeover_after=3s\ngroup web members=web:a,b;db:c phases=no\n"
    world = tell(parse(head + "ends at 10 s")).world
    assert [world.having(address) for address in "abc"] == [["alpha"]] * 3
    failing = "at 8 s  acquire fails on beta\nat 9 s  handover web to beta\n"
    world = tell(parse(head + failing + "ends at 20 s")).world
    assert [world.having(address) for address in "abc"] == [["alpha"]] * 3
    missing = "at 10.5 s  remove web from alpha\nat 13 s  expect alpha holds web\n"
    world = tell(parse(head + missing)).world
    assert [world.having(address) for address in "abc"] == [["alpha"]] * 3
