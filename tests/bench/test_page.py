"""The page of figures says what was measured, and of what was not that it was not."""

import math
from typing import Any

import pytest
from tests.bench.arena import Trials
from tests.bench.page import TITLES, Target, line, page, targets, targets_table
from tests.bench.tables import TABLES

from ipfo import clock
from ipfo.model import SECOND, Instant

ON = {"cores": "2", "kernel": "Linux", "python": "3", "keepalived": "2.2.7", "ucarp": "1.5.2"}


def kept(**tables: Any) -> dict[str, Any]:
    """What `make bench` keeps."""
    return {"on": ON, "tables": {name.replace("_", "-"): table for name, table in tables.items()}}


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ([3.0, 1.0, 2.0], "2 (1 to 3, 3 trials)"),
        ([1.25, 2.5], "1.88 (1.25 to 2.5, 2 trials)"),
        ([3031.0, 2640.4, 3584.0], "3,031 (2,640 to 3,584, 3 trials)"),
        ([math.inf, 0.0, math.inf], "for good (0 to for good, 3 trials)"),
        ([0.0, 0.0], "0 (2 trials)"),
        ([7.0], "7 (1 trial)"),
        ([math.nan], "not held (1 trial)"),
        ([], "not measured"),
    ],
)
def test_figures_are_said_by_their_median_with_least_and_most(
    figures: list[float], said: str
) -> None:
    assert line(figures) == said


def test_a_share_is_met_by_the_ratio_of_medians_and_not_by_the_figure() -> None:
    assert Target("cut", 0.85, ours=2400, theirs=3000, share=True).verdict == "0.80: met"
    assert Target("cut", 0.85, ours=2700, theirs=3000, share=True).verdict == "0.90: **missed**"


def test_a_target_without_both_figures_of_its_share_has_no_verdict() -> None:
    assert Target("cut", 0.85, ours=2400, theirs=None, share=True).verdict == ""
    assert Target("cut", 0.85, ours=None, theirs=3000, share=True).verdict == ""
    assert Target("start", 400, ours=None).verdict == ""


def test_a_target_is_missed_by_a_pair_that_cannot_hold_so_much() -> None:
    missed = Target("groups", 0.35, ours=math.nan, theirs=61.0, share=True)
    assert missed.verdict == "**missed**"
    table = {"250 groups, 10 ms: % of a core": {"keepalived": [61.0], "ipfo": [math.nan]}}
    rows = targets_table(kept(at_rest=table)["tables"])
    assert "| 61 | not held | at most 0.35 of it | **missed** |" in rows


def test_a_target_of_nothing_is_missed_by_the_first_datagram_that_is_lost() -> None:
    assert Target("lost", 0, ours=0).verdict == "met"
    assert Target("lost", 0, ours=1).verdict == "**missed**"
    assert Target("two holders", 0, ours=math.inf).verdict == "**missed**"


def test_two_holders_are_looked_for_in_killed_and_in_frozen_daemons() -> None:
    """P1: the one fault's good figure does not hide the other's."""
    table = {"SIGKILL": {"ipfo": [0.0]}, "SIGSTOP": {"ipfo": [2.0], "keepalived": [math.inf]}}
    rows = targets_table(kept(dead_daemon=table)["tables"]).splitlines()
    assert "| Daemon killed: s with two holders | not measured | 0 | 0 | met |" in rows
    assert "| Daemon frozen: s with two holders | for good | 2 | 0 | **missed** |" in rows


def test_many_groups_are_held_against_one() -> None:
    cpu = "% of a core"
    table = {
        f"1 group, 1 s: {cpu}": {"ipfo": [0.4]},
        f"1,000 groups, 1 s: {cpu}": {"ipfo": [0.6]},
    }
    (many,) = (
        each for each in targets(kept(at_rest=table)["tables"]) if "1,000 groups" in each.what
    )
    assert many.ours == pytest.approx(1.5)
    assert many.verdict == "**missed**"


def test_what_was_not_measured_is_said_to_be_so() -> None:
    made = page(kept(power_cut={"1 s": {"keepalived": [], "ipfo": [2600.0]}}))
    assert made.count("Not measured in this run.") == len(TITLES) - 1
    assert "| 1 s | keepalived | not measured |" in made
    assert "| 1 s | ipfo | 2,600 (1 trial) |" in made
    assert "**missed**" not in made


def test_the_page_has_a_place_for_every_table() -> None:
    assert [*TITLES] == [*TABLES]


def test_a_trial_that_failed_gives_no_figure_and_the_next_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = iter([1.0, None, 3.0])

    def measure() -> float:
        figure = next(given)
        assert figure is not None, "nobody answered"
        return figure

    later = Instant(clock.now() + 60 * SECOND)
    assert Trials(3, later).of(measure) == [1.0, 3.0]
    assert "a trial failed: AssertionError: nobody answered" in capsys.readouterr().err


def test_no_trial_begins_when_the_time_is_up() -> None:
    assert Trials(3, clock.now()).of(lambda: 1.0) == []


def test_a_share_of_the_trials_is_one_at_the_least() -> None:
    assert [Trials(7, clock.now()).times(*share).count for share in ((10, 7), (3, 7))] == [10, 3]
    assert Trials(1, clock.now()).times(1, 3).count == 1
