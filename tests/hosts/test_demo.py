"""``ipfo demo`` as a stranger sees it: it tells what happens, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipfo.testing import processes

HOSTS = [pytest.mark.hosts, pytest.mark.timeout(120)]
PATIENCE_S = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of a short name: the demo's sockets are two folders deeper, and may have 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="ipfo-") as path:
        yield Path(path)


@contextmanager
def demo(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The demo at work, with `folder` for its temporary files."""
    # What a shell starts in the background ignores Ctrl-C, and so does all that it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "ipfo", "demo", *words],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    try:
        yield process
    finally:
        processes.end([process])


def runs(pid: int) -> bool:
    """Whether there is such a process; one that has ended may still wait to be seen by init."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def left_over(process: subprocess.Popen[str], folder: Path) -> list[str]:
    namespaces = Path("/run/netns").glob(f"ipfo-lab-{process.pid}-*")
    return [*map(str, namespaces), *map(str, folder.iterdir())]


@pytest.mark.parametrize(
    "words",
    [pytest.param([], marks=HOSTS, id="hosts"), pytest.param(["--loopback"], id="loopback")],
)
def test_the_demo_shows_a_takeover_and_a_failback(folder: Path, words: list[str]) -> None:
    with demo(folder, *words) as process:
        said, complained = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said + complained
    assert complained == ""
    lines = said.splitlines()
    assert ("loopback" in lines[0]) == bool(words)  # the first line says which of the two it is
    for told in ("ipfo starts on alpha and beta", "beta", "ipfo failback web", "alpha", "SIGTERM"):
        while told not in lines.pop(0):
            assert lines, f"{told}: not told, or not in this order\n{said}"
    assert left_over(process, folder) == []


@pytest.mark.parametrize(
    ("words", "number"),
    [
        pytest.param([], signal.SIGINT, marks=HOSTS, id="hosts, Ctrl-C"),
        pytest.param(["--loopback"], signal.SIGTERM, id="loopback, SIGTERM"),
    ],
)
def test_the_demo_clears_up_when_it_is_stopped(
    folder: Path, words: list[str], number: signal.Signals
) -> None:
    with demo(folder, *words) as process:
        assert process.stdout is not None
        while "the preferred one" not in process.stdout.readline():
            assert process.poll() is None
        daemons = processes.tree(process.pid)[1:]
        process.send_signal(number)
        _, complained = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert complained.strip() == ""
    assert left_over(process, folder) == []
    assert daemons
    assert not [pid for pid in daemons if runs(pid)]
