"""`check_provider` finds what breaks the contract: providers with one fault each."""

from collections.abc import Sequence

import pytest

from ipfo.model import Address
from ipfo.plugin import Found, Instant, check_not_late
from ipfo.testing.providers import check_provider
from ipfo_plugins.provider import mock

HOME = Address.parse("192.0.2.1/24")
V6 = Address.parse("2001:db8::100/64")


class Forgetful(mock.MockProvider):
    def release(self, interface: str, addresses: Sequence[Address]) -> None:
        pass


class Undying(mock.MockProvider):
    def renew(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int,
        good_until: Instant | None = None,
    ) -> None:
        self.acquire(interface, addresses, lifetime_s, good_until)


class Endless(mock.MockProvider):
    def acquire(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int | None,  # noqa: ARG002 - that is what is wrong with it
        good_until: Instant | None = None,
    ) -> None:
        super().acquire(interface, addresses, None, good_until)


class Tardy(mock.MockProvider):
    def acquire(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int | None,
        good_until: Instant | None = None,  # noqa: ARG002 - that is what is wrong with it
    ) -> None:
        super().acquire(interface, addresses, lifetime_s)


class Untimely(mock.MockProvider):
    def renew(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int,
        good_until: Instant | None = None,
    ) -> None:
        super().renew(interface, addresses, lifetime_s)
        check_not_late(good_until)


class Blind(mock.MockProvider):
    def held(self) -> Sequence[Found]:
        return ()


class Careless(mock.MockProvider):
    def restore(self, found: Found) -> None:
        self.acquire(found.interface, [Address.parse(found.address.ip)], None)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (Forgetful, "is there after its release"),
        (Undying, r"renew\(\) put back"),
        (Endless, "was given 600 s and has no end"),
        (Careless, "is None, and it should be there"),
        (Tardy, "after its `good_until` must raise LateError"),
        (Untimely, "was given 600 s and has 1799 s left|was given 600 s and has 1800 s left"),
        (Blind, r"held\(\) must list"),
    ],
)
def test_the_suite_finds_what_breaks_the_contract(
    broken: type[mock.MockProvider], said: str
) -> None:
    with pytest.raises(AssertionError, match=said):
        check_provider(broken, "en7", [HOME, V6], {"lease"})


def test_the_suite_finds_a_provider_that_takes_any_interface() -> None:
    with pytest.raises(AssertionError, match="that is not there must raise OSError"):
        check_provider(mock.MockProvider, "en7", [HOME, V6], {"wire"})
