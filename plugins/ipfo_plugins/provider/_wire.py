"""Telling the neighbours and asking them: raw frames on one interface. Linux only.

Raw, because the kernel itself announces nothing for an alias, never asks for an address that is
its own, and would not speak from one that is deprecated. Frames are made and read in `_arp`, `_nd`.
"""

import ctypes
import errno
import os
import select
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from ipfo.plugin import Address, Answer, now
from ipfo_plugins import _host
from ipfo_plugins.provider import _arp, _nd

PROBES = 3
"""So many times each address is asked for within the timeout: a single frame may be lost."""

PACE_S = 0.0005
FULL_MAX = 40
"""A card that has no room for a frame is given so long, so often: a thousand come in a row."""

FRAMES_MAX = 64
"""Frames taken from one socket in a row, so that a busy wire cannot hide the deadline."""

# net/if_arp.h, linux/if_packet.h, linux/filter.h
_ETHERNET, _LOOPBACK, _NONE = 1, 772, 0xFFFE
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_MULTICAST = 263, 1, 0
_SO_ATTACH_FILTER = 26

# Only ICMPv6 advertisements (next header at 20, type at 54): the rest of a busy host's IPv6 traffic
# would fill the socket's buffer before an answer comes.
_ADVERTISEMENTS_ONLY = (
    (0x30, 0, 0, 20),  # ldb [20]
    (0x15, 0, 3, _nd.ICMPV6),  # jeq
    (0x30, 0, 0, 54),  # ldb [54]
    (0x15, 0, 1, _nd.ADVERTISEMENT),  # jeq
    (0x06, 0, 0, 0xFFFF),  # ret: all of it
    (0x06, 0, 0, 0),  # ret: nothing
)


def announce(interface: str, addresses: Sequence[Address]) -> None:
    """Tell all neighbours on `interface` once that `addresses` are at its card.

    Says nothing where there are no neighbours (loopback, tunnels), nor elsewhere than on Linux,
    where the system itself announces a new alias.

    :raises OSError: where the interface is missing or down, or without the right to send.
    """
    if sys.platform != "linux":
        return
    try:
        _announce(_telling(interface), addresses)
    except OSError:  # the interface may be another one by now, of the same name
        _telling(interface, anew=True)
        _announce(_telling(interface), addresses)


def _announce(card: "_Card", addresses: Sequence[Address]) -> None:
    if not card.speaks:
        return
    router = _forwards(card.interface)
    for address in addresses:
        ip = address.interface.ip
        if isinstance(ip, IPv4Address):
            for frame in _arp.announcements(card.address, ip):
                card.send(_arp.ETHERTYPE, frame)
        else:
            card.send(_nd.ETHERTYPE, _nd.announcement(card.address, ip, router=router))


def _telling(interface: str, *, anew: bool = False) -> "_Card":
    """The card of `interface`, kept open: the kernel takes 10 ms and more to close such a socket.

    It hears nothing, so nothing gathers in it. Its own address is looked up each time.
    """
    card = _cards.get(interface)
    if card is not None and (anew or not card.is_still_there()):
        _cards.pop(interface).stack.close()
        card = None
    if card is None:
        card = _cards[interface] = _Card.open(interface)
    return card


