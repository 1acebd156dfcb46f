"""Which addresses are on which interface of this host, asked of the Linux kernel without a command.

Only questions, and none that waits: a transport asks them in the engine. Elsewhere than on Linux
the answer is always "none", and what needs one says so.
"""

import array
import errno
import fcntl
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface
from pathlib import Path

LINUX = sys.platform == "linux"

TENTATIVE = 0x40
"""Of `HostAddress.flags`: duplicate detection is still under way, nobody may use the address."""

# linux/sockios.h
_SIOCGIFCONF, _SIOCGIFADDR, _SIOCGIFBRDADDR, _SIOCGIFNETMASK = 0x8912, 0x8915, 0x8919, 0x891B
_SIOCGIFHWADDR, _SIOCGIFFLAGS = 0x8927, 0x8913
_IFF_UP, _IFF_RUNNING = 0x1, 0x40  # linux/if.h; the latter: it could carry something
_NAME_LENGTH = 16
_IFREQ_LENGTH = _NAME_LENGTH + 2 * struct.calcsize("P") + 8
_CARD = struct.Struct("=16xH6s")  # after the name: the kind of interface (net/if_arp.h), the card
_ETHERNET = 1
_LIST_BYTES_MAX = 4096 * _IFREQ_LENGTH  # so many IPv4 addresses are read; nobody has more


@dataclass(frozen=True, slots=True)
class HostAddress:
    """One address of this host. `label` is IPv4's ``eth0:1``; else it is the interface's name."""

    interface: str
    label: str
    address: IPv4Interface | IPv6Interface
    broadcast: str | None = None
    flags: int = 0  # IPv6 only


def host_addresses() -> list[HostAddress]:
    """Every address of this host; empty elsewhere than on Linux."""
    if not LINUX:
        return []
    return [*_addresses4(), *read_if_inet6(_text("/proc/thread-self/net/if_inet6"))]


def find_address(ip: str) -> HostAddress | None:
    """Where `ip` (without prefix) is on this host."""
    plain = ip.partition("%")[0]
    scope = ip.partition("%")[2]
    for held in host_addresses():
        if str(held.address.ip) == plain and scope in ("", held.interface):
            return held
    return None


def index_of(interface: str) -> int:
    """The number of `interface`.

    :raises OSError: ENODEV where there is none of that name.
    """
    try:
        return socket.if_nametoindex(interface)
    except OSError as error:
        raise OSError(errno.ENODEV, f"there is no interface {interface} here") from error


@dataclass(frozen=True, slots=True)
class InterfaceState:
    """Whether an interface is `up`, by the administrator's will, and has a `carrier`."""

    up: bool
    carrier: bool


def state_of(interface: str) -> InterfaceState:
    """How `interface` is now. Linux.

    :raises OSError: ENODEV where there is none of that name.
    """
    request = struct.pack("16s", interface.encode()).ljust(_IFREQ_LENGTH, b"\0")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, request)
    except OSError as error:
        raise OSError(errno.ENODEV, f"there is no interface {interface} here") from error
    flags: int = struct.unpack_from("H", answer, _NAME_LENGTH)[0]
    return InterfaceState(bool(flags & _IFF_UP), bool(flags & _IFF_RUNNING))


def cards() -> frozenset[bytes]:
    """The cards of all Ethernet interfaces of this host; empty elsewhere than on Linux."""
    if not LINUX:
        return frozenset()
    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            request = struct.pack("16s", name.encode()).ljust(_IFREQ_LENGTH, b"\0")
            with suppress(OSError):  # it went between the two questions
                kind, card = _CARD.unpack_from(fcntl.ioctl(sock, _SIOCGIFHWADDR, request))
                found.update([card] if kind == _ETHERNET else [])
    return frozenset(found)


def broadcast_address(ip: str, remote: str) -> str | None:
    """`remote` if it is the broadcast address of the network of `ip`, which is on this host."""
    if remote == "255.255.255.255":
        return remote
    held = find_address(ip)
    if held is None or held.address.version != 4:
        return None
    network = held.address.network
    directed = str(network.broadcast_address) if network.prefixlen < 31 else None
    return remote if remote in (directed, held.broadcast) else None


def read_if_inet6(text: str) -> Iterator[HostAddress]:
    """Read what /proc/net/if_inet6 says; lines that are not understood are passed over."""
    for line in text.splitlines():
        parts = line.split()
        if len(parts) != 6:
            continue
        digits, _, prefix, _, flags, interface = parts
        address = IPv6Interface((IPv6Address(int(digits, 16)), int(prefix, 16)))
        yield HostAddress(interface, interface, address, flags=int(flags, 16))


def _addresses4() -> Iterator[HostAddress]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for label, packed in _list4(sock):
            try:
                mask = _ask4(sock, _SIOCGIFNETMASK, label, packed)
                broadcast = _ask4(sock, _SIOCGIFBRDADDR, label, packed)
            except OSError:
                continue  # it went between the two questions
            prefix = int.from_bytes(mask, "big").bit_count()
            address = IPv4Interface((packed, prefix))
            named = socket.inet_ntoa(broadcast) if any(broadcast) else None
            yield HostAddress(label.partition(":")[0], label, address, named)


def _list4(sock: socket.socket) -> Iterator[tuple[str, bytes]]:
    buffer = array.array("B", bytes(_LIST_BYTES_MAX))
    asked = struct.pack("iP", _LIST_BYTES_MAX, buffer.buffer_info()[0])
    length: int = struct.unpack("iP", fcntl.ioctl(sock, _SIOCGIFCONF, asked))[0]
    for at in range(0, length, _IFREQ_LENGTH):
        entry = buffer[at : at + _IFREQ_LENGTH].tobytes()
        yield entry[:_NAME_LENGTH].split(b"\0")[0].decode(), entry[20:24]


def _ask4(sock: socket.socket, question: int, label: str, packed: bytes) -> bytes:
    """An attribute of the address `packed` with `label`: the kernel goes by both."""
    request = struct.pack("=16sHH4s8x", label.encode(), socket.AF_INET, 0, packed)
    return fcntl.ioctl(sock, question, request.ljust(_IFREQ_LENGTH, b"\0"))[20:24]


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""  # no IPv6 in this kernel
