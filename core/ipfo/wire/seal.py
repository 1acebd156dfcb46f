"""The seal: HMAC-SHA256, 16 bytes of it kept, over all that stands before it.

The key's id stands inside what is sealed, so that several keys can be accepted while one is sent
with: to change keys without a silence, let both nodes accept the new one, then send with it, then
forget the old one. Before the seal is found right only magic, version, length, pair and key id are
looked at, and those decide nothing but which counter goes up.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from ipfo.wire.names import ID_BYTES, PAIR_ID_BYTES
from ipfo.wire.rejected import Reason, Rejected

MAGIC = b"ipfo"
VERSION = 1

DATAGRAM_MAX = 1400
"""Bytes, sealed: fits an Ethernet frame with IPv6, UDP and the headers of a tunnel or two."""

SEAL_BYTES = 16
"""Of the 32 that SHA-256 gives. To guess 128 bits online is hopeless, and room is for groups."""

KEY_MIN = 32
"""Bytes: as many as the hash has; RFC 2104 advises against fewer."""

VERSION_AT = len(MAGIC)
KEY_ID_AT = 8
PAIR_ID_AT = KEY_ID_AT + ID_BYTES
PREFIX_BYTES = PAIR_ID_AT + PAIR_ID_BYTES
"""What is read before the seal is checked; heartbeat.py lays the rest out and asserts that it fits."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key to send with, and those accepted, by id; the first is always among the second."""

    key_id: bytes
    keys: Mapping[bytes, bytes] = field(repr=False)  # no traceback may show them

    @classmethod
    def of(cls, key: bytes, *also_accepted: bytes) -> "Keyring":
        """Send with `key`; accept it and the others.

        :raises ValueError: for a key of fewer than `KEY_MIN` bytes, and for two that share an id.
        """
        keys: dict[bytes, bytes] = {}
        for each in (key, *also_accepted):
            if len(each) < KEY_MIN:
                raise ValueError(f"a key of {len(each)} bytes; at least {KEY_MIN} are needed")
            if keys.setdefault(key_id(each), each) != each:
                raise ValueError("two keys have the same id; make another with `ipfo keygen`")
        return cls(key_id(key), keys)

    @classmethod
    def without_key(cls, pair: str) -> "Keyring":
        """A ring for a pair that has no key file: its key is made from the pair's name.

        Anybody can work that out. So it is a checksum against broken datagrams and against other
        pairs on the same wire, not a protection against people.
        """
        return cls.of(sha256(b"no key\0" + pair.encode()).digest())


def key_id(key: bytes) -> bytes:
    """What names `key` on the wire without giving it away."""
    return sha256(key).digest()[:ID_BYTES]


def seal(body: bytes, ring: Keyring) -> bytes:
    """`body` with the key's id put into its place and the seal behind it."""
    named = body[:KEY_ID_AT] + ring.key_id + body[PAIR_ID_AT:]
    return named + _code(ring.keys[ring.key_id], named)


def open_sealed(datagram: bytes, *, pair_id: bytes, ring: Keyring, least: int) -> bytes | Rejected:
    """What `datagram` holds without its seal, once that has been found right. Never raises.

    :param least: bytes that the smallest body has; at least `PREFIX_BYTES`.
    """
    fault = _fault_before_seal(datagram, pair_id, least)
    if fault is not None:
        return Rejected(fault)
    body, code = datagram[:-SEAL_BYTES], datagram[-SEAL_BYTES:]
    key = ring.keys.get(body[KEY_ID_AT:PAIR_ID_AT])
    if key is None:
        return Rejected(Reason.KEY)
    if not hmac.compare_digest(_code(key, body), code):
        return Rejected(Reason.SEAL)
    return body


def _fault_before_seal(datagram: bytes, pair_id: bytes, least: int) -> Reason | None:
    if len(datagram) < least + SEAL_BYTES:
        return Reason.SHORT
    if len(datagram) > DATAGRAM_MAX:
        return Reason.LONG
    if datagram[:VERSION_AT] != MAGIC or datagram[VERSION_AT] != VERSION:
        return Reason.VERSION
    if datagram[PAIR_ID_AT:PREFIX_BYTES] != pair_id:
        return Reason.PAIR
    return None


def _code(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")[:SEAL_BYTES]
