"""The control socket against good clients, and against such that flood, hang, or talk nonsense."""

import json
import os
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.daemon.paper import document

from ipfo.config.model import Config
from ipfo.daemon.control import CLIENTS_MAX, IDLE_NS, PENDING_NS, Control, listen
from ipfo.errors import HostError
from ipfo.machine.effects import Record, Settle
from ipfo.machine.events import (
    Event,
    HandoverAsked,
    MaintenanceAsked,
    ResumeAsked,
    StandbyAsked,
)
from ipfo.model import Epoch, Instant, Role

NOW = Instant(10**12)
GROUPS = Config.from_document(
    document(
        groups={
            "web": {},
            "db": {"preferred": "beta"},
            "log": {"unit": "db", "preferred": "beta"},
            "mail": {"failback": "never"},
        }
    )
).groups


class Side:
    """The daemon's side and the clients' side of one socket, in one thread."""

    def __init__(self, folder: Path, report: Callable[[], dict[str, Any]]) -> None:
        self.path = folder / "control.sock"
        self.rehearsed: list[bool] = []
        self.reloads: list[bool] = []
        self.control = Control(
            listen(self.path, group=None),
            status=report,
            rehearse=lambda: self.rehearsed.append(True),
            reload=lambda: self.reloads.append(True),
            groups=GROUPS,
            nodes=("alpha", "beta"),
        )
        self.clients: list[socket.socket] = []

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        client.connect(str(self.path))
        self.clients.append(client)
        self.round()
        return client

    def round(self, now: Instant = NOW) -> list[Event]:
        """One round of the loop."""
        ready, writable, _ = select.select(self.control.reading(), self.control.writing(), [], 0)
        return self.control.ready({*ready, *writable}, now)

    def ask(self, client: socket.socket, request: Any, now: Instant = NOW) -> list[Event]:
        client.sendall(json.dumps(request).encode() + b"\n")
        return self.round(now)

    def close(self) -> None:
        self.control.close()
        for client in self.clients:
            client.close()


@pytest.fixture
def side(tmp_path: Path) -> Iterator[Side]:
    side = Side(tmp_path, lambda: {"node": "alpha"})
    yield side
    side.close()


def said(client: socket.socket) -> list[dict[str, Any]]:
    """What the client has got by now."""
    return [json.loads(line) for line in client.recv(1 << 20).splitlines()]


def ended(client: socket.socket) -> bool:
    """Whether the daemon has dropped the client, after all that it had said."""
    while portion := client.recv(1 << 20):
        assert portion
    return True


def send_for_ever(side: Side, client: socket.socket) -> None:
    """64 MiB of one line, while the daemon goes round."""
    sent = 0
    while sent < 64 << 20:
        try:
            sent += client.send(b"x" * 65536)
        except BlockingIOError:
            side.round()


def ask_for_ever(side: Side, client: socket.socket) -> None:
    """More reports than any buffer takes, and none is read."""
    for _ in range(1000):
        side.ask(client, {"do": "status"})


def test_status_is_answered_at_once_and_as_often_as_asked(side: Side) -> None:
    client = side.connect()
    assert side.ask(client, {"do": "status"}) == []
    assert side.ask(client, {"do": "status"}) == []
    assert said(client) == [{"status": {"node": "alpha"}}] * 2


def test_an_order_for_a_group_moves_the_unit_that_it_belongs_to(side: Side) -> None:
    client = side.connect()
    failback = {"do": "failback", "group": "log"}
    assert side.ask(client, failback) == [HandoverAsked("db", "beta")]
    assert "under way already" in order_refused(side, {"do": "failback", "group": "db"})
    side.control.settled(Settle("db", done=True, why="beta holds it"), NOW)
    assert said(client)[-1]["settled"]["done"]


def order_refused(side: Side, request: dict[str, Any]) -> str:
    other = side.connect()
    assert side.ask(other, request) == []
    return str(said(other)[0]["error"])


def test_a_group_that_never_fails_back_says_so_and_how_to_move_it(side: Side) -> None:
    line = order_refused(side, {"do": "failback", "group": "mail"})
    assert line == (
        'groups.mail: failback = "never" is set: to move it all the same,'
        " give 'ipfo handover mail --to alpha'"
    )
    handover = {"do": "handover", "group": "mail", "to": "alpha"}
    assert side.ask(side.connect(), handover) == [HandoverAsked("mail", "alpha")]


