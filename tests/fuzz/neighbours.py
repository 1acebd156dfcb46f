"""ARP and neighbour discovery: frames off the wire, half of them with a right sum put in."""

from ipaddress import IPv4Address, IPv6Address

from ipfo_plugins.provider import _arp, _nd

OURS = bytes.fromhex("02005e005301")
THEIRS = bytes.fromhex("02005e005302")
V4 = IPv4Address("192.0.2.100")
V6 = IPv6Address("2001:db8::100")
SUM_AT = slice(56, 58)


def seeds() -> list[bytes]:
    """All that is ever sent, and an advertisement with more options than one."""
    frames = [
        *_arp.announcements(THEIRS, V4),
        _arp.probe(THEIRS, V4),
        _nd.announcement(THEIRS, V6),
        _nd.probe(THEIRS, V6),
        _nd.announcement(THEIRS, V6) + b"\x0e\x01nonce.",
    ]
    return [mode + frame for mode in (b"\0", b"\1") for frame in frames]


def feed(data: bytes) -> None:
    """ "Whatever comes off the wire is an `Answer` or nothing, never an error"; never for our own."""
    frame = _summed(data[1:]) if data[:1] == b"\1" else data[1:]
    for answer, address in (
        (_arp.read(frame, {OURS}, {V4}), V4),
        (_nd.read(frame, {OURS}, {V6}), V6),
    ):
        if answer is not None:
            assert answer.address == str(address)
            assert len(bytes.fromhex(answer.card.replace(":", ""))) == 6
            assert answer.card != OURS.hex(":")
            assert frame[6:12] != OURS


def _summed(frame: bytes) -> bytes:
    """`frame` with the length and the sum that belong to it, as far as it has them."""
    if len(frame) < SUM_AT.stop:
        return frame
    bent = bytearray(frame)
    bent[18:20] = (len(frame) - 54 & 0xFFFF).to_bytes(2, "big")
    bent[SUM_AT] = bytes(2)
    right = _nd._checksum(frame[22:38], frame[38:54], bytes(bent[54:]))
    bent[SUM_AT] = right.to_bytes(2, "big")
    return bytes(bent)
