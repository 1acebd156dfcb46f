"""The layout of the one datagram, and nothing else: not who may have sent it, nor whether it is new.

`FIELDS` is the layout; the struct is made from it, and docs/reference/wire.md is held against it.
Integers are unsigned and big-endian. What `decode` accepts, `encode` gives back byte for byte, as
long as both know the same names.
"""

import struct
from collections.abc import Mapping

from ipfo.model import Echo, Epoch, GroupEntry, Health, Heartbeat, Instant, Role, Sign
from ipfo.wire.names import ID_BYTES, LINKS_MAX, Names
from ipfo.wire.rejected import Reason, Rejected
from ipfo.wire.seal import (
    DATAGRAM_MAX,
    KEY_ID_AT,
    MAGIC,
    PAIR_ID_AT,
    PREFIX_BYTES,
    SEAL_BYTES,
    VERSION,
)

FIELDS: tuple[tuple[str, str], ...] = (
    ("magic", "4s"),
    ("version", "B"),
    ("flags", "B"),
    ("hears", "B"),
    ("entries", "B"),
    ("key id", "4s"),
    ("pair id", "8s"),
    ("sender id", "4s"),
    ("link id", "4s"),
    ("boot", "Q"),
    ("sequence", "Q"),
    ("sent at", "Q"),
    ("echo boot", "Q"),
    ("echo sequence", "Q"),
    ("echo dwell", "Q"),
    ("config digest", "Q"),
    ("groups digest", "Q"),
)
"""The header, in order, as `struct` formats. Then the link ids, the entries, the seal."""

ENTRY_FIELDS: tuple[tuple[str, str], ...] = (
    ("group id", "4s"),
    ("epoch", "Q"),
    ("role", "B"),
    ("health", "B"),
    ("sign", "B"),
)
"""One group's entry."""

_HEADER = struct.Struct("!" + "".join(code for _, code in FIELDS))
_ENTRY = struct.Struct("!" + "".join(code for _, code in ENTRY_FIELDS))

HEADER_BYTES = _HEADER.size
ENTRY_BYTES = _ENTRY.size

FLAG_ECHO = 1
"""The echo fields say something. Otherwise they are 0."""

FLAG_ASKS = 2
FLAG_RESTARTING = 4
FLAG_MAINTENANCE = 8
FLAGS = FLAG_ECHO | FLAG_ASKS | FLAG_RESTARTING | FLAG_MAINTENANCE
"""Every bit that means something; the others are 0."""

ENTRIES_MAX = (DATAGRAM_MAX - SEAL_BYTES - HEADER_BYTES - LINKS_MAX * ID_BYTES) // ENTRY_BYTES
"""Entries that fit into any datagram, whatever the number of links that are heard."""

ROLES: Mapping[Role, int] = {
    Role.STANDBY: 0,
    Role.CLAIMANT: 1,
    Role.HOLDER: 2,
    Role.YIELDER: 3,
    Role.OUTCAST: 4,
}
"""A role's number on the wire. Never reuse one."""

_ROLES_BY_NUMBER = {number: role for role, number in ROLES.items()}
_HEALTHS = {health.value: health for health in Health}
_SIGNS = {sign.value: sign for sign in Sign}

# The seal reads these two before it believes anything: they must stand where it looks.
assert struct.calcsize("!4sBBBB") == KEY_ID_AT
assert struct.calcsize("!4sBBBB4s8s") == PREFIX_BYTES > PAIR_ID_AT


def encode(heartbeat: Heartbeat, names: Names) -> bytes:
    """`heartbeat` as bytes, not yet sealed: the key's id is 0, which `seal` replaces.

    :raises ValueError: for more than `ENTRIES_MAX` entries or `LINKS_MAX` links.
    """
    if len(heartbeat.entries) > ENTRIES_MAX or len(heartbeat.hears) > LINKS_MAX:
        raise ValueError(f"more than {ENTRIES_MAX} entries or {LINKS_MAX} links in one heartbeat")
    echo = heartbeat.echo or Echo(0, 0, 0)
    header = _HEADER.pack(
        MAGIC,
        VERSION,
        _flags(heartbeat),
        len(heartbeat.hears),
        len(heartbeat.entries),
        bytes(ID_BYTES),
        names.pair_id,
        names.node_ids[heartbeat.sender],
        names.link_ids[heartbeat.link],
        heartbeat.boot,
        heartbeat.sequence,
        heartbeat.sent_at,
        echo.boot,
        echo.sequence,
        echo.dwell_ns,
        heartbeat.config_digest,
        heartbeat.groups_digest,
    )
    hears = [names.link_ids[link] for link in heartbeat.hears]
    entries = [_pack_entry(names.group_ids[entry.group], entry) for entry in heartbeat.entries]
    return b"".join((header, *hears, *entries))


