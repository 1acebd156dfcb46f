"""A witness by ICMP echo: a router, say. Who cannot reach it is the isolated one.

Where the kernel lets this user (net.ipv4.ping_group_range) the socket is the unprivileged kind,
else a raw one, for which it takes root or CAP_NET_RAW.
"""

import os
import select
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from ipfo.plugin import Instant, Offer, Voter, Witness, hookimpl, now
from ipfo_plugins._address import ADDRESS, checked
from ipfo_plugins.witness._icmp import Echo

SCHEMA = {
    "type": "object",
    "properties": {
        "address": {
            **ADDRESS,
            "x-host": True,
            "description": "The host that is asked; an address, no name.",
        },
        "interface": {
            "type": "string",
            "pattern": r"^[^\s/]{1,15}$",
            "x-wanted": "the name of an interface, such as eth0 (at most 15 characters)",
            "x-by-node": True,
            "description": "Asked on this interface only, whatever the routes say (Linux); may be"
            " a table by node.",
        },
        "source": {
            **ADDRESS,
            "x-by-node": True,
            "description": "Asked from this address of the node; may be a table by node.",
        },
    },
    "required": ["address"],
}

REQUESTS = 3
"""One lost datagram is no isolation."""

_TOKEN_BYTES = 24
_PACKET_BYTES_MAX = 2048


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks `address`, on `interface` and from `source` where they are given."""

    address: str
    interface: str | None = None
    source: str | None = None

    def reach(self, timeout_s: float) -> None:
        """Return if one of `REQUESTS`, spread over `timeout_s`, was answered; else raise OSError."""
        began, share_ns = now(), int(timeout_s * 1e9) // REQUESTS
        fault = f"none of {REQUESTS} pings was answered within {timeout_s:g} s"
        try:
            with self._open() as sock:
                echo = Echo(_version(self.address), _ident(sock), os.urandom(_TOKEN_BYTES))
                for sequence in range(1, REQUESTS + 1):
                    try:
                        sock.sendto(echo.request(sequence), self._target())
                    except OSError as error:  # an interface may come up before the next one
                        fault = error.strerror or str(error)
                    until = Instant(began + sequence * share_ns)
                    if self._is_answered(sock, echo, sequence, until):
                        return
        except OSError as error:
            fault = error.strerror or str(error)
        raise OSError(f"{self.address}: {fault}")

    def lacks(self) -> list[str]:
        """Why this host cannot ask at all, for people; nothing is sent."""
        try:
            self._open().close()
        except OSError as error:
            source = f" from {self.source}" if self.source else ""
            return [f"{self.address} cannot be asked{source}: {error.strerror or error}"]
        return []

    def _open(self) -> socket.socket:
        """A socket for echo and its replies.

        :raises OSError: if this user may have none, or for an interface or a source not here.
        """
        family, protocol = (
            (socket.AF_INET, socket.IPPROTO_ICMP)
            if _version(self.address) == 4
            else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
        )
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
        except OSError:  # PermissionError on Linux, others where there is no such kind
            try:
                sock = socket.socket(family, socket.SOCK_RAW, protocol)
            except PermissionError:
                raise PermissionError(
                    "this user may not ping: give it a group within net.ipv4.ping_group_range,"
                    " or CAP_NET_RAW"
                ) from None
        try:
            sock.setblocking(False)
            if self.interface is not None:
                _bind_to(sock, self.interface)
            sock.bind((self.source or ("0.0.0.0" if family == socket.AF_INET else "::"), 0))  # noqa: S104 - the kernel chooses
        except OSError:
            sock.close()
            raise
        return sock

    def _target(self) -> tuple[Any, ...]:
        """Where requests go; a link-local address stands beside its interface's number."""
        plain, _, scope = self.address.partition("%")
        if not (scope or self.interface) or _version(self.address) == 4:
            return plain, 0
        return plain, 0, 0, socket.if_nametoindex(scope or self.interface or "")

    def _is_answered(self, sock: socket.socket, echo: Echo, sequence: int, until: Instant) -> bool:
        """Whether one of the requests up to `sequence` is answered before `until`."""
        asked = range(1, sequence + 1)
        target = ip_address(self.address.partition("%")[0])
        while True:
            left_ns = until - now()
            if left_ns <= 0 or not select.select([sock], [], [], left_ns / 1e9)[0]:
                return False
            try:
                packet, source = sock.recvfrom(_PACKET_BYTES_MAX)
            except OSError:
                continue  # an error of an earlier request, told late, and only once
            sender = ip_address(str(source[0]).partition("%")[0])
            if sender == target and echo.is_answered_by(packet, asked):
                return True


def _version(address: str) -> int:
    return 6 if ":" in address else 4


def _ident(sock: socket.socket) -> int:
    """What the requests of `sock` bear: Linux writes the port of an unprivileged one into them."""
    port: int = sock.getsockname()[1]
    return port if sock.type == socket.SOCK_DGRAM and port else int.from_bytes(os.urandom(2))


def _bind_to(sock: socket.socket, interface: str) -> None:
    if sys.platform != "linux":
        raise OSError("interface: only Linux can ping on one interface; use source")
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    except OSError as error:
        raise OSError(error.errno, f"interface {interface}: {error.strerror}") from None


def build(options: Mapping[str, Any]) -> Ping:
    """Build from a ``[[witnesses]]`` table that `SCHEMA` has passed."""
    address = checked("address", options["address"])
    interface, source = options.get("interface"), options.get("source")
    scoped = "%" in str(address)
    if address.version == 6 and address.is_link_local and not scoped and interface is None:
        raise ValueError(f"address: {address} is on every link; say its interface, too")
    if source is not None and checked("source", source).version != address.version:
        raise ValueError(f"source: {source} is not of the family of {address}")
    return Ping(str(address), interface, source)


def lacks(options: Mapping[str, Any]) -> list[str]:
    """The right to ping, the interface or the source, if it is not here."""
    return build(options).lacks()


@hookimpl
def ipfo_witnesses() -> Sequence[Offer[Witness | Voter]]:
    """Offer the witness by ICMP echo."""
    return [Offer("ping", build, SCHEMA, lacks=lacks)]
