"""What the machine asks of one `addresses` worker, and what comes of it.

A node has one for each provider that its groups use, as a rule a single one. Each effect is
answered by exactly one event, also when the worker died, hung, or never started. Nothing waits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ipfo import clock
from ipfo.config.model import Config, GroupConfig
from ipfo.daemon.paper import Paper
from ipfo.daemon.troubles import Trouble, Troubles
from ipfo.machine import effects as ask
from ipfo.machine.events import Acquired, Event, PeerProbed, Probed, Released, Renewed, Swept
from ipfo.model import SECOND, Answer, Instant
from ipfo.workers.pool import Outcome, Worker

ADDRESS_CALL_NS = 5 * SECOND
"""How long the worker may take for one acquire, release or announce of a small group."""

EACH_ADDRESS_NS = SECOND // 50
"""How much longer for each of its addresses: a provider may start a command for each."""

TOGETHER_MAX = 512
"""So many groups are put on together, some 100 ms of work: a renewal must not wait for long."""

PROBE_MARGIN_NS = SECOND
"""Beyond the probe's own time: the worker may be busy with a renewal."""

EACH_PROBE_NS = SECOND // 500
"""And for each address: a thousand are not asked for in no time."""


class Renewal:
    """One renewal of all that is held, by `left` workers: one answer to the machine when all have theirs.

    What a worker could not renew at all has failed, and makes nothing of another's older.
    """

    def __init__(self, asked_at: Instant, left: int, put: Callable[[Event], None]) -> None:
        self._asked_at = asked_at
        self._left = left
        self._put = put
        self._began: list[Instant] = []
        self._failed: list[str] = []
        self._gone: list[str] = []

    def take(self, began: Instant | None, failed: Sequence[str], gone: Sequence[str]) -> None:
        """One worker is done. `began`: since when its leases run; None: they do not run anew."""
        self._began += [] if began is None else [began]
        self._failed += failed
        self._gone += gone
        self._left -= 1
        if self._left == 0:
            since = min(self._began, default=self._asked_at)
            self._put(Renewed(since, tuple(self._failed), tuple(self._gone)))


class Addresses:
    """The units that `worker` looks after. `put` takes the answers.

    To the machine a unit is one group: the worker knows its members.
    """

    def __init__(
        self,
        worker: Worker,
        config: Config,
        lease_s: int,
        paper: Paper,
        troubles: Troubles,
        put: Callable[[Event], None],
    ) -> None:
        self._worker = worker
        self._config = config
        self._lease_s = lease_s
        self._paper = paper
        self._troubles = troubles
        self._put = put
        self._probes: list[ask.Probe] = []  # not asked for yet
        self._probing = False
        self._acquires: list[ask.Acquire] = []  # not asked for yet
        self._acquiring = False

    @property
    def idle(self) -> bool:
        """Whether the worker would begin a call at once."""
        return self._worker.idle

    def reload(self, config: Config) -> None:
        """Go on by `config`, of the same groups and addresses."""
        self._config = config

    def acquire(self, effect: ask.Acquire) -> None:
        """It will be asked for with the next `flush`, together with others."""
        self._acquires.append(effect)

    def probe(self, effect: ask.Probe) -> None:
        """Likewise."""
        self._probes.append(effect)

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

    def move(self, effect: ask.Release | ask.Announce) -> None:
        """A release is answered; an announcement is not: one that fails is written down."""
        given = {"group": effect.group, "epoch": effect.epoch}
        match effect:
            case ask.Release():
                self._call(
                    "release",
                    given,
                    lambda out: self._put(Released(effect.group, effect.epoch, out.failed)),
                )
            case ask.Announce():
                self._call("announce", given, lambda out: self._announced(effect, out))

    def sweep(self, effect: ask.Sweep) -> None:
        """A home address that the peer holds is looked for, and taken off here."""

        def swept(outcome: Outcome) -> None:
            found = outcome.ok is not None and outcome.ok["found"] is True
            self._put(Swept(effect.group, found, outcome.failed))

        self._call("sweep_home", {"group": effect.group}, swept)

    def renew(
        self, effect: ask.Renew, units: Sequence[str], deadline: Instant, renewal: Renewal
    ) -> None:
        """Of what `effect` names, `units` are asked for here; `renewal` takes what comes of it.

        It waits for nothing that has not begun: what it renews is on, and what is asked for before
        it concerns other units, or only looks and tells.
        """
        given = {
            "groups": units,
            "good_until": effect.good_until,
            "lifetime_s": effect.lease_s,
        }

        def renewed(outcome: Outcome) -> None:
            self._remark("renew", outcome)
            ok = {"failed": units} if outcome.ok is None else outcome.ok
            failed, gone = ok.get("failed", ()), ok.get("gone", ())
            self._note_renewal(failed, outcome.failed or "the renewal failed; see the journal")
            self._note_renewal(gone, "an address was not on its interface any more")
            began = None if outcome.ok is None else Instant(outcome.ok["began"])
            renewal.take(began, failed, gone)

        self._worker.call("renew", given, deadline, renewed, ahead=True)

    def probe_peer(self, effect: ask.ProbePeer) -> None:
        """The peer's own addresses are asked for on the wire."""
        deadline = Instant(clock.now() + effect.timeout_ns + PROBE_MARGIN_NS)

        def probed(outcome: Outcome) -> None:
            ok = outcome.ok or {}
            why = outcome.failed or ok.get("failed")
            failed = None if why is None else str(why)
            self._put(PeerProbed(effect.asked_at, ok.get("answered") is True, failed))

        self._worker.call("probe_peer", {"timeout_ns": effect.timeout_ns}, deadline, probed)

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
        self._worker.call("acquire_all", given, deadline, acquired, ahead=ahead)

    def _acquired(self, effect: ask.Acquire, since: Instant | None, failed: str | None) -> None:
        if failed is not None:
            trouble = Trouble("acquire", failed, clock.now(), effect.epoch)
            self._troubles.note(effect.group, trouble)
        self._put(Acquired(effect.group, effect.epoch, since, failed))

    def _call(self, do: str, given: Mapping[str, Any], then: Callable[[Outcome], None]) -> None:
        group = given["group"]
        deadline_ns = ADDRESS_CALL_NS + self._addresses([group]) * EACH_ADDRESS_NS

        def done(outcome: Outcome) -> None:
            self._remark(do, outcome, group)
            then(outcome)

        self._worker.call(do, given, Instant(clock.now() + deadline_ns), done)

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

    def _announced(self, effect: ask.Announce, outcome: Outcome) -> None:
        if outcome.failed is not None:
            what = f"{effect.group} could not be announced: {outcome.failed}"
            self._paper.write("announce", what, effect.group, effect.epoch)

    def _note_renewal(self, units: Iterable[str], why: str) -> None:
        for unit in units:
            self._troubles.note(unit, Trouble("lease", why, clock.now()))

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
        self._worker.call("probe", given, deadline, probed)
