"""The `witnesses` worker as a real process: nobody waits for anybody, and one word is enough."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND
from ipfo.workers.worker import Worker

from .conftest import Caller, Site, turn

Start = Callable[..., Caller]


@pytest.fixture
def start(site: Site, calling: Callable[[Worker], Caller]) -> Start:
    """Start the worker with a witness for each folder, and a voter in the folder `voter`."""

    def begin(*folders: str, voter: bool = False) -> Caller:
        witnesses: list[dict[str, Any]] = []
        for name in (*folders, *(["voter"] if voter else [])):
            folder = site.state / name
            folder.mkdir()
            plugin = "third-voter" if name == "voter" else "third"
            options = {"folder": str(folder)}
            witnesses.append({"plugin": plugin, "votes": name == "voter", "options": options})
        setup = site.setup(web=site.group())
        setup["document"] |= {"witnesses": witnesses, "plugins": ["third"]}
        worker = Worker(
            "witnesses",
            setup,
            queue_max=16,
            window=8,
            at_once=True,
            again=frozenset({"reach", "vote", "withdraw"}),
            command=site.command("witnesses"),
        )
        caller = calling(worker)
        turn([worker], lambda: worker.running)
        return caller

    return begin


def put(site: Site, name: str, word: str = "") -> Path:
    path = site.state / name
    path.write_text(word)
    return path


def asked(site: Site, name: str) -> list[str]:
    path = site.state / name / "asked"
    return path.read_text().splitlines() if path.exists() else []


def reach(caller: Caller, within_ns: int = 5 * SECOND) -> int:
    return caller.ask("reach", timeout_ns=within_ns)


def vote(caller: Caller, within_ns: int = 5 * SECOND, **epochs: int) -> int:
    claims = [[unit, epoch] for unit, epoch in epochs.items()]
    return caller.ask("vote", asked_at=clock.now(), timeout_ns=within_ns, claims=claims, ttl_s=3)


def test_one_witness_that_is_reached_is_enough_and_none_is_waited_for_then(
    site: Site, start: Start
) -> None:
    caller = start("good", "hanging")
    put(site, "hanging/hang")
    assert caller.answer(reach(caller)).ok == {"reached": True, "why": ""}


def test_where_none_is_reached_each_says_why(site: Site, start: Start) -> None:
    caller = start("one", "two")
    put(site, "one/ill", "no answer")
    put(site, "two/exit")
    outcome = caller.answer(reach(caller))
    why = "third: no answer; third 2: SystemExit: as strangers do"
    assert outcome.ok == {"reached": False, "why": why}


def test_a_witness_that_hangs_is_not_reached_and_not_asked_twice(site: Site, start: Start) -> None:
    """Contract of a witness: never twice at once."""
    caller = start("hanging")
    hang = put(site, "hanging/hang")
    first = caller.answer(reach(caller, SECOND // 5))
    second = caller.answer(reach(caller, SECOND // 5))
    assert first.ok == second.ok == {"reached": False, "why": "third: did not answer in time"}
    assert asked(site, "hanging") == ["reach"]
    hang.unlink()


def test_a_vote_does_not_wait_for_a_ping_that_hangs(site: Site, start: Start) -> None:
    caller = start("hanging", voter=True)
    put(site, "hanging/hang")
    ping = reach(caller)
    outcome = caller.answer(vote(caller, web=7))
    assert outcome.ok == {"granted": ["web"], "denied": {}, "behind": {}}
    assert all(number != ping for number, _ in caller.outcomes)
    assert json.loads((site.state / "voter/votes").read_text()) == {"web": ["www", "alpha", 7]}


def test_what_another_has_is_denied_with_the_reason(site: Site, start: Start) -> None:
    caller = start(voter=True)
    put(site, "voter/other", "db")
    outcome = caller.answer(vote(caller, web=7, db=8))
    assert outcome.ok == {"granted": ["web"], "denied": {"db": "beta has it"}, "behind": {}}
    assert asked(site, "voter") == ["vote 3"]


def test_what_is_refused_for_its_epoch_alone_comes_with_the_highest(
    site: Site, start: Start
) -> None:
    caller = start(voter=True)
    put(site, "voter/highest", "50")
    outcome = caller.answer(vote(caller, web=7, db=51))
    why = "epoch 7 is below 50, the highest that was ever granted"
    assert outcome.ok == {"granted": ["db"], "denied": {"web": why}, "behind": {"web": 50}}


def test_a_voter_that_cannot_be_asked_has_said_nothing(site: Site, start: Start) -> None:
    caller = start(voter=True)
    put(site, "voter/ill", "connection refused")
    assert caller.answer(vote(caller, web=7)).failed == "connection refused"


def test_votes_of_one_voter_never_overlap(site: Site, start: Start) -> None:
    caller = start(voter=True)
    put(site, "voter/hang")
    first = vote(caller, web=7)
    turn([caller.worker], lambda: asked(site, "voter") == ["vote 3"])
    second = caller.answer(vote(caller, SECOND // 5, web=8))
    assert second.failed == "the voter has not come back from an earlier question"
    assert asked(site, "voter") == ["vote 3"]
    assert all(number != first for number, _ in caller.outcomes)


def test_a_vote_that_comes_too_late_is_not_asked_for(site: Site, start: Start) -> None:
    """A node that was frozen must not have a vote prolonged that it does not know to be its own."""
    caller = start(voter=True)
    long_ago = clock.now() - 10 * SECOND
    late: dict[str, Any] = {"asked_at": long_ago, "timeout_ns": SECOND}
    questions: dict[str, dict[str, Any]] = {
        "vote": {**late, "claims": [["web", 7]], "ttl_s": 3},
        "withdraw": {**late, "group": "web", "epoch": 7},
    }
    for do, given in questions.items():
        outcome = caller.do(do, **given)
        assert (outcome.failed or "").startswith("asked too late"), do
    assert asked(site, "voter") == []


def test_a_claim_is_withdrawn_under_its_epoch(site: Site, start: Start) -> None:
    caller = start(voter=True)
    given: dict[str, Any] = {"asked_at": clock.now(), "timeout_ns": SECOND}
    assert caller.do("withdraw", group="web", epoch=7, **given).ok == {}
    assert asked(site, "voter") == ["withdraw web 7"]


def test_a_plugin_that_keeps_the_interpreter_costs_its_process_and_the_vote_is_asked_again(
    site: Site, start: Start
) -> None:
    """Design 6: a plugin that spins must not cost a heartbeat; the engine kills what is late."""
    caller = start("spinning", voter=True)
    spin = put(site, "spinning/spin")
    lost = caller.ask("reach", 2 * SECOND, timeout_ns=SECOND)
    turn([caller.worker], lambda: asked(site, "spinning") == ["reach"])
    number = vote(caller, 15 * SECOND, web=7)
    spin.unlink()
    assert caller.answer(number).ok == {"granted": ["web"], "denied": {}, "behind": {}}
    assert caller.answer(lost).failed == "timed out"
    assert caller.worker.restarts == 1


def test_without_the_engine_it_ends_though_a_plugin_hangs(site: Site, start: Start) -> None:
    caller = start("hanging")
    put(site, "hanging/hang")
    reach(caller)
    turn([caller.worker], lambda: asked(site, "hanging") == ["reach"])
    caller.worker.stop(drain=True)
    turn([], lambda: caller.worker.gone)
