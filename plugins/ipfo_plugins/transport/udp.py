"""The transport ``udp``: heartbeats to the peer's address, or to everybody on the subnet.

Unicast is bound to the link's own address. Broadcast is bound to the broadcast address itself:
on Linux a socket bound to a unicast address hears no broadcast, and one bound to no address would
take the port away from every other link.
"""

import errno
import socket
import sys
from ipaddress import ip_address

from ipfo.plugin import LinkEnd, Offer, Options, Transport, hookimpl
from ipfo_plugins import _host
from ipfo_plugins._address import OCTET
from ipfo_plugins.transport._socket import (
    Here,
    LinkSocket,
    bind,
    from_address,
    hold_to_interface,
    make_socket,
)

EVERYBODY = "255.255.255.255"

SCHEMA = {
    "type": "object",
    "properties": {
        "broadcast": {
            "type": "string",
            "format": "ipv4",
            "pattern": rf"^{OCTET}(\.{OCTET}){{3}}$",
            "x-wanted": "a broadcast address, such as 192.0.2.255",
            "description": "Send to this broadcast address, the subnet's or 255.255.255.255,"
            " instead of to the peer's own. On both nodes.",
        },
    },
}


def open_udp(end: LinkEnd, options: Options) -> Transport:
    """Open the link's socket: unicast, or broadcast by option or where the peer's address is one.

    :raises OSError: EADDRINUSE, EADDRNOTAVAIL (unless ``end.may_be_absent``), ENODEV.
    :raises ValueError: for a broadcast address on an IPv6 link, or one that is no IPv4 address.
    """
    here = Here.of(end)
    asked = options.get("broadcast")
    if here.family == socket.AF_INET6:
        if asked is not None:
            msg = f"link {end.name}: IPv6 has no broadcast; use the transport multicast"
            raise ValueError(msg)
        return _unicast(here, end.port)
    broadcast = (
        str(ip_address(asked)) if asked else _host.broadcast_address(here.local, here.remote)
    )
    return _broadcast(here, end, broadcast) if broadcast else _unicast(here, end.port)


def _unicast(here: Here, port: int) -> LinkSocket:
    if here.family == socket.AF_INET6 and ip_address(here.local).is_link_local and not here.index:
        msg = f"{here.local} is link-local: write it with its interface, or set `interface`"
        raise OSError(errno.EADDRNOTAVAIL, msg)
    sock = make_socket(here)
    try:
        bind(sock, here.sockaddr(here.local, port), free=here.freebind)
    except OSError:
        sock.close()
        raise
    ancillary = from_address(here) if here.family == socket.AF_INET6 else ()
    return LinkSocket(sock, here.sockaddr(here.remote, port), ancillary=ancillary)


def _broadcast(here: Here, end: LinkEnd, address: str) -> LinkSocket:
    if not here.freebind and sys.platform == "linux" and _host.find_address(here.local) is None:
        raise OSError(errno.EADDRNOTAVAIL, f"{here.local} is not an address of this host")
    if address == EVERYBODY and not here.interface:
        msg = f"{EVERYBODY} goes out by one interface: set `interface` for link {end.name}"
        raise OSError(errno.ENODEV, msg)
    sock = make_socket(here)
    try:
        hold_to_interface(sock, here)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        # elsewhere than on Linux binding to 255.255.255.255 is refused: hear all of the port there
        where = address if sys.platform == "linux" or address != EVERYBODY else ""
        bind(sock, (where, end.port), free=here.freebind)
    except OSError:
        sock.close()
        raise
    return LinkSocket(
        sock,
        (address, end.port),
        ancillary=from_address(here),
        deaf_to=(here.local, end.port),
    )


@hookimpl
def ipfo_transports() -> list[Offer[Transport]]:
    """Offer ``udp``."""
    return [Offer("udp", open_udp, SCHEMA)]
