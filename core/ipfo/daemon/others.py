"""Asks third parties for the machine: witnesses, the voter, the fence.

Every question is answered by exactly one event, also where its worker died, hung, or was never
started; what nobody could answer counts as not reached, not granted, not fenced.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.paper import Paper
from ipfo.daemon.troubles import Contact, Troubles
from ipfo.machine import effects as ask
from ipfo.machine.events import Event, Fenced, Voted, WitnessesAsked
from ipfo.model import SECOND, Epoch, Instant
from ipfo.workers.pool import Outcome, Pool, Worker

WITHDRAW_NS = 2 * SECOND
"""How long the voter may take to let go of a claim; a claim that is left to it ends by itself."""

WITNESS_MARGIN_NS = SECOND // 2
"""Beyond a question's own time: what a busy machine may take to bring the answer."""

STARTING_NS = 5 * SECOND
"""How long a question to witnesses waits for their worker to come up: a node that has just been
started is not the isolated one for that."""

FENCE_BEGIN_NS = 2 * SECOND
"""A fence that has not begun by then is not begun: the peer may be back, and must not be shot."""

FENCE_MARGIN_NS = SECOND
"""Beyond the fence's own time: what it may take to end what it has started, and to say so."""

ABSENT = "none is configured"


class Others:
    """The third parties of `config`; `put` takes the answers."""

    def __init__(
        self,
        config: Config,
        pool: Pool,
        paper: Paper,
        troubles: Troubles,
        put: Callable[[Event], None],
    ) -> None:
        self._paper = paper
        self._troubles = troubles
        self._put = put
        self.reload(config, pool)

    def reload(self, config: Config, pool: Pool) -> None:
        """From now on those of `config` are asked, by the workers that `pool` has for it."""
        self._config = config
        self._witnesses = pool.witnesses
        self._fence = pool.fence

    def reach(self, effect: ask.AskWitnesses) -> None:
        """Answered by `WitnessesAsked`."""

        def asked(outcome: Outcome) -> None:
            ok = outcome.ok or {}
            reached = ok.get("reached") is True
            why = "" if reached else outcome.failed or str(ok.get("why", ""))
            self._troubles.witnesses = Contact(effect.asked_at, None if reached else why)
            self._put(WitnessesAsked(effect.asked_at, reached, why))

        starts = self._witnesses is not None and not self._witnesses.running
        within_ns = effect.timeout_ns + (STARTING_NS if starts else WITNESS_MARGIN_NS)
        given = {"timeout_ns": effect.timeout_ns}
        self._call(self._witnesses, "reach", given, within_ns, asked)

    def vote(self, effect: ask.Vote) -> None:
        """Answered by `Voted`."""

        def voted(outcome: Outcome) -> None:
            ok = outcome.ok or {}
            self._troubles.voter = Contact(effect.asked_at, outcome.failed)
            granted = tuple(str(unit) for unit in ok.get("granted", ()))
            denied = tuple((str(unit), str(why)) for unit, why in ok.get("denied", {}).items())
            known = ok.get("behind", {}).items()
            behind = tuple((str(unit), Epoch(highest)) for unit, highest in known)
            self._put(Voted(effect.asked_at, granted, denied, outcome.failed, behind))

        given = {
            "claims": [[unit, int(epoch)] for unit, epoch in effect.claims],
            "ttl_s": self._config.vote_ttl_s,
            "asked_at": effect.asked_at,
            "timeout_ns": effect.timeout_ns,
        }
        self._call(self._witnesses, "vote", given, effect.timeout_ns + WITNESS_MARGIN_NS, voted)

    def withdraw(self, effect: ask.Withdraw) -> None:
        """Answered by nothing; what could not be withdrawn ends by itself."""

        def done(outcome: Outcome) -> None:
            if outcome.failed is not None:
                what = f"the vote for {effect.group} was not withdrawn: {outcome.failed}"
                self._paper.write("withdraw", what, effect.group, effect.epoch)

        given = {
            "group": effect.group,
            "epoch": int(effect.epoch),
            "asked_at": clock.now(),
            "timeout_ns": WITHDRAW_NS,
        }
        self._call(self._witnesses, "withdraw", given, WITHDRAW_NS + WITNESS_MARGIN_NS, done)

    def fence(self, effect: ask.Fence) -> None:
        """Answered by `Fenced`."""

        def fenced(outcome: Outcome) -> None:
            self._troubles.fence = Contact(effect.asked_at, outcome.failed)
            self._put(Fenced(effect.asked_at, outcome.failed))

        timeout_ns = 0 if self._config.fence is None else self._config.fence.timeout_ns
        given = {"good_until": effect.asked_at + FENCE_BEGIN_NS}
        within_ns = FENCE_BEGIN_NS + timeout_ns + FENCE_MARGIN_NS
        self._call(self._fence, "fence", given, within_ns, fenced)

    def _call(
        self,
        worker: Worker | None,
        do: str,
        given: Mapping[str, Any],
        within_ns: int,
        then: Callable[[Outcome], None],
    ) -> None:
        if worker is None:
            then(Outcome(failed=ABSENT))
        else:
            worker.call(do, given, Instant(clock.now() + within_ns), then)
