"""The judge sees: each rule that is taken out, and each part of a world that lies, breaks a promise.

Without these, two thousand worlds in which nothing is broken would prove nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.house.sources import ROOT

from ipfo.machine import claim, evidence, give, group, hold, step
from ipfo.machine.evidence import Verdict
from ipfo.model import Epoch, Role
from ipfo.sim import kernel, start
from ipfo.sim.plans import plan
from ipfo.sim.runs import verdict
from ipfo.sim.settings import GroupSettings
from ipfo.sim.story import parse, read, tell

pytestmark = pytest.mark.timeout(300)  # hundreds of worlds, with coverage, on a busy machine

WORLDS = 400


@contextmanager
def instead(owner: object, name: str, put: object) -> Iterator[None]:
    """`owner` has `put` where it had its own `name`."""
    was = getattr(owner, name)
    setattr(owner, name, put)
    try:
        yield
    finally:
        setattr(owner, name, was)


def first_broken(promise: str) -> int | None:
    """The first world that breaks `promise`; None: not one of `WORLDS`."""
    for seed in range(WORLDS):
        broken = verdict(plan(seed))
        if broken is not None and broken.promise == promise:
            return seed
    return None


RULES: dict[str, tuple[Any, str, Any, str]] = {
    "the wire is not asked": (evidence, "verdict", lambda *_: Verdict.SILENT, "P1"),
    "a claimant does not look again": (
        claim, "may_acquire", lambda group, a: group.role is Role.CLAIMANT and a.now > 0, "P1",
    ),
    "nobody is beaten": (hold, "peer_beats", lambda *_: False, "P2"),
    "nobody claims": (claim, "due_claim", lambda *_: None, "P3"),
    "epochs do not grow": (claim, "Epoch", lambda _: Epoch(1), "P4"),
    "what was left open is not undone": (step, "_undo_leftover", lambda *_: None, "P5"),
}  # fmt: skip


@pytest.mark.parametrize(("owner", "name", "put", "promise"), RULES.values(), ids=RULES)
def test_a_rule_that_is_taken_out_breaks_a_promise_in_some_world(
    owner: object, name: str, put: object, promise: str
) -> None:
    with instead(owner, name, put):
        assert first_broken(promise) is not None


IN_STORIES: dict[str, tuple[Any, str, Any, str]] = {
    "the peer is not fenced": (claim, "_needs_fence", lambda _: False, "fence-works"),
    "the voter is not heard": (claim, "_voter_agrees", lambda _: True, "witness-votes"),
    "a name means the same in any config": (
        GroupSettings,
        "stands_for",
        (),
        "drift-kept-together",
    ),
    "an order has no end": (group, "order_lasts_ns", lambda _: 1 << 60, "order-without-a-voter"),
    "an order holds nothing back": (
        give,
        "failback_at",
        lambda _, a: a.now,
        "failback-auto-and-order",
    ),
    "a new address is not asked for": (
        start,
        "_somebody_has",
        lambda *_: False,
        "drift-address-moved",
    ),
}


@pytest.mark.parametrize(("owner", "name", "put", "story"), IN_STORIES.values(), ids=IN_STORIES)
def test_a_rule_that_is_taken_out_fails_its_story(
    owner: object, name: str, put: object, story: str
) -> None:
    told = read(ROOT / "tests" / "stories" / f"{story}.story")
    assert tell(told).faults == ()
    with instead(owner, name, put):
        assert tell(told).faults != ()


def test_an_order_that_is_never_answered_is_found() -> None:
    """Each waits, then says what it took: also where nobody can grant it."""
    lost = "pair consistent=yes off=alpha first_claim_after=never\nwitness that votes\n"
    happens = "at 0.1 s  the voter is lost\nat 20 s  handover web to beta\n"
    story = parse(lost + "group web phase_timeout=2s\n" + happens + "ends at 200 s\n")
    assert tell(story).faults == ()
    with instead(group, "order_lasts_ns", lambda _: 1 << 60):
        (fault,) = tell(story).faults
    assert "HandoverAsked on beta has no answer after 83 s" in fault


def test_a_kernel_that_drops_no_lease_fails_the_story_of_the_killed_engine() -> None:
    told = read(ROOT / "tests" / "stories" / "killed-engine.story")
    with instead(kernel.Kernel, "_look", lambda *_: None):
        assert tell(told).faults != ()
