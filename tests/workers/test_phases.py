"""The `phases` worker as a real process: order, refusals, failures, and the ledger for P5."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from ipfo.model import SECOND, Phase
from ipfo.workers import ledger
from ipfo.workers.successors import PHASES_AGAIN
from ipfo.workers.worker import Worker

from .conftest import Caller, Site, turn

Start = Callable[..., Caller]
ALL = ("test", "pre_acq", "post_acq", "pre_rel", "post_rel")


@pytest.fixture
def start(site: Site, calling: Callable[[Worker], Caller]) -> Start:
    """Start the worker with two phase plugins; keywords are options of the first."""

    def begin(**options: str) -> Caller:
        hooks = {
            "shelf": {"file": str(site.file), "name": "first", **options},
            "second": {"file": str(site.file), "name": "second"},
        }
        group = site.group(phase_plugins=["shelf", "second"], hooks=hooks)
        setup = site.setup(web=group)
        command = site.command("phases")
        return calling(Worker("phases", setup, queue_max=8, again=PHASES_AGAIN, command=command))

    return begin


def given(phase: str, epoch: int = 5, timeout_s: float = 10.0) -> dict[str, Any]:
    move = {
        "group": "web",
        "epoch": epoch,
        "acquire": True,
        "reason": "takeover",
        "node": "alpha",
        "peer": "beta",
        "pair": "www",
        "interface": "east0",
        "addresses": ["192.0.2.100"],
    }
    return {"phase": phase, "move": move, "timeout_s": timeout_s}


def open_phases(site: Site) -> tuple[Phase, ...]:
    return ledger.read(site.state).groups["web"].open_phases


def test_plugins_are_called_in_order_and_released_in_reverse(site: Site, start: Start) -> None:
    caller = start()
    for phase in ALL:
        answer = caller.ok("run", **given(phase))
        assert answer == {"veto": None, "failures": [], "said": []}
    assert site.calls() == [
        *(f"{who} {phase} 5" for phase in ALL[:3] for who in ("first", "second")),
        *(f"{who} {phase} 5" for phase in ALL[3:] for who in ("second", "first")),
    ]


@pytest.mark.parametrize("phase", ["test", "pre_acq"])
@pytest.mark.parametrize(
    ("how", "text"),
    [
        ("veto", "shelf: not now, web"),
        ("raise", "shelf: RuntimeError: broken"),
        ("exit", "shelf: SystemExit: 4"),
    ],
)
def test_the_first_refusal_ends_the_phase(
    site: Site, start: Start, phase: str, how: str, text: str
) -> None:
    answer = start(**{how: phase}).ok("run", **given(phase))
    assert answer["veto"] == text
    assert answer["failures"] == []
    assert site.calls() == [f"first {phase} 5"]


@pytest.mark.parametrize("phase", ["post_acq", "pre_rel", "post_rel"])
@pytest.mark.parametrize("how", ["veto", "raise", "exit"])
def test_a_failure_after_that_is_told_and_stops_nobody(
    site: Site, start: Start, phase: str, how: str
) -> None:
    answer = start(**{how: phase}).ok("run", **given(phase))
    assert answer["veto"] is None
    assert len(answer["failures"]) == 1
    assert sorted(site.calls()) == [f"first {phase} 5", f"second {phase} 5"]


def test_a_line_that_begins_with_failed_is_a_failure_and_no_veto(start: Start) -> None:
    answer = start(complain="pre_acq").ok("run", **given("pre_acq"))
    assert answer == {
        "veto": None,
        "failures": ["shelf: half of it"],
        "said": ["shelf: failed: half of it"],
    }


def test_a_plugin_that_talks_too_much_is_cut_off(start: Start) -> None:
    said = start(talk="post_acq").ok("run", **given("post_acq"))["said"]
    assert len(said) == 1000
    assert said[0] == "shelf: line 0"
    assert said[-1] == "shelf: ... (more was said)"


def test_the_ledger_knows_what_is_open_and_forgets_what_is_undone(site: Site, start: Start) -> None:
    """P5: what began with pre_acq ends with post_rel."""
    caller = start()
    seen = []
    for phase in ALL:
        caller.ok("run", **given(phase))
        known = ledger.read(site.state).groups.get("web")
        seen.append([each.value for each in known.open_phases] if known else None)
    assert seen == [None, ["pre_acq"], ["pre_acq", "post_acq"], ["pre_acq"], []]


def test_the_ledger_knows_that_a_release_is_under_way(site: Site, start: Start) -> None:
    """Decision 2: a run that is killed in the middle of a release is not adopted."""
    caller = start()
    path = ledger.path_of(site.state, ledger.PHASES, "web")
    seen = {}
    for phase in ALL[1:]:
        caller.ok("run", **given(phase))
        seen[phase] = json.loads(path.read_text())["unwinding"]
    assert seen == {"pre_acq": False, "post_acq": False, "pre_rel": True, "post_rel": False}


def test_a_release_that_was_given_up_is_not_under_way_any_more(site: Site, start: Start) -> None:
    """Issue 3: a handover that cannot finish ends where it began, hooks balanced."""
    caller = start()
    for phase in ("pre_acq", "post_acq", "pre_rel", "post_acq"):
        caller.ok("run", **given(phase))
    path = ledger.path_of(site.state, ledger.PHASES, "web")
    assert json.loads(path.read_text())["unwinding"] is False
    assert open_phases(site) == (Phase.PRE_ACQ, Phase.POST_ACQ)


@pytest.mark.parametrize("how", ["veto", "raise", "exit"])
def test_reassert_is_called_as_post_acq_is_and_leaves_no_trace(
    site: Site, start: Start, how: str
) -> None:
    """Issue 3: "calls the hook ipfo_reassert so that outside systems follow the true holder"."""
    caller = start(**{how: "reassert"})
    for phase in ("pre_acq", "post_acq"):
        caller.ok("run", **given(phase))
    path = ledger.path_of(site.state, ledger.PHASES, "web")
    before = path.read_text()
    answer = caller.ok("run", **given("reassert"))
    assert site.calls()[-2:] == ["first reassert 5", "second reassert 5"]
    assert answer["veto"] is None
    assert len(answer["failures"]) == 1
    assert path.read_text() == before


@pytest.mark.parametrize("phase", ["pre_rel", "post_rel"])
def test_after_a_death_within_a_release_it_is_known_to_be_under_way(
    site: Site, start: Start, phase: str
) -> None:
    caller = start(die=phase)
    for earlier in ("pre_acq", "post_acq"):
        caller.ok("run", **given(earlier))
    assert "worker ended" in (caller.do("run", **given(phase)).failed or "")
    path = ledger.path_of(site.state, ledger.PHASES, "web")
    assert json.loads(path.read_text())["unwinding"] is True


@pytest.mark.parametrize("phase", ["pre_rel", "post_rel"])
def test_p5_a_release_whose_process_dies_within_it_is_done_again_by_the_next(
    site: Site, start: Start, phase: str
) -> None:
    """P5: "what began with pre_acq ends with post_rel", also while the daemon lives on."""
    caller = start(die_once=phase)
    for earlier in ("pre_acq", "post_acq"):
        caller.ok("run", **given(earlier))
    for release in ("pre_rel", "post_rel"):
        assert caller.ok("undo", **given(release))["failures"] == []
    assert site.calls().count(f"first {phase} 5") == 2
    assert open_phases(site) == ()


def test_a_vetoed_pre_acq_is_open_until_post_rel(site: Site, start: Start) -> None:
    caller = start(veto="pre_acq")
    caller.ok("run", **given("pre_acq"))
    assert open_phases(site) == (Phase.PRE_ACQ,)
    caller.ok("run", **given("post_rel"))
    assert open_phases(site) == ()


@pytest.mark.parametrize(
    ("phase", "left"),
    [
        ("pre_acq", (Phase.PRE_ACQ,)),
        ("post_acq", (Phase.PRE_ACQ, Phase.POST_ACQ)),
        ("pre_rel", (Phase.PRE_ACQ, Phase.POST_ACQ)),
        ("post_rel", (Phase.PRE_ACQ,)),
    ],
)
def test_after_a_death_within_a_phase_it_is_known_to_be_open(
    site: Site, start: Start, phase: str, left: tuple[Phase, ...]
) -> None:
    """P5: also after a kill -9 followed by a start."""
    caller = start(die=phase)
    for earlier in ALL[1 : ALL.index(phase)]:
        caller.ok("run", **given(earlier))
    assert "worker ended" in (caller.do("run", **given(phase)).failed or "")
    assert open_phases(site) == left


def test_a_hook_that_hangs_is_killed_and_what_it_said_is_kept(site: Site, start: Start) -> None:
    caller = start(hang="pre_acq")
    turn([caller.worker], lambda: caller.worker.running)
    outcome = caller.do("run", within_ns=SECOND, **given("pre_acq", timeout_s=0.8))
    assert outcome.failed == "timed out"
    assert outcome.said == ("shelf: I hang",)
    assert open_phases(site) == (Phase.PRE_ACQ,)


def test_phases_of_one_group_never_overlap_even_across_runs_of_the_daemon(
    site: Site, start: Start
) -> None:
    """P5: a worker that outlives its engine still holds the group's lock."""
    old = start(hang="post_acq")
    old.ask("run", **given("post_acq"))
    turn([old.worker], lambda: site.calls() == ["first post_acq 5"])
    new = start()
    refused = new.do("run", **given("pre_rel", timeout_s=0.2))
    assert "begun by an earlier run" in (refused.failed or "")
    waiting = new.ask("run", **given("pre_rel"))
    assert old.worker._process is not None
    os.kill(old.worker._process.pid, signal.SIGKILL)
    assert new.answer(waiting).ok is not None
    assert site.calls()[1:] == ["second pre_rel 5", "first pre_rel 5"]


def test_without_time_no_plugin_is_called(site: Site, start: Start) -> None:
    caller = start()
    answer = caller.ok("run", **given("test", timeout_s=0.0))
    assert answer["veto"] == "shelf: no time was left for it"
    assert site.calls() == []


def test_a_ledger_that_cannot_be_written_is_told_and_the_phase_runs(
    site: Site, start: Start
) -> None:
    site.state.rmdir()
    answer = start().ok("run", **given("pre_acq"))
    assert answer["veto"] is None
    assert any("the ledger cannot be written" in text for text in answer["failures"])
    assert site.calls() == ["first pre_acq 5", "second pre_acq 5"]
