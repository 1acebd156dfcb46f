"""Home groups on their home node (design 7.11): an address that the operating system had set.

It is found, not added; taken off it is remembered first, as it was, so that it can be put back the
same way. It has no lease: losing it may cost the administrator the machine.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ipfo.model import Address, Instant
from ipfo.plugin.contracts import Found, Provider
from ipfo.plugin.late import check_not_late


def to_json(found: Found) -> dict[str, Any]:
    """`found` for the ledger."""
    return {
        "address": str(found.address),
        "interface": found.interface,
        "flags": list(found.flags),
        "routes": list(found.routes),
    }


def from_json(kept: Mapping[str, Any]) -> Found:
    """What `to_json` has made of it; raises KeyError or ValueError for anything else."""
    return Found(
        Address.parse(kept["address"]),
        str(kept["interface"]),
        None,
        tuple(map(str, kept.get("flags", ()))),
        tuple(map(str, kept.get("routes", ()))),
    )


class Home:
    """The home addresses of one group on this host, and how each was when it was last taken off."""

    def __init__(
        self,
        provider: Provider,
        addresses: Sequence[Address],
        interface: str,
        remembered: Sequence[Mapping[str, Any]],
    ) -> None:
        self._provider = provider
        self._addresses = addresses
        self._interface = interface  # as configured; may be empty
        self._remembered: dict[str, Found] = {}
        for kept in remembered:
            try:
                found = from_json(kept)
            except (KeyError, ValueError, TypeError, AttributeError):
                continue  # as if it had never been remembered
            self._remembered[found.address.ip] = found

    def here(self) -> list[Found]:
        """Those that are on this host now, in config order; without routes."""
        there = {found.address.ip: found for found in self._provider.held()}
        return [there[address.ip] for address in self._addresses if address.ip in there]

    def interface(self) -> str:
        """Where the group's addresses are, else were, else are configured to be; "" if unknown."""
        here = self.here() or [
            self._remembered[a.ip] for a in self._addresses if a.ip in self._remembered
        ]
        return here[0].interface if here else self._interface

    def acquire(self, good_until: Instant) -> None:
        """All of them are here: those that are missing as they were, else as the config says.

        :raises LateError: if one has to be put on, and it is too late for that.
        :raises OSError: if one cannot be put back; those put back by this call are off again.
        """
        put_back: list[tuple[str, Address]] = []
        here = {found.address.ip for found in self.here()}
        try:
            for address in self._addresses:
                if address.ip not in here:
                    done = self._put_back(address, good_until)
                    put_back.append(done)
        except OSError:
            for interface, address in put_back:
                self._provider.release(interface, [address])
            raise

    def _put_back(self, address: Address, good_until: Instant) -> tuple[str, Address]:
        check_not_late(good_until)
        found = self._remembered.get(address.ip)
        if found is not None:
            self._provider.restore(found)
            return found.interface, found.address
        if not self._interface:
            raise OSError(
                f"{address} is not on this host, and neither remembered nor configured is where it"
                " belongs: name the interface of the home node in the group"
            )
        self._provider.acquire(self._interface, [address], None, good_until)
        return self._interface, address

    def remember(self) -> list[dict[str, Any]]:
        """How they are now (or were, where they are not here): what the ledger must keep."""
        for address in self._addresses:
            found = self._provider.find(address)
            if found is not None:
                self._remembered[address.ip] = found
        return [to_json(found) for found in self._remembered.values()]

    def release(self) -> None:
        """None of them is here; call `remember` before.

        :raises OSError: if one cannot be taken off.
        """
        for found in self.here():
            self._provider.release(found.interface, [found.address])

    def announce(self) -> None:
        """Tell the neighbours of each, on the interface where it is."""
        for found in self.here():
            self._provider.announce(found.interface, [found.address])
