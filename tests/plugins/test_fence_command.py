"""The fence by a program: exit code 0 is off, and no end, or another one, is not."""

import os
import select
import signal
from pathlib import Path

import pytest

from ipfo.plugin import Fence
from ipfo.plugin.registry import Registry
from ipfo.testing import check_fence

PATIENCE_S = 20


def make(*command: str) -> Fence:
    """As ipfo builds it."""
    return Registry(["fence-command"]).fences()["command"].build({"command": command})


def program(folder: Path, text: str) -> str:
    path = folder / "power"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def said(fence: Fence, timeout_s: float = PATIENCE_S) -> str:
    with pytest.raises(OSError, match="power: ") as raised:
        fence.fence("beta", timeout_s)
    return str(raised.value)


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    power = program(
        tmp_path,
        'case "$1" in hang) exec sleep 60 ;; fail) echo "no answer"; exit 1 ;; esac\n'
        f'echo off > "{tmp_path}/$1"',
    )
    check_fence(
        works=lambda: make(power, "{peer}"),
        fails=lambda: make(power, "fail"),
        hangs=lambda: make(power, "hang"),
        is_off=lambda node: (tmp_path / node).read_text() == "off\n",
        switch_on=lambda node: (tmp_path / node).write_text("on\n"),
    )


def test_the_peers_name_stands_wherever_the_command_says_so_and_no_shell_reads_it(
    tmp_path: Path,
) -> None:
    power = program(tmp_path, f'printf "%s|" "$@" > {tmp_path}/told')
    make(power, "--host={peer}.example.net", "{peer}{peer}", "$HOME; true", "{node}").fence(
        "beta", PATIENCE_S
    )
    assert (tmp_path / "told").read_text() == (
        "--host=beta.example.net|betabeta|$HOME; true|{node}|"
    )


def test_the_last_line_is_why_it_failed(tmp_path: Path) -> None:
    power = program(tmp_path, 'echo "asking the switch"; echo "outlet 3 is locked" >&2; exit 7')
    assert said(make(power)) == "power: outlet 3 is locked (exit code 7)"


def test_one_that_fails_without_a_word_says_how(tmp_path: Path) -> None:
    assert said(make(program(tmp_path, "kill -9 $$"))) == "power: killed by SIGKILL"
    missing = tmp_path / "nobody" / "power"
    assert said(make(str(missing))) == "power: No such file or directory"


def test_one_that_hangs_has_fenced_nobody_and_is_killed_with_all_that_it_started(
    tmp_path: Path,
) -> None:
    """It may not shoot later, when the peer is back and holds the addresses."""
    power = program(
        tmp_path, 'trap "" TERM; sleep 60 & echo $! $$ > "$1.new"; mv "$1.new" "$1"; wait; wait'
    )
    pids = tmp_path / "pids"
    why = said(make(power, str(pids)), 1)
    assert why == "power: it was out of time and has been killed"
    for pid in map(int, pids.read_text().split()):
        assert is_over(pid), f"process {pid} still runs"


def is_over(pid: int) -> bool:
    """`pid` is gone, or ends while we wait; else it is killed."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended = bool(select.select([descriptor], [], [], 5)[0])
        if not ended:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        return ended
    finally:
        os.close(descriptor)


def test_a_program_that_others_may_write_to_is_not_run(tmp_path: Path) -> None:
    power = program(tmp_path, f"touch {tmp_path}/ran")
    Path(power).chmod(0o777)
    assert "chmod go-w" in said(make(power))
    assert not (tmp_path / "ran").exists()


def test_the_program_itself_may_not_depend_on_the_peer() -> None:
    with pytest.raises(ValueError, match="not in the program's path"):
        make("/etc/ipfo/off-{peer}")
