"""A check of an interface: it is there, up, has a carrier, and an address if one is named.

The carrier of a group's own interface is watched by ipfo anyhow, and its loss moves the group at
once; this is for the others, such as the way to a database. Linux.
"""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from ipfo.plugin import Check, Offer, hookimpl
from ipfo_plugins import _host
from ipfo_plugins._address import ADDRESS, checked

SCHEMA = {
    "type": "object",
    "properties": {
        "interface": {
            "type": "string",
            "pattern": r"^[^\s/]{1,15}$(?!\n)",
            "x-wanted": "the name of an interface, such as eth0",
            "x-by-node": True,
            "description": "Which must be up and have a carrier; may be a table by node.",
        },
        "address": {
            **ADDRESS,
            "x-by-node": True,
            "description": "An address that must be on it, too: one of this node's own, not one"
            " that ipfo puts there; may be a table by node.",
        },
    },
    "required": ["interface"],
}


@dataclass(frozen=True, slots=True)
class Interface:
    """Looks at `interface`, and for `address` on it."""

    interface: str
    address: IPv4Address | IPv6Address | None

    def check(self, timeout_s: float) -> None:  # noqa: ARG002 - the kernel answers at once
        """Return if all is as it should be; raises OSError if not."""
        state = _host.state_of(self.interface)
        if not state.up:
            raise OSError(f"interface {self.interface} is down")
        if not state.carrier:
            raise OSError(f"interface {self.interface} has no carrier")
        if self.address is not None and not self._has_address():
            raise OSError(f"interface {self.interface} does not have {self.address}")

    def lacks(self) -> list[str]:
        """What is not here at all, whatever its state; for people."""
        what = f"interface {self.interface}"
        there = [name for _, name in socket.if_nameindex()]
        if self.interface not in there:
            return [f"{what} is not on this host, which has {', '.join(there)}"]
        if self.address is not None and not self._has_address():
            return [f"{what} does not have {self.address}; put it there, or name one that it has"]
        return []

    def _has_address(self) -> bool:
        return any(
            held.interface == self.interface
            and held.address.ip == self.address
            and not held.flags & _host.TENTATIVE
            for held in _host.host_addresses()
        )


def build(options: Mapping[str, Any]) -> Interface:
    """Build from a ``[[groups.NAME.checks]]`` table that `SCHEMA` has passed."""
    if not _host.LINUX:
        raise ValueError("interface: only Linux says whether it has a carrier")
    address = options.get("address")
    return Interface(options["interface"], None if address is None else checked("address", address))


def lacks(options: Mapping[str, Any]) -> list[str]:
    """The interface, or the address on it, if it is not here."""
    return build(options).lacks()


@hookimpl
def ipfo_checks() -> Sequence[Offer[Check]]:
    """Offer the check of interfaces."""
    return [Offer("interface", build, SCHEMA, lacks=lacks)]
