"""The `notices` worker as a real process: nothing is lost, nobody holds up anybody."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND
from ipfo.workers import journal, ledger
from ipfo.workers.worker import Worker

from .conftest import Caller, Site, turn

Start = Callable[..., Caller]


@pytest.fixture
def start(site: Site, calling: Callable[[Worker], Caller]) -> Start:
    """Start the worker with these notifiers, as the pool does."""

    def begin(*notifiers: dict[str, Any]) -> Caller:
        worker = Worker(
            "notices",
            site.setup(*notifiers),
            queue_max=64,
            window=32,
            again=frozenset({"record", "notify", "keep", "state"}),
            command=site.command("notices"),
        )
        return calling(worker)

    return begin


def shelf(site: Site, name: str = "shelf", events: Any = None, **options: Any) -> dict[str, Any]:
    """A notifier's part of the document."""
    file = str(site.file.with_name(f"{name}.json"))
    return {"plugin": "shelf", "events": events, "options": {"file": file, **options}}


def told(site: Site, name: str = "shelf") -> list[str]:
    """What this notifier was asked to tell, in order."""
    file = site.file.with_name(f"{name}.json")
    return list(json.loads(file.read_text())["calls"]) if file.exists() else []


def notice(key: str, event: str = "takeover") -> dict[str, Any]:
    return {
        "key": key,
        "at": "2026-01-02T03:04:05.678Z",
        "event": event,
        "pair": "www",
        "node": "alpha",
        "peer": "beta",
        "headline": "web is now held by alpha",
        "detail": "",
        "group": "web",
        "role": "holder",
        "epoch": 5,
        "reason": "takeover",
    }


def line(n: int, boot: str = "b1") -> dict[str, Any]:
    return {
        "at": "2026-01-02T03:04:05.678Z",
        "boot": boot,
        "n": n,
        "group": "web",
        "what": "turn",
        "rule": "silence",
        "was": "standby",
        "role": "claimant",
        "epoch": 5,
        "inputs": {"silence_ms": 3000},
    }


def rows(site: Site, question: str) -> list[Any]:
    with closing(sqlite3.connect(site.state / journal.FILE)) as base:
        return base.execute(question).fetchall()


def test_a_turn_is_stored_with_its_rule_and_inputs(site: Site, start: Start) -> None:
    """P10: every turn is stored with the rule that fired and its inputs; told twice, stored once."""
    caller = start()
    caller.ok("record", lines=[line(1), line(2)])
    caller.ok("record", lines=[line(2), line(2, "b2")])
    stored = list(journal.lines(site.state / journal.FILE, 10))
    assert [(each["boot"], each["n"]) for each in stored] == [("b1", 1), ("b1", 2), ("b2", 2)]
    assert stored[0]["node"] == "alpha"
    assert stored[0]["rule"] == "silence"
    assert stored[0]["inputs"] == {"silence_ms": 3000}


def test_odd_values_in_a_line_hold_up_nothing(site: Site, start: Start) -> None:
    caller = start()
    odd = {**line(1), "rule": {"a": 1}, "what": "\ud800", "epoch": 1 << 70, "boot": 1 << 64}
    caller.ok("record", lines=[odd, line(2)])
    assert rows(site, "SELECT count(*) FROM journal") == [(2,)]
    assert caller.ok("state")["fault"] is None


def test_notices_are_delivered_in_order_to_all_who_want_them(site: Site, start: Start) -> None:
    caller = start(shelf(site, "all"), shelf(site, "splits", events=["split"]))
    caller.ok("notify", notices=[notice("n1"), notice("n2", "split"), notice("n3")])
    turn([caller.worker], lambda: told(site, "all") == ["n1", "n2", "n3"])
    turn([caller.worker], lambda: told(site, "splits") == ["n2"])
    turn([caller.worker], lambda: caller.ok("state")["queued"] == 0)


def test_the_same_notice_twice_is_told_once(site: Site, start: Start) -> None:
    caller = start(shelf(site))
    caller.ok("notify", notices=[notice("n1"), notice("n1")])
    caller.ok("notify", notices=[notice("n1")])
    turn([caller.worker], lambda: caller.ok("state")["queued"] == 0)
    caller.ok("notify", notices=[notice("n1"), notice("n2")])
    turn([caller.worker], lambda: caller.ok("state")["queued"] == 0)
    assert told(site) == ["n1", "n2"]


