"""Carries out what the machine asks for, at once and in order, and brings back what came of it.

Each effect that is answered is answered by exactly one event, put into the loop's inbox: also when
the worker died, hung, or never started. Nothing here waits.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, assert_never

from ipfo import clock
from ipfo.config.model import Config, GroupConfig
from ipfo.daemon.health import Health
from ipfo.daemon.loop import Ways
from ipfo.daemon.others import Others
from ipfo.daemon.paper import Paper
from ipfo.daemon.phases import Phases
from ipfo.daemon.troubles import Trouble, Troubles
from ipfo.machine import effects as ask
from ipfo.machine.events import Acquired, Event, PeerProbed, Probed, Released, Renewed, Swept
from ipfo.model import SECOND, Answer, Instant, Phase, Role
from ipfo.workers.pool import Outcome

ADDRESS_CALL_NS = 5 * SECOND
"""How long the `addresses` worker may take for one acquire, release or announce of a small group."""

EACH_ADDRESS_NS = SECOND // 50
"""How much longer for each of its addresses: a provider may start a command for each."""

TOGETHER_MAX = 512
"""So many groups are put on together, some 100 ms of work: a renewal must not wait for long."""

PROBE_MARGIN_NS = SECOND
"""Beyond the probe's own time: the worker may be busy with a renewal."""

EACH_PROBE_NS = SECOND // 500
"""And for each address: a thousand are not asked for in no time."""


