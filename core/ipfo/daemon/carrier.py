"""Whether the interfaces of the groups have a carrier, as the kernel says at this moment.

A netlink message only means "look again"; the flags themselves are read by ioctl, which also
answers for an interface that has gone, and in a network namespace answers for that one. Where
there is no netlink (macOS, BSD) interfaces count as up.
"""

import fcntl
import socket
import struct
import sys
from collections.abc import Iterable

from ipfo.machine.events import CarrierChanged

RTMGRP_LINK = 1
"""The netlink group that tells of interfaces; linux/rtnetlink.h."""

SIOCGIFFLAGS = 0x8913
"""Read an interface's flags; linux/sockios.h."""

IFF_UP = 0x1
IFF_RUNNING = 0x40
"""Set while the interface could carry something; linux/if.h."""

PORTION = 65536
NEWS_MAX = 64
"""Netlink messages read at one go; a machine that makes and removes many interfaces must not hold us."""


class Carrier:
    """Watches `interfaces`. Wait for `fileno`, then call `changes`."""

    def __init__(self, interfaces: Iterable[str]) -> None:
        self._known: dict[str, bool | None] = {}
        self._ask = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._news: socket.socket | None = None
        self.watch(interfaces)

    def watch(self, interfaces: Iterable[str]) -> None:
        """`interfaces` are watched, too."""
        for interface in interfaces:
            self._known.setdefault(interface, None)
        if self._known and self._news is None:
            self._news = _netlink()

    def fileno(self) -> int | None:
        """Readable when something may have changed; None where nothing ever tells."""
        return None if self._news is None else self._news.fileno()

    def changes(self) -> list[CarrierChanged]:
        """What is different from what was last told; at the first call, all there is to tell."""
        self._drain()
        told = []
        for interface, was in self._known.items():
            up = self._up(interface)
            if up is not was:
                self._known[interface] = up
                told.append(CarrierChanged(interface, up))
        return told

    def missing(self) -> list[str]:
        """The interfaces that this host does not have."""
        return [name for name in self._known if self._flags(name) is None]

    def state(self) -> dict[str, bool]:
        """What was last told of each interface."""
        return {interface: bool(up) for interface, up in self._known.items()}

    def close(self) -> None:
        """Give the sockets back."""
        self._ask.close()
        if self._news is not None:
            self._news.close()

    def _up(self, interface: str) -> bool:
        flags = self._flags(interface)
        return flags is not None and flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING

    def _flags(self, interface: str) -> int | None:
        """What the kernel says of it; None where there is no such interface (any more)."""
        if sys.platform != "linux":
            return IFF_UP | IFF_RUNNING
        request = struct.pack("16sH14x", interface.encode()[:15], 0)
        try:
            answer = fcntl.ioctl(self._ask.fileno(), SIOCGIFFLAGS, request)
        except OSError:
            return None
        flags: int = struct.unpack_from("H", answer, 16)[0]
        return flags

    def _drain(self) -> None:
        if self._news is None:
            return
        for _ in range(NEWS_MAX):
            try:
                self._news.recv(PORTION)
            except BlockingIOError:
                return
            except OSError:
                continue  # ENOBUFS: some messages were lost, and we look again anyway


def _netlink() -> socket.socket | None:
    if sys.platform != "linux":
        return None
    news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    news.setblocking(False)
    news.bind((0, RTMGRP_LINK))
    return news
