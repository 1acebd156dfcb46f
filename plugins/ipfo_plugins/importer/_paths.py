"""The ways between the two hosts of a hostconfig pair, worked out from what each file knows.

The secondary's file has the primary's addresses, the primary's file has the targets of its
heartbeats; which target belongs to which address nobody says, so likeness decides.
"""

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network

PRIVATE = "private"
PUBLIC = "public"

_RANKS = [ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]

OWN_NETWORK_BITS = 16
"""So many leading bits must be alike before an own address counts as one on the same network."""


@dataclass(frozen=True, slots=True)
class Way:
    """One link: its name, the addresses as far as known, and the broadcast target if there is one."""

    name: str
    primary: IPv4Address | None = None
    secondary: IPv4Address | None = None
    broadcast: IPv4Address | None = None


def is_broadcast(target: IPv4Address) -> bool:
    """Whether `target` is many hosts: no file gives a mask, and hosts that end in 255 are rare."""
    return target.packed[3] == 255


def alike(one: IPv4Address, other: IPv4Address) -> int:
    """How many leading bits two addresses have in common."""
    return 32 - (int(one) ^ int(other)).bit_length()


def named(private: IPv4Address, publics: Sequence[IPv4Address]) -> list[Way]:
    """The ways to a primary with these addresses."""
    ways = [Way(PRIVATE, primary=private)]
    for number, address in enumerate(publics, 1):
        ways.append(Way(PUBLIC if number == 1 else f"{PUBLIC}-{number}", primary=address))
    return ways


def joined(ways: Sequence[Way], targets: Sequence[IPv4Address]) -> tuple[list[Way], list[str]]:
    """`ways` with the targets put to them, and remarks on what was left over.

    A target goes to the way whose primary's address it is most like. 255.255.255.255 is like none,
    and goes to every way that is left without.
    """
    done = {way.name: way for way in ways}
    remarks = []
    for target in targets:
        if int(target) == 0xFFFFFFFF:
            continue
        best = max(ways, key=lambda way: alike(target, way.primary or target))
        if done[best.name] != best:
            remarks.append(f"heartbeats to {target} are left out: link {best.name} has a target")
        elif is_broadcast(target):
            done[best.name] = replace(best, broadcast=target)
        else:
            done[best.name] = replace(best, secondary=target)
    everybody = IPv4Address("255.255.255.255")
    if everybody in targets:
        for way in ways:
            if done[way.name] == way:
                done[way.name] = replace(way, broadcast=everybody)
    return list(done.values()), remarks


def from_targets(targets: Sequence[IPv4Address]) -> Iterator[Way]:
    """The ways as the primary's file alone shows them: the most private network is the private one.

    The order in which targets stand means nothing, so it cannot tell.
    """
    ranked = sorted(targets, key=lambda target: (_rank(target), targets.index(target)))
    for number, target in enumerate(ranked):
        name = PRIVATE if number == 0 else PUBLIC if number == 1 else f"{PUBLIC}-{number}"
        if is_broadcast(target):
            yield Way(name, primary=own_address(target), broadcast=target)
        else:
            yield Way(name, primary=own_address(target), secondary=target)


def _rank(target: IPv4Address) -> int:
    return next((rank for rank, each in enumerate(_RANKS) if target in each), len(_RANKS))


def own_address(towards: IPv4Address) -> IPv4Address | None:
    """This host's address on the network of `towards`, None if it seems to have none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            probe.connect((str(towards), 9))
        except OSError:
            return None
        own = IPv4Address(probe.getsockname()[0])
    near = alike(own, towards) >= OWN_NETWORK_BITS
    return own if near and own != towards else None