class Effects:
    """The hands of the loop. `put` takes the answers; `ended` is true when the machine said so.

    `restarting`: and this process is to be replaced by a new run of itself. To the machine a unit
    is one group: the `addresses` worker knows its members, and phases are run for each of them.
    `open_phases`: what an earlier run has begun and not undone, by group.
    """

    def __init__(
        self,
        config: Config,
        lease_s: int,
        ways: Ways,
        paper: Paper,
        put: Callable[[Event], None],
        open_phases: Mapping[str, Iterable[Phase]],
    ) -> None:
        self.ended = False
        self.restarting = False
        self.troubles = Troubles()
        self._config = config
        self._lease_s = lease_s
        self._links = ways.links
        self._pool = ways.pool
        self._control = ways.control
        self._paper = paper
        self._put = put
        self._probes: list[ask.Probe] = []  # not asked for yet
        self._probing = False
        self._acquires: list[ask.Acquire] = []  # not asked for yet
        self._acquiring = False
        self._others = Others(config, ways.pool, paper, self.troubles, put)
        self._phases = Phases(config, ways.pool, paper, self.troubles, put, open_phases)
        self.health = Health(config, ways.pool.checks, put)

    def reload(self, config: Config, told: Iterable[Mapping[str, Any]]) -> None:
        """Go on by `config`, of the same groups and addresses, with the pool's new workers.

        `told`: what its checks have told by themselves so far.
        """
        self._config = config
        self._others.reload(config, self._pool)
        self._phases.reload(config)
        self.health.reload(config, self._pool.checks, told)

    def carry_out(self, effect: ask.Effect) -> None:  # long: one effect a line
        """`effect` is under way, or done."""
        match effect:
            case ask.SendHeartbeat():
                self._links.send(effect.heartbeat)
            case ask.Renew():
                self._renew(effect)
            case ask.Acquire():
                self._acquires.append(effect)
            case ask.Release() | ask.Announce():
                self._move_addresses(effect)
            case ask.Sweep():
                self._sweep(effect)
            case ask.Probe():
                self._probes.append(effect)
            case ask.ProbePeer():
                self._probe_peer(effect)
            case ask.AskWitnesses():
                self._others.reach(effect)
            case ask.Vote():
                self._others.vote(effect)
            case ask.Withdraw():
                self._others.withdraw(effect)
            case ask.Fence():
                self._others.fence(effect)
            case ask.RunPhase():
                self._phases.run(effect)
            case ask.Record():
                self._paper.record(effect)
                self._control.recorded(effect)
            case ask.Notify():
                self._paper.notify(effect)
            case ask.Settle():
                self._control.settled(effect, clock.now())
            case ask.End():
                self.ended = True
            case ask.Restart():
                self.ended = self.restarting = True
            case _:
                assert_never(effect)

    def flush(self) -> None:
        """What is better asked together than one by one is asked: after the effects of one step.

        And what has come while such a call was under way, after that. Many groups become due for a
        probe at once, and each listens for a while: one after the other they would hold up a
        renewal for longer than a lease.
        """
        if self._probes and not self._probing:
            probes, self._probes = self._probes, []
            self._probe(probes)
        self._acquire()

    def rest(self, role_of: Callable[[str], Role]) -> None:
        """Moves that are over give their worker back; the checks know what is held."""
        self._phases.rest(role_of)
        self.health.hold([unit for unit in self._config.units if role_of(unit) is Role.HOLDER])

    def _acquire(self) -> None:
        """Ask for the next acquires, together: what has come while others were under way.

        Those of one provider: another that hangs fails with its own groups only.
        """
        if self._acquiring or not self._acquires:
            return
        alike = self._providers(self._acquires[0].group)
        effects = [each for each in self._acquires if self._providers(each.group) == alike]
        effects = effects[:TOGETHER_MAX]
        self._acquires = [each for each in self._acquires if each not in effects]
        units = [(each.group, each.epoch, each.good_until) for each in effects]
        addresses = self._addresses(each.group for each in effects)
        deadline = Instant(clock.now() + ADDRESS_CALL_NS + addresses * EACH_ADDRESS_NS)
        self._acquiring = True

        def acquired(outcome: Outcome) -> None:
            self._acquiring = False
            self._remark("acquire", outcome, effects[0].group if len(effects) == 1 else None)
            ok = outcome.ok or {"acquired": {}, "failed": {}}
            for each in effects:
                since = ok["acquired"].get(each.group)
                failed = outcome.failed or ok["failed"].get(each.group)
                self._acquired(each, None if since is None else Instant(since), failed)
            self._acquire()

        given = {"units": units, "lifetime_s": self._lease_s}
        # Each is good for a short while, and what is only looked for or told can wait; but a sweep
        # of a home address that was asked for before must not take off what is put on after it.
        ahead = not any(each.home for unit, *_ in units for each in self._members(unit))
        self._pool.addresses.call("acquire_all", given, deadline, acquired, ahead=ahead)

    def _move_addresses(self, effect: ask.Release | ask.Announce) -> None:
        given: dict[str, Any] = {"group": effect.group, "epoch": effect.epoch}
        group = effect.group
        match effect:
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
        deadline_ns = ADDRESS_CALL_NS + self._addresses([group]) * EACH_ADDRESS_NS
        deadline = Instant(clock.now() + deadline_ns)

        def done(outcome: Outcome) -> None:
            self._remark(do, outcome, group)
            then(outcome)

        self._pool.addresses.call(do, given, deadline, done)

    def _addresses(self, units: Iterable[str]) -> int:
        return sum(len(each.addresses) for unit in units for each in self._members(unit))

    def _providers(self, unit: str) -> set[str]:
        return {member.provider for member in self._members(unit)}

    def _members(self, unit: str) -> list[GroupConfig]:
        return [self._config.groups[name] for name in self._config.units[unit]]

    def _remark(self, do: str, outcome: Outcome, group: str | None = None) -> None:
        """What the worker noticed on the way is written down."""
        for remark in () if outcome.ok is None else outcome.ok.get("remarks", ()):
            self._paper.write(do, str(remark), group)

    def _acquired(self, effect: ask.Acquire, since: Instant | None, failed: str | None) -> None:
        if failed is not None:
            trouble = Trouble("acquire", failed, clock.now(), effect.epoch)
            self.troubles.note(effect.group, trouble)
        self._put(Acquired(effect.group, effect.epoch, since, failed))

    def _announced(self, effect: ask.Announce, outcome: Outcome) -> None:
        if outcome.failed is not None:
            what = f"{effect.group} could not be announced: {outcome.failed}"
            self._paper.write("announce", what, effect.group, effect.epoch)

    def _renew(self, effect: ask.Renew) -> None:
        """Half the lease is the most that a renewal may take: after that the next one is due.

        It waits for nothing that has not begun: what it renews is on, and what is asked for before
        it concerns other units, or only looks and tells.
        """
        given = {
            "groups": effect.groups,
            "good_until": effect.good_until,
            "lifetime_s": effect.lease_s,
        }
        deadline = Instant(clock.now() + self._lease_s * SECOND // 2)

        def renewed(outcome: Outcome) -> None:
            self._remark("renew", outcome)
            if outcome.ok is None:
                began, failed, gone = effect.asked_at, effect.groups, ()
            else:
                began = Instant(outcome.ok["began"])
                failed = tuple(outcome.ok.get("failed", ()))
                gone = tuple(outcome.ok.get("gone", ()))
            self._note_renewal(failed, outcome.failed or "the renewal failed; see the journal")
            self._note_renewal(gone, "an address was not on its interface any more")
            self._put(Renewed(began, failed, gone))

        self._pool.addresses.call("renew", given, deadline, renewed, ahead=True)

    def _note_renewal(self, units: Iterable[str], why: str) -> None:
        for unit in units:
            self.troubles.note(unit, Trouble("lease", why, clock.now()))

    def _sweep(self, effect: ask.Sweep) -> None:
        def swept(outcome: Outcome) -> None:
            found = outcome.ok is not None and outcome.ok["found"] is True
            self._put(Swept(effect.group, found, outcome.failed))

        self._call("sweep_home", effect.group, {"group": effect.group}, swept)

    def _probe(self, probes: list[ask.Probe]) -> None:
        timeout_ns = max(probe.timeout_ns for probe in probes)
        margin_ns = PROBE_MARGIN_NS + EACH_PROBE_NS * self._addresses(
            probe.group for probe in probes
        )
        deadline = Instant(clock.now() + timeout_ns + margin_ns)
        self._probing = True

        def probed(outcome: Outcome) -> None:
            self._probing = False
            answers = {} if outcome.ok is None else outcome.ok["answers"]
            failed = {} if outcome.ok is None else outcome.ok["failed"]
            for probe in probes:
                told = tuple(Answer(*row) for row in answers.get(probe.group, ()))
                why = outcome.failed or failed.get(probe.group)
                self._put(Probed(probe.group, probe.asked_at, told, why))
            self.flush()

        given = {"groups": [probe.group for probe in probes], "timeout_ns": timeout_ns}
        self._pool.addresses.call("probe", given, deadline, probed)

    def _probe_peer(self, effect: ask.ProbePeer) -> None:
        deadline = Instant(clock.now() + effect.timeout_ns + PROBE_MARGIN_NS)

        def probed(outcome: Outcome) -> None:
            ok = outcome.ok or {}
            why = outcome.failed or ok.get("failed")
            failed = None if why is None else str(why)
            self._put(PeerProbed(effect.asked_at, ok.get("answered") is True, failed))

        given = {"timeout_ns": effect.timeout_ns}
        self._pool.addresses.call("probe_peer", given, deadline, probed)