def test_maintenance_is_an_order_for_the_node(side: Side) -> None:
    assert side.ask(side.connect(), {"do": "maintenance"}) == [MaintenanceAsked()]
    assert "an order for this node is under way" in order_refused(side, {"do": "resume"})


def test_a_restart_is_rehearsed_before_the_machine_hears_of_it(side: Side) -> None:
    client = side.connect()
    assert side.ask(client, {"do": "restart"}) == []
    assert side.rehearsed == [True]
    side.control.settled(Settle(None, done=False, why="pair.toml:3: what?"), NOW)
    assert said(client)[-1]["settled"]["why"] == "pair.toml:3: what?"


def test_all_who_ask_for_a_reload_are_told_how_it_went(side: Side) -> None:
    """A later one may mean a newer file; an order for the node is another matter."""
    first, second, other = side.connect(), side.connect(), side.connect()
    side.ask(other, {"do": "standby"})
    for client in (first, second):
        assert side.ask(client, {"do": "reload"}) == []
    assert side.reloads == [True, True]
    side.control.reloaded(False, ["line 1: bad", "line 2: bad"])
    for client in (first, second):
        (answer,) = said(client)
        assert answer["settled"]["done"] is False
        assert answer["settled"]["why"] == "line 1: bad\nline 2: bad"
    side.control.settled(Settle(None, done=True, why="well"), NOW)
    assert said(other)[0]["settled"]["why"] == "well"


def test_who_asked_for_a_restart_is_told_apart_from_who_waits_for_something_else(
    side: Side,
) -> None:
    restarting, moving = side.connect(), side.connect()
    side.ask(moving, {"do": "handover", "group": "web", "to": "beta"})
    side.ask(restarting, {"do": "restart"})
    side.control.close(restarting=True)
    assert said(restarting) == [{"restarting": True}]
    assert said(moving)[0]["settled"]["why"] == "the daemon is restarted"


def test_orders_become_events(side: Side) -> None:
    handover = side.ask(side.connect(), {"do": "handover", "group": "web", "to": "beta"})
    failback = side.ask(side.connect(), {"do": "failback", "group": "db"})
    standby = side.ask(side.connect(), {"do": "standby"})
    assert handover == [HandoverAsked("web", "beta")]
    assert failback == [HandoverAsked("db", "beta")]
    assert standby == [StandbyAsked()]


def test_who_waits_sees_the_progress_of_his_group_and_the_outcome(side: Side) -> None:
    client = side.connect()
    side.ask(client, {"do": "handover", "group": "web", "to": "beta"})
    turn = Record("turn", "handover", "web", Role.HOLDER, Role.YIELDER, Epoch(3))
    side.control.recorded(Record("turn", "handover", "db", Role.HOLDER, Role.YIELDER))
    side.control.recorded(turn)
    side.control.settled(Settle("db", done=True, why="another's"), NOW)
    side.control.settled(Settle("web", done=True, why="beta holds it"), Instant(NOW + 25_000_000))
    progress, settled = said(client)

    assert progress["progress"]["was"] == "holder"
    assert progress["progress"]["epoch"] == 3
    assert settled == {"settled": {"done": True, "why": "beta holds it", "ms": 25}}


def test_standby_sees_every_group_go(side: Side) -> None:
    client = side.connect()
    side.ask(client, {"do": "standby"})
    side.control.recorded(Record("turn", "standby", "web", Role.HOLDER, Role.YIELDER))
    side.control.recorded(Record("turn", "standby", "db", Role.HOLDER, Role.YIELDER))
    side.control.settled(Settle(None, done=False, why="beta is silent"), NOW)
    assert [next(iter(each)) for each in said(client)] == ["progress", "progress", "settled"]


