"""Carries out what the machine asks for, at once and in order, and brings back what came of it.

Each effect that is answered is answered by exactly one event, put into the loop's inbox: also when
the worker died, hung, or never started. Nothing here waits.
"""

from collections.abc import Callable, Mapping
from typing import Any, assert_never

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.loop import Ways
from ipfo.daemon.paper import Paper
from ipfo.machine import effects as ask
from ipfo.machine.events import Acquired, Event, PhaseEnded, Probed, Released, Renewed, Swept
from ipfo.model import SECOND, Answer, Instant, Move, Phase, Role
from ipfo.model import Event as Told
from ipfo.workers.pool import Outcome

ADDRESS_CALL_NS = 5 * SECOND
"""How long the `addresses` worker may take for one acquire, release or announce of a small group."""

EACH_ADDRESS_NS = SECOND // 50
"""How much longer for each of its addresses: a provider may start a command for each."""

PROBE_MARGIN_NS = SECOND
"""Beyond the probe's own time: the worker may be busy with a renewal."""

PHASE_MARGIN_NS = 2 * SECOND
"""Beyond the phase's time: what a plugin may take to end what it has started, and to say so."""

VETOING = (Phase.TEST, Phase.PRE_ACQ)
"""Phases that fail closed: a claim made half prepared is worse than one made late."""


