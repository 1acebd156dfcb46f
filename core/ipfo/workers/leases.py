"""Putting addresses on and renewing them, never later than it was good for.

A provider asks the clock before the change; what is stopped after that is found out here, once it
goes on: what was changed later than a whole lifetime after it was begun is taken off again.
"""

from collections.abc import Sequence

from ipfo import clock
from ipfo.model import SECOND, Address, Instant
from ipfo.plugin.contracts import Provider
from ipfo.plugin.late import LateError, check_not_late


def acquire(
    provider: Provider,
    interface: str,
    addresses: Sequence[Address],
    lifetime_s: int | None,
    good_until: Instant,
) -> Instant:
    """`addresses` are on `interface`, with a lease from the returned instant on.

    :raises LateError: where it was too late; none of them has been put on, or all are off again.
    :raises OSError: as the provider says.
    """
    check_not_late(good_until)
    began = clock.now()
    provider.acquire(interface, addresses, lifetime_s, good_until)
    _check_in_time(provider, interface, addresses, lifetime_s, began)
    return began


def renew(
    provider: Provider,
    interface: str,
    addresses: Sequence[Address],
    lifetime_s: int,
    good_until: Instant,
) -> Instant:
    """The lease of `addresses` runs from the returned instant on.

    :raises LateError: where it was too late; no lifetime has changed, or all are off.
    :raises OSError: as the provider says; of one that has gone, too.
    """
    check_not_late(good_until)
    began = clock.now()
    provider.renew(interface, addresses, lifetime_s, good_until)
    _check_in_time(provider, interface, addresses, lifetime_s, began)
    return began


def _check_in_time(
    provider: Provider,
    interface: str,
    addresses: Sequence[Address],
    lifetime_s: int | None,
    began: Instant,
) -> None:
    took_ns = clock.now() - began
    if lifetime_s is not None and took_ns > lifetime_s * SECOND:
        provider.release(interface, addresses)
        raise LateError(f"it took {took_ns / SECOND:.3f} s, longer than a lease; it was undone")
