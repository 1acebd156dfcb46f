"""A check by a program: exit code 0 is well, its first line says why it is not.

At its time it is killed with its whole process group, whatever it does about signals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfo.plugin import Check, Offer, hookimpl
from ipfo_plugins import _command
from ipfo_plugins._command import COMMAND, run_command

SCHEMA = {
    "type": "object",
    "properties": {
        "command": {
            **COMMAND,
            "description": "The program and its arguments, without a shell. Exit code 0 is well;"
            " else its first line of output is the reason. It gets PATH, HOME and LC_ALL, and"
            " nothing else of the daemon's environment.",
        }
    },
    "required": ["command"],
}


@dataclass(frozen=True, slots=True)
class Command:
    """Runs `command` each time."""

    command: tuple[str, ...]

    def check(self, timeout_s: float) -> None:
        """Return if it ended with 0 within `timeout_s`; raises OSError with the reason if not."""
        ended = run_command(self.command, timeout_s)
        if ended.failed is None:
            return
        name = self.command[0].rpartition("/")[2]
        said = next(iter(ended.lines), "")
        raise OSError(f"{name}: {said} ({ended.failed})" if said else f"{name}: {ended.failed}")


def build(options: Mapping[str, Any]) -> Command:
    """Build from a ``[[groups.NAME.checks]]`` table that `SCHEMA` has passed."""
    return Command(tuple(options["command"]))


def lacks(options: Mapping[str, Any]) -> list[str]:
    """Why the program would not be run on this host."""
    return _command.lacks(options["command"][0])


@hookimpl
def ipfo_checks() -> Sequence[Offer[Check]]:
    """Offer the check by a program."""
    return [Offer("command", build, SCHEMA, lacks=lacks)]
