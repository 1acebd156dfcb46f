"""What stops the start: one line, the right exit code, and nothing half done."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.daemon.looped import Looped, held_by

PATIENCE_S = 30


def refused(pair: Looped, *, argv: list[str] | None = None) -> tuple[int, str]:
    """The exit code of a daemon that does not start, and its one line."""
    ended = subprocess.run(
        argv or pair.argv("alpha"),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    said = [line for line in ended.stderr.splitlines() if ": warning: " not in line]
    assert len(said) == 1, ended.stderr
    assert said[0].startswith("ipfo: ")
    return ended.returncode, said[0]


def nothing_is_left(pair: Looped) -> bool:
    return not (pair.state_dir("alpha") / "control.sock").exists()


def test_a_port_that_is_taken(looped: Looped) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.2.1", looped.port))  # of the second link: the first is open by then
        code, line = refused(looped)
    assert code == 1
    assert "link two: 127.0.2.1 port" in line
    assert "taken by another program" in line
    assert nothing_is_left(looped)


def test_an_address_that_is_not_here(looped: Looped) -> None:
    text = looped.config.read_text().replace("127.0.2.1", "203.0.113.7")
    looped.config.write_text(text)
    code, line = refused(looped)
    assert code == 1
    assert "link two: 203.0.113.7" in line
    assert "does not have the address" in line
    assert nothing_is_left(looped)


@pytest.mark.root
def test_an_interface_that_is_not_here(looped: Looped) -> None:
    """A group there could never be held, and nobody would know why."""
    text = looped.config.read_text().replace('interface = "lo"', 'interface = "nosuch0"')
    looped.config.write_text(text.replace('provider = "mock"', 'provider = "ip"'))
    code, line = refused(looped)
    assert code == 1
    assert "no interface nosuch0" in line
    assert nothing_is_left(looped)


@pytest.mark.root
def test_a_daemon_without_the_rights_that_addresses_need(looped: Looped) -> None:
    """Else it would claim, fail, and call itself able."""
    looped.config.write_text(looped.config.read_text().replace('"mock"', '"ip"'))
    argv = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", *looped.argv("alpha")]
    code, line = refused(looped, argv=argv)
    assert code == 77
    assert "lacks CAP_NET_ADMIN" in line
    assert nothing_is_left(looped)


@pytest.mark.root
def test_a_key_that_another_user_owns(looped: Looped) -> None:
    """P8: who owns the key can read it, and put another in its place."""
    os.chown(looped.folder / "pair.key", 65534, -1)
    code, line = refused(looped)
    assert code == 2
    assert "belongs to another user (uid 65534)" in line


def test_a_second_daemon_for_the_pair(looped: Looped) -> None:
    looped.start("alpha")
    pid = looped.daemons["alpha"].pid
    code, line = refused(looped)
    assert code == 1
    assert f"another ipfo runs for this pair (pid {pid})" in line
    looped.wait_for("alpha", held_by("alpha"))  # the first one is not disturbed


def test_what_a_dead_daemon_left_is_no_hindrance(looped: Looped) -> None:
    folder = looped.state_dir("alpha")
    folder.mkdir(mode=0o700)
    (folder / "lock").write_text("1\n")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(folder / "control.sock"))
    looped.start("alpha")
    looped.wait_for("alpha", held_by("alpha"))


def test_a_state_folder_that_cannot_be_made(looped: Looped) -> None:
    in_the_way = looped.folder / "file"
    in_the_way.touch()
    argv = looped.argv("alpha")
    argv[argv.index("--state-dir") + 1] = str(in_the_way / "state")
    code, line = refused(looped, argv=argv)
    assert code == 1
    assert "cannot be used for state" in line


@pytest.mark.skipif(
    not Path("/proc/sys/fs").is_dir(), reason="needs a folder that is never writable"
)
def test_a_state_folder_that_is_read_only(looped: Looped) -> None:
    argv = looped.argv("alpha")
    argv[argv.index("--state-dir") + 1] = "/proc/sys/fs/ipfo"
    code, line = refused(looped, argv=argv)
    assert code in (1, 77)  # as root it is the file system that refuses
    assert line.startswith("ipfo: /proc/sys/fs/ipfo: ")


def test_a_state_folder_that_others_may_write_to(looped: Looped) -> None:
    looped.state_dir("alpha").mkdir()
    looped.state_dir("alpha").chmod(0o777)
    code, line = refused(looped)
    assert code == 1
    assert "chmod 700" in line


def test_a_path_too_long_for_a_socket(looped: Looped) -> None:
    argv = looped.argv("alpha")
    argv[argv.index("--state-dir") + 1] = str(looped.folder / ("x" * 120))
    code, line = refused(looped, argv=argv)
    assert code == 1
    assert "too long a path" in line


def test_python_that_leaves_assertions_out(looped: Looped) -> None:
    argv = looped.argv("alpha")
    code, line = refused(looped, argv=[sys.executable, "-O", *argv[1:]])
    assert code == 1
    assert "python -O" in line


def test_a_wrong_config_tells_every_fault_and_exits_2(looped: Looped) -> None:
    text = looped.config.read_text().replace('"50ms"', '"50"').replace("takeover_after", "takeover")
    looped.config.write_text(text)
    ended = subprocess.run(looped.argv("alpha"), capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert all(line.startswith("ipfo: ") for line in ended.stderr.splitlines())
    assert "takeover" in ended.stderr
    assert not looped.state_dir("alpha").exists()


def test_a_control_group_that_is_not_here(looped: Looped) -> None:
    text = looped.config.read_text()
    looped.config.write_text(text.replace("[links.one]", 'control_group = "nosuch"\n[links.one]'))
    code, line = refused(looped)
    assert code == 2
    assert "no group 'nosuch'" in line


def test_sigterm_before_the_first_heartbeat_ends_well(looped: Looped) -> None:
    """The lock is taken, the workers start, and nothing is held yet: there is nothing to wait for."""
    with looped.log("alpha").open("a") as log:
        daemon = subprocess.Popen(looped.argv("alpha"), stderr=log)
    control = looped.state_dir("alpha") / "control.sock"
    while not control.exists():
        assert daemon.poll() is None
        select.select([], [], [], 0.001)
    daemon.send_signal(signal.SIGTERM)
    code = daemon.wait(PATIENCE_S)
    assert code == 0
    assert "Traceback" not in looped.log("alpha").read_text()


BUGGY = """\
import sys
import ipfo.daemon.loop as loop
from ipfo.model import Role
from ipfo.cli import main

def step_all(node, events, *, now, terms, right=loop.step_all):
    assert node.groups["web"].role is not Role.HOLDER, "a bug of ours"
    return right(node, events, now=now, terms=terms)

loop.step_all = step_all
main(sys.argv[1:], prog_name="ipfo")
"""


def test_a_bug_ends_in_a_traceback_and_holds_nothing(looped: Looped) -> None:
    """Design 8: what cannot be is an assertion; a machine that is wrong must not hold anything."""
    arguments = looped.argv("alpha")[3:]
    ended = subprocess.run(
        [sys.executable, "-c", BUGGY, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "AssertionError: a bug of ours"
    (ledger,) = looped.state_dir("alpha").glob("addresses-*.json")
    assert json.loads(ledger.read_text())["held"] is False


def test_a_closed_stderr_is_no_hindrance(looped: Looped) -> None:
    looped.daemons["alpha"] = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" 2>&- 1>&- 0<&-', "sh", *looped.argv("alpha")], text=True
    )
    looped.log("alpha").touch()
    looped.wait_for("alpha", held_by("alpha"))
    assert looped.end("alpha") == 0
