"""The door: any bytes, as they come and rightly sealed, give a heartbeat or a reason.

The first byte says whether the rest is sealed first: by chance no fuzzer finds a seal.
"""

from tests.wire.paper import HEARTBEAT, OWN_BOOT, node

from ipfo.wire import Rejected, Windows
from ipfo.wire.heartbeat import HEADER_BYTES, decode, encode
from ipfo.wire.seal import KEY_ID_AT, PAIR_ID_AT, PREFIX_BYTES, SEAL_BYTES, seal

ALPHA = node("alpha")
BETA = node("beta")
GOOD = ALPHA.write(HEARTBEAT)


def seeds() -> list[bytes]:
    """A good datagram, the same without its seal, and its body behind the right prefix."""
    return [b"\0" + GOOD, b"\1" + GOOD[:-SEAL_BYTES], b"\2" + GOOD[PREFIX_BYTES:-SEAL_BYTES]]


def feed(data: bytes) -> None:
    """P8: what is refused changes nothing but a counter; what is decoded encodes to the same."""
    kind, rest = data[:1], data[1:]
    if kind == b"\1":
        rest = seal(rest, ALPHA.ring) if len(rest) >= PREFIX_BYTES else rest
    elif kind == b"\2":
        rest = seal(GOOD[:PREFIX_BYTES] + rest, ALPHA.ring)
    BETA.windows = Windows(OWN_BOOT)
    heard = BETA.hear(rest)
    if isinstance(heard, Rejected):
        assert BETA.windows == Windows(OWN_BOOT), heard
        return
    heartbeat, proven = heard
    assert proven or BETA.windows == Windows(OWN_BOOT)
    assert decode(encode(heartbeat, ALPHA.names), BETA.names) == heartbeat
    body = rest[:-SEAL_BYTES]
    if (len(heartbeat.hears), len(heartbeat.entries)) == (body[6], body[7]):
        again = encode(heartbeat, ALPHA.names)
        assert again[:KEY_ID_AT] + again[PAIR_ID_AT:] == body[:KEY_ID_AT] + body[PAIR_ID_AT:]
    assert len(body) >= HEADER_BYTES
