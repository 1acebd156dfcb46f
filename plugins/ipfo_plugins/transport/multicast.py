"""The transport ``multicast``: heartbeats to a group that both nodes have joined on one interface.

The membership belongs to the interface and not to its address, so it outlives an address that
goes and comes back. Hop limit 1: nothing leaves the segment. Nothing is heard of what we say.
"""

import errno
import socket
import struct
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address

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

SCHEMA = {
    "type": "object",
    "properties": {
        "group": {
            "type": "string",
            "pattern": rf"^(22[4-9]|23[0-9])(\.{OCTET}){{3}}$|^[fF]{{2}}[0-9a-fA-F]{{2}}:[0-9a-fA-F:]+$",
            "x-wanted": "a multicast address, such as 239.192.16.94 or ff02::16:94",
            "description": "The multicast group, of the same family as the link's addresses:"
            ' "239.192.16.94", "ff02::16:94".',
        },
    },
    "required": ["group"],
}

HOPS = 1


def open_multicast(end: LinkEnd, options: Options) -> Transport:
    """Open the link's socket and join the group on the link's interface.

    :raises OSError: EADDRINUSE, EADDRNOTAVAIL (unless ``end.may_be_absent``), ENODEV where the
        interface is not there or does not follow from the link's address.
    :raises ValueError: for a group that is none, or not of the family of the link's addresses.
    """
    group = ip_address(options["group"])
    here = Here.of(end)
    if not group.is_multicast:
        msg = f"link {end.name}: {group} is not a multicast address"
        raise ValueError(msg)
    if group.version != ip_address(here.local).version:
        msg = f"link {end.name}: the group {group} and {here.local} are not of one family"
        raise ValueError(msg)
    if not here.freebind and sys.platform == "linux" and _host.find_address(here.local) is None:
        raise OSError(errno.EADDRNOTAVAIL, f"{here.local} is not an address of this host")
    if not here.index and (group.version == 6 or sys.platform == "linux"):
        msg = f"no interface has {here.local}: set `interface` for link {end.name}"
        raise OSError(errno.ENODEV, msg)
    sock = make_socket(here)
    try:
        hold_to_interface(sock, here)
        if isinstance(group, IPv4Address):
            _join4(sock, here, group)
        else:
            _join6(sock, here, group)
        bind(sock, here.sockaddr(str(group), end.port))
    except OSError:
        sock.close()
        raise
    ancillary = [] if isinstance(group, IPv4Address) else from_address(here)
    return LinkSocket(sock, here.sockaddr(str(group), end.port), ancillary=ancillary)


def _join4(sock: socket.socket, here: Here, group: IPv4Address) -> None:
    local = socket.inet_aton(here.local)
    # ip_mreqn: the index decides where it is set, the address elsewhere
    sock.setsockopt(
        socket.IPPROTO_IP,
        socket.IP_ADD_MEMBERSHIP,
        struct.pack("=4s4si", group.packed, local, here.index),
    )
    sock.setsockopt(
        socket.IPPROTO_IP,
        socket.IP_MULTICAST_IF,
        struct.pack("=4s4si", group.packed, local, here.index),
    )
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)


def _join6(sock: socket.socket, here: Here, group: IPv6Address) -> None:
    sock.setsockopt(
        socket.IPPROTO_IPV6,
        socket.IPV6_JOIN_GROUP,
        struct.pack("=16sI", group.packed, here.index),
    )
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, here.index)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)


@hookimpl
def ipfo_transports() -> list[Offer[Transport]]:
    """Offer ``multicast``."""
    return [Offer("multicast", open_multicast, SCHEMA)]
