"""Bytes to facts and back. Pure; what is wrong with a datagram is a value, never an exception.

The door is `open_datagram`, and `make_datagram` for the way out. Nobody outside this room takes a
datagram apart, so there is one order in which it comes to be believed.
"""

from ipfo.wire.door import make_datagram, open_datagram
from ipfo.wire.heartbeat import ENTRIES_MAX, decode, encode
from ipfo.wire.names import LINKS_MAX, Names
from ipfo.wire.rejected import Reason, Rejected
from ipfo.wire.replay import Verdict, Windows
from ipfo.wire.seal import DATAGRAM_MAX, KEY_MIN, Keyring

__all__ = [
    "DATAGRAM_MAX",
    "ENTRIES_MAX",
    "KEY_MIN",
    "LINKS_MAX",
    "Keyring",
    "Names",
    "Reason",
    "Rejected",
    "Verdict",
    "Windows",
    "decode",
    "encode",
    "make_datagram",
    "open_datagram",
]
