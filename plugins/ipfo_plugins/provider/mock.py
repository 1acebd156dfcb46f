"""The provider ``mock``: addresses in this process's memory, for trying out a pair without rights.

Lifetimes run out by the steady clock as they do in the kernel. It touches no wire: nothing is
announced, nobody can be asked, and no interface need exist.
"""

import errno
from collections.abc import Sequence
from dataclasses import replace

from ipfo.plugin import (
    Address,
    Answer,
    Found,
    Instant,
    Offer,
    Provider,
    check_not_late,
    hookimpl,
    now,
)

_SECOND = 1_000_000_000


class MockProvider:
    """See `Provider`."""

    def __init__(self) -> None:
        """Nothing is held yet."""
        self._held: dict[Address, tuple[Found, Instant | None]] = {}

    def acquire(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int | None,
        good_until: Instant | None = None,
    ) -> None:
        """See `Provider`."""
        check_not_late(good_until)
        for address in addresses:
            self._put(Found(address, interface), lifetime_s)

    def renew(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int,
        good_until: Instant | None = None,
    ) -> None:
        """See `Provider`."""
        check_not_late(good_until)
        gone = [str(address) for address in addresses if self.find(address) is None]
        if gone:
            msg = f"{', '.join(gone)} went from {interface} before its lifetime was renewed"
            raise OSError(errno.EADDRNOTAVAIL, msg)
        for address in addresses:
            self._put(self._held[address][0], lifetime_s)

    def release(self, interface: str, addresses: Sequence[Address]) -> None:
        """See `Provider`."""
        for address in addresses:
            if address in self._held and self._held[address][0].interface == interface:
                del self._held[address]

    def held(self) -> Sequence[Found]:
        """See `Provider`."""
        found = (self.find(address) for address in list(self._held))
        return [each for each in found if each is not None]

    def find(self, address: Address) -> Found | None:
        """See `Provider`."""
        found, until = self._held.get(address, (None, None))
        if found is None or until is None:
            return found
        left = until - now()
        if left <= 0:
            del self._held[address]
            return None
        return replace(found, lifetime_s=left // _SECOND)

    def restore(self, found: Found) -> None:
        """See `Provider`."""
        self._put(found, None)

    def announce(self, interface: str, addresses: Sequence[Address]) -> None:
        """Nobody is there to be told."""

    def probe(
        self,
        interface: str,  # noqa: ARG002 - the contract's
        addresses: Sequence[Address],  # noqa: ARG002 - the contract's
        timeout_ns: int,  # noqa: ARG002 - the contract's
    ) -> Sequence[Answer]:
        """Nobody is there to answer."""
        return ()

    def _put(self, found: Found, lifetime_s: int | None) -> None:
        until = None if lifetime_s is None else Instant(now() + lifetime_s * _SECOND)
        self._held[found.address] = replace(found, lifetime_s=None), until


@hookimpl
def ipfo_providers() -> list[Offer[Provider]]:
    """Offer ``mock``; it takes no options."""
    return [Offer("mock", lambda _options: MockProvider(), traits=frozenset({"lease"}))]
