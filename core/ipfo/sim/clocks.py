"""The clocks of one simulated host: steady, kernel's, and the world's, from one to the other.

The world's time is what a perfect observer sees, in ns from the start. A host's steady clock has
an offset of its own and drifts. While the host is paused both its clocks stand still; while it is
suspended the steady one goes on (CLOCK_BOOTTIME) and the kernel's, which counts leases, does not.
The wall's clock is not here: the machine never reads it, so a step of it cannot matter.
"""

from ipfo.model import Instant

MILLION = 1_000_000


class HostClock:
    """Clocks of one host. `offset_ns` is its steady time at the world's 0; `ppm` how fast it is."""

    def __init__(self, offset_ns: int, ppm: int) -> None:
        self.ppm = ppm
        self.asleep_ns = 0  # how much further the steady clock is than the kernel's, by suspends
        self._from_world = 0
        self._from_steady = offset_ns
        self._stands_since: int | None = None

    def steady(self, world_ns: int) -> Instant:
        """The steady clock at `world_ns`, which is not before the last `resume`."""
        if self._stands_since is not None:
            world_ns = self._stands_since
        gone = world_ns - self._from_world
        if self.ppm:
            gone += gone * self.ppm // MILLION
        return Instant(self._from_steady + gone)

    def kernel(self, world_ns: int) -> int:
        """The clock that the kernel counts leases with: the steady one without suspends."""
        return self.steady(world_ns) - self.asleep_ns

    def world(self, steady_ns: int) -> int:
        """When, in the world, the steady clock will show `steady_ns` or more, if nothing stops it."""
        left = steady_ns - self._from_steady
        if self.ppm:
            left = -(-left * MILLION // (MILLION + self.ppm))
        return self._from_world + left

    def lasts(self, local_ns: int) -> int:
        """How long, in the world, this host takes for `local_ns` of its own."""
        return local_ns if not self.ppm else -(-local_ns * MILLION // (MILLION + self.ppm))

    def stop(self, world_ns: int) -> None:
        """Both clocks stand still from now on."""
        assert self._stands_since is None
        steady = self.steady(world_ns)
        self._from_steady, self._from_world = steady, world_ns
        self._stands_since = world_ns

    def resume(self, world_ns: int, *, was_suspended: bool) -> None:
        """They go on; after a suspend the steady clock has gone on all the time."""
        assert self._stands_since is not None
        stood = world_ns - self._stands_since
        self._stands_since = None
        self._from_world = world_ns
        if was_suspended:
            self._from_steady += stood
            self.asleep_ns += stood
