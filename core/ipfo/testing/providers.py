"""`check_provider`: does an address provider keep its contract? Run it in a test of yours.

Give it an interface on which it may put addresses, and addresses that nobody has: a network
namespace of the test's own is the place for that. It leaves nothing behind.
"""

import select
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from ipfo.clock import now
from ipfo.model import SECOND, Address, Instant
from ipfo.plugin import Found, LateError, Provider

NO_INTERFACE: Final = "ipfo-none0"
"""An interface that exists nowhere."""

_Check = Callable[[Provider, str, Sequence[Address]], None]

_LONG_S: Final = 600
_PATIENCE_NS: Final = 5 * SECOND
_PROBE_NS: Final = SECOND // 5


def check_provider(
    make: Callable[[], Provider],
    interface: str,
    addresses: Sequence[Address],
    traits: Collection[str] = (),
) -> None:
    """Run every check on fresh providers from `make`; `traits` are those of its offer.

    `addresses`: two at least, all of which `interface` may have at once.

    :raises AssertionError: with a sentence that says which part of the contract was broken.
    """
    assert len(addresses) > 1, "check_provider needs two addresses at least: all or none"
    checks: list[_Check] = [
        _acquires_and_releases,
        _is_asked_twice,
        _restores_what_it_found,
        _announces,
        _does_nothing_late,
    ]
    if "wire" in traits:
        checks.append(_knows_its_interfaces)
    if "lease" in traits:
        checks += [_puts_a_lifetime_on, _renews, _lets_a_lifetime_run_out, _renews_nothing_late]
    if "probe" in traits:
        checks.append(_asks_and_hears_nobody)
    for check in checks:
        provider = make()
        try:
            check(provider, interface, addresses)
        finally:
            provider.release(interface, addresses)


def _acquires_and_releases(
    provider: Provider, interface: str, addresses: Sequence[Address]
) -> None:
    for address in addresses:
        found = provider.find(address)
        assert found is None, f"find({address}) must be None before anybody put it on: {found}"
    provider.acquire(interface, addresses, None)
    for address in addresses:
        found = _there(provider, address)
        assert found.interface == interface, f"{address} is on {found.interface}, not {interface}"
        assert found.address == address, f"{address} was put on as {found.address}"
        assert found.lifetime_s is None, f"{address} without end has the end {found.lifetime_s} s"
    provider.release(interface, addresses[:1])
    assert provider.find(addresses[0]) is None, f"{addresses[0]} is there after its release"
    for address in addresses[1:]:
        _there(provider, address)  # what was not released must stay
    provider.release(interface, addresses)
    for address in addresses:
        assert provider.find(address) is None, f"{address} is there after its release"


def _is_asked_twice(provider: Provider, interface: str, addresses: Sequence[Address]) -> None:
    provider.release(interface, addresses)  # none there is well done
    provider.acquire(interface, addresses[:1], None)
    provider.acquire(interface, addresses, None)  # one is there already
    for address in addresses:
        _there(provider, address)
    provider.release(interface, addresses)
    provider.release(interface, addresses)


def _restores_what_it_found(
    provider: Provider, interface: str, addresses: Sequence[Address]
) -> None:
    provider.acquire(interface, addresses, None)
    before = [_there(provider, address) for address in addresses]
    provider.release(interface, addresses)
    for found in before:
        provider.restore(found)
    for found in before:
        after = _there(provider, found.address)
        # which of them is the first of its subnet may have changed: flags are the provider's own
        same = replace(after, flags=found.flags, routes=found.routes)
        assert same == found, f"restore put back {after}, and it was {found}"


def _announces(provider: Provider, interface: str, addresses: Sequence[Address]) -> None:
    provider.acquire(interface, addresses, None)
    provider.announce(interface, addresses)
    for address in addresses:
        _there(provider, address)


