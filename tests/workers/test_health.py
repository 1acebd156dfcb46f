"""What runs make of a check, and checks of a unit; without a clock and without a thread."""

import pytest

from ipfo.model import Instant
from ipfo.workers.health import Trial, Verdict, verdict

NOW = Instant(1_000)


def trial(*, when_holding: bool = False) -> Trial:
    made = Trial("http", interval_ns=100, rise=2, fall=3, when_holding=when_holding)
    made.mind(NOW, held=False)
    return made


def run(tried: Trial, runs: str) -> Trial:
    """`tried` after these runs: a dot has passed, a letter is what was wrong."""
    for each in runs:
        tried.end(None if each == "." else each)
    return tried


@pytest.mark.parametrize(
    ("runs", "well"),
    [
        ("", None),
        (".", None),
        ("..", True),
        ("xx", None),
        ("xxx", False),
        ("xx.xx.", None),  # neither in a row
        ("..xx", True),
        ("..xxx", False),
        ("xxx.", False),
        ("xxx..", True),
        ("..xx.xx", True),
    ],
)
def test_so_many_runs_in_a_row_turn_a_check(runs: str, well: bool | None) -> None:
    assert run(trial(), runs).well is well


def test_what_made_it_ill_is_kept_and_not_what_came_after() -> None:
    """Else each run of an ill check with another text would be another turn."""
    assert run(trial(), "abcde").why == "c"
    assert run(trial(), "abc..xyz").why == "z"


def test_a_run_is_begun_when_it_is_due_and_never_beside_another() -> None:
    tried = trial()
    assert tried.begin(NOW)
    assert not tried.begin(Instant(NOW + 100))  # it is due again, and the first still runs
    tried.end(None)
    assert tried.begin(Instant(NOW + 100))


def test_runs_that_were_missed_are_not_made_up_for() -> None:
    tried = trial()
    assert tried.begin(NOW)
    tried.end(None)
    late = Instant(NOW + 1_050)
    assert tried.begin(late)
    tried.end(None)
    assert not tried.begin(Instant(late + 99))
    assert tried.begin(Instant(late + 100))


def test_the_beat_is_kept_by_a_run_that_begins_a_little_late() -> None:
    tried = trial()
    tried.begin(Instant(NOW + 7))
    tried.end(None)
    assert tried.due_at == NOW + 100


def test_a_check_for_holders_is_run_only_while_held_and_then_anew() -> None:
    tried = trial(when_holding=True)
    assert not tried.begin(NOW)
    tried.mind(NOW, held=True)
    assert run(tried, "xxx").well is False
    tried.begin(NOW)
    tried.mind(NOW, held=False)
    assert tried.well is None
    tried.end("it was under way")
    assert tried.failed == 0
    tried.mind(NOW, held=True)
    assert run(tried, "xx").well is None


def test_what_an_earlier_process_has_counted_counts() -> None:
    tried = Trial("http", interval_ns=100, rise=2, fall=3, failed=2)
    tried.mind(NOW, held=False)
    assert run(tried, "x").well is False


def test_one_ill_check_is_enough_and_one_that_is_unsure_keeps_all_unsure() -> None:
    well, unsure, ill = run(trial(), ".."), run(trial(), "."), run(trial(), "xxx")
    resting = Trial("tcp", interval_ns=100, rise=1, fall=1, when_holding=True)
    assert verdict([well, resting]) == Verdict(sure=True)
    assert verdict([well, unsure]) == Verdict(sure=False)
    assert verdict([unsure, ill, well]) == Verdict(sure=True, ill="http: x")
    assert verdict([]) == Verdict(sure=True)
