"""The check by a program: whatever that does, the check is over at its time, and so is the program."""

import os
import select
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ipfo.plugin import Check
from ipfo.plugin.registry import Registry
from ipfo.testing import check_check
from ipfo_plugins._command import run_command
from ipfo_plugins._run import OUTPUT_MAX

PATIENCE_S = 20.0

Script = Callable[..., Check]


def make(*command: str) -> Check:
    """As ipfo builds it."""
    return Registry(["check-command"]).checks()["command"].build({"command": list(command)})


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A check by a shell script of these lines."""

    def build(*lines: str, arguments: tuple[str, ...] = (), mode: int = 0o755) -> Check:
        path = tmp_path / "look"
        path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
        path.chmod(mode)
        return make(str(path), *arguments)

    return build


def ill(check: Check, timeout_s: float = PATIENCE_S) -> str:
    """Why `check` says that it is not well."""
    with pytest.raises(OSError, match=r".") as raised:
        check.check(timeout_s)
    return str(raised.value)


def test_it_keeps_the_contract() -> None:
    check_check(
        lambda: make("/bin/true"),
        lambda: make("/bin/false"),
        lambda: make("/bin/sleep", "60"),
    )


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["exit 1"], "look: exit code 1"),
        (["echo the disk is full; echo and more; exit 3"], "look: the disk is full (exit code 3)"),
        (["echo to stderr >&2; exit 1"], "look: to stderr (exit code 1)"),
        (["echo; echo '  '; echo third; exit 1"], "look: third (exit code 1)"),
        (["kill -SEGV $$"], "look: killed by SIGSEGV"),
        ([r"printf 'a\033[31mb\rc\377'; exit 1"], "look: a [31mb c� (exit code 1)"),
        (["head -c 500 /dev/zero | tr '\\0' x; exit 1"], f"look: {'x' * 300} (exit code 1)"),
    ],
)
def test_the_first_line_is_the_reason_and_fit_for_people(
    script: Script, lines: list[str], why: str
) -> None:
    assert ill(script(*lines)) == why


def test_what_it_says_while_it_is_well_is_nobodys_business(script: Script) -> None:
    script("echo all is well").check(PATIENCE_S)


def test_no_shell_looks_at_its_words(script: Script) -> None:
    odd = "$(reboot); `id` * 'x"
    assert ill(script('echo "$1"; exit 1', arguments=(odd,))) == f"look: {odd} (exit code 1)"


def test_it_gets_nothing_of_the_daemons_environment_and_an_empty_input(script: Script) -> None:
    assert "PYTEST_CURRENT_TEST" in os.environ
    said = ill(script("echo $(cat) $(env | cut -d= -f1 | sort); exit 1"))
    assert said == "look: HOME LC_ALL PATH PWD (exit code 1)"


class Alive:
    """Tells whether anybody still has what a script has opened: a pipe with a name."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._reads = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def ended(self) -> bool:
        """Whether everybody who had it open has ended, after some time perhaps."""
        return bool(select.select([self._reads], [], [], PATIENCE_S)[0])

    def close(self) -> None:
        os.close(self._reads)


def test_p6_one_that_hangs_is_killed_with_its_children_though_they_ignore_signals(
    script: Script, tmp_path: Path
) -> None:
    alive = Alive(tmp_path / "alive")
    hangs = script(
        f"exec 9> {alive.path}",
        "trap '' TERM INT HUP",
        "echo begun",
        "sleep 60 &",
        "( sleep 60; sleep 60 ) &",
        "while :; do sleep 60; done",
    )
    assert ill(hangs, 2.0) == "look: begun (it was out of time and has been killed)"
    assert alive.ended()
    alive.close()


def test_who_has_ended_is_not_waited_for_though_a_child_holds_its_output(
    script: Script, tmp_path: Path
) -> None:
    alive = Alive(tmp_path / "alive")
    script(f"exec 9> {alive.path}", f"sleep 60 & echo $! > {tmp_path}/pid").check(PATIENCE_S)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert alive.ended()
    alive.close()


def test_p6_one_that_talks_without_end_is_killed(script: Script) -> None:
    assert ill(script("exec yes"), 1.0) == "look: y (it was out of time and has been killed)"


def test_p6_of_what_it_says_no_more_is_kept_than_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "look"
    path.write_text(f"#!/bin/sh\nyes | head -c {4 * OUTPUT_MAX}\n")
    path.chmod(0o755)
    ended = run_command([str(path)], PATIENCE_S)
    assert ended.failed is None
    *kept, last = ended.lines
    assert last == "... (the rest of its output is left out)"
    assert kept == ["y"] * (OUTPUT_MAX // len("y\n"))


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_what_others_could_have_written_is_not_run(
    script: Script, tmp_path: Path, mode: int
) -> None:
    check = script(f"touch {tmp_path}/ran", mode=mode)
    assert "others than its owner may write to" in ill(check)
    assert not (tmp_path / "ran").exists()


def test_what_is_not_there_or_cannot_be_run_is_said(script: Script, tmp_path: Path) -> None:
    assert ill(make(f"{tmp_path}/nothing")) == "nothing: No such file or directory"
    assert ill(script("exit 0", mode=0o644)) == "look: cannot be run: Permission denied"
