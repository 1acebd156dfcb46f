"""An orderly restart with real daemons: one process, a new run, and nothing left over of the old."""

import signal
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from tests.daemon.looped import PATIENCE_S, Looped, held_by

from ipfo.cli.client import Client


def descriptors(pid: int) -> list[str]:
    """What the open descriptors of `pid` are, without the numbers of sockets."""
    links = Path(f"/proc/{pid}/fd").iterdir()
    return sorted(str(link.readlink()).partition("[")[0] for link in links)


def children(pid: int) -> list[str]:
    """The state of each child of `pid`: ``S`` sleeps, ``Z`` is a zombie."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()[0] for each in pids]


def idle(pair: Looped, pid: int) -> list[str]:
    """The descriptors of the daemon while one command is connected: the one that looks."""
    pair.wait_for("alpha", lambda report: all(w["running"] for w in report["workers"].values()))
    client = Client(pair.state_dir("alpha"))
    client.status()
    found = descriptors(pid)
    client.status()  # whoever was connected before has been seen to have gone
    while (again := descriptors(pid)) != found:
        found = again
        client.status()
    client.close()
    return found


@pytest.fixture
def alone(looped: Looped) -> Looped:
    """The preferred node runs, and holds."""
    looped.start("alpha")
    looped.wait_for("alpha", held_by("alpha"))
    return looped


def test_a_new_run_is_the_same_process_and_nothing_of_the_old_is_left(alone: Looped) -> None:
    pid = alone.daemons["alpha"].pid
    boots = {alone.status("alpha")["boot"]}
    before = idle(alone, pid)
    for _ in range(2):
        alone.ask("alpha", "restart")
        boots.add(alone.status("alpha")["boot"])
        assert alone.daemons["alpha"].poll() is None
        alone.wait_for(
            "alpha", lambda report: all(w["running"] for w in report["workers"].values())
        )
        assert idle(alone, pid) == before
        assert "Z" not in children(pid)
        assert len(children(pid)) == 2
    assert len(boots) == 3
    assert (alone.state_dir("alpha") / "lock").read_text() == f"{pid}\n"


def test_a_config_that_cannot_be_loaded_refuses_it_before_anything_is_given_up(
    alone: Looped,
) -> None:
    before = alone.status("alpha")
    alone.config.write_text(alone.config.read_text().replace('"50ms"', '"50"'))
    refused = alone.ask("alpha", "restart")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("ipfo: not done: a new run would not do: ")
    assert "pair.interval" in line
    after = alone.status("alpha")
    assert (after["boot"], after["groups"]["web"]["holder"]) == (before["boot"], "alpha")
    assert after["groups"]["web"]["epoch"] == before["groups"]["web"]["epoch"]
    assert not after["restarting"]


@pytest.mark.parametrize(
    ("was", "now", "word"),
    [
        ('name = "looped"', 'name = "other"', "it would be pair other, not looped"),
        ('"50ms"', '"50"\nnonsense = 3', "more: see 'ipfo check')"),
        (
            '"192.0.2.100/24", "2001:db8::100/64"',
            '"192.0.2.9/24"',
            "web: all its addresses are others now; so web would not be kept: see 'ipfo handover'",
        ),
    ],
)
def test_each_thing_that_stands_in_the_way_is_said(
    alone: Looped, was: str, now: str, word: str
) -> None:
    alone.config.write_text(alone.config.read_text().replace(was, now))
    refused = alone.ask("alpha", "restart")
    assert refused.returncode == 1
    assert word in refused.stderr


def test_a_changed_config_is_in_force_after_it(alone: Looped) -> None:
    text = alone.config.read_text()
    alone.config.write_text(text.replace('takeover_after = "300ms"', 'takeover_after = "400ms"'))
    alone.ask("alpha", "restart")
    report = alone.wait_for("alpha", lambda report: bool(report["takeover_after_ms"] == 400))
    assert report["groups"]["web"]["addresses"]


def test_an_order_to_end_that_comes_during_a_restart_is_not_lost(alone: Looped) -> None:
    """SIGTERM waits for the new run, which ends in order."""
    client = Client(alone.state_dir("alpha"))
    answers = list(client.order({"do": "restart"}, PATIENCE_S))
    assert answers[-1] == {"restarting": True}
    assert alone.end("alpha", signal.SIGTERM) == 0
    client.close()


def test_the_service_manager_is_told(looped: Looped) -> None:
    """sd_notify(3): RELOADING with the time of it, and READY again."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(PATIENCE_S)
        manager.bind(str(looped.folder / "notify"))
        looped.env["NOTIFY_SOCKET"] = str(looped.folder / "notify")
        looped.start("alpha")
        assert manager.recv(1000) == b"READY=1"
        looped.ask("alpha", "restart")
        first, second = manager.recv(1000).split(b"\n")
        assert first == b"RELOADING=1"
        assert second.startswith(b"MONOTONIC_USEC=")
        assert manager.recv(1000) == b"READY=1"


def test_a_watchdog_is_fed_as_long_as_the_engine_goes_round(looped: Looped) -> None:
    """sd_watchdog_enabled(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(PATIENCE_S)
        manager.bind(str(looped.folder / "notify"))
        looped.env["NOTIFY_SOCKET"] = str(looped.folder / "notify")
        looped.env["WATCHDOG_USEC"] = "300000"
        looped.start("alpha")
        assert [manager.recv(1000) for _ in range(4)] == [b"READY=1", *[b"WATCHDOG=1"] * 3]


def test_a_restart_that_is_stopped_says_so(looped: Looped) -> None:
    """The command waits for no run that does not come any more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(PATIENCE_S)
        manager.bind(str(looped.folder / "notify"))
        looped.env["NOTIFY_SOCKET"] = str(looped.folder / "notify")
        looped.start("alpha")
        assert manager.recv(1000) == b"READY=1"
        asked = subprocess.Popen(looped.argv("alpha", "restart"), stderr=subprocess.PIPE, text=True)
        assert manager.recv(1000).startswith(b"RELOADING=1")
        assert looped.end("alpha", signal.SIGTERM) == 0
        _, said = asked.communicate(timeout=PATIENCE_S)
    assert asked.returncode == 69
    assert said == "ipfo: the daemon was stopped while it was being restarted: see its log\n"


def test_p7_what_the_old_run_had_to_say_is_in_the_journal(alone: Looped) -> None:
    """P7: its last words are stored before the new run begins."""
    boot = alone.status("alpha")["boot"]
    alone.ask("alpha", "restart")
    assert alone.end("alpha") == 0
    with closing(sqlite3.connect(alone.state_dir("alpha") / "journal.sqlite")) as journal:
        lines = journal.execute("SELECT what, boot FROM journal ORDER BY id").fetchall()
    assert lines.count(("restart", boot)) == 1
