"""A fence by one of the fence agents that Debian and others ship, as their own clusters call them.

What an agent is told stands on its standard input, a line each, never on its command line, which
every user of this host could read. And it is not believed: after ``off`` it is asked for the status.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ipfo.plugin import Fence, Offer, hookimpl, now
from ipfo_plugins._command import Ended, run_command
from ipfo_plugins._secret import PATH, read_secret
from ipfo_plugins._text import LINE_MAX

AGENTS: Final = Path("/usr/sbin")
"""Where an agent is that is only named."""

_ON: Final = None
_OFF: Final = "exit code 2"
"""How an agent ends when it was asked for the status: 0 is on, 2 is off, all else is no answer."""

_SECOND: Final = 1_000_000_000

_OURS: Final = frozenset({"action", "option", "plug", "port"})
"""What is said to an agent by keys of this plugin's own; ``option`` is an old name of ``action``."""

_KEY = {
    "pattern": r"^[A-Za-z][A-Za-z0-9_-]*$",
    "x-wanted": "a parameter of a fence agent: letters, digits, _ and -",
}
_VALUE = {
    "type": ["string", "integer", "boolean"],
    "x-wanted": "a string, a whole number, true or false",
}
_PARAMETERS = {
    "type": "object",
    "propertyNames": _KEY,
    "additionalProperties": _VALUE,
    "x-wanted": "a table of an agent's parameters",
}

SCHEMA = {
    "type": "object",
    "properties": {
        "agent": {
            "type": "string",
            "pattern": r"^(/([^/\x00]+/)*)?fence_[A-Za-z0-9_]+$",
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
        "parameters": {
            **_PARAMETERS,
            "default": {},
            "description": "What the agent is told whoever is shot, such as ip or username; its"
            " manual page lists them. No passwords.",
        },
        "parameters_for": {
            "type": "object",
            "additionalProperties": _PARAMETERS,
            "default": {},
            "x-wanted": "a table with a table of parameters for each node",
            "description": "What it is told besides where this node is shot, such as the ip of its"
            " own management card.",
        },
        "ports": {
            "type": "object",
            "additionalProperties": {
                "type": "string",
                "minLength": 1,
                "x-wanted": 'a plug, such as "1" or "/1/outlet3"',
            },
            "default": {},
            "x-wanted": 'a table with a plug for each node: { alpha = "1", beta = "2" }',
            "description": "The plug, outlet or machine that each node is to the agent.",
        },
        "secrets": {
            "type": "object",
            "propertyNames": _KEY,
            "additionalProperties": PATH,
            "default": {},
            "x-wanted": 'a table of files: { password = "fence.password" }',
            "description": "Parameters whose value is the first line of a file, which only its"
            " owner may read. They are read at each shot.",
        },
    },
    "required": ["agent"],
}


@dataclass(frozen=True, slots=True)
class Agent:
    """Runs `program`: with `parameters` by node, and `secrets` from files by parameter."""

    program: Path
    action: str
    parameters: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, str]

    def fence(self, node: str, timeout_s: float) -> None:
        """Return when the agent says that `node` is off, or was; raises OSError if not in time."""
        until = now() + int(timeout_s * _SECOND)
        if node not in self.parameters:
            known = ", ".join(sorted(self.parameters))
            raise OSError(f"{self.program.name}: nothing says what {node} is to it, only: {known}")
        secrets = {key: _read(path) for key, path in self.secrets.items()}
        told = {**self.parameters[node], **secrets}
        ended = self._run(self.action, told, until)
        if ended.failed is not None:
            raise self._fault(self.action, ended, secrets)
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
        said = _without(secrets.values(), ended.lines[-1]) if ended.lines else ""
        why = f"{said} ({ended.failed})" if said else ended.failed
        return OSError(f"{self.program.name}, action {action}: {why}")


def build(options: Mapping[str, Any]) -> Agent:
    """Build from a ``[fence]`` table that `SCHEMA` has passed.

    :raises ValueError: for parameters that cannot be told to an agent, or had better not be, and
        where both nodes are the same to it.
    """
    everybodys = _checked("parameters", options.get("parameters", {}))
    ports = _checked("ports", options.get("ports", {}))
    each = {
        node: _checked(f"parameters_for.{node}", given)
        for node, given in options.get("parameters_for", {}).items()
    }
    secrets = dict(options.get("secrets", {}))
    for key in secrets:
        _refuse_ours("secrets", key)
    nodes = sorted({*ports, *each})
    parameters = {
        node: {
            **everybodys,
            **each.get(node, {}),
            **({"port": ports[node]} if node in ports else {}),
        }
        for node in nodes
    }
    _refuse_alike(parameters)
    for node in nodes:
        for key in secrets.keys() & parameters[node].keys():
            raise ValueError(f"secrets.{key}: the parameters say {key}, too; keep one of them")
    program = Path(AGENTS, options["agent"])  # a whole path stays what it is
    return Agent(program, options.get("action", "off"), parameters, secrets)


def _refuse_alike(parameters: Mapping[str, Mapping[str, str]]) -> None:
    """Two nodes, and two different things to the agent: else a node would shoot itself."""
    if len(parameters) != 2:
        raise ValueError("ports or parameters_for must say what each of the two nodes is")
    first, second = parameters
    if parameters[first] == parameters[second]:
        raise ValueError(
            f"{first} and {second} are the same to the agent: a node would shoot itself; let ports"
            " or parameters_for tell them apart"
        )


def _checked(place: str, given: Mapping[str, str | int | bool]) -> dict[str, str]:
    """`given` as texts, if each can stand on a line of its own."""
    texts = {}
    for key, value in given.items():
        if place != "ports":
            _refuse_ours(place, key)
            if re.search("passw(?!.*script)", key):
                raise ValueError(
                    f'{place}.{key}: a password stands in a file: secrets = {{ {key} = "FILE" }}'
                )
        text = str(int(value)) if isinstance(value, bool) else str(value)
        if not text.isprintable():
            raise ValueError(f"{place}.{key}: a line break or the like cannot be told to an agent")
        texts[key] = text
    return texts


def _refuse_ours(place: str, key: str) -> None:
    if key in _OURS:
        ours = "ports" if key in ("plug", "port") else "action"
        raise ValueError(f"{place}.{key}: say that with {ours}, a key of [fence]")


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


@hookimpl
def ipfo_fences() -> Sequence[Offer[Fence]]:
    """Offer the fence by an agent."""
    return [Offer("fence-agents", build, SCHEMA)]
