"""What is written of a world reads as the same world: a shrunk story is worth nothing otherwise."""

import pytest

from ipfo.sim.happenings import happening, seconds
from ipfo.sim.plans import Plan, plan
from ipfo.sim.runs import run, verdict
from ipfo.sim.settings import Settings
from ipfo.sim.shrink import minimal, shrink
from ipfo.sim.story import parse, tell
from ipfo.sim.text import exact, story_of


@pytest.mark.parametrize("seed", range(60), ids="seed{}".format)
def test_a_plan_written_as_a_story_is_the_same_world(seed: int) -> None:
    made = plan(seed)
    story = parse(story_of(made))
    assert story.settings == made.settings
    assert tuple(story.happenings) == made.happenings
    assert story.seed == made.seed


def test_a_story_of_a_plan_goes_as_the_plan_does() -> None:
    made = plan(4)
    told = tell(parse(story_of(made) + "ends at 30 s\n")).world
    same = run(made, noting=True)
    upto = [mark for mark in same.notes if mark.at_ns <= 30 * 10**9]
    assert told.notes[: len(upto)] == upto


@pytest.mark.parametrize(
    "ns", [1, 999, 100_000, 10**6, 10**9 - 1, 10**9, 3_500_000_000, 60 * 10**9]
)
def test_a_duration_is_written_to_the_last_digit(ns: int) -> None:
    read = parse(f"pair interval={exact(ns)}").settings
    assert read.interval_ns == ns


def test_an_instant_is_written_without_needless_digits() -> None:
    assert [seconds(ns) for ns in (0, 10**9, 1_500_000_000, 12_345_000_000)] == [
        "0 s", "1 s", "1.5 s", "12.345 s",
    ]  # fmt: skip


def test_what_is_minimal_still_fails_and_needs_each_of_its_items() -> None:
    tried: list[list[int]] = []

    def fails(items: object) -> bool:
        assert isinstance(items, list)
        tried.append(items)
        return {3, 17} <= set(items)

    assert sorted(minimal(list(range(40)), fails)) == [3, 17]
    assert len(tried) < 60
    assert minimal([1, 2, 3], lambda _: True) == []


def test_a_broken_promise_is_shrunk_to_what_breaks_it() -> None:
    """The judge calls the address that somebody else put on a fault here, so there is one to find."""
    lines = ["remove web from beta", "cut private", "put web on beta"]
    happened = tuple(happening((20 + n) * 10**9, line) for n, line in enumerate(lines))
    made = Plan(Settings(), happened, 1, 25 * 10**9)
    broken = verdict(made)
    assert broken is not None
    assert broken.promise == "P3"
    assert [each.line for each in shrink(made, broken).happenings] == ["put web on beta"]