class Effects:
    """The hands of the loop. `put` takes the answers; `ended` is true when the machine said so."""

    def __init__(
        self,
        config: Config,
        lease_s: int,
        ways: Ways,
        paper: Paper,
        put: Callable[[Event], None],
    ) -> None:
        self.ended = False
        self._config = config
        self._lease_s = lease_s
        self._links = ways.links
        self._pool = ways.pool
        self._control = ways.control
        self._paper = paper
        self._put = put
        self._probes: list[ask.Probe] = []  # of the step under way
        self._phases: dict[str, int] = {}  # groups with a phases worker: its phases under way

    def carry_out(self, effect: ask.Effect) -> None:
        """`effect` is under way, or done."""
        match effect:
            case ask.SendHeartbeat():
                self._links.send(effect.heartbeat)
            case ask.Renew():
                self._renew(effect)
            case ask.Acquire() | ask.Release() | ask.Announce():
                self._move_addresses(effect)
            case ask.Sweep():
                self._sweep(effect)
            case ask.Probe():
                self._probes.append(effect)
            case ask.RunPhase():
                self._run_phase(effect)
            case ask.Record():
                self._paper.record(effect)
                self._control.recorded(effect)
            case ask.Notify():
                self._paper.notify(effect)
            case ask.Settle():
                self._control.settled(effect, clock.now())
            case ask.End():
                self.ended = True
            case ask.ProbePeer() | ask.AskWitnesses() | ask.Vote() | ask.Withdraw():
                raise NotImplementedError  # no config can ask for it yet
            case ask.Fence() | ask.Restart():
                raise NotImplementedError  # likewise
            case _:
                assert_never(effect)

    def flush(self) -> None:
        """What is better asked together than one by one is asked: after the effects of one step.

        Many groups become due for a probe at once, and each listens for a while: one after the
        other they would hold up a renewal for longer than a lease.
        """
        if self._probes:
            probes, self._probes = self._probes, []
            self._probe(probes)

    def rest(self, role_of: Callable[[str], Role]) -> None:
        """Moves that are over give their worker back: no phase is asked for, and the role rests."""
        over = [
            group
            for group, under_way in self._phases.items()
            if under_way == 0 and role_of(group) not in (Role.CLAIMANT, Role.YIELDER)
        ]
        for group in over:
            del self._phases[group]
            self._pool.phases_done(group)

    def _move_addresses(self, effect: ask.Acquire | ask.Release | ask.Announce) -> None:
        given: dict[str, Any] = {"group": effect.group, "epoch": effect.epoch}
        group = effect.group
        match effect:
            case ask.Acquire():
                lifetime_s = self._lease_s if "lease" in self._config.groups[group].traits else None
                given |= {"lifetime_s": lifetime_s, "good_until": effect.good_until}
                self._call("acquire", group, given, lambda out: self._acquired(effect, out))
            case ask.Release():
                self._call(
                    "release",
                    group,
                    given,
                    lambda out: self._put(Released(group, effect.epoch, out.failed)),
                )
            case ask.Announce():
                self._call("announce", group, given, lambda out: self._announced(effect, out))

    def _call(
        self, do: str, group: str, given: Mapping[str, Any], then: Callable[[Outcome], None]
    ) -> None:
        addresses = len(self._config.groups[group].addresses)
        deadline = Instant(clock.now() + ADDRESS_CALL_NS + addresses * EACH_ADDRESS_NS)

        def done(outcome: Outcome) -> None:
            self._remark(do, outcome, group)
            then(outcome)

        self._pool.addresses.call(do, given, deadline, done)

    def _remark(self, do: str, outcome: Outcome, group: str | None = None) -> None:
        """What the worker noticed on the way is written down."""
        for remark in () if outcome.ok is None else outcome.ok.get("remarks", ()):
            self._paper.write(do, str(remark), group)

    def _acquired(self, effect: ask.Acquire, outcome: Outcome) -> None:
        leased_from = None if outcome.ok is None else outcome.ok.get("leased_from")
        since = None if leased_from is None else Instant(leased_from)
        self._put(Acquired(effect.group, effect.epoch, since, outcome.failed))

    def _announced(self, effect: ask.Announce, outcome: Outcome) -> None:
        if outcome.failed is not None:
            what = f"{effect.group} could not be announced: {outcome.failed}"
            self._paper.write("announce", what, effect.group, effect.epoch)

    def _renew(self, effect: ask.Renew) -> None:
        """Half the lease is the most that a renewal may take: after that the next one is due."""
        given = {
            "groups": effect.groups,
            "good_until": effect.good_until,
            "lifetime_s": effect.lease_s,
        }
        deadline = Instant(clock.now() + self._lease_s * SECOND // 2)

        def renewed(outcome: Outcome) -> None:
            self._remark("renew", outcome)
            if outcome.ok is None:
                self._put(Renewed(effect.asked_at, effect.groups))
            else:
                failed = tuple(outcome.ok.get("failed", ()))
                gone = tuple(outcome.ok.get("gone", ()))
                self._put(Renewed(Instant(outcome.ok["began"]), failed, gone))

        self._pool.addresses.call("renew", given, deadline, renewed)

    def _sweep(self, effect: ask.Sweep) -> None:
        def swept(outcome: Outcome) -> None:
            found = outcome.ok is not None and outcome.ok["found"] is True
            self._put(Swept(effect.group, found, outcome.failed))

        self._call("sweep_home", effect.group, {"group": effect.group}, swept)

    def _probe(self, probes: list[ask.Probe]) -> None:
        timeout_ns = max(probe.timeout_ns for probe in probes)
        deadline = Instant(clock.now() + timeout_ns + PROBE_MARGIN_NS)

        def probed(outcome: Outcome) -> None:
            answers = {} if outcome.ok is None else outcome.ok["answers"]
            failed = {} if outcome.ok is None else outcome.ok["failed"]
            for probe in probes:
                told = tuple(
                    Answer(address, card) for address, card in answers.get(probe.group, ())
                )
                why = outcome.failed or failed.get(probe.group)
                self._put(Probed(probe.group, probe.asked_at, told, why))

        given = {"groups": [probe.group for probe in probes], "timeout_ns": timeout_ns}
        self._pool.addresses.call("probe", given, deadline, probed)

    def _run_phase(self, effect: ask.RunPhase) -> None:
        group = self._config.groups[effect.group]
        given = {
            "phase": effect.phase.value,
            "move": move_fields(self._move(effect)),
            "timeout_s": group.phase_timeout_ns / SECOND,
        }
        deadline = Instant(clock.now() + group.phase_timeout_ns + PHASE_MARGIN_NS)
        self._phases[effect.group] = self._phases.get(effect.group, 0) + 1
        worker = self._pool.phases(effect.group)
        worker.call("run", given, deadline, lambda outcome: self._phase_ended(effect, outcome))

    def _phase_ended(self, effect: ask.RunPhase, outcome: Outcome) -> None:
        self._phases[effect.group] -= 1
        phase, group, epoch = effect.phase, effect.group, effect.epoch
        said = outcome.said if outcome.ok is None else outcome.ok.get("said", ())
        for line in said:
            self._paper.write(phase.value, str(line), group, epoch)
        veto = None if outcome.ok is None else outcome.ok.get("veto")
        failures = [] if outcome.ok is None else [str(f) for f in outcome.ok.get("failures", ())]
        if outcome.failed is not None:
            why = f"{phase.value}: {outcome.failed}"
            if phase in VETOING:
                veto = why
            else:
                failures.append(why)
        for failure in failures:
            self._paper.write(phase.value, failure, group, epoch)
            headline = f"{phase.value} of {group} failed on {self._config.node}"
            self._paper.notify(
                ask.Notify(
                    Told.FAILURE, headline, failure, group, epoch=epoch, reason=effect.reason
                )
            )
        self._put(PhaseEnded(group, phase, epoch, veto))

    def _move(self, effect: ask.RunPhase) -> Move:
        group = self._config.groups[effect.group]
        return Move(
            group=effect.group,
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
