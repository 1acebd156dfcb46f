"""P10: a standby that would not take a group says why; the machine itself is asked, on virtual pairs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.machine.scenes import WEB, settled
from tests.machine.virtual_pair import Pair

from ipfo.daemon.reasons import against_taking
from ipfo.machine.events import (
    CarrierChanged,
    HandoverAsked,
    HealthChanged,
    MaintenanceAsked,
    StandbyAsked,
)
from ipfo.machine.node import around
from ipfo.model import SECOND, FenceTerms, Instant


def why_not(pair: Pair, name: str = "beta") -> str | None:
    """What `name` says for itself about web."""
    host = pair.hosts[name]
    return against_taking(
        host.node.groups["web"], around(host.node, "web", Instant(pair.now), host.terms)
    )


def alone(pair: Pair) -> Pair:
    """The holder is gone for good, and beta would have taken web long since."""
    pair.power_cut("alpha")
    return pair.run(20_000)


def set_aside(pair: Pair) -> None:
    pair.feed("beta", StandbyAsked())


def under_maintenance(pair: Pair) -> None:
    pair.feed("alpha", MaintenanceAsked())


def cable_pulled(pair: Pair) -> None:
    pair.feed("beta", CarrierChanged("eth0", up=False))


def cannot_acquire(pair: Pair) -> None:
    pair.hosts["beta"].acquire_fails = "no such device"


def witness_gone(pair: Pair) -> None:
    pair.others.unreached = {"beta"}


def voted_down(pair: Pair) -> None:
    pair.power_cut("alpha")  # which would vote anew
    pair.others.kept["web"] = ("alpha", 1, pair.now + 900 * SECOND)


def address_answers(pair: Pair) -> None:
    pair.third = {"web"}


def wire_unasked(pair: Pair) -> None:
    pair.hosts["beta"].probe_fails = "no such device"


def moved_once(pair: Pair) -> None:
    """By itself, to beta, and back because an administrator asked for it on alpha alone."""
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    pair.run(10_000)
    pair.feed("alpha", HealthChanged("web", None))
    pair.power_cut("beta")


CASES: dict[str, tuple[Callable[[Pair], None], str, dict[str, Any]]] = {
    "set aside": (set_aside, "beta is set aside", {}),
    "maintenance": (under_maintenance, "under maintenance", {}),
    "no carrier": (cable_pulled, "beta has no carrier", {}),
    "failed": (cannot_acquire, "the last claim of beta failed", {}),
    "no witness": (witness_gone, "beta reaches no witness", {"deniers": True}),
    "vote denied": (voted_down, "the voter does not grant it to beta", {"vote_ttl_ns": 2 * SECOND}),
    "contested": (address_answers, "its address answers on the wire", {}),
    "wire not asked": (wire_unasked, "the wire has not said yet", {}),
}


@pytest.mark.parametrize("case", CASES)
def test_p10_whoever_does_not_take_what_nobody_holds_says_why(case: str) -> None:
    begin, words, more = CASES[case]
    pair = settled(**more)
    assert why_not(pair) is None
    begin(pair)
    pair.run(2_000)
    alone(pair)
    assert pair.holders() == []
    assert words in (why_not(pair) or "")


def test_p10_a_failed_fence_is_why() -> None:
    pair = settled(fence=FenceTerms(timeout_ns=2 * SECOND))
    pair.others.fence_fails = "refused"
    alone(pair)
    assert pair.holders() == []
    assert why_not(pair) == "the last claim of beta failed; it is tried again"


def test_p10_a_frozen_standby_says_that_it_is_frozen() -> None:
    pair = settled(groups={"web": replace(WEB, max_moves=1)})
    moved_once(pair)
    pair.run(20_000)
    assert pair.holders() == []
    assert why_not(pair, "alpha") == "it is frozen: it moved by itself once within 600 s"


def test_p10_a_node_that_still_listens_says_so() -> None:
    pair = Pair().run(1_000)
    assert "beta still listens" in (why_not(pair) or "")


@pytest.mark.parametrize(
    ("after_ns", "words"), [(60 * SECOND, "for 50 s more"), (None, 'first_claim_after is "never"')]
)
def test_p10_who_waits_for_the_node_it_belongs_to_says_so(after_ns: int | None, words: str) -> None:
    pair = Pair(start=("beta",), first_claim_after_ns=after_ns).run(10_000)
    assert pair.holders() == []
    assert words in (why_not(pair) or "")


def test_a_standby_that_would_take_it_says_nothing() -> None:
    pair = settled()
    assert why_not(pair) is None
    pair.feed("beta", HealthChanged("web", "http: 500"))
    assert why_not(pair) is None  # one that is ill is better than none
    assert why_not(pair, "alpha") is None  # it holds it


def test_an_ill_node_that_is_refused_a_group_hears_why() -> None:
    pair = settled()
    pair.feed("beta", HealthChanged("web", "http: 500"))
    pair.run(2_000)
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(5_000)
    assert [s.why for s in pair.settled("beta")] == [
        "alpha will not give it now: beta is ill (http: 500)"
    ]
    assert [s.why for s in pair.settled("alpha")] == [
        "beta cannot take it: ill (its checks fail; 'ipfo status' on beta says which)"
    ]