def test_a_notifier_that_fails_is_tried_again_and_holds_up_no_other(
    site: Site, start: Start
) -> None:
    gate = site.state / "gate"
    caller = start(shelf(site, "bad", needs=str(gate)), shelf(site, "good"))
    caller.ok("notify", notices=[notice("n1"), notice("n2")])
    turn([caller.worker], lambda: told(site, "good") == ["n1", "n2"])
    turn([caller.worker], lambda: bool(caller.ok("state")["failed"]))
    (failed,) = caller.ok("state")["failed"]
    assert failed["notifier"] == "shelf"
    assert failed["error"] == "nobody there"
    assert failed["queued"] == 2
    gate.touch()
    turn([caller.worker], lambda: told(site, "bad")[-2:] == ["n1", "n2"])
    turn([caller.worker], lambda: caller.ok("state")["failed"] == [])


def test_a_notifier_that_hangs_holds_up_neither_journal_nor_others(
    site: Site, start: Start
) -> None:
    """P6 in small: its process may take its 30 s, nobody waits for it."""
    caller = start(shelf(site, "stuck", hang="n1"), shelf(site, "good"))
    caller.ok("notify", notices=[notice("n1"), notice("n2")])
    turn([caller.worker], lambda: told(site, "stuck") == ["n1"])
    caller.ok("record", lines=[line(1)])
    turn([caller.worker], lambda: told(site, "good") == ["n1", "n2"])
    assert caller.ok("state")["queued"] == 2


def test_no_notice_is_lost_when_the_worker_is_killed(site: Site, start: Start) -> None:
    """P7: told at least once, in order, also if a process is killed in between."""
    gate = site.state / "gate"
    caller = start(shelf(site, needs=str(gate)))
    caller.ok("notify", notices=[notice("n1"), notice("n2")])
    turn([caller.worker], lambda: told(site) != [])
    assert caller.worker._process is not None
    os.kill(caller.worker._process.pid, signal.SIGKILL)
    gate.touch()
    turn([caller.worker], lambda: caller.worker.restarts == 1)
    caller.ok("notify", notices=[notice("n3")])
    turn([caller.worker], lambda: told(site)[-3:] == ["n1", "n2", "n3"])
    assert set(told(site)[:-3]) == {"refused n1"}


def test_what_the_engine_had_sent_is_stored_and_told_after_its_end(
    site: Site, start: Start
) -> None:
    """P7: on the engine's end the pipe is drained, and there is one last round of deliveries."""
    caller = start(shelf(site))
    caller.ok("state")
    for n in range(20):
        caller.ask("record", lines=[line(n)])
    caller.ask("notify", notices=[notice("n1"), notice("n2")])
    caller.worker.stop(drain=True)
    turn([], lambda: caller.worker.gone)
    assert told(site) == ["n1", "n2"]
    assert rows(site, "SELECT count(*) FROM journal") == [(20,)]
    assert rows(site, "SELECT count(*) FROM outbox WHERE state = 'done'") == [(2,)]


def test_what_the_last_round_cannot_deliver_the_next_run_does(site: Site, start: Start) -> None:
    gate = site.state / "gate"
    first = start(shelf(site, needs=str(gate)))
    first.ok("notify", notices=[notice("n1")])
    first.worker.stop(drain=True)
    turn([], lambda: first.worker.gone)
    assert set(told(site)) == {"refused n1"}
    gate.touch()
    second = start(shelf(site, needs=str(gate)))
    turn([second.worker], lambda: told(site)[-1] == "n1")


def test_notices_for_a_notifier_that_left_the_config_are_dropped_with_a_record(
    site: Site, start: Start
) -> None:
    first = start(shelf(site, needs="/nowhere/gate"))
    first.ok("notify", notices=[notice("n1")])
    first.worker.stop(drain=True)
    turn([], lambda: first.worker.gone)
    second = start()
    assert second.ok("state")["queued"] == 0
    second.ok("record", lines=[line(1)])
    stored = list(journal.lines(site.state / journal.FILE, 10))
    told = ["notice not delivered", "notices dropped", "turn"]
    assert [each["what"] for each in stored] == told
    assert stored[1]["inputs"] == {"count": 1}


def test_a_notifier_that_cannot_be_built_is_told_in_the_state(site: Site, start: Start) -> None:
    caller = start({"plugin": "nonesuch", "events": None, "options": {}}, shelf(site))
    caller.ok("notify", notices=[notice("n1")])
    turn([caller.worker], lambda: told(site) == ["n1"])
    assert caller.ok("state")["queued"] == 1


def test_a_folder_that_cannot_be_written_stops_neither_worker_nor_notices(
    site: Site, start: Start
) -> None:
    """Disk full or read-only: kept in memory, said so, and no crash loop."""
    site.state.rmdir()
    caller = start(shelf(site))
    caller.ok("record", lines=[line(1)])
    caller.ok("notify", notices=[notice("n1")])
    turn([caller.worker], lambda: told(site) == ["n1"])
    state = caller.ok("state")
    assert "kept in memory only" in state["fault"]
    assert caller.worker.restarts == 0
    site.state.mkdir()
    turn([caller.worker], lambda: caller.ok("state")["fault"] is None)
    assert rows(site, "SELECT count(*) FROM journal") == [(1,)]


