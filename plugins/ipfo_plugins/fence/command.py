"""A fence by a program: exit code 0 says that the peer is surely off, and nothing else does.

At its time it is killed with its whole process group: a program that hangs has fenced nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfo.plugin import Fence, Offer, hookimpl
from ipfo_plugins import _command
from ipfo_plugins._command import COMMAND, run_command

PEER = "{peer}"
"""Stands in an argument for the name of the node that is to be off."""

SCHEMA = {
    "type": "object",
    "properties": {
        "command": {
            **COMMAND,
            "x-peer": PEER,
            "description": "The program and its arguments, without a shell. {peer} in an argument"
            " stands for the name of the node that is to be off. Exit code 0: it surely is; else"
            " the last line of output is the reason. It gets PATH, HOME and LC_ALL, and nothing"
            " else of the daemon's environment.",
        }
    },
    "required": ["command"],
}


@dataclass(frozen=True, slots=True)
class Command:
    """Runs `command` for each shot."""

    command: tuple[str, ...]

    def fence(self, node: str, timeout_s: float) -> None:
        """Return if it ended with 0 within `timeout_s`; raises OSError with the reason if not."""
        program, *arguments = self.command
        ended = run_command([program, *(each.replace(PEER, node) for each in arguments)], timeout_s)
        if ended.failed is None:
            return
        name = program.rpartition("/")[2]
        said = ended.lines[-1] if ended.lines else ""
        raise OSError(f"{name}: {said} ({ended.failed})" if said else f"{name}: {ended.failed}")


def build(options: Mapping[str, Any]) -> Command:
    """Build from a ``[fence]`` table that `SCHEMA` has passed.

    :raises ValueError: if the program itself depends on the peer: it could not be looked at before.
    """
    command = tuple(options["command"])
    if PEER in command[0]:
        raise ValueError(f"command: {PEER} may stand in its arguments, not in the program's path")
    return Command(command)


def lacks(options: Mapping[str, Any]) -> list[str]:
    """Why the program would not be run on this host."""
    return _command.lacks(options["command"][0])


@hookimpl
def ipfo_fences() -> Sequence[Offer[Fence]]:
    """Offer the fence by a program."""
    return [Offer("command", build, SCHEMA, lacks=lacks)]