def decode(body: bytes, names: Names) -> Heartbeat | Rejected:
    """The heartbeat in `body`, a datagram without its seal. Never raises.

    Links heard and groups that `names` does not know are passed over: the configs of the two nodes
    may differ for a while, which the config digest tells.
    """
    if len(body) < HEADER_BYTES:
        return Rejected(Reason.MALFORMED)
    (magic, version, flags, hears_n, entries_n, _key_id, pair_id, sender_id, link_id, *numbers) = (
        _HEADER.unpack_from(body)
    )
    boot, sequence, sent_at, echo_boot, echo_sequence, dwell_ns, config, groups = numbers
    hears_end = HEADER_BYTES + hears_n * ID_BYTES
    entries = _unpack_entries(body[hears_end:], entries_n, names)
    has_echo = flags & FLAG_ECHO != 0
    whole = (
        (magic, version, pair_id) == (MAGIC, VERSION, names.pair_id)
        and flags & ~FLAGS == 0
        and (has_echo or (echo_boot, echo_sequence, dwell_ns) == (0, 0, 0))
        and hears_n <= LINKS_MAX
        and len(body) == hears_end + entries_n * ENTRY_BYTES
    )
    if not whole or entries is None:
        return Rejected(Reason.MALFORMED)
    sender = names.nodes_by_id.get(sender_id)
    if sender is None:
        return Rejected(Reason.SENDER)
    link = names.links_by_id.get(link_id)
    if link is None:
        return Rejected(Reason.LINK)
    hears = (body[at : at + ID_BYTES] for at in range(HEADER_BYTES, hears_end, ID_BYTES))
    return Heartbeat(
        sender=sender,
        link=link,
        boot=boot,
        sequence=sequence,
        sent_at=Instant(sent_at),
        echo=Echo(echo_boot, echo_sequence, dwell_ns) if has_echo else None,
        hears=tuple(names.links_by_id[each] for each in hears if each in names.links_by_id),
        config_digest=config,
        groups_digest=groups,
        entries=entries,
        asks=flags & FLAG_ASKS != 0,
        restarting=flags & FLAG_RESTARTING != 0,
        maintenance=flags & FLAG_MAINTENANCE != 0,
    )


def _flags(heartbeat: Heartbeat) -> int:
    return (
        (0 if heartbeat.echo is None else FLAG_ECHO)
        | (FLAG_ASKS if heartbeat.asks else 0)
        | (FLAG_RESTARTING if heartbeat.restarting else 0)
        | (FLAG_MAINTENANCE if heartbeat.maintenance else 0)
    )


def _pack_entry(group_id: bytes, entry: GroupEntry) -> bytes:
    numbers = (entry.epoch, ROLES[entry.role], entry.health.value, entry.sign.value)
    return _ENTRY.pack(group_id, *numbers)


def _unpack_entries(body: bytes, count: int, names: Names) -> tuple[GroupEntry, ...] | None:
    """The entries of known groups; None where `body` does not hold `count` sound ones."""
    if len(body) != count * ENTRY_BYTES:
        return None
    entries: dict[bytes, GroupEntry | None] = {}
    for group_id, epoch, *numbers in _ENTRY.iter_unpack(body):
        role = _ROLES_BY_NUMBER.get(numbers[0])
        health = _HEALTHS.get(numbers[1])
        sign = _SIGNS.get(numbers[2])
        if role is None or health is None or sign is None or group_id in entries:
            return None
        group = names.groups_by_id.get(group_id)
        known = None if group is None else GroupEntry(group, role, Epoch(epoch), health, sign)
        entries[group_id] = known
    return tuple(entry for entry in entries.values() if entry is not None)
