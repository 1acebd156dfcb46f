"""Effects with desks for workers: a test sees each call, and says how it ends."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

from tests.daemon.paper import document

from ipfo.config.model import Config
from ipfo.daemon.control import Control, listen
from ipfo.daemon.effects import Effects
from ipfo.daemon.log import Log
from ipfo.daemon.loop import Ways
from ipfo.daemon.paper import Paper
from ipfo.machine import effects as ask
from ipfo.machine.events import Event
from ipfo.model import Epoch, Instant, Phase
from ipfo.workers.parts import parts
from ipfo.workers.pool import Outcome

PLAIN: dict[str, Any] = {"traits": [], "phase_plugins": []}
CONFIG = Config.from_document(document(groups={"web": {}, "plain": PLAIN}))

LEASE_S = 2
FIVE = Epoch(5)


class Desk:
    """A worker that notes its calls; a test says how each ends."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, Any], Instant, Callable[[Outcome], None]]] = []
        self.prepared: dict[str, Any] = {}
        self.running = True
        self.unasked: Callable[[Mapping[str, Any]], None] | None = None

    def prepare(self, **more: Any) -> None:
        self.prepared |= more

    def call(
        self,
        do: str,
        given: Mapping[str, Any],
        deadline: Instant,
        then: Callable[[Outcome], None],
        *,
        ahead: bool = False,
    ) -> None:
        call = (do, given, deadline, then)
        self.calls.insert(0 if ahead else len(self.calls), call)

    @property
    def idle(self) -> bool:
        return not self.calls

    def last(self) -> tuple[str, Mapping[str, Any], Instant, Callable[[Outcome], None]]:
        return self.calls[-1]

    def end(self, ok: Mapping[str, Any] | None = None, failed: str | None = None) -> None:
        self.calls.pop()[3](Outcome(ok, failed))


class Desks:
    """The pool's side of it."""

    def __init__(self, config: Config) -> None:
        groups = {
            name: {"unit": each.unit, "provider": each.provider}
            for name, each in config.groups.items()
        }
        desks = {part: Desk() for part in parts(groups)}
        self.address_workers = list(desks.values())
        self.addresses = {unit: desk for part, desk in desks.items() for unit in part.units}
        self.desk = self.address_workers[0]  # where all are of one provider
        self.notices, self.moves = Desk(), Desk()
        self.checks, self.witnesses, self.fence = Desk(), Desk(), Desk()
        self.done: list[str] = []

    def phases(self, group: str) -> Desk:
        assert group in ("web", "db")
        return self.moves

    def phases_done(self, group: str) -> None:
        self.done.append(group)


class Rig:
    """Effects with desks for workers, and a list for an inbox."""

    def __init__(
        self,
        folder: Path,
        config: Config = CONFIG,
        open_phases: Mapping[str, list[Phase]] = MappingProxyType({}),
        *,
        bare: bool = False,
    ) -> None:
        self.pool = Desks(config)
        if bare:
            self.pool.checks = self.pool.witnesses = self.pool.fence = cast("Any", None)
        self.inbox: list[Event] = []
        self.log = Log("ipfo", 2)
        notices = cast("Any", self.pool.notices)
        self.paper = Paper(config, 11, notices, self.log)
        control = Control(
            listen(folder / "c", group=None),
            status=dict,
            rehearse=lambda: None,
            reload=lambda: None,
            groups={},
            nodes=("alpha", "beta"),
        )
        ways = cast("Ways", SimpleNamespace(links=None, pool=self.pool, control=control))
        self.effects = Effects(config, LEASE_S, ways, self.paper, self.inbox.append, open_phases)
        self.control = control

    def do(self, effect: ask.Effect) -> None:
        self.effects.carry_out(effect)

    def told(self, do: str) -> list[Mapping[str, Any]]:
        """What `notices` was asked to do so, each by itself."""
        name = {"record": "lines", "notify": "notices"}[do]
        return [each for what, given, *_ in self.pool.notices.calls if what == do
                for each in given[name]]  # fmt: skip

    def close(self) -> None:
        self.control.close()
        self.log.close()
