"""The way to one notifier, in one process, with a clock of its own where it can have one."""

from pathlib import Path

import pytest

from ipfo import clock
from ipfo.config.model import NotifierConfig
from ipfo.model import Event, Instant
from ipfo.workers import journal, outbox
from ipfo.workers.named import numbered
from ipfo.workers.worker import Outcome


@pytest.fixture
def courier(tmp_path: Path) -> outbox.Courier:
    """One whose store works, and whose process is never started."""
    config = NotifierConfig("shelf", frozenset({Event.SPLIT}), {})
    return outbox.Courier("shelf", config, {}, journal.Store(tmp_path, "alpha"))


def test_the_oldest_is_dropped_with_a_record(courier: outbox.Courier, tmp_path: Path) -> None:
    for n in range(outbox.WAITING_MAX + 2):
        courier.add(outbox.Letter(f"n{n}", {"headline": f"h{n}"}))
    assert len(courier.queue) == outbox.WAITING_MAX
    assert courier.queue[0].key == "n2"
    assert courier.dropped == 2
    assert courier._store.flush(clock.now())
    stored = list(journal.lines(tmp_path / journal.FILE, 10))
    assert [each["inputs"] for each in stored] == [
        {"key": "n0", "headline": "h0"},
        {"key": "n1", "headline": "h1"},
    ]
    courier._store.close()


def test_tries_come_at_growing_delays(courier: outbox.Courier) -> None:
    """1 s, doubling to 5 min; a success begins anew."""
    courier.add(outbox.Letter("n1", {}))
    waits = []
    for _ in range(11):
        before = clock.now()
        courier._told(Outcome(failed="no"))
        at = courier.next_deadline(before)
        assert at is not None
        waits.append(round((at - before) / 1e9))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert courier.queue[0].tries == 11
    courier._told(Outcome(ok={}))
    assert courier.error is None
    courier.add(outbox.Letter("n2", {}))
    now = clock.now()
    assert courier.next_deadline(now) == now


def test_only_chosen_events_are_wanted(courier: outbox.Courier) -> None:
    assert courier.wants("split")
    assert not courier.wants("takeover")


def test_notifiers_of_one_plugin_are_told_apart() -> None:
    assert numbered(["smtp", "webhook", "smtp"]) == ["smtp", "webhook", "smtp 2"]


def test_an_idle_courier_wants_nothing(courier: outbox.Courier) -> None:
    courier.tend(Instant(10**18))
    assert courier.next_deadline(clock.now()) is None
    assert not courier.busy
