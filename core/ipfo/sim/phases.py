"""The `phases` workers of a simulated host: what administrators' plugins do in each phase, and how long.

The ledger is written before an acquiring phase begins and after a releasing one has ended. A phase
that runs when its engine is killed runs to its end, and the next run's phases wait for that.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ipfo.machine.effects import RunPhase
from ipfo.machine.events import PhaseEnded
from ipfo.model import SECOND, Phase
from ipfo.sim.disk import Open
from ipfo.sim.process import Process

if TYPE_CHECKING:
    from ipfo.sim.host import Host

MARGIN_NS = 2 * SECOND
"""Beyond its time a phase that hangs is ended with its worker."""

FAIL_CLOSED = (Phase.TEST, Phase.PRE_ACQ)
RELEASING = (Phase.PRE_REL, Phase.POST_REL)
KEPT = (*FAIL_CLOSED, Phase.POST_ACQ, *RELEASING)
"""Phases with a place in the order; another, such as reassert, begins nothing and undoes nothing."""


@dataclass(slots=True)
class Manner:
    """How one phase behaves: it may refuse, fail, hang, or take long."""

    veto: str | None = None
    hangs: bool = False
    takes_ns: int | None = None


@dataclass(slots=True)
class Run:
    """A phase under way."""

    effect: RunPhase
    boot: int
    parts: tuple[str, ...]  # the groups of its unit
    manner: Manner
    done: bool = False


@dataclass(slots=True)
class Phases:
    """All of one host. `manners` is how each phase behaves now, by group and phase."""

    host: "Host"
    manners: dict[tuple[str, Phase], Manner] = field(default_factory=dict)
    log: list[tuple[str, Phase]] = field(default_factory=list)  # all that have begun, by group
    _running: dict[str, Run] = field(default_factory=dict)
    _waiting: dict[str, Run] = field(default_factory=dict)
    _process: Process = field(init=False)

    def __post_init__(self) -> None:
        """The workers are one process here: they are killed together, by a power cut."""
        self._process = Process(self.host)

    def power_off(self) -> None:
        """Gone at once, with no word in the ledger."""
        self._process.end()
        for run in self._running.values():
            self.host.world.judge.phase_ended(self.host, run.effect, run.parts, of_this_run=False)
        self._running.clear()
        self._waiting.clear()

    def run(self, effect: RunPhase) -> None:
        """`effect` begins, or waits for what an earlier run of the engine has left running."""
        manner = self.manners.get((effect.group, effect.phase), Manner())
        parts = tuple(name for name, _ in self.host.units[effect.group].parts)
        run = Run(effect, self.host.terms.boot, parts, manner)
        timeout_ns = self.host.terms.groups[effect.group].phase_timeout_ns + MARGIN_NS
        self._process.later(timeout_ns, self._overdue, run)
        if effect.group in self._running:
            self._waiting[effect.group] = run
        else:
            self._begin(run)

    def _begin(self, run: Run) -> None:
        effect, host = run.effect, self.host
        self._running[effect.group] = run
        self.log.append((effect.group, effect.phase))
        host.world.judge.phase_began(host, effect)
        for name in run.parts:
            opened = host.disk.phases.get(name, Open())
            if effect.phase in (Phase.PRE_ACQ, Phase.POST_ACQ) and effect.phase not in opened.began:
                self._write(name, Open((*opened.began, effect.phase)))
            elif effect.phase in RELEASING:
                self._write(name, Open(opened.began, unwinding=True))
        if run.manner.hangs:
            return
        takes_ns = run.manner.takes_ns
        if takes_ns is None:
            takes_ns = host.world.chance.randint(*host.world.settings.character.phase_ns)
        self._process.later(takes_ns, self._end, run)

    def _end(self, run: Run) -> None:
        if run.done:
            return
        effect = run.effect
        for name in run.parts:
            began = self.host.disk.phases.get(name, Open()).began
            if effect.phase is Phase.PRE_REL:
                rest = tuple(phase for phase in began if phase is not Phase.POST_ACQ)
                self._write(name, Open(rest, unwinding=True))
            elif effect.phase is Phase.POST_REL:
                self._write(name, Open())
        self._over(run, run.manner.veto if effect.phase in FAIL_CLOSED else None)

    def _overdue(self, run: Run) -> None:
        """The worker is killed: nothing more is written, and a phase that may refuse has refused."""
        if run.done:
            return
        if self._waiting.get(run.effect.group) is run:
            del self._waiting[run.effect.group]
        self._over(run, "timed out" if run.effect.phase in FAIL_CLOSED else None)

    def _over(self, run: Run, veto: str | None) -> None:
        run.done = True
        effect, host = run.effect, self.host
        if self._running.get(effect.group) is run:
            del self._running[effect.group]
            alive = host.engine is not None and run.boot == host.terms.boot
            host.world.judge.phase_ended(host, effect, run.parts, of_this_run=alive)
        if host.engine is not None and run.boot == host.terms.boot:
            host.engine.answer(PhaseEnded(effect.group, effect.phase, effect.epoch, veto))
        waits = self._waiting.pop(effect.group, None)
        if waits is not None and host.engine is not None and waits.boot == host.terms.boot:
            self._begin(waits)

    def _write(self, group: str, opened: Open) -> None:
        self.host.disk.write(self.host.disk.phases, group, opened)
