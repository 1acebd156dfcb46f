"""A process on a simulated host: what it has planned waits while it is stopped, and dies with it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipfo.sim.host import Host

Do = Callable[[Any], None]


class Process:
    """One process, or rather all that follow each other in its place: `run` counts them."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.run = 0
        self.frozen = False  # SIGSTOP
        self._held: list[tuple[int, Do, Any]] = []

    def later(self, local_ns: int, do: Do, what: object = None) -> None:
        """Call `do(what)` after `local_ns` of the host's time, if this run lives and is awake then."""
        self.host.later(local_ns, self._fire, (self.run, do, what))

    def freeze(self) -> None:
        """Nothing of it goes on."""
        self.frozen = True

    def thaw(self) -> None:
        """What was due meanwhile happens now, in order."""
        self.frozen = False
        held, self._held = self._held, []
        for each in held:
            self._fire(each)

    def end(self) -> None:
        """This run is over; nothing that it had planned happens any more."""
        self.run += 1
        self.frozen = False
        self._held.clear()

    def _fire(self, planned: tuple[int, Do, Any]) -> None:
        run, do, what = planned
        if run != self.run:
            return
        if self.frozen:
            self._held.append(planned)
        else:
            do(what)
