"""ARP frames as bytes (RFC 826, RFC 5227): built and read here, sent and taken in `_wire`.

Pure. Reading is total: whatever comes off the wire is an `Answer` or nothing, never an error.
"""

import struct
from collections.abc import Collection
from ipaddress import IPv4Address

from ipfo.plugin import Answer

ETHERTYPE = 0x0806
REQUEST, REPLY = 1, 2
EVERYBODY = b"\xff" * 6

_ETHERNET = struct.Struct("!6s6sH")
_PACKET = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET_IPV4 = (1, 0x0800, 6, 4)


def announcements(card: bytes, address: IPv4Address) -> tuple[bytes, bytes]:
    """Gratuitous ARP in request and in reply form, since some gear ignores one of the two."""
    ip = address.packed
    return (
        _frame(card, REQUEST, ip, bytes(6), ip),
        _frame(card, REPLY, ip, EVERYBODY, ip),
    )


def probe(card: bytes, address: IPv4Address) -> bytes:
    """Who has `address`? From nobody's address, so that it teaches no neighbour anything."""
    return _frame(card, REQUEST, bytes(4), bytes(6), address.packed)


def read(frame: bytes, ours: Collection[bytes], wanted: Collection[IPv4Address]) -> Answer | None:
    """Who claims one of `wanted` in `frame`; None for a card of `ours` and for anything else.

    A request that bears the address as its sender's is a claim like an answer (RFC 5227, 2.1.1).
    """
    if len(frame) < _ETHERNET.size + _PACKET.size:
        return None
    _, source, ethertype = _ETHERNET.unpack_from(frame)
    *kind, operation, sender_card, sender, _, _ = _PACKET.unpack_from(frame, _ETHERNET.size)
    if ethertype != ETHERTYPE or tuple(kind) != _ETHERNET_IPV4:
        return None
    if operation not in (REQUEST, REPLY) or source in ours or sender_card in ours:
        return None
    address = IPv4Address(sender)
    return Answer(str(address), sender_card.hex(":")) if address in wanted else None


def _frame(card: bytes, operation: int, sender: bytes, target_card: bytes, target: bytes) -> bytes:
    packet = _PACKET.pack(*_ETHERNET_IPV4, operation, card, sender, target_card, target)
    return (_ETHERNET.pack(EVERYBODY, card, ETHERTYPE) + packet).ljust(60, b"\0")
