"""A check that a process is there: the one of a pid file, or any of a name. Zombies are dead.

That a process is there says nothing of whether it serves; a stopped one surely does not. On Linux
/proc is read, elsewhere ``ps`` is asked.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ipfo.plugin import Check, Offer, hookimpl
from ipfo_plugins._run import ENVIRONMENT
from ipfo_plugins._secret import PATH

SCHEMA = {
    "type": "object",
    "properties": {
        "pid_file": {
            **PATH,
            "description": "Its first line is the number of a process, which must be there.",
        },
        "name": {
            "type": "string",
            "pattern": r"^[^\x00-\x1f/]+$(?!\n)",
            "x-wanted": "the name of a program without its folder, such as nginx",
            "description": "A process of this name must be there; with pid_file, that one must have"
            " this name, since numbers are used again.",
        },
    },
    "anyOf": [{"required": ["pid_file"]}, {"required": ["name"]}],
    "x-wanted": "complete: it needs a pid_file or a name",
}

PROC: Final = Path("/proc")
COMM_MAX: Final = 15
"""The kernel keeps so many bytes of a program's name, and forgets the rest."""

PID_FILE_MAX: Final = 64
"""Bytes of a pid file that are looked at."""

STATES: Final = {"Z": "a zombie", "X": "dead", "x": "dead", "T": "stopped", "t": "stopped"}
"""Of processes that do nothing any more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One process: its number, its state (as ``ps`` has it), what it may be called."""

    pid: int
    state: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Process:
    """Looks for the process of `pid_file`, or for any of the name `name`."""

    pid_file: str | None
    name: str | None

    def check(self, timeout_s: float) -> None:
        """Return if such a process is there and runs; raises OSError if none does."""
        if self.pid_file is None:
            what = f"process {self.name}"
            found = [each for each in _all(timeout_s) if self.name in each.names]
            if any(each.pid == os.getpid() for each in found):
                raise OSError(f"{what}: ipfo's own have that name; name a pid_file")
        else:
            pid = _read_pid(self.pid_file)
            what = f"process {pid} of {self.pid_file}"
            found = [each for each in _one(pid, timeout_s) if each.pid == pid]
            if found and self.name is not None and self.name not in found[0].names:
                raise OSError(f"{what} is not {self.name}, but {min(found[0].names, key=len)}")
        if not found:
            raise OSError(f"{what} is not there")
        if all(each.state in STATES for each in found):
            raise OSError(f"{what} is {STATES[found[0].state]}")


def _read_pid(path: str) -> int:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe there would have us wait
        try:
            text = os.read(opened, PID_FILE_MAX).partition(b"\n")[0].strip()
        finally:
            os.close(opened)
    except OSError as error:
        raise OSError(f"{path}: {error.strerror}") from None
    if not (text.isdigit() and int(text) > 0):
        raise OSError(f"{path}: its first line is no number of a process")
    return int(text)


def _all(timeout_s: float) -> Iterator[Seen]:
    """Every process of this host that can be seen."""
    if sys.platform != "linux":
        yield from by_ps(["-A"], timeout_s)
        return
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            yield from _in_proc(int(folder.name))


def _one(pid: int, timeout_s: float) -> Iterator[Seen]:
    """The process `pid`, if it is there."""
    return _in_proc(pid) if sys.platform == "linux" else by_ps(["-p", str(pid)], timeout_s)


def _in_proc(pid: int) -> Iterator[Seen]:
    with suppress(OSError):  # it has just ended
        comm, state = read_stat((PROC / str(pid) / "stat").read_bytes())
        names = {comm}
        if len(os.fsencode(comm)) >= COMM_MAX:
            # of a script the first word is its interpreter
            words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")[:2]
            whole = {os.fsdecode(word.rpartition(b"/")[2]) for word in words}
            names |= {each for each in whole if each.startswith(comm)}
        yield Seen(pid, state, frozenset(names))


def read_stat(line: bytes) -> tuple[str, str]:
    """Name and state out of /proc/PID/stat; the name may hold anything, brackets and spaces too."""
    comm, _, rest = line.partition(b"(")[2].rpartition(b")")
    return os.fsdecode(comm), rest.split()[0].decode()


def by_ps(which: Sequence[str], timeout_s: float) -> Iterator[Seen]:
    """What ``ps`` says of the processes `which`, words of its own."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and words of our own
            ["/bin/ps", *which, "-o", "pid=,state=,comm="],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
            env=dict(ENVIRONMENT),
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"ps did not end within {timeout_s:g} s") from None
    yield from read_ps(done.stdout)


def read_ps(output: bytes) -> Iterator[Seen]:
    """Read lines of number, state, and the program with or without its folder."""
    for line in output.splitlines():
        pid, state, program = os.fsdecode(line).split(None, 2)
        yield Seen(int(pid), state[0], frozenset({program.rpartition("/")[2].strip()}))


def build(options: Mapping[str, Any]) -> Process:
    """Build from a ``[[groups.NAME.checks]]`` table that `SCHEMA` has passed."""
    return Process(options.get("pid_file"), options.get("name"))


@hookimpl
def ipfo_checks() -> Sequence[Offer[Check]]:
    """Offer the check of processes."""
    return [Offer("process", build, SCHEMA)]
