"""The one door through which bytes become a heartbeat, and the one through which it leaves.

A datagram is believed step by step, and the first step that fails decides: length, version, pair
and key id, then the seal, then what stands inside. No input raises; what is refused has changed
nothing.
"""

from ipfo.model import Heartbeat
from ipfo.wire.heartbeat import HEADER_BYTES, decode, encode
from ipfo.wire.names import Names
from ipfo.wire.rejected import Reason, Rejected
from ipfo.wire.replay import Verdict, Windows
from ipfo.wire.seal import Keyring, open_sealed, seal


def make_datagram(heartbeat: Heartbeat, names: Names, ring: Keyring) -> bytes:
    """`heartbeat`, ready to be sent: at most `DATAGRAM_MAX` bytes.

    :raises ValueError: for more entries or links than a datagram may hold.
    """
    return seal(encode(heartbeat, names), ring)


def open_datagram(
    datagram: bytes, *, link: str, names: Names, ring: Keyring, windows: Windows, sent: int
) -> tuple[Heartbeat, bool] | Rejected:
    """The heartbeat in `datagram`, and whether its boot is proven. Never raises.

    Only a proven heartbeat changes `windows`. An unproven one, with False, says nothing but that
    somebody is there who wants an echo: it may be yesterday's, recorded.

    :param link: the name of the link that it came by.
    :param sent: the last sequence number that this node sent on `link`; 0 if none.
    """
    body = open_sealed(datagram, pair_id=names.pair_id, ring=ring, least=HEADER_BYTES)
    if isinstance(body, Rejected):
        return body
    heartbeat = decode(body, names)
    if isinstance(heartbeat, Rejected):
        return heartbeat
    if heartbeat.sender == names.node:
        own = heartbeat.boot == windows.own_boot
        return Rejected(Reason.REFLECTED if own else Reason.SAME_NODE)
    if heartbeat.link != link:
        return Rejected(Reason.LINK)
    verdict = windows.accept(heartbeat, sent)
    if verdict is Verdict.REPLAYED:
        return Rejected(Reason.REPLAYED)
    return heartbeat, verdict is Verdict.PROVEN
