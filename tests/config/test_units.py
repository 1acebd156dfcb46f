"""Groups that stay together are one unit: to the machine one group, named after the first of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ipfo.config.load import examine, load_config
from ipfo.model import SECOND

Write = Callable[..., Path]

PAIR = """\
[pair]
name = "www"
nodes = ["alpha", "beta"]
key_file = "www.key"
[links.a]
addresses = { alpha = "203.0.113.1", beta = "203.0.113.2" }
"""


def group(name: str, number: int, said: str = "") -> str:
    return f'[groups.{name}]\naddresses = ["192.0.2.{number}"]\ninterface = "eth{number}"\n{said}\n'


@pytest.mark.parametrize(
    ("partners", "units"),
    [
        ({}, {"a": ("a",), "b": ("b",), "c": ("c",), "d": ("d",)}),
        ({"a": "b"}, {"a": ("a", "b"), "c": ("c",), "d": ("d",)}),
        ({"b": "a"}, {"a": ("a", "b"), "c": ("c",), "d": ("d",)}),
        ({"d": "b"}, {"a": ("a",), "b": ("b", "d"), "c": ("c",)}),
        ({"d": "c", "c": "b", "b": "a"}, {"a": ("a", "b", "c", "d")}),
        ({"a": "d", "b": "c", "d": "b"}, {"a": ("a", "b", "c", "d")}),
        ({"a": "c", "c": "a", "b": "d"}, {"a": ("a", "c"), "b": ("b", "d")}),
    ],
)
def test_who_is_named_on_either_side_or_over_others_belongs_to_the_unit(
    write: Write, partners: dict[str, str], units: dict[str, tuple[str, ...]]
) -> None:
    groups = [
        group(name, number, f'with = ["{partners[name]}"]' if name in partners else "")
        for number, name in enumerate("abcd", 1)
    ]
    config = load_config(write(PAIR + "".join(groups)), "alpha")
    assert config.units == units
    assert {name: each.unit for name, each in config.groups.items()} == {
        member: unit for unit, members in units.items() for member in members
    }
    assert list(config.terms(boot=1).groups) == list(units)


def test_a_unit_has_the_interfaces_and_the_phase_times_of_all_its_members(write: Write) -> None:
    text = PAIR + group("web", 1, 'with = ["db"]') + group("db", 2, 'phase_timeout = "5s"')
    web = load_config(write(text), "alpha").terms(boot=1).groups["web"]
    assert web.interfaces == ("eth1", "eth2")
    assert web.phase_timeout_ns == 35 * SECOND


def test_members_may_say_the_same_in_other_words(write: Write) -> None:
    web = 'with = ["db"]\nfailback_after = "60s"\npreferred = "alpha"\nmax_moves = 3\n'
    db = 'failback_after = "1min"\nper = "600s"\nfailback = "manual"\n'
    assert examine(write(PAIR + group("web", 1, web) + group("db", 2, db))).faults == ()


def test_a_value_that_is_wrong_by_itself_is_not_compared(write: Write) -> None:
    text = PAIR + group("web", 1, 'with = ["db"]\nper = "ten"\n') + group("db", 2, 'per = "1h"')
    (fault,) = examine(write(text)).faults
    assert 'groups.web.per: "ten" is not a duration' in fault


def test_with_decides_the_digest(write: Write) -> None:
    apart = PAIR + group("web", 1) + group("db", 2)
    together = PAIR + group("web", 1, 'with = ["db"]') + group("db", 2)
    assert load_config(write(apart), "alpha").digest != load_config(write(together), "alpha").digest