@pytest.mark.parametrize("kept", [{"web": "seven"}, {"web": None}, ["web"], 7])
def test_what_can_be_no_epoch_in_the_node_s_file_is_overwritten(
    site: Site, start: Start, kept: object
) -> None:
    site.state.mkdir(exist_ok=True)
    ledger.write(site.state / "node.json", {"epochs": kept})
    start().ok("keep", epochs={"web": 3})
    assert ledger.read(site.state).groups["web"].epoch == 3


def test_a_file_that_is_no_database_is_set_aside(site: Site, start: Start) -> None:
    path = site.state / journal.FILE
    path.write_bytes(b"not a database, by far" * 100)
    start().ok("record", lines=[line(1)])
    assert path.with_suffix(".sqlite.broken").exists()
    assert rows(site, "SELECT count(*) FROM journal") == [(1,)]


def test_epochs_that_are_kept_never_get_lower(site: Site, start: Start) -> None:
    """P4."""
    caller = start()
    caller.ok("keep", epochs={"web": 7, "mail": 1}, standby=True)
    caller.ok("keep", epochs={"web": 3})
    memory = ledger.read(site.state)
    assert {name: known.epoch for name, known in memory.groups.items()} == {"web": 7, "mail": 1}
    assert memory.standby
    caller.worker.stop(drain=True)
    again = start()
    again.ok("keep", epochs={"web": 5}, standby=False)
    memory = ledger.read(site.state)
    assert memory.groups["web"].epoch == 7
    assert not memory.standby


def test_the_store_keeps_a_bounded_number_of_changes_in_memory(tmp_path: Path) -> None:
    store = journal.Store(tmp_path / "absent", "alpha")
    for n in range(journal.PENDING_MAX + 5):
        store.record(line(n))
    assert not store.flush(clock.now())
    assert store.lost == 5
    now = clock.now()
    assert not store.flush(now)  # not tried again before its time
    assert store.next_deadline() is not None
    (tmp_path / "absent").mkdir()
    assert store.flush(type(now)(now + 10 * SECOND))
    assert store.fault is None
    store.close()


def reloaded(site: Site, *notifiers: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = site.setup(*notifiers)["document"]
    return document


def test_p7_what_waits_for_a_notifier_that_is_changed_is_told_by_the_new_one(
    site: Site, start: Start
) -> None:
    """P7: no notice is lost over a reload, and none that is told already is told again."""
    gate = site.state / "gate"
    caller = start(shelf(site, "bad", needs=str(gate)))
    caller.ok("notify", notices=[notice("n1"), notice("n2")])
    turn([caller.worker], lambda: bool(caller.ok("state")["failed"]))
    pid = caller.worker._process.pid if caller.worker._process else 0
    caller.ok("reload", document=reloaded(site, shelf(site, "good")))
    caller.ok("notify", notices=[notice("n3")])
    turn([caller.worker], lambda: told(site, "good") == ["n1", "n2", "n3"])
    turn([caller.worker], lambda: caller.ok("state")["queued"] == 0)
    assert caller.worker._process is not None
    assert caller.worker._process.pid == pid
    assert not set(rows(site, "SELECT what FROM journal")) & {("notices dropped",)}


def test_a_notifier_that_stays_as_it_is_is_not_disturbed_by_a_reload(
    site: Site, start: Start
) -> None:
    """P9 for notices: what it is telling now goes on, and is told once."""
    stays = shelf(site, "stays")
    caller = start(stays)
    caller.ok("notify", notices=[notice("n1")])
    caller.ok("reload", document=reloaded(site, stays, shelf(site, "more")))
    caller.ok("notify", notices=[notice("n2")])
    turn([caller.worker], lambda: told(site, "more") == ["n2"])
    turn([caller.worker], lambda: caller.ok("state")["queued"] == 0)
    assert told(site, "stays") == ["n1", "n2"]


def test_what_waits_for_a_notifier_that_is_gone_is_dropped_and_said_so(
    site: Site, start: Start
) -> None:
    caller = start(shelf(site, "bad", needs=str(site.state / "gate")))
    caller.ok("notify", notices=[notice("n1")])
    turn([caller.worker], lambda: bool(caller.ok("state")["failed"]))
    caller.ok("reload", document=reloaded(site))
    assert caller.ok("state")["queued"] == 0
    assert ("notices dropped",) in rows(site, "SELECT what FROM journal")
