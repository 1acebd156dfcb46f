"""Addresses in the kernel's own words, rtnetlink(7): what is asked, what is told, what is answered.

Only what concerns addresses. Many are told in one conversation, since a thousand of them are to
move within a heartbeat; the numbers are those of linux/rtnetlink.h and linux/if_addr.h.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

NEW, DELETE, _GET = 20, 21, 22
"""RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR."""

ADDRESS, LOCAL, LABEL, BROADCAST, CACHEINFO, FLAGS, METRIC = 1, 2, 3, 4, 6, 8, 9
"""Attributes, IFA_...; the last is IFA_RT_PRIORITY."""

LIFETIMES = struct.Struct("=IIII")
"""Of `CACHEINFO`: preferred and valid, in seconds; then two times that the kernel sets."""

NUMBER = struct.Struct("=I")

_REQUEST, _ACK, _DUMP, _REPLACE, _CREATE = 0x1, 0x4, 0x300, 0x100, 0x400
_INTERRUPTED = 0x10  # of an answer: something changed meanwhile
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, sender
_ENTRY = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_ATTRIBUTE = struct.Struct("=HH")  # length with this, type
_FAULT = struct.Struct("=i")

_SOL_NETLINK, _CAP_ACK, _STRICT = 270, 10, 12
"""Ask for answers without the question in them, and for no more than was asked."""

_TOGETHER = 128
"""Requests in one message to the kernel: so many answers fit into a socket's default room."""

_PORTION = 1 << 16
_TIMEOUT_S = 5.0
"""The kernel answers at once; one that does not must not hang the worker."""

_TRIES = 4
"""Times that a list is asked for which changes while it is read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One address of an interface, as the kernel has it."""

    family: int
    prefix: int
    bits: int
    scope: int
    index: int
    attributes: Mapping[int, bytes]


def request(kind: int, entry: Entry) -> bytes:
    """`NEW` (put on, or bring to what `entry` says) or `DELETE`, for `Kernel.tell`."""
    parts = [_ENTRY.pack(entry.family, entry.prefix, entry.bits & 0xFF, entry.scope, entry.index)]
    for number, value in entry.attributes.items():
        parts.append(_ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), number))
        parts.append(value + bytes(-len(value) % 4))
    body = b"".join(parts)
    flags = _REQUEST | (_REPLACE | _CREATE if kind == NEW else 0)
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, 0, 0) + body


class Kernel:
    """A conversation with the kernel, to be used in a ``with``. OSError for what it refuses."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.settimeout(_TIMEOUT_S)
        self._socket.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)
        self._sequence = 0

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def addresses(self, index: int = 0) -> list[Entry]:
        """Those of the interface `index`, or of all."""
        for _ in range(_TRIES):
            entries = self._list(index)
            if entries is not None:
                return entries
        raise OSError(errno.EAGAIN, "the kernel's addresses change faster than they can be read")

    def tell(self, requests: Sequence[bytes]) -> list[int]:
        """Carry out all of `requests`; for each why it was refused, as an `errno`, or 0."""
        refused: list[int] = []
        for first in range(0, len(requests), _TOGETHER):
            refused += self._tell(requests[first : first + _TOGETHER])
        return refused

    def _tell(self, requests: Sequence[bytes]) -> list[int]:
        """Only the last is confirmed: what was refused before it is told before it, as it is in order."""
        first, last = self._sequence + 1, self._sequence + len(requests)
        numbers = range(first, last + 1)
        numbered = [
            _numbered(each, number, _ACK if number == last else 0)
            for number, each in zip(numbers, requests, strict=True)
        ]
        self._sequence = last
        self._socket.sendall(b"".join(numbered))
        answers: dict[int, int] = {}
        while last not in answers:
            for kind, _, sequence, body in self._receive():
                if kind == _ERROR and sequence in numbers:
                    answers[sequence] = -_FAULT.unpack_from(body)[0]
        return [answers.get(number, 0) for number in numbers]

    def _list(self, index: int) -> list[Entry] | None:
        """None where something changed meanwhile, and the list may lack one."""
        self._sequence += 1
        body = _ENTRY.pack(socket.AF_UNSPEC, 0, 0, 0, index)
        length = _HEADER.size + len(body)
        header = _HEADER.pack(length, _GET, _REQUEST | _DUMP, self._sequence, 0)
        self._socket.sendall(header + body)
        entries: list[Entry] = []
        whole = True
        while True:
            for kind, flags, sequence, answer in self._receive():
                if sequence != self._sequence:
                    continue
                whole = whole and not flags & _INTERRUPTED
                if kind == NEW:
                    entries.append(_entry(answer))
                elif kind in (_ERROR, _DONE):
                    fault = -_FAULT.unpack_from(answer)[0] if len(answer) >= _FAULT.size else 0
                    if fault:
                        raise OSError(fault, os.strerror(fault))
                    found = [each for each in entries if index in (0, each.index)]
                    return found if whole else None

    def _receive(self) -> Iterator[tuple[int, int, int, bytes]]:
        """The messages of one portion: kind, flags, sequence number, body."""
        portion = self._socket.recv(_PORTION)
        at = 0
        while at + _HEADER.size <= len(portion):
            length, kind, flags, sequence, _ = _HEADER.unpack_from(portion, at)
            if length < _HEADER.size:
                return
            yield kind, flags, sequence, portion[at + _HEADER.size : at + length]
            at += length + -length % 4


def _numbered(message: bytes, sequence: int, more: int) -> bytes:
    """`message` as number `sequence`, with the flags `more`."""
    length, kind, flags, _, sender = _HEADER.unpack_from(message)
    return _HEADER.pack(length, kind, flags | more, sequence, sender) + message[_HEADER.size :]


def _entry(body: bytes) -> Entry:
    family, prefix, bits, scope, index = _ENTRY.unpack_from(body)
    attributes: dict[int, bytes] = {}
    at = _ENTRY.size
    while at + _ATTRIBUTE.size <= len(body):
        length, number = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size:
            break
        attributes[number] = body[at + _ATTRIBUTE.size : at + length]
        at += length + -length % 4
    return Entry(family, prefix, bits, scope, index, attributes)