def probe(interface: str, addresses: Sequence[Address], timeout_ns: int) -> list[Answer]:
    """Who else on the wire of `interface` has one of `addresses`; one answer for each card.

    No card of this host is anybody else.

    Ends when each address has been answered for, at the latest after `timeout_ns`. Asks again
    within that time. Empty where nobody can answer (loopback, tunnels).

    :raises OSError: where the interface is missing or down, or without the right to send.
    """
    if sys.platform != "linux":
        return []
    ends = now() + timeout_ns
    card = _Card.open(interface)
    try:
        if not card.speaks:
            return []
        return _Question(card, addresses).ask(ends, max(1, timeout_ns // PROBES))
    finally:
        # nobody waits for that: a takeover at 10 ms heartbeats may hang on the answer
        threading.Thread(target=card.stack.close, daemon=True).start()


@dataclass(slots=True)
class _Card:
    """One interface with a raw socket for each family in use."""

    interface: str
    address: bytes = b""
    index: int = 0
    speaks: bool = True  # Ethernet, so that neighbours can be told and asked
    sockets: dict[int, socket.socket] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def open(cls, interface: str) -> "_Card":
        """Look at the interface, with one socket that hears nothing.

        :raises OSError: where it is missing, down, or of a kind that ipfo cannot speak on.
        """
        card = cls(interface)
        try:
            kind, card.address = card._bind(0).getsockname()[3:5]
            card.index = socket.if_nametoindex(interface)
            card.speaks = kind not in (_LOOPBACK, _NONE)
            if card.speaks and kind != _ETHERNET:
                msg = f"{interface} is not Ethernet (kind {kind}): neighbours cannot be asked there"
                raise OSError(errno.EOPNOTSUPP, msg)
        except OSError:
            card.stack.close()
            raise
        return card

    def is_still_there(self) -> bool:
        """Whether the interface is the one that was opened; `address` is then as it is now."""
        try:
            if socket.if_nametoindex(self.interface) != self.index:
                return False
            self.address = self.sockets[0].getsockname()[4]
        except OSError:
            return False
        return True

    def hear(self, ethertype: int) -> socket.socket:
        """The socket that hears `ethertype` from now on."""
        if ethertype not in self.sockets:
            self.sockets[ethertype] = self._bind(ethertype)
        return self.sockets[ethertype]

    def send(self, ethertype: int, frame: bytes) -> None:
        """Send `frame`, as soon as the card has room for it, or raise OSError."""
        sock = self.sockets.get(ethertype) or self.sockets[0]
        for _ in range(FULL_MAX):
            try:
                sock.send(frame)
            except OSError as error:
                failed = error
            else:
                return
            if failed.errno not in (errno.EAGAIN, errno.ENOBUFS):
                break
            select.select([], [], [], PACE_S)
        raise OSError(
            failed.errno, f"{self.interface}: {os.strerror(failed.errno or 0)}"
        ) from failed

    def _bind(self, ethertype: int) -> socket.socket:
        try:
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError as error:
            msg = "raw sockets need root or CAP_NET_RAW: neighbours can be neither told nor asked"
            raise OSError(error.errno, msg) from error
        sock = self.stack.enter_context(made)
        sock.setblocking(False)
        if ethertype == _nd.ETHERTYPE:
            _attach(sock, _ADVERTISEMENTS_ONLY)
        try:
            sock.bind((self.interface, ethertype))
            if ethertype == _nd.ETHERTYPE:
                index = socket.if_nametoindex(self.interface)
                wanted = struct.pack("=iHH8s", index, _PACKET_MR_MULTICAST, 6, _nd.ALL_NODES_CARD)
                sock.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, wanted)
        except OSError as error:
            text = {errno.ENODEV: f"there is no interface {self.interface} here"}.get(
                error.errno or 0, f"{self.interface}: {os.strerror(error.errno or 0)}"
            )
            raise OSError(error.errno, text) from error
        self.sockets[ethertype] = sock
        return sock


_cards: dict[str, _Card] = {}
"""By interface, for announcing; of this process."""


class _Question:
    """Asks for some addresses on one card and collects who answers."""

    def __init__(self, card: _Card, addresses: Sequence[Address]) -> None:
        ips = [address.interface.ip for address in addresses]
        self._card = card
        # Linux answers on every card for every address that it has: this host must not take
        # another card of its own on the same wire for somebody else
        self._ours = {card.address, *_host.cards()}
        self._v4 = {ip for ip in ips if isinstance(ip, IPv4Address)}
        self._v6 = {ip for ip in ips if isinstance(ip, IPv6Address)}
        self._silent = {str(ip) for ip in ips}
        self._answers: list[Answer] = []

    def ask(self, ends: int, every: int) -> list[Answer]:
        """Ask at once and each `every` ns until all have been answered for, or until `ends`."""
        hears = [self._card.hear(_arp.ETHERTYPE)] if self._v4 else []
        hears += [self._card.hear(_nd.ETHERTYPE)] if self._v6 else []
        due = int(now())
        while self._silent and now() < ends:
            if now() >= due:
                self._send()
                due += every
            wait_ns = max(0, min(due, ends) - now())
            for sock in select.select(hears, [], [], wait_ns / 1_000_000_000)[0]:
                for frame in _frames(sock):
                    self._take(frame)
        return self._answers

    def _send(self) -> None:
        mine = self._card.address
        for ip4 in self._v4:
            self._card.send(_arp.ETHERTYPE, _arp.probe(mine, ip4))
        for ip6 in self._v6:
            self._card.send(_nd.ETHERTYPE, _nd.probe(mine, ip6))

    def _take(self, frame: bytes) -> None:
        answer = _arp.read(frame, self._ours, self._v4) or _nd.read(frame, self._ours, self._v6)
        if answer and answer not in self._answers:
            self._answers.append(answer)
            self._silent.discard(answer.address)


def _frames(sock: socket.socket) -> Iterator[bytes]:
    for _ in range(FRAMES_MAX):
        try:
            yield sock.recv(2048)
        except BlockingIOError:
            return
        except OSError as error:  # the interface went down meanwhile: nobody answers any more
            if error.errno != errno.ENETDOWN:
                raise


def _attach(sock: socket.socket, instructions: Sequence[tuple[int, int, int, int]]) -> None:
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    buffer = ctypes.create_string_buffer(code, len(code))  # must live until the call is over
    program = struct.pack("HP", len(instructions), ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def _forwards(interface: str) -> bool:
    try:
        text = Path(f"/proc/sys/net/ipv6/conf/{interface}/forwarding").read_text()
    except OSError:
        return False
    return text.strip() != "0"
