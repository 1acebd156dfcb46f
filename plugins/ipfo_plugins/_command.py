"""A program that the config names, word by word, and what it said. Never a shell.

It is not run if somebody else than root or the daemon's user could have written it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ipfo.plugin import now
from ipfo_plugins import _run
from ipfo_plugins._text import for_people
from ipfo_plugins._trust import untrusted

COMMAND = {
    "type": "array",
    "minItems": 1,
    "prefixItems": [
        {
            "type": "string",
            "pattern": r"^/[^\x00]*$",
            "x-wanted": "the whole path of a program: no shell looks for it",
        }
    ],
    "items": {"type": "string", "pattern": r"^[^\x00]*$", "x-wanted": "a word for a program"},
    "x-wanted": "a list of words, the first of them the whole path of a program",
}
"""The schema of a command."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: why it `failed`, None if with 0; and the lines it said, cut for people."""

    failed: str | None
    lines: tuple[str, ...]


def lacks(program: str) -> list[str]:
    """Why `run_command` would not run `program` on this host, for people; empty if it would."""
    path = Path(program)
    try:
        why = untrusted(path)
        is_file = path.is_file()
    except FileNotFoundError:
        return [f"{program} does not exist; install it, or mend its path"]
    except OSError as error:
        return [f"{program}: {error.strerror}"]
    if why is not None:
        return [f"{program} would not be run: {why}"]
    if not is_file:
        return [f"{program} is no file; mend its path"]
    if not os.access(path, os.X_OK):
        return [f"{program} is not executable; chmod +x {program}"]
    return []


def run_command(argv: Sequence[str], timeout_s: float, *, given: bytes = b"") -> Ended:
    """Run `argv`; after `timeout_s` it is killed with its whole process group.

    Whatever it was, it is over afterwards; only what it had left in the background before it ended
    by itself goes on. `given` is on its standard input. Safe in any thread.
    """
    try:
        why = untrusted(Path(argv[0]))
    except OSError as error:
        return Ended(error.strerror or str(error), ())
    if why is not None:
        return Ended(f"not run: {why}", ())
    lines: list[str] = []
    until = now() + int(timeout_s * _run.SECOND)
    failed = _run.run(
        argv,
        _run.ENVIRONMENT,
        until=until,
        kill_at=until,
        say=lambda line: lines.append(for_people(line)),
        given=given,
    )
    return Ended(failed, tuple(lines))