def _does_nothing_late(provider: Provider, interface: str, addresses: Sequence[Address]) -> None:
    """A process that was stopped must not do, once it goes on, what was good before."""
    try:
        provider.acquire(interface, addresses, None, Instant(now() - 1))
    except LateError:
        pass
    else:
        msg = "acquire() after its `good_until` must raise LateError"
        raise AssertionError(msg)
    for address in addresses:
        assert provider.find(address) is None, f"an acquire that was late put {address} on"
    provider.acquire(interface, addresses, None, Instant(now() + _PATIENCE_NS))
    for address in addresses:
        _there(provider, address)


def _renews_nothing_late(provider: Provider, interface: str, addresses: Sequence[Address]) -> None:
    provider.acquire(interface, addresses, _LONG_S)
    try:
        provider.renew(interface, addresses, 3 * _LONG_S, Instant(now() - 1))
    except LateError:
        pass
    else:
        msg = "renew() after its `good_until` must raise LateError"
        raise AssertionError(msg)
    for address in addresses:
        _lives(provider, address, _LONG_S)


def _knows_its_interfaces(provider: Provider, interface: str, addresses: Sequence[Address]) -> None:
    assert interface != NO_INTERFACE, f"give check_provider another interface than {NO_INTERFACE}"
    try:
        provider.acquire(NO_INTERFACE, addresses, None)
    except OSError as error:
        said = str(error)
        assert said, "an OSError must say something to people"
        assert "\n" not in said, f"an OSError's text must be one line: {said!r}"
    else:
        msg = "acquire() on an interface that is not there must raise OSError"
        raise AssertionError(msg)
    for address in addresses:
        assert provider.find(address) is None, f"a failed acquire left {address} behind"


def _puts_a_lifetime_on(provider: Provider, interface: str, addresses: Sequence[Address]) -> None:
    provider.acquire(interface, addresses, None)
    provider.acquire(interface, addresses, _LONG_S)  # one that is there is brought to it
    for address in addresses:
        _lives(provider, address, _LONG_S)
    provider.acquire(interface, addresses, None)
    for address in addresses:
        found = _there(provider, address)
        assert found.lifetime_s is None, f"{address} must be without end again: {found}"


def _renews(provider: Provider, interface: str, addresses: Sequence[Address]) -> None:
    provider.acquire(interface, addresses, _LONG_S)
    provider.renew(interface, addresses, 2 * _LONG_S)
    for address in addresses:
        _lives(provider, address, 2 * _LONG_S)


def _lets_a_lifetime_run_out(
    provider: Provider, interface: str, addresses: Sequence[Address]
) -> None:
    provider.acquire(interface, addresses, 1)
    deadline = now() + _PATIENCE_NS
    while any(provider.find(address) for address in addresses):
        assert now() < deadline, "an address with a lifetime of 1 s is there after 5 s"
        select.select([], [], [], 0.02)
    with suppress(OSError):  # the right way to say that there was nothing to renew
        provider.renew(interface, addresses, _LONG_S)
    for address in addresses:
        found = provider.find(address)
        assert found is None, f"renew() put back {address}, which had gone: {found}"


def _asks_and_hears_nobody(
    provider: Provider, interface: str, addresses: Sequence[Address]
) -> None:
    provider.acquire(interface, addresses, None)
    answers = list(provider.probe(interface, addresses, _PROBE_NS))
    assert answers == [], f"nobody else has the addresses, and probe() says {answers}"


def _there(provider: Provider, address: Address) -> Found:
    found = provider.find(address)
    assert found is not None, f"find({address}) is None, and it should be there"
    held = [each for each in provider.held() if each.address == address]
    assert [each.interface for each in held] == [found.interface], (
        f"held() must list {address} once, as find() has it: {held}"
    )
    return found


def _lives(provider: Provider, address: Address, lifetime_s: int) -> None:
    found = _there(provider, address)
    left = found.lifetime_s
    assert left is not None, f"{address} was given {lifetime_s} s and has no end"
    assert lifetime_s - _LONG_S // 2 < left <= lifetime_s, (
        f"{address} was given {lifetime_s} s and has {left} s left"
    )
