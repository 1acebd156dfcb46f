"""ICMP echo as bytes (RFC 792, RFC 4443): built and read here, sent in `ping`.

Pure. Reading is total: whatever comes off the wire is an answer to us, or is not.
"""

import struct
from collections.abc import Container
from dataclasses import dataclass

_HEADER = struct.Struct("!BBHHH")
_REQUEST = {4: 8, 6: 128}
_REPLY = {4: 0, 6: 129}


@dataclass(frozen=True, slots=True)
class Echo:
    """What the requests of one asking have in common, and nobody else's have."""

    version: int  # of IP
    ident: int  # 16 bits
    token: bytes

    def request(self, sequence: int) -> bytes:
        """The request number `sequence`, with its checksum.

        ICMPv6's covers addresses that are not known here; the kernel fills that one in.
        """
        code = _REQUEST[self.version]
        bare = _HEADER.pack(code, 0, 0, self.ident, sequence) + self.token
        checksum = 0 if self.version == 6 else _checksum(bare)
        return _HEADER.pack(code, 0, checksum, self.ident, sequence) + self.token

    def is_answered_by(self, packet: bytes, sequences: Container[int]) -> bool:
        """Whether `packet` is the reply to one of our requests `sequences`.

        It may begin with its IPv4 header, as on a raw socket (and on any, in BSD).
        """
        if self.version == 4 and packet and packet[0] >> 4 == 4:
            packet = packet[(packet[0] & 0xF) * 4 :]
        if len(packet) < _HEADER.size:
            return False
        code, zero, _, ident, sequence = _HEADER.unpack_from(packet)
        ours = (code, zero, ident) == (_REPLY[self.version], 0, self.ident)
        return ours and sequence in sequences and packet[_HEADER.size :] == self.token


def _checksum(message: bytes) -> int:
    """The Internet checksum (RFC 1071); 0 over a message that bears a right one."""
    padded = message + b"\0" * (len(message) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
