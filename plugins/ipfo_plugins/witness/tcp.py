"""A witness by TCP: whoever answers a connection, or refuses it, was reached.

A refusal counts, since it proves what is asked: that the path there and back works. So the service
may be down without a move being stopped. (A firewall that refuses in the name of a host which is
gone is taken for that host; one on this host itself would be a witness that never denies.)
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfo.plugin import Offer, Voter, Witness, hookimpl
from ipfo_plugins._address import ADDRESS, checked

SCHEMA = {
    "type": "object",
    "properties": {
        "address": {
            **ADDRESS,
            "x-host": True,
            "description": "The host that is asked; an address, no name.",
        },
        "port": {
            "type": "integer",
            "minimum": 1,
            "maximum": 65535,
            "x-wanted": "a port, a whole number from 1 to 65535",
            "description": "Connected to, and closed again; one that is refused was reached too.",
        },
    },
    "required": ["address", "port"],
}


@dataclass(frozen=True, slots=True)
class Tcp:
    """Connects to `port` of `address`, and sends nothing."""

    address: str
    port: int

    def reach(self, timeout_s: float) -> None:
        """Return if the host answered; raises OSError if not within `timeout_s`."""
        try:
            socket.create_connection((self.address, self.port), timeout_s).close()
        except ConnectionRefusedError:
            return
        except OSError as error:
            late = isinstance(error, TimeoutError)
            why = f"no answer within {timeout_s:g} s" if late else error.strerror or str(error)
            raise OSError(f"{self.address} port {self.port}: {why}") from None


def build(options: Mapping[str, Any]) -> Tcp:
    """Build from a ``[[witnesses]]`` table that `SCHEMA` has passed."""
    return Tcp(str(checked("address", options["address"])), options["port"])


@hookimpl
def ipfo_witnesses() -> Sequence[Offer[Witness | Voter]]:
    """Offer the witness by TCP."""
    return [Offer("tcp", build, SCHEMA)]
