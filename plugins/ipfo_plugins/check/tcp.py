"""A check by TCP: well if somebody takes a connection. Nothing is sent, and it is closed at once.

Linux may connect a socket to itself where nobody listens and the port is one that it hands out to
clients. That is no answer.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfo.plugin import Check, Offer, hookimpl
from ipfo_plugins._address import ADDRESS, checked

SCHEMA = {
    "type": "object",
    "properties": {
        "address": {
            **ADDRESS,
            "x-host": True,
            "default": "127.0.0.1",
            "description": "Where the service listens; an address, no name.",
        },
        "port": {
            "type": "integer",
            "minimum": 1,
            "maximum": 65535,
            "x-wanted": "a port, a whole number from 1 to 65535",
            "description": "Connected to, and closed again.",
        },
    },
    "required": ["port"],
}


@dataclass(frozen=True, slots=True)
class Tcp:
    """Connects to `port` of `address`."""

    address: str
    port: int

    def check(self, timeout_s: float) -> None:
        """Return if it was connected within `timeout_s`; raises OSError if not."""
        try:
            with socket.create_connection((self.address, self.port), timeout_s) as sock:
                if sock.getsockname() == sock.getpeername():
                    raise ConnectionRefusedError(0, "nobody listens")
        except OSError as error:
            late = isinstance(error, TimeoutError)
            why = f"no answer within {timeout_s:g} s" if late else error.strerror or str(error)
            raise OSError(f"{self.address} port {self.port}: {why}") from None


def build(options: Mapping[str, Any]) -> Tcp:
    """Build from a ``[[groups.NAME.checks]]`` table that `SCHEMA` has passed."""
    return Tcp(str(checked("address", options["address"])), options["port"])


@hookimpl
def ipfo_checks() -> Sequence[Offer[Check]]:
    """Offer the check by TCP."""
    return [Offer("tcp", build, SCHEMA)]
