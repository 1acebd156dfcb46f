"""What the `checks` worker tells becomes events, once for each turn; what is held is told to it."""

from collections.abc import Mapping
from typing import Any, cast

import pytest
from tests.daemon.paper import document
from tests.daemon.rig import Desk

from ipfo.config.model import Config
from ipfo.daemon.health import Health
from ipfo.machine.events import Event, HealthChanged
from ipfo.workers.pool import Worker


def check(**changes: Any) -> dict[str, Any]:
    return {
        "plugin": "http",
        "interval_ns": 1,
        "timeout_ns": 1,
        "rise": 2,
        "fall": 3,
        "starts_ill": False,
        "when_holding": False,
        "options": {},
        **changes,
    }


CONFIG = Config.from_document(
    document(
        groups={
            "db": {"checks": [check(starts_ill=True)]},
            "web": {"unit": "db", "checks": [check()]},
            "mail": {"checks": [check()]},
        }
    )
)


class Ward:
    """The engine's side, a desk for a worker, and a list for an inbox."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.inbox: list[Event] = []
        self.health = Health(CONFIG, cast("Worker", self.desk), self.inbox.append)

    def hear(self, message: Mapping[str, Any]) -> list[Event]:
        """Tell it as the worker does; what it made of that."""
        assert self.desk.unasked is not None
        self.inbox.clear()
        self.desk.unasked(message)
        return self.inbox


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_a_turn_is_an_event_and_the_same_again_is_none(ward: Ward) -> None:
    assert ward.hear({"health": ["mail", "http: 500"]}) == [HealthChanged("mail", "http: 500")]
    assert ward.hear({"health": ["mail", "http: 500"]}) == []  # a worker that was started again
    assert ward.hear({"health": ["mail", None]}) == [HealthChanged("mail", None)]
    assert ward.hear({"health": ["db", None]}) == []  # as was believed


@pytest.mark.parametrize(
    "message",
    [
        {"health": ["nosuch", None]},
        {"health": ["mail"]},
        {"health": ["mail", 7]},
        {"health": "mail"},
        {"failed": [1]},
        {"said": "hello"},
        {},
    ],
)
def test_what_is_no_turn_is_left_alone(ward: Ward, message: dict[str, Any]) -> None:
    assert ward.hear(message) == []
    assert ward.desk.prepared == {}


def test_what_starts_ill_is_so_until_it_has_passed(ward: Ward) -> None:
    ward.health.begin(CONFIG, adopted=())
    assert ward.inbox == [HealthChanged("db", "http: it has not passed yet")]
    assert ward.hear({"health": ["db", None]}) == [HealthChanged("db", None)]


def test_what_was_held_all_along_is_not_ill_because_the_daemon_is_new(ward: Ward) -> None:
    """Else each restart of the holder would cost a move."""
    ward.health.begin(CONFIG, adopted={"db"})
    assert ward.inbox == []


def test_the_worker_knows_what_is_held_now_and_after_its_next_start(ward: Ward) -> None:
    ward.health.hold(["db"])
    ward.health.hold(["db"])
    assert [(do, given) for do, given, _, _ in ward.desk.calls] == [("roles", {"held": ["db"]})]
    assert ward.desk.prepared == {"held": ["db"]}
    ward.health.hold([])
    assert ward.desk.prepared == {"held": []}


def test_what_a_process_counted_before_its_end_goes_to_the_next(ward: Ward) -> None:
    assert ward.hear({"failed": {"mail: http": 2}}) == []
    assert ward.desk.prepared == {"failed": {"mail: http": 2}}


def test_without_checks_there_is_no_worker_to_tell() -> None:
    inbox: list[Event] = []
    health = Health(CONFIG, None, inbox.append)
    health.hold(["db"])
    assert inbox == []
