"""What a key is where the file does not say it. The schema shows these values, the document has them.

A key without a default is not in here: it is required, or its absence means something of its own.
"""

from collections.abc import Mapping
from typing import Any

DEFAULT_TRANSPORT = "udp"
DEFAULT_PROVIDER = "ip"
PORT_DEFAULT = 1694
SCRIPTS = "scripts"
"""The built-in phase plugin that ``scripts = DIR`` in a group stands for."""

PAIR_DEFAULTS: Mapping[str, str] = {
    "interval": "1s",
    "takeover_after": "3s",
    "first_claim_after": "60s",
    "on_partition": "available",
}
GROUP_DEFAULTS: Mapping[str, Any] = {
    "provider": DEFAULT_PROVIDER,
    "contested": "wait",
    "failback": "manual",
    "failback_after": "60s",
    "handover": "strict",
    "max_moves": 3,
    "per": "10min",
    "announce_every": "60s",
    "phase_timeout": "30s",
}
CHECK_DEFAULTS: Mapping[str, Any] = {
    "interval": "2s",
    "timeout": "1s",
    "rise": 2,
    "fall": 3,
    "start": "well",
    "when": "always",
}
FENCE_DEFAULTS: Mapping[str, str] = {"timeout": "30s", "delay": "0s"}

ENGINE_DEFAULTS: Mapping[str, bool] = {"realtime": False, "lock_memory": False}


def of_table(path: tuple[str | int, ...]) -> Mapping[str, Any]:
    """The defaults of the table in which the key at `path` stands."""
    match path:
        case ("pair", _):
            return PAIR_DEFAULTS
        case ("groups", _, _):
            return GROUP_DEFAULTS
        case ("groups", _, "checks", _, _):
            return CHECK_DEFAULTS
        case ("fence", _):
            return FENCE_DEFAULTS
        case ("engine", _):
            return ENGINE_DEFAULTS
        case _:
            return {}
