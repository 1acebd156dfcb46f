"""Why a datagram was not believed. Values only: they are counted, and go no further."""

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """What was wrong, in the order in which a datagram is looked at; the first fault decides."""

    SHORT = "short"  # fewer bytes than the smallest heartbeat has
    LONG = "long"  # more than a heartbeat may have
    VERSION = "version"  # no heartbeat of ipfo, or of another version of the layout
    PAIR = "pair"  # another pair's, on the same wire and port
    KEY = "key"  # sealed with a key that this node does not have
    SEAL = "seal"  # altered on its way, or forged
    MALFORMED = "malformed"  # rightly sealed, and yet not as the layout says: a bug of the sender
    SENDER = "sender"  # of a node that is not this pair's, though it has the key
    REFLECTED = "reflected"  # our own, come back
    SAME_NODE = "same node"  # of this node by its name, and not of this run of it
    LINK = "link"  # came by another link than the one that it was sent on
    REPLAYED = "replayed"  # heard before, too old to tell, or of a boot that is over


@dataclass(frozen=True, slots=True)
class Rejected:
    """A datagram that says nothing."""

    reason: Reason
