"""Neighbour discovery frames as bytes (RFC 4861, RFC 4862): built and read here, sent in `_wire`.

Pure. Reading is total: whatever comes off the wire is an `Answer` or nothing, never an error.
"""

import struct
from collections.abc import Collection
from ipaddress import IPv6Address

from ipfo.plugin import Answer

ETHERTYPE = 0x86DD
ICMPV6 = 58
SOLICITATION, ADVERTISEMENT = 135, 136

ALL_NODES = IPv6Address("ff02::1")
ALL_NODES_CARD = bytes.fromhex("333300000001")

_NOBODY = IPv6Address("::")
_HOPS = 255  # proves that no router has passed it on (RFC 4861, 11.2)
_ROUTER, _OVERRIDE = 0x80000000, 0x20000000
_TARGET_CARD_OPTION = 2

_ETHERNET = struct.Struct("!6s6sH")
_IPV6 = struct.Struct("!IHBB16s16s")
_ICMP = struct.Struct("!BBHI16s")
_ICMP_AT = _ETHERNET.size + _IPV6.size


def announcement(card: bytes, address: IPv6Address, *, router: bool = False) -> bytes:
    """An unsolicited neighbour advertisement to all nodes, which overrides what they know.

    `router`: whether this host forwards; one that does and does not say so is dropped from its
    neighbours' lists of routers.
    """
    flags = _OVERRIDE | (_ROUTER if router else 0)
    option = bytes((_TARGET_CARD_OPTION, 1)) + card
    body = _ICMP.pack(ADVERTISEMENT, 0, 0, flags, address.packed) + option
    return _frame(ALL_NODES_CARD, card, address, ALL_NODES, body)


def probe(card: bytes, address: IPv6Address) -> bytes:
    """A solicitation as duplicate detection sends it, from ``::``: the answer goes to all nodes."""
    last = address.packed[-3:]
    group = IPv6Address(bytes.fromhex("ff0200000000000000000001ff") + last)
    body = _ICMP.pack(SOLICITATION, 0, 0, 0, address.packed)
    return _frame(b"\x33\x33\xff" + last, card, _NOBODY, group, body)


def read(frame: bytes, ours: Collection[bytes], wanted: Collection[IPv6Address]) -> Answer | None:
    """Who advertises one of `wanted` in `frame`; None for a card of `ours` and for anything else."""
    if len(frame) < _ICMP_AT + _ICMP.size:
        return None
    _, source_card, ethertype = _ETHERNET.unpack_from(frame)
    first, length, header, hops, source, target = _IPV6.unpack_from(frame, _ETHERNET.size)
    if ethertype != ETHERTYPE or first >> 28 != 6 or header != ICMPV6 or hops != _HOPS:
        return None
    body = frame[_ICMP_AT : _ICMP_AT + length]
    if len(body) != length or length < _ICMP.size or _checksum(source, target, body) != 0:
        return None
    kind, code, _, _, advertised = _ICMP.unpack_from(body)
    if kind != ADVERTISEMENT or code != 0:
        return None
    sender_card = _target_card(body[_ICMP.size :]) or source_card
    address = IPv6Address(advertised)
    if address not in wanted or source_card in ours or sender_card in ours:
        return None
    return Answer(str(address), sender_card.hex(":"))


def _target_card(options: bytes) -> bytes | None:
    """The card that an advertisement names; None where it names none or its options are broken."""
    while len(options) >= 8:
        size = options[1] * 8
        if size == 0:
            return None
        if options[0] == _TARGET_CARD_OPTION:
            return options[2:8]
        options = options[size:]
    return None


def _frame(
    to: bytes, card: bytes, source: IPv6Address, target: IPv6Address, unsummed: bytes
) -> bytes:
    checksum = _checksum(source.packed, target.packed, unsummed)
    body = unsummed[:2] + checksum.to_bytes(2, "big") + unsummed[4:]
    header = _IPV6.pack(6 << 28, len(body), ICMPV6, _HOPS, source.packed, target.packed)
    return _ETHERNET.pack(to, card, ETHERTYPE) + header + body


def _checksum(source: bytes, target: bytes, body: bytes) -> int:
    """The internet checksum over pseudo header and body; 0 over one that bears its right sum."""
    data = source + target + struct.pack("!II", len(body), ICMPV6) + body
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
