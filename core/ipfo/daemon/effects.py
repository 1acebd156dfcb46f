"""Carries out what the machine asks for, at once and in order, and brings back what came of it.

Each effect that is answered is answered by exactly one event, put into the loop's inbox: also when
the worker died, hung, or never started. Nothing here waits.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, assert_never

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.addresses import Addresses, Renewal
from ipfo.daemon.health import Health
from ipfo.daemon.loop import Ways
from ipfo.daemon.others import Others
from ipfo.daemon.paper import Paper
from ipfo.daemon.phases import Phases
from ipfo.daemon.troubles import Troubles
from ipfo.machine import effects as ask
from ipfo.machine.events import Event, Renewed
from ipfo.model import SECOND, Instant, Phase, Role


class Effects:
    """The hands of the loop. `put` takes the answers; `ended` is true when the machine said so.

    `restarting`: and this process is to be replaced by a new run of itself. To the machine a unit
    is one group: its `addresses` worker knows its members, and phases are run for each of them.
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
        self._addresses = {
            worker: Addresses(worker, config, lease_s, paper, self.troubles, put)
            for worker in ways.pool.address_workers
        }
        self._others = Others(config, ways.pool, paper, self.troubles, put)
        self._phases = Phases(config, ways.pool, paper, self.troubles, put, open_phases)
        self.health = Health(config, ways.pool.checks, put)

    def reload(self, config: Config, told: Iterable[Mapping[str, Any]]) -> None:
        """Go on by `config`, of the same groups and addresses, with the pool's new workers.

        `told`: what its checks have told by themselves so far.
        """
        self._config = config
        for addresses in self._addresses.values():
            addresses.reload(config)
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
                self._addresses_of(effect.group).acquire(effect)
            case ask.Release() | ask.Announce():
                self._addresses_of(effect.group).move(effect)
            case ask.Sweep():
                self._addresses_of(effect.group).sweep(effect)
            case ask.Probe():
                self._addresses_of(effect.group).probe(effect)
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
        """What is better asked together than one by one is asked: after the effects of one step."""
        for addresses in self._addresses.values():
            addresses.flush()

    def rest(self, role_of: Callable[[str], Role]) -> None:
        """Moves that are over give their worker back; the checks know what is held."""
        self._phases.rest(role_of)
        self.health.hold([unit for unit in self._config.units if role_of(unit) is Role.HOLDER])

    def _renew(self, effect: ask.Renew) -> None:
        """All workers that hold some of it are asked at once.

        Half the lease is the most that it may take: after that the next one is due. A quarter where
        there are several: what the others have renewed must be known before the next one is due.
        """
        shares: dict[Addresses, list[str]] = {}
        for unit in effect.groups:
            shares.setdefault(self._addresses_of(unit), []).append(unit)
        renewal = Renewal(effect.asked_at, len(shares), self._put)
        most_ns = self._lease_s * SECOND // (2 if len(self._addresses) == 1 else 4)
        deadline = Instant(clock.now() + most_ns)
        for addresses, units in shares.items():
            addresses.renew(effect, units, deadline, renewal)
        if not shares:
            self._put(Renewed(effect.asked_at))

    def _probe_peer(self, effect: ask.ProbePeer) -> None:
        """By a worker that can ask a wire, and is not busy, if there is one."""
        askers = [
            self._addresses_of(unit)
            for unit, members in self._config.units.items()
            if any({"wire", "probe"} <= self._config.groups[name].traits for name in members)
        ]
        askers = askers or list(self._addresses.values())
        next((each for each in askers if each.idle), askers[0]).probe_peer(effect)

    def _addresses_of(self, unit: str) -> Addresses:
        return self._addresses[self._pool.addresses[unit]]
