"""A pair on paper: what both of its nodes know, and heartbeats as hypothesis would write them."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from ipfo.model import Echo, Epoch, GroupEntry, Health, Heartbeat, Instant, Role, Sign
from ipfo.wire import ENTRIES_MAX, Keyring, Names, Rejected, Windows, make_datagram, open_datagram

KEY = bytes(range(32))
OTHER_KEY = bytes(range(100, 140))
LINKS = ("private", "public")
GROUPS = tuple(f"group{n}" for n in range(ENTRIES_MAX + 1))
PEER_BOOT = 0xB0071
OWN_BOOT = 0xB0072

u64 = st.integers(0, 2**64 - 1)


@dataclass
class Node:
    """One end of the wire: what it needs to send and to hear."""

    names: Names
    ring: Keyring
    windows: Windows

    def write(self, heartbeat: Heartbeat) -> bytes:
        return make_datagram(heartbeat, self.names, self.ring)

    def hear(
        self, datagram: bytes, link: str = "private", sent: int = 100
    ) -> tuple[Heartbeat, bool] | Rejected:
        return open_datagram(
            datagram,
            link=link,
            names=self.names,
            ring=self.ring,
            windows=self.windows,
            sent=sent,
        )


def node(name: str, pair: str = "www", key: bytes = KEY) -> Node:
    peer = {"alpha": "beta", "beta": "alpha"}[name]
    names = Names(pair, name, peer, LINKS, GROUPS)
    return Node(names, Keyring.of(key), Windows(OWN_BOOT))


HEARTBEAT = Heartbeat(
    sender="alpha",
    link="private",
    boot=PEER_BOOT,
    sequence=7,
    sent_at=Instant(7_000),
    echo=Echo(OWN_BOOT, 100, 3_000),
    hears=LINKS,
    config_digest=0xC0,
    groups_digest=0x6D,
    entries=(GroupEntry("group0", Role.HOLDER, Epoch(4), Health.ABLE, Sign.OFFER),),
)
"""Of alpha, as beta hears it when it has sent 100 heartbeats: it proves itself."""


def numbered(sequence: int, **changes: object) -> Heartbeat:
    """`HEARTBEAT` with another number, sent at the instant that goes with it."""
    stamped = replace(HEARTBEAT, sequence=sequence, sent_at=Instant(sequence * 1_000))
    return replace(stamped, **changes)  # type: ignore[arg-type]  # fields of any type, by name


entries = st.builds(
    GroupEntry,
    group=st.sampled_from(GROUPS),
    role=st.sampled_from(Role),
    epoch=u64.map(Epoch),
    health=st.sampled_from(Health),
    sign=st.sampled_from(Sign),
)

heartbeats = st.builds(
    Heartbeat,
    sender=st.just("alpha"),
    link=st.sampled_from(LINKS),
    boot=u64,
    sequence=u64,
    sent_at=u64.map(Instant),
    echo=st.none() | st.builds(Echo, boot=u64, sequence=u64, dwell_ns=u64),
    hears=st.lists(st.sampled_from(LINKS), unique=True).map(tuple),
    config_digest=u64,
    groups_digest=u64,
    entries=st.lists(entries, max_size=ENTRIES_MAX, unique_by=lambda entry: entry.group).map(tuple),
)
"""Any heartbeat that alpha could send."""
