"""What the transports share: opening a datagram socket on one link, and what goes through it.

No socket here may be shared by two daemons: SO_REUSEADDR and SO_REUSEPORT are never set, so a
port that is taken is an error and not a lottery. UDP has no TIME_WAIT; nothing is lost by it.
Links of one host that use the same port for broadcast or multicast keep apart by interface.
"""

import errno
import os
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from ipfo.plugin import Datagram, LinkEnd
from ipfo_plugins import _host
from ipfo_plugins.transport._stamps import SPACE, Stamps

DATAGRAMS_MAX = 64
"""What one `receive` takes at most, as the contract says: the engine has other links too."""

DATAGRAM_BYTES_MAX = 2048
"""More than any heartbeat, so that one which is too long is seen to be; what is beyond is cut."""

# Python's socket module does not have these; linux/in.h, linux/in6.h
_IP_FREEBIND, _IPV6_FREEBIND, _IP_PKTINFO = 15, 78, 8

_SO_RCVBUFFORCE = 33
"""As SO_RCVBUF, beyond what the system allows; asm-generic/socket.h."""

ROOM = 4 << 20
"""Bytes that may wait in a socket: some thousand datagrams, as the kernel counts them."""

SockAddr = tuple[str, int] | tuple[str, int, int, int]
Ancillary = Sequence[tuple[int, int, bytes]]


@dataclass(frozen=True, slots=True)
class Here:
    """This node's end of a link on this host: its family, and the interface if that is known."""

    local: str  # without %scope
    remote: str  # likewise
    family: socket.AddressFamily
    interface: str | None
    index: int  # of `interface`; 0 where that is not known
    freebind: bool  # the address may be absent, or is not through its duplicate detection

    @classmethod
    def of(cls, end: LinkEnd) -> "Here":
        """Look where `end` lies on this host.

        :raises OSError: for an interface that is not there.
        :raises ValueError: for two addresses of different families.
        """
        local, _, scope = end.local.partition("%")
        remote = end.remote.partition("%")[0]  # its scope is the peer's name for its own interface
        version = ip_address(local).version
        if ip_address(remote).version != version:
            msg = f"link {end.name}: {local} and {remote} are not of one family"
            raise ValueError(msg)
        held = _host.find_address(end.local)
        interface = end.interface or scope or (held.interface if held else None)
        tentative = held is not None and bool(held.flags & _host.TENTATIVE)
        return cls(
            local,
            remote,
            socket.AF_INET if version == 4 else socket.AF_INET6,
            interface,
            _host.index_of(interface) if interface else 0,
            end.may_be_absent or tentative,
        )

    def sockaddr(self, address: str, port: int) -> SockAddr:
        """`address` on this link, as the kernel wants it."""
        if self.family == socket.AF_INET:
            return address, port
        scoped = ip_address(address).is_link_local or ip_address(address).is_multicast
        return address, port, 0, self.index if scoped else 0


def make_socket(here: Here) -> socket.socket:
    """A datagram socket that never waits, of the link's family, bound to nothing yet."""
    sock = socket.socket(here.family, socket.SOCK_DGRAM)
    sock.setblocking(False)
    _make_room(sock)
    if here.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock


def _make_room(sock: socket.socket) -> None:
    """What comes in a flood while the engine is away must not push a heartbeat out of the socket."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, ROOM)
    except OSError:  # only with CAP_NET_ADMIN on Linux; others have what their system allows
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)


def hold_to_interface(sock: socket.socket, here: Here) -> None:
    """Let `sock` hear and use only the link's interface, where that is known. Before `bind`.

    Needs no privilege since Linux 5.7; before, CAP_NET_RAW. Elsewhere than on Linux it does nothing.
    """
    if sys.platform == "linux" and here.interface:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, here.interface.encode())


def bind(sock: socket.socket, address: SockAddr, *, free: bool = False) -> None:
    """Bind `sock`; with `free` (Linux) to an address that is not here yet, too.

    :raises OSError: with a text for people; EADDRINUSE where another socket has the port,
        EADDRNOTAVAIL where the address is not on this host.
    """
    where = f"{address[0]} port {address[1]}"
    try:
        if free:
            _set_free_bind(sock, on=True)
        sock.bind(address)
        if free:
            _set_free_bind(sock, on=False)  # else Linux would *send* from an address not here
    except OSError as error:
        reason = {
            errno.EADDRINUSE: f"UDP {where} is taken by another program",
            errno.EADDRNOTAVAIL: f"{address[0]} is not an address of this host",
            errno.EACCES: f"UDP {where} may not be used without privileges",
        }.get(error.errno or 0, f"UDP {where}: {os.strerror(error.errno or 0)}")
        raise OSError(error.errno, reason) from error


def from_address(here: Here) -> list[tuple[int, int, bytes]]:
    """What each datagram bears to leave with the link's own address, or not to leave at all.

    Needed where the socket is bound to a group or a broadcast address; and for IPv6 always: a
    bound socket goes on sending from an address that has moved to the peer, and its neighbour
    solicitations would tell everybody that the address is here.
    """
    if here.family == socket.AF_INET6:
        scoped = ip_address(here.local).is_link_local
        wanted = struct.pack("=16sI", IPv6Address(here.local).packed, here.index if scoped else 0)
        return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, wanted)]
    if sys.platform != "linux":
        return []
    wanted = struct.pack("=i4s4s", here.index, socket.inet_aton(here.local), bytes(4))
    return [(socket.IPPROTO_IP, _IP_PKTINFO, wanted)]


def _set_free_bind(sock: socket.socket, *, on: bool) -> None:
    if sys.platform == "linux":
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, on)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, on)


class LinkSocket:
    """A `Transport` over one bound socket: sends to one address, takes whatever comes.

    `ancillary` goes with each datagram (from which address, by which interface). `deaf_to` is a
    source whose datagrams are not delivered: a broadcast comes back to its sender.
    """

    def __init__(
        self,
        sock: socket.socket,
        target: SockAddr,
        *,
        ancillary: Ancillary = (),
        deaf_to: SockAddr | None = None,
    ) -> None:
        """Take over `sock`, which must not block."""
        self._socket = sock
        self._target = target
        self._ancillary = ancillary
        self._deaf_to = deaf_to
        self._stamps = Stamps(sock)

    def fileno(self) -> int:
        """See `Transport`."""
        return self._socket.fileno()

    def receive(self) -> list[Datagram]:
        """See `Transport`."""
        taken: list[Datagram] = []
        self._stamps.look()
        for _ in range(DATAGRAMS_MAX):
            try:
                body, stamp, _, source = self._socket.recvmsg(DATAGRAM_BYTES_MAX, SPACE)
            except BlockingIOError:
                self._stamps.emptied()
                break
            except OSError:
                if self._socket.fileno() < 0:
                    break
                continue  # an earlier datagram's fate, or a lost interface: told once, then gone
            if source[:2] != self._deaf_to:
                taken.append(Datagram(body, self._stamps.at(stamp), source[0]))
        return taken

    def send(self, body: bytes) -> bool:
        """See `Transport`."""
        try:
            self._socket.sendmsg([body], self._ancillary, 0, self._target)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """See `Transport`."""
        self._socket.close()
