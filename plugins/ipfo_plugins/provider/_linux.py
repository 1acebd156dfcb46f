"""What every provider on Linux does in the same way; how the kernel is told is each one's own.

One rule: nothing but the service addresses changes. Linux takes further addresses of a subnet away
with the first one; here they stay.
"""

import errno
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ipfo.plugin import Address, Answer, Found, Instant, LateError
from ipfo_plugins.provider import _wire
from ipfo_plugins.provider._commands import check_name


class LinuxProvider(ABC):
    """A `Provider` whose subclasses say how the kernel is asked and told.

    `Found.flags` of `held` are words of ``ip address``: ``secondary``, ``brd 192.0.2.255``, ...
    """

    @abstractmethod
    def held(self, interface: str | None = None) -> list[Found]:
        """Every address of `interface`, or of all; without routes. OSError if it is not there."""

    @abstractmethod
    def put(self, wanted: Sequence[Found], good_until: Instant | None = None) -> None:
        """Put each on its interface with its lifetime and flags, or bring it to that lifetime.

        LateError where `good_until` is past before the first of them.
        """

    @abstractmethod
    def take(self, unwanted: Sequence[Found]) -> None:
        """Take each off; all are tried, and OSError says which would not go."""

    @abstractmethod
    def routes(self, found: Found, others: Sequence[Found]) -> tuple[str, ...]:
        """The routes that go when `found` goes and `others` stay on its interface."""

    @abstractmethod
    def put_routes(self, found: Found) -> None:
        """Put back the routes of `found` that are not there."""

    def acquire(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int | None,
        good_until: Instant | None = None,
    ) -> None:
        """See `Provider`."""
        check_name(interface)
        before = {found.address for found in self.held(interface)}
        try:
            self.put([Found(each, interface, lifetime_s) for each in addresses], good_until)
        except LateError:
            raise
        except OSError:
            ips = {each.ip for each in addresses}
            new = [each for each in self.held(interface) if each.address not in before]
            self._take(interface, [each for each in new if each.address.ip in ips])
            raise

    def renew(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int,
        good_until: Instant | None = None,
    ) -> None:
        """See `Provider`."""
        check_name(interface)
        there = {found.address for found in self.held(interface)}
        gone = [str(each) for each in addresses if each not in there]
        if gone:
            msg = f"{', '.join(gone)} went from {interface} before its lifetime was renewed"
            raise OSError(errno.EADDRNOTAVAIL, msg)
        self.put([Found(each, interface, lifetime_s) for each in addresses], good_until)

    def release(self, interface: str, addresses: Sequence[Address]) -> None:
        """See `Provider`. Whatever prefix length it has there, the address goes."""
        check_name(interface)
        try:
            before = self.held(interface)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return  # no interface, no address
            raise
        ips = {each.ip for each in addresses}
        unwanted = [found for found in before if found.address.ip in ips]
        if not unwanted:
            return
        dependent = _dependent(before, unwanted)
        if not dependent:
            self._take(interface, unwanted)
            return
        with _promotion(interface):
            self._take(interface, unwanted)
        there = {found.address for found in self.held(interface)}
        self.put([found for found in dependent if found.address not in there])

    def find(self, address: Address) -> Found | None:
        """See `Provider`. Where it is there twice, the one with the same prefix length."""
        everything = self.held()
        here = [found for found in everything if found.address.ip == address.ip]
        if not here:
            return None
        found = next((each for each in here if each.address == address), here[0])
        others = [
            each
            for each in everything
            if each.interface == found.interface and each.address.ip != address.ip
        ]
        return replace(found, routes=self.routes(found, others))

    def restore(self, found: Found) -> None:
        """See `Provider`. A route that somebody has set meanwhile to the same place stays."""
        check_name(found.interface)
        self.put([replace(found, lifetime_s=None)])
        self.put_routes(found)

    def _take(self, interface: str, unwanted: Sequence[Found]) -> None:
        """Take `unwanted` off; one that went by itself meanwhile is well done.

        By its lifetime, or together with the first address of its subnet.
        """
        try:
            self.take(unwanted)
        except OSError:
            there = {found.address for found in self.held(interface)}
            if any(found.address in there for found in unwanted):
                raise

    def announce(self, interface: str, addresses: Sequence[Address]) -> None:
        """See `Provider`."""
        _wire.announce(interface, addresses)

    def probe(
        self, interface: str, addresses: Sequence[Address], timeout_ns: int
    ) -> Sequence[Answer]:
        """See `Provider`."""
        return _wire.probe(interface, addresses, timeout_ns)


def routes_by(found: Found, others: Sequence[Found], source: str, gateway: str) -> bool:
    """Whether a route by `gateway`, sent from `source` (either may be empty), goes with `found`.

    Linux drops a route whose source has gone, and all of the interface with its last address. One
    whose gateway can be reached no more stays in its table and is of no use: it is put back too,
    which does nothing where it is still there.
    """
    same = [each for each in others if each.address.version == found.address.version]
    near = [each for each in same if each.address.interface.ip.is_link_local]
    if source:
        return source == found.address.ip
    if len(same) == len(near):
        return True  # the last one that others can reach
    if not gateway:
        return False
    networks = [each.address.interface.network for each in same]
    hop = Address.parse(gateway).interface.ip
    return hop in found.address.interface.network and not any(hop in each for each in networks)


def _dependent(before: Sequence[Found], unwanted: Sequence[Found]) -> list[Found]:
    """Those that the kernel would take away together with `unwanted`, though nobody asked."""
    firsts = {
        found.address.interface.network
        for found in unwanted
        if found.address.version == 4 and "secondary" not in found.flags
    }
    going = set(unwanted)
    return [
        found
        for found in before
        if found not in going and found.address.interface.network in firsts
    ]


@contextmanager
def _promotion(interface: str) -> Iterator[None]:
    """Let the next address of a subnet take the place of its first one, as long as this lasts.

    Where the setting cannot be written (a container) the addresses go for a moment and are put
    back by who calls.
    """
    path = Path(f"/proc/sys/net/ipv4/conf/{interface}/promote_secondaries")
    try:
        before = path.read_text()
        path.write_text("1")
    except OSError:
        yield
        return
    try:
        yield
    finally:
        path.write_text(before)
