"""Runs a phase for each group of a unit, one after the other, and answers once for all of them.

Preparations go in config order and end with the first veto; release phases go in reverse, and only
where something has begun: what one group never began is not undone for it (P5).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.paper import Paper
from ipfo.daemon.troubles import Trouble, Troubles
from ipfo.machine import effects as ask
from ipfo.machine.events import Event, PhaseEnded
from ipfo.model import SECOND, Instant, Move, Phase, Role
from ipfo.model import Event as Told
from ipfo.workers.pool import Outcome, Pool

PHASE_MARGIN_NS = 2 * SECOND
"""Beyond the phase's time: what a plugin may take to end what it has started, and to say so."""

VETOING = (Phase.TEST, Phase.PRE_ACQ)
"""Phases that fail closed: a claim made half prepared is worse than one made late."""

BEGINS = (Phase.PRE_ACQ, Phase.POST_ACQ)
"""Phases that leave something to be undone."""

UNDOES: Mapping[Phase, Phase] = {Phase.PRE_REL: Phase.POST_ACQ, Phase.POST_REL: Phase.PRE_ACQ}
"""What each release phase undoes."""


@dataclass(slots=True)
class _Run:
    """A phase of a unit under way: the groups that are still to come."""

    effect: ask.RunPhase
    left: list[str]
    veto: str | None = field(default=None)


class Phases:
    """The phases of `config`; `put` takes the answers. `open_phases`: by group, from before."""

    def __init__(
        self,
        config: Config,
        pool: Pool,
        paper: Paper,
        troubles: Troubles,
        put: Callable[[Event], None],
        open_phases: Mapping[str, Iterable[Phase]],
    ) -> None:
        self._config = config
        self._pool = pool
        self._paper = paper
        self._troubles = troubles
        self._put = put
        self._open = {name: set(open_phases.get(name, ())) for name in config.groups}
        self._under_way: dict[str, int] = {}  # units with a worker: their phases under way

    def reload(self, config: Config) -> None:
        """Phases that begin from now on are those of `config`, which has the same groups."""
        self._config = config

    def run(self, effect: ask.RunPhase) -> None:
        """Answered by one `PhaseEnded`."""
        self._under_way[effect.group] = self._under_way.get(effect.group, 0) + 1
        self._go_on(_Run(effect, self._taking_part(effect)))

    def rest(self, role_of: Callable[[str], Role]) -> None:
        """Moves that are over give their worker back: no phase is asked for, and the role rests."""
        over = [
            unit
            for unit, under_way in self._under_way.items()
            if under_way == 0 and role_of(unit) not in (Role.CLAIMANT, Role.YIELDER)
        ]
        for unit in over:
            del self._under_way[unit]
            self._pool.phases_done(unit)

    def _taking_part(self, effect: ask.RunPhase) -> list[str]:
        members = list(self._config.units[effect.group])
        undone = UNDOES.get(effect.phase)
        if undone is not None:
            members.reverse()
            if len(members) > 1:  # of one that stands alone the machine knows it itself
                members = [name for name in members if undone in self._open[name]]
        return [name for name in members if self._config.groups[name].phase_plugins]

    def _go_on(self, run: _Run) -> None:
        effect, phase = run.effect, run.effect.phase
        if run.veto is not None or not run.left:
            self._under_way[effect.group] -= 1
            self._put(PhaseEnded(effect.group, phase, effect.epoch, run.veto))
            return
        name = run.left.pop(0)
        group = self._config.groups[name]
        if phase in BEGINS:
            self._open[name].add(phase)
        given = {
            "phase": phase.value,
            "move": move_fields(self._move(effect, name)),
            "timeout_s": group.phase_timeout_ns / SECOND,
        }
        deadline = Instant(clock.now() + group.phase_timeout_ns + PHASE_MARGIN_NS)
        worker = self._pool.phases(effect.group)
        # what undoes is done again by the next process where this one dies of it (P5)
        do = "undo" if phase in UNDOES else "run"
        worker.call(do, given, deadline, lambda outcome: self._ended(run, name, outcome))

    def _ended(self, run: _Run, name: str, outcome: Outcome) -> None:
        effect, phase, epoch = run.effect, run.effect.phase, run.effect.epoch
        if phase in UNDOES:
            self._open[name].discard(UNDOES[phase])
        ok: Mapping[str, Any] = outcome.ok or {}
        for line in outcome.said if outcome.ok is None else ok.get("said", ()):
            self._paper.write(phase.value, str(line), name, epoch)
        veto = ok.get("veto")
        failures = [str(failure) for failure in ok.get("failures", ())]
        if outcome.failed is not None:
            why = f"{phase.value}: {outcome.failed}"
            if phase in VETOING:
                veto = why
            else:
                failures.append(why)
        for failure in failures:
            self._tell(effect, name, failure)
        if veto is not None:
            alone = len(self._config.units[effect.group]) == 1
            run.veto = str(veto) if alone else f"{name}: {veto}"
        self._go_on(run)

    def _tell(self, effect: ask.RunPhase, name: str, failure: str) -> None:
        phase, epoch = effect.phase, effect.epoch
        self._paper.write(phase.value, failure, name, epoch)
        self._troubles.note(effect.group, Trouble(phase.value, failure, clock.now(), epoch))
        headline = f"{phase.value} of {name} failed on {self._config.node}"
        self._paper.notify(
            ask.Notify(Told.FAILURE, headline, failure, name, epoch=epoch, reason=effect.reason)
        )

    def _move(self, effect: ask.RunPhase, name: str) -> Move:
        group = self._config.groups[name]
        return Move(
            group=name,
            epoch=effect.epoch,
            acquire=effect.acquire,
            reason=effect.reason,
            node=self._config.node,
            peer=self._config.peer,
            pair=self._config.pair,
            interface=group.interfaces.get(self._config.node, ""),
            addresses=tuple(address.ip for address in group.addresses),
        )


def move_fields(move: Move) -> dict[str, Any]:
    """`move` as the phases worker is told of it: plain JSON values."""
    return {
        "group": move.group,
        "epoch": move.epoch,
        "acquire": move.acquire,
        "reason": move.reason.value,
        "node": move.node,
        "peer": move.peer,
        "pair": move.pair,
        "interface": move.interface,
        "addresses": list(move.addresses),
    }
