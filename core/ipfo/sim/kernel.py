"""The kernel of one simulated host, as far as ipfo meets it: which service addresses are on it.

A lease is dropped by the kernel alone, `slack_ns` late as was measured; its clock stands still
while the host is paused or suspended. A renewal of what is not there any more adds nothing.
"""

from typing import TYPE_CHECKING

from ipfo.model import SECOND

if TYPE_CHECKING:
    from ipfo.sim.host import Host


class Kernel:
    """The service addresses of `host`. Each change is told to the world at once."""

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._on: dict[str, int | None] = {}  # when its lease ends, by the kernel's clock
        self._watched: set[str] = set()  # those for whose lease a timer runs

    def __contains__(self, address: str) -> bool:
        """Whether it is on."""
        return address in self._on

    def is_leased(self, address: str) -> bool:
        """Whether the address is there and will go by itself."""
        return self._on.get(address) is not None

    def put(self, address: str, lifetime_s: int | None) -> None:
        """The address is on, for `lifetime_s` or for good."""
        fresh = address not in self._on
        self._on[address] = None if lifetime_s is None else self._ends_at(lifetime_s)
        if lifetime_s is not None:
            self._watch(address)
        if fresh:
            self._host.world.holders_changed(address)

    def renew(self, address: str, lifetime_s: int) -> bool:
        """The lease begins anew, where the address is; False where it is not."""
        if address not in self._on:
            return False
        if self._on[address] is not None:
            self._on[address] = self._ends_at(lifetime_s)
        return True

    def take_off(self, address: str) -> bool:
        """The address is off; whether it was on."""
        if address not in self._on:
            return False
        del self._on[address]
        self._host.world.holders_changed(address)
        return True

    def clear(self) -> None:
        """Power is gone, and with it everything."""
        self._watched.clear()
        for address in tuple(self._on):
            self.take_off(address)

    def _ends_at(self, lifetime_s: int) -> int:
        least, most = self._host.world.settings.character.slack_ns
        slack = self._host.world.chance.randint(least, most)
        return self._host.kernel_now() + lifetime_s * SECOND + slack

    def _watch(self, address: str) -> None:
        ends_at = self._on[address]
        assert ends_at is not None
        if address not in self._watched:
            self._watched.add(address)
            self._host.later(max(0, ends_at - self._host.kernel_now()), self._look, address)

    def _look(self, address: str) -> None:
        """One timer for a lease however often it is renewed: it looks, and waits on."""
        self._watched.discard(address)
        ends_at = self._on.get(address)
        if ends_at is None:
            return
        if self._host.kernel_now() < ends_at:
            self._watch(address)
            return
        self._host.world.mark(self._host.name, f"the kernel drops {address}: its lease ran out")
        self.take_off(address)
