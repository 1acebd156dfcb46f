"""A fence by one of the fence agents that Debian and others ship.

What an agent is told stands on its standard input, a line each, never on its command line, which
every user of this host could read. And it is not believed: after ``off`` it is asked for the status.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ipfo.plugin import Fence, Offer, hookimpl, now
from ipfo_plugins import _command, _secret
from ipfo_plugins._command import Ended, run_command
from ipfo_plugins._secret import PATH, read_secret
from ipfo_plugins._text import LINE_MAX

AGENTS: Final = Path("/usr/sbin")
"""Where an agent is that is only named."""

_ON: Final = None
_OFF: Final = "exit code 2"
"""How an agent ends when it was asked for the status: 0 is on, 2 is off, all else is no answer."""

_IGNORED: Final = "gnoring unknown option"
"""What an agent says, and goes on with a default, of a parameter that it does not know."""

_USAGE: Final = "for usage"
"""Agents end with a hint at their manual; the reason stands above it."""

_SECOND: Final = 1_000_000_000

_OURS: Final = {"action": "action", "option": "action", "plug": "ports", "port": "ports"}
"""Parameters that have a key of their own here; ``option`` is what ``action`` was called once."""

_Value = str | int | bool

_KEY = {
    "pattern": r"^[A-Za-z][A-Za-z0-9_-]*$(?!\n)",
    "x-wanted": "a parameter of a fence agent: letters, digits, _ and -",
}

SCHEMA = {
    "type": "object",
    "properties": {
        "agent": {
            "type": "string",
            "pattern": r"^(/([^/\x00]+/)*)?fence_[A-Za-z0-9_]+$(?!\n)",
            "x-wanted": "a fence agent's name, such as fence_ipmilan, or the whole path of one",
            "description": "The agent, by its name in /usr/sbin, or by its whole path.",
        },
        "action": {
            "enum": ["off", "reboot"],
            "default": "off",
            "description": '"off": the peer stays off until somebody switches it on, and the agent'
            ' is asked whether it is. "reboot": it comes back by itself; nobody can ask afterwards'
            " whether it was ever off, so the agent is believed.",
        },
        "ports": {
            "type": "string",
            "minLength": 1,
            "x-by-node": True,
            "x-wanted": "the name of a plug",
            "description": "The plug, outlet or machine that the agent is to shoot, by the node that"
            ' it is: { alpha = "1", beta = "2" }. Not for agents whose parameters say it all.',
        },
        "parameters": {
            "type": "object",
            "propertyNames": _KEY,
            "additionalProperties": {
                "type": ["string", "integer", "boolean"],
                "x-by-node": True,
                "x-wanted": "a string, a whole number, true or false",
            },
            "default": {},
            "description": "What the agent is told besides, such as ip and username: its manual page"
            " lists them. Each may be a table by node, and holds where that node is shot. No"
            " passwords.",
        },
        "secrets": {
            "type": "object",
            "propertyNames": _KEY,
            "additionalProperties": {**PATH, "x-by-node": True, "x-wanted": "a file"},
            "default": {},
            "description": 'Parameters that are secret: { password = "FILE" }. Each is the first line'
            " of its file, which only its owner may read, and is read at each shot. May be tables"
            " by node, too.",
        },
    },
    "required": ["agent"],
}


@dataclass(frozen=True, slots=True)
class Agent:
    """Runs `program` with `parameters`, and `secrets` from files: one value, or a table by node."""

    program: Path
    action: str
    parameters: Mapping[str, str | Mapping[str, str]]
    secrets: Mapping[str, str | Mapping[str, str]]

    def fence(self, node: str, timeout_s: float) -> None:
        """Return when the agent says that `node` is off, or was; raises OSError if not in time."""
        until = now() + int(timeout_s * _SECOND)
        secrets = {key: _read(path) for key, path in _of(node, self.secrets).items()}
        told = {**_of(node, self.parameters), **secrets}
        ended = self._run(self.action, told, until)
        if ended.failed is not None:
            raise self._fault(self.action, ended, secrets)
        ignored = next((line for line in ended.lines if _IGNORED in line), None)
        if ignored is not None:
            why = _without(secrets.values(), ignored)
            raise OSError(f"{self.program.name}: it may have shot something else: {why}")
        if self.action == "off":
            ended = self._run("status", told, until)
            if ended.failed is _ON:
                raise OSError(f"{self.program.name}: it said well done, and {node} is still on")
            if ended.failed != _OFF:
                raise self._fault("status", ended, secrets)

    def _run(self, action: str, told: Mapping[str, str], until: int) -> Ended:
        lines = [f"action={action}", *(f"{key}={_quoted(value)}" for key, value in told.items())]
        given = "\n".join([*lines, ""]).encode()
        return run_command([str(self.program)], (until - now()) / _SECOND, given=given)

    def _fault(self, action: str, ended: Ended, secrets: Mapping[str, str]) -> OSError:
        last = next((line for line in reversed(ended.lines) if _USAGE not in line), "")
        said = _without(secrets.values(), last)
        why = f"{said} ({ended.failed})" if said else ended.failed
        return OSError(f"{self.program.name}, action {action}: {why}")


def build(options: Mapping[str, Any]) -> Agent:
    """Build from a ``[fence]`` table that `SCHEMA` has passed.

    :raises ValueError: for parameters that cannot be told to an agent, or had better not be, and
        where both nodes are the same to it.
    """
    given, secrets = options.get("parameters", {}), options.get("secrets", {})
    for place, keys in (("parameters", given), ("secrets", secrets)):
        for key in keys:
            if key in _OURS:
                raise ValueError(f"{place}.{key}: say that with {_OURS[key]}, a key of [fence]")
    for key in given:
        if key in secrets:
            raise ValueError(f"secrets.{key}: the parameters say {key}, too; keep one of them")
        if re.search("passw(?!.*script)", key):
            raise ValueError(f'parameters.{key}: write secrets = {{ {key} = "FILE" }}')
    parameters = {key: _told(f"parameters.{key}", value) for key, value in given.items()}
    if "ports" in options:
        parameters["port"] = _told("ports", options["ports"])
    _refuse_alike(parameters)
    program = Path(AGENTS, options["agent"])  # a whole path stays what it is
    return Agent(program, options.get("action", "off"), parameters, dict(secrets))


def _refuse_alike(parameters: Mapping[str, str | Mapping[str, str]]) -> None:
    """Something must tell the nodes apart: else a node would shoot itself."""
    tables = [value for value in parameters.values() if isinstance(value, Mapping)]
    if not any(len(set(table.values())) > 1 for table in tables):
        raise ValueError(
            "both nodes are the same to the agent, so one would shoot itself: let ports or one of"
            ' the parameters be a table by node, such as { alpha = "1", beta = "2" }'
        )


def _told(place: str, value: _Value | Mapping[str, _Value]) -> str | dict[str, str]:
    """`value` as text, or each of a table, if it can stand on a line of its own."""
    if isinstance(value, Mapping):
        return {node: _text(f"{place}.{node}", each) for node, each in value.items()}
    return _text(place, value)


def _text(place: str, value: _Value) -> str:
    text = str(int(value)) if isinstance(value, bool) else str(value)
    if not text.isprintable():
        raise ValueError(f"{place}: a line break or the like cannot be told to an agent")
    return text


def _of(node: str, values: Mapping[str, str | Mapping[str, str]]) -> dict[str, str]:
    """What holds for `node`. A table that says nothing of it is refused with the config."""
    return {
        key: value[node] if isinstance(value, Mapping) else value for key, value in values.items()
    }


def _read(path: str) -> str:
    secret = read_secret(path)
    if not secret.isprintable():
        raise OSError(f"{path}: what is not printable cannot be told to an agent")
    return secret


def _quoted(value: str) -> str:
    """`value` so that an agent finds all of it: it cuts blanks at the end, and quotes around."""
    plain = value == value.strip() and not re.fullmatch('".*"', value)
    return value if plain else f'"{value}"'


def _without(secrets: Iterable[str], line: str) -> str:
    """`line`, which was cut for people, without any of the `secrets` that an agent has repeated."""
    was_cut = len(line) >= LINE_MAX - 1  # a blank at the end is gone, too
    for secret in sorted(map(str.strip, secrets), key=len, reverse=True):
        line = line.replace(secret, "***")
        halves = (secret[:size] for size in range(len(secret) - 1, 0, -1))
        half = next((each for each in halves if was_cut and line.endswith(each)), "")
        line = line.removesuffix(half)
    return line


def lacks(options: Mapping[str, Any]) -> list[str]:
    """What is not here of the agent, and of the secrets for shooting the peer."""
    program = AGENTS / options["agent"]
    if program.parent == AGENTS and not program.exists():
        missing = [f"{program} is not installed: Debian has agents in the package fence-agents"]
    else:
        missing = _command.lacks(str(program))
    for path in options.get("secrets", {}).values():
        missing += _secret.lacks(path, _read)
    return missing


@hookimpl
def ipfo_fences() -> Sequence[Offer[Fence]]:
    """Offer the fence by an agent."""
    return [Offer("fence-agents", build, SCHEMA, lacks=lacks)]
