"""Who may be adopted, case by case: pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ipfo.config.model import Config, GroupConfig
from ipfo.model import SECOND, Address, lease_seconds
from ipfo.plugin import Found
from ipfo.workers.adopt import Adoption, judge
from ipfo.workers.boot import SLEPT_TOLERANCE_NS, Boot
from ipfo.workers.sweep import BRIEFLY_NS, grace_ns, sure_ns

from .conftest import Site

FIRST, SECOND_ONE, THIRD = map(
    Address.parse, ("192.0.2.100/24", "2001:db8::100/64", "192.0.2.101/24")
)
BOOT = Boot("4b1d", 7 * SECOND)
KEPT: Mapping[str, Any] = {
    "version": 1,
    "group": "web",
    "epoch": 5,
    "held": True,
    "leased": True,
    **BOOT.to_json(),
    "interface": "east0",
    "addresses": [str(FIRST), str(SECOND_ONE)],
    "provider": "shelf",
    "home": None,
}
THERE = (Found(FIRST, "east0", 2), Found(SECOND_ONE, "east0", 1), Found(THIRD, "lo"))


@pytest.fixture
def config(site: Site) -> Config:
    return Config.from_document({**site.setup(web=site.group())["document"], "node": "alpha"})


@pytest.fixture
def group(config: Config) -> GroupConfig:
    return config.groups["web"]


def test_what_is_still_there_under_its_lease_is_kept(group: GroupConfig) -> None:
    """Design 7.6: "keeps the address, the epoch and the clients"."""
    phases = {"began": ["pre_acq", "post_acq"], "unwinding": False}
    kept = Adoption((FIRST, SECOND_ONE), (), ())
    assert judge(group, "east0", KEPT, phases, THERE, BOOT) == kept
    assert judge(group, "east0", KEPT, {}, THERE, BOOT) == kept, "nobody takes part in phases"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"held": False}, "it was not held"),
        ({"leased": False}, "it was not held under a lease"),
        ({"epoch": 0}, "it was held under no epoch"),
        ({"boot_id": "another"}, "the host was started anew"),
        ({"boot_id": ""}, "the host was started anew"),
        ({"boot_id": 5}, "the host was started anew"),
        ({"slept_ns": 7 * SECOND - SLEPT_TOLERANCE_NS - 1}, "the host was suspended meanwhile"),
        ({"slept_ns": 7 * SECOND + SLEPT_TOLERANCE_NS + 1}, "the host was suspended meanwhile"),
        ({"slept_ns": None}, "the host was started anew"),
        ({"interface": "west0"}, "it was on west0, and belongs on east0 now"),
        ({"addresses": []}, "all its addresses are others now"),
        ({"addresses": ["banana"]}, "its ledger names no addresses"),
        ({"addresses": [7]}, "its ledger names no addresses"),
        ({"addresses": None}, "its ledger names no addresses"),
    ],
)
def test_what_the_ledger_does_not_bear_out_is_not(
    group: GroupConfig, changed: dict[str, Any], why: str
) -> None:
    assert judge(group, "east0", {**KEPT, **changed}, {}, THERE, BOOT) == why


def test_without_a_ledger_nothing_is(group: GroupConfig) -> None:
    assert judge(group, "east0", {}, {}, THERE, BOOT) == "it was not held"


@pytest.mark.parametrize("off_ns", [-SLEPT_TOLERANCE_NS, SLEPT_TOLERANCE_NS])
def test_two_looks_at_the_clocks_may_differ_a_little(group: GroupConfig, off_ns: int) -> None:
    now = Boot(BOOT.id, BOOT.slept_ns + off_ns)
    assert isinstance(judge(group, "east0", KEPT, {}, THERE, now), Adoption)


def test_a_system_that_does_not_say_which_boot_it_is_adopts_nothing(group: GroupConfig) -> None:
    kept = {**KEPT, "boot_id": ""}
    why = judge(group, "east0", kept, {}, THERE, Boot("", BOOT.slept_ns))
    assert why == "the host was started anew"


def test_what_was_being_given_up_is_not(group: GroupConfig) -> None:
    """P5: what has begun to be undone is undone to its end."""
    why = judge(group, "east0", KEPT, {"unwinding": True}, THERE, BOOT)
    assert why == "the earlier run was giving it up"


@pytest.mark.parametrize(
    ("there", "why"),
    [
        ((), f"{FIRST} is not on east0 any more"),
        (THERE[:1], f"{SECOND_ONE} is not on east0 any more"),
        ((THERE[0], Found(SECOND_ONE, "west0", 1)), f"{SECOND_ONE} is not on east0 any more"),
        (
            (THERE[0], Found(Address.parse("2001:db8::100/128"), "east0", 1)),
            f"{SECOND_ONE} is not on east0 any more",
        ),
        (
            (THERE[0], Found(SECOND_ONE, "east0")),
            f"{SECOND_ONE} has no end any more: somebody else has put it on",
        ),
    ],
)
def test_what_is_not_there_as_it_was_is_not(
    group: GroupConfig, there: tuple[Found, ...], why: str
) -> None:
    """Design 7.1: that it is still there is what says that nobody else can have it."""
    assert judge(group, "east0", KEPT, {}, there, BOOT) == why


def test_a_provider_without_leases_keeps_nothing(group: GroupConfig) -> None:
    config = replace(group, traits=frozenset({"wire"}))
    why = judge(config, "east0", KEPT, {}, THERE, BOOT)
    assert why == "the provider shelf knows no leases"


def test_p9_what_the_config_has_changed_is_changed_and_the_rest_stays(group: GroupConfig) -> None:
    config = replace(group, addresses=(THIRD, FIRST))
    assert judge(config, "east0", KEPT, {}, THERE, BOOT) == Adoption(
        (FIRST,), (THIRD,), (SECOND_ONE,)
    )


def test_an_address_with_another_prefix_is_another_one(group: GroupConfig) -> None:
    config = replace(group, addresses=(SECOND_ONE, Address.parse("192.0.2.100/32")))
    why = judge(config, "east0", KEPT, {}, THERE, BOOT)
    assert why == "192.0.2.100 has another prefix length now"


def test_where_all_are_others_nothing_is_kept(group: GroupConfig) -> None:
    config = replace(group, addresses=(THIRD,))
    assert judge(config, "east0", KEPT, {}, THERE, BOOT) == "all its addresses are others now"


def test_this_boot_is_the_same_as_itself() -> None:
    now = Boot.now()
    assert Boot.of(now.to_json()) == now
    assert Boot.now().why_not_since(now) is None


@pytest.mark.parametrize(
    ("takeover_ns", "grace"),
    [
        (SECOND // 2, BRIEFLY_NS),  # a lease of 1 s outlasts it: only the wire tells who has it
        (17 * SECOND // 10 - 1, BRIEFLY_NS),
        (17 * SECOND // 10, 3 * SECOND // 10),
        (3 * SECOND, 6 * SECOND // 10),
    ],
)
def test_what_was_found_counts_for_as_long_as_nobody_can_have_taken_it(
    config: Config, takeover_ns: int, grace: int
) -> None:
    """Decision 2: 20 ms where the lease may outlast the takeover, else the margin of a renewal."""
    terms = replace(
        config.terms(1), takeover_after_ns=takeover_ns, lease_s=lease_seconds(takeover_ns)
    )
    assert grace_ns(terms) == grace


@pytest.mark.parametrize(
    ("left_s", "seconds"), [([10], 9), ([10, 2], 1), ([1], 0), ([0], 0), ([], 0), ([None, 3], 2)]
)
def test_p1_what_is_left_of_a_lease_but_its_last_second_is_there_for_sure(
    left_s: list[int | None], seconds: int
) -> None:
    """A busy host may take so long to renew it: while it is on, nobody else takes it."""
    kept = [Found(Address.parse("192.0.2.100/24"), "east0", left) for left in left_s]
    assert sure_ns(kept) == seconds * SECOND
