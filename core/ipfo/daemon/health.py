"""The engine's side of the `checks` worker: what it tells becomes events, what is held is told to it.

A worker that was started again is not believed to know better until its checks have spoken: what
they said before stands.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ipfo import clock
from ipfo.config.model import Config
from ipfo.machine.events import Event, HealthChanged
from ipfo.model import SECOND, Instant
from ipfo.workers.pool import Worker

ROLES_NS = 10 * SECOND
"""How long the worker may take to note what is held."""


class Health:
    """What the checks of `config` say of each unit of this node; `put` takes the turns."""

    def __init__(self, config: Config, worker: Worker | None, put: Callable[[Event], None]) -> None:
        self._worker = worker
        self._put = put
        self._ill: dict[str, str | None] = dict.fromkeys(config.units)
        self._held: list[str] = []
        if worker is not None:
            worker.unasked = self.hear

    def begin(self, config: Config, adopted: Collection[str]) -> None:
        """Units with a check that starts ill are so, but for what was held all along."""
        for group in config.groups.values():
            for check in group.checks:
                if check.starts_ill and not check.when_holding and group.unit not in adopted:
                    self._turn(group.unit, f"{check.plugin}: it has not passed yet")

    def reload(
        self, config: Config, worker: Worker | None, told: Iterable[Mapping[str, Any]]
    ) -> None:
        """Go on with the checks of `config`, which `worker` runs; `told`: what it has said already.

        What was known of a unit stands until its checks have spoken; one without any is well.
        """
        for unit, members in config.units.items():
            if not any(config.groups[name].checks for name in members):
                self._turn(unit, None)
        if worker is self._worker:
            return
        self._worker = worker
        if worker is not None:
            worker.unasked = self.hear
        held, self._held = self._held, []
        self.hold(held)
        for message in told:
            self.hear(message)

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take what the worker tells by itself; anything else than that is left alone."""
        match message:
            case {"health": [str(unit), str() | None as ill]} if unit in self._ill:
                self._turn(unit, ill)
            case {"failed": dict(failed)}:
                assert self._worker is not None
                self._worker.prepare(failed=failed)

    def hold(self, held: list[str]) -> None:
        """The worker knows, now and after its next start, which units this node holds."""
        if self._worker is None or held == self._held:
            return
        self._held = held
        self._worker.prepare(held=held)
        until = Instant(clock.now() + ROLES_NS)
        self._worker.call("roles", {"held": held}, until, lambda _: None)

    def _turn(self, unit: str, ill: str | None) -> None:
        if ill != self._ill[unit]:
            self._ill[unit] = ill
            self._put(HealthChanged(unit, ill))
