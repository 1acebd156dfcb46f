"""What the four failover keys of a hostconfig say, as values.

The original's words are used here and in its neighbours only: the *primary* sends heartbeats to
``FAILOVER_BCAST_IPS``; the *secondary* listens, knows the primary by ``FAILOVER_PEER_IP`` and takes
over the addresses in ``FAILOVER_PEER_IP_PAIRS``. One host may do both.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from ipfo_plugins._text import for_people
from ipfo_plugins.importer._shell import Assigned, assignments

TARGETS = "FAILOVER_BCAST_IPS"
PEER = "FAILOVER_PEER_IP"
PAIRS = "FAILOVER_PEER_IP_PAIRS"
RECIPIENT = "FAILOVER_EMAIL_RECIPIENT"

_TRIPLET = re.compile(r"([^\s:/]+):([0-9.]+)(?:/([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Taken:
    """An address that the secondary takes over, and the interface there. `prefix` None: not said."""

    interface: str
    address: IPv4Address
    prefix: int | None

    def __str__(self) -> str:
        """As a group's address is written; none said means that the address stands alone."""
        return str(self.address) if self.prefix is None else f"{self.address}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Facts:
    """One host's file. A primary has `targets`, a secondary `peer` and `taken`."""

    path: Path
    targets: tuple[IPv4Address, ...]
    peer: IPv4Address | None
    taken: tuple[Taken, ...]
    recipients: tuple[str, ...]


def read(path: Path) -> Facts:
    """The facts in `path`.

    :raises ValueError: if they cannot be understood; the text names file and line.
    :raises OSError: if the file cannot be read.
    """
    found = assignments(path, (TARGETS, PEER, PAIRS, RECIPIENT))
    given = {key: value for key, value in found.items() if value.text.strip()}
    if (PEER in given) != (PAIRS in given):
        there, missing = (PEER, PAIRS) if PEER in given else (PAIRS, PEER)
        raise ValueError(
            f"{path}:{given[there].line}: {there} is set, but {missing} is not; a secondary needs"
            " both"
        )
    facts = Facts(
        path=path,
        targets=tuple(_addresses(path, TARGETS, given)),
        peer=next(_addresses(path, PEER, given, most=1), None),
        taken=tuple(_taken(path, given)),
        recipients=tuple(each for each in re.split(r"[\s,]+", given[RECIPIENT].text) if each)
        if RECIPIENT in given
        else (),
    )
    if facts.peer in {each.address for each in facts.taken}:
        raise ValueError(
            f"{path}:{given[PEER].line}: {PEER}: {facts.peer} is taken over by {PAIRS} too; it must"
            " be an address that stays, on the private network"
        )
    return facts


def _addresses(
    path: Path, key: str, given: dict[str, Assigned], most: int | None = None
) -> Iterator[IPv4Address]:
    if key not in given:
        return
    words = given[key].text.split()
    where = f"{path}:{given[key].line}: {key}"
    if most is not None and len(words) > most:
        raise ValueError(f"{where}: {len(words)} addresses where one is needed")
    for word in words:
        try:
            yield IPv4Address(word)
        except AddressValueError:
            hint = "; separate them by blanks" if "," in word else ""
            raise ValueError(
                f'{where}: "{for_people(word)}" is not an IPv4 address{hint}'
            ) from None


def _taken(path: Path, given: dict[str, Assigned]) -> Iterator[Taken]:
    if PAIRS not in given:
        return
    where = f"{path}:{given[PAIRS].line}: {PAIRS}"
    for word in given[PAIRS].text.split():
        matched = _TRIPLET.fullmatch(word)
        try:
            if matched is None or int(matched[3] or 0) > 32:
                raise AddressValueError
            address = IPv4Address(matched[2])
        except AddressValueError:
            hint = ", separated by blanks" if "," in word else ""
            raise ValueError(
                f'{where}: "{for_people(word)}" is not INTERFACE:ADDRESS or INTERFACE:ADDRESS/PREFIX (IPv4,'
                f" prefix 0 to 32){hint}"
            ) from None
        yield Taken(matched[1], address, None if matched[3] is None else int(matched[3]))
