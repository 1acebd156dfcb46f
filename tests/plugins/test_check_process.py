"""The check of processes, against real ones: alive, zombies, stopped, with names of all kinds."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ipfo.plugin import Check
from ipfo.plugin.registry import Registry
from ipfo.testing import check_check
from ipfo_plugins.check import process as plugin

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks at /proc")

OFFER = Registry(["process"]).checks()["process"]
SHORT, LONG = f"z-{os.getpid()}", f"a-name-that-is-long-{os.getpid()}"

Start = Callable[..., "subprocess.Popen[bytes]"]


def make(**options: Any) -> Check:
    """As ipfo builds it."""
    return OFFER.build({key: str(value) for key, value in options.items()})


def ill(check: Check) -> str:
    """Why `check` says that it is not well."""
    with pytest.raises(OSError, match=r".") as raised:
        check.check(20)
    return str(raised.value)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program of any name, which waits, and has said that it runs."""
    with ExitStack() as stack:

        def run(name: str) -> "subprocess.Popen[bytes]":
            path = tmp_path / name
            if not path.exists():
                shutil.copy("/bin/cat", path)
            process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stdin is not None
            assert process.stdout is not None
            os.write(process.stdin.fileno(), b"!")
            os.read(process.stdout.fileno(), 1)
            return process

        yield run


def pid_file(folder: Path, text: object) -> Path:
    path = folder / "pid"
    path.write_text(f"{text}\n")
    return path


def until(process: "subprocess.Popen[bytes]", state: int) -> None:
    """Wait until `process` has got into `state`, and let it be there."""
    os.waitid(os.P_PID, process.pid, state | os.WNOWAIT)


def test_it_keeps_the_contract(start: Start, tmp_path: Path) -> None:
    start(SHORT)
    check_check(lambda: make(name=SHORT), lambda: make(name="no-such-program"))
    alive = pid_file(tmp_path, os.getpid())
    check_check(lambda: make(pid_file=alive), lambda: make(pid_file=tmp_path / "none"))


@pytest.mark.parametrize(
    "name",
    [SHORT, "fifteen-letters", LONG, "a (b) c", "ünicode-and-more-ü"],
    ids=["short", "fifteen letters", "long", "parentheses", "not ASCII"],
)
def test_a_process_is_found_by_its_whole_name(start: Start, name: str) -> None:
    assert ill(make(name=name)) == f"process {name} is not there"
    process = start(name)
    make(name=name).check(20)
    assert "is not there" in ill(make(name=name[:-1]))
    assert "is not there" in ill(make(name=f"{name}x"))
    process.kill()
    process.communicate()
    assert ill(make(name=name)) == f"process {name} is not there"


def test_a_script_is_found_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / f"{LONG}.sh"
    path.write_text("#!/bin/sh\necho begun\nread end\n")
    path.chmod(0o755)
    with subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        make(name=path.name).check(20)
        process.kill()


def test_a_zombie_is_dead_and_one_beside_it_is_not(start: Start, tmp_path: Path) -> None:
    process = start(SHORT)
    process.kill()
    until(process, os.WEXITED)
    assert ill(make(name=SHORT)) == f"process {SHORT} is a zombie"
    path = pid_file(tmp_path, process.pid)
    assert ill(make(pid_file=path)) == f"process {process.pid} of {path} is a zombie"
    start(SHORT)
    make(name=SHORT).check(20)


def test_a_stopped_process_does_not_serve(start: Start) -> None:
    process = start(SHORT)
    process.send_signal(signal.SIGSTOP)
    until(process, os.WSTOPPED)
    assert ill(make(name=SHORT)) == f"process {SHORT} is stopped"
    process.send_signal(signal.SIGCONT)
    until(process, os.WCONTINUED)
    make(name=SHORT).check(20)


def test_a_pid_file_is_read_each_time(start: Start, tmp_path: Path) -> None:
    first, second = start(SHORT), start(SHORT)
    path = pid_file(tmp_path, first.pid)
    check = make(pid_file=path)
    check.check(20)
    first.kill()
    first.communicate()
    assert ill(check) == f"process {first.pid} of {path} is not there"
    pid_file(tmp_path, second.pid)
    check.check(20)


def test_a_number_that_is_used_again_by_another_is_found_out(start: Start, tmp_path: Path) -> None:
    path = pid_file(tmp_path, start(LONG).pid)
    make(pid_file=path, name=LONG).check(20)
    assert ill(make(pid_file=path, name="nginx")).endswith(f"is not nginx, but {LONG[:15]}")


@pytest.mark.parametrize("text", ["", "nginx", "-1", "0", "12 34", "1.5", "\x00"])
def test_a_pid_file_without_a_number_is_said(tmp_path: Path, text: str) -> None:
    path = pid_file(tmp_path, text)
    assert ill(make(pid_file=path)) == f"{path}: its first line is no number of a process"


def test_a_pid_file_that_is_none_is_said(tmp_path: Path) -> None:
    assert ill(make(pid_file=tmp_path / "none")).endswith("none: No such file or directory")
    assert ill(make(pid_file=tmp_path)).endswith(f"{tmp_path}: Is a directory")
    assert ill(make(pid_file=pid_file(tmp_path, "9" * 40))).endswith("is not there")
    os.mkfifo(tmp_path / "pipe")
    assert "its first line is no number" in ill(make(pid_file=tmp_path / "pipe"))


def test_ipfo_does_not_take_itself_for_the_service() -> None:
    """Its workers are pythons; so each check of that name would be well for ever."""
    own = Path("/proc/self/comm").read_text().strip()
    assert ill(make(name=own)) == f"process {own}: ipfo's own have that name; name a pid_file"


def test_where_there_is_no_proc_ps_says_the_same(start: Start) -> None:
    """The words for ps are POSIX's, so what stands for other systems can be tried here."""
    process = start(SHORT)
    process.send_signal(signal.SIGSTOP)
    until(process, os.WSTOPPED)
    (seen,) = plugin.by_ps(["-p", str(process.pid)], 20)
    assert seen.pid == process.pid
    assert plugin.STATES[seen.state] == "stopped"
    assert set(seen.names) == {SHORT}
    assert process.pid in {each.pid for each in plugin.by_ps(["-A"], 20)}
    assert list(plugin.by_ps(["-p", "999999999"], 20)) == []


def test_what_ps_says_on_a_mac_is_understood() -> None:
    lines = (
        b"    1 Ss   /sbin/launchd\n  522 S    /Applications/Some App/bin/httpd \n  77 Z    (cat)\n"
    )
    assert [(each.pid, each.state, *each.names) for each in plugin.read_ps(lines)] == [
        (1, "S", "launchd"),
        (522, "S", "httpd"),
        (77, "Z", "(cat)"),
    ]


def test_a_line_of_the_kernels_that_holds_anything_is_understood() -> None:
    assert plugin.read_stat(b"7 (a) S (b) Z 1 7 7 0") == ("a) S (b", "Z")