def test_a_second_order_for_the_same_group_is_refused_until_the_first_is_settled(
    side: Side,
) -> None:
    first, second = side.connect(), side.connect()
    side.ask(first, {"do": "handover", "group": "web", "to": "beta"})
    assert side.ask(second, {"do": "failback", "group": "web"}) == []
    assert "under way already" in said(second)[0]["error"]
    first.close()  # the order goes on without its client
    side.round()
    assert side.ask(second, {"do": "failback", "group": "web"}) == []
    side.control.settled(Settle("web", done=True, why="done"), NOW)
    assert side.ask(second, {"do": "failback", "group": "web"}) != []


def test_an_order_that_is_never_settled_does_not_keep_others_out_for_ever(side: Side) -> None:
    side.ask(side.connect(), {"do": "resume"})
    assert side.ask(side.connect(), {"do": "resume"}) == []
    late = Instant(NOW + PENDING_NS)
    assert side.ask(side.connect(), {"do": "resume"}, late) == [ResumeAsked()]


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ({"do": "handover", "group": "wbe", "to": "beta"}, "no group is called wbe"),
        ({"do": "failback", "group": "wbe"}, "no group is called wbe"),
        ({"do": "handover", "group": "web", "to": "gamma"}, "no node is called gamma"),
        ({"do": "handover", "group": 7}, "does not know that request"),
        ({"do": "shutdown"}, "does not know that request"),
        ({}, "does not know that request"),
    ],
)
def test_a_wrong_request_is_answered_and_asks_nothing(
    side: Side, request_: dict[str, Any], word: str
) -> None:
    client = side.connect()
    assert side.ask(client, request_) == []
    assert word in said(client)[0]["error"]


@pytest.mark.parametrize("nonsense", [b"hello\n", b"[1]\n", b"\xff\xfe\n", b"[" * 60_000 + b"\n"])
def test_who_talks_nonsense_is_dropped(side: Side, nonsense: bytes) -> None:
    client = side.connect()
    client.sendall(nonsense)
    side.round()
    assert ended(client)


def test_a_line_without_end_is_dropped(side: Side) -> None:
    client = side.connect()
    client.setblocking(False)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        send_for_ever(side, client)


def test_who_asks_and_never_reads_is_dropped(tmp_path: Path) -> None:
    side = Side(tmp_path, lambda: {"padding": "x" * 500_000})
    client = side.connect()
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        ask_for_ever(side, client)
    other = side.connect()
    side.ask(other, {"do": "status"})
    assert other.recv(1) == b"{"
    side.close()


def test_who_idles_is_dropped_and_who_waits_is_not(side: Side) -> None:
    idler, waiter = side.connect(), side.connect()
    side.ask(waiter, {"do": "standby"})
    assert side.control.next_deadline() == NOW + IDLE_NS
    side.round(Instant(NOW + IDLE_NS))
    assert ended(idler)
    assert side.control.next_deadline() is None
    side.control.settled(Settle(None, done=True, why="well"), NOW)
    assert said(waiter)[0]["settled"]["done"]


def test_a_reader_that_stops_during_a_move_costs_the_engine_nothing(side: Side) -> None:
    """P6: it is dropped in the middle of the effects, and the next round waits for it no more."""
    client = side.connect()
    side.ask(client, {"do": "standby"})
    long = Record("turn", "x" * 200_000, "web", Role.HOLDER, Role.YIELDER)
    for _ in range(100):
        side.control.recorded(long)
    assert len(side.control.reading()) == 1
    assert side.round() == []
    assert side.control.next_deadline() is None


def test_one_client_too_many_is_turned_away(side: Side) -> None:
    clients = [side.connect() for _ in range(CLIENTS_MAX)]
    assert "connected already" in said(side.connect())[0]["error"]
    side.ask(clients[0], {"do": "status"})
    assert said(clients[0])


def test_who_waits_is_told_that_the_daemon_ends(side: Side) -> None:
    client = side.connect()
    side.ask(client, {"do": "standby"})
    side.control.close()
    assert said(client) == [{"settled": {"done": False, "why": "the daemon ends", "ms": 0}}]


def test_only_the_owner_or_the_group_may_connect(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    listen(path, group=None).close()
    assert path.stat().st_mode & 0o777 == 0o600
    listen(path, group=os.getegid()).close()
    assert path.stat().st_mode & 0o777 == 0o660


def test_a_socket_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no control socket can be made there"):
        listen(tmp_path / "nosuch" / "control.sock", group=None)
