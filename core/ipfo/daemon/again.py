"""An orderly restart: what a new run would need is tried first; then this process becomes that run.

Nothing is given up before the try has gone well. The addresses stay where they are, under leases
that outlast the change, and the new run adopts them.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.signals import ENDING, Signals, tell_reloading
from ipfo.machine.effects import Settle
from ipfo.machine.events import Event, RestartAsked
from ipfo.workers.pool import Outcome, Pool


class Rehearsal:
    """Tries what the new run would do first. `put` takes the order to go on, `settle` a refusal.

    `node`: as the command line names it; None: it does not.
    """

    def __init__(
        self,
        config: Config,
        node: str | None,
        pool: Pool,
        put: Callable[[Event], None],
        settle: Callable[[Settle], None],
    ) -> None:
        self._config = config
        self._node = node
        self._pool = pool
        self._put = put
        self._settle = settle

    def begin(self) -> None:
        """The try is under way; it ends with `RestartAsked`, or with a refusal that says why."""
        given = {"config": str(self._config.path), "node": self._node}
        self._pool.rehearse("load", given, clock.now(), self._judge)

    def _judge(self, outcome: Outcome) -> None:
        fault = self._fault(outcome)
        if fault is None:
            self._put(RestartAsked())
        else:
            self._settle(Settle(None, done=False, why=f"a new run would not do: {fault}"))

    def _fault(self, outcome: Outcome) -> str | None:
        if outcome.ok is None:
            return outcome.failed
        faults = outcome.ok["faults"]
        if faults:
            more = f" (and {len(faults) - 1} more: see 'ipfo check')" if len(faults) > 1 else ""
            return f"{faults[0]}{more}"
        for what, now in (("pair", self._config.pair), ("node", self._config.node)):
            if outcome.ok[what] != now:
                return f"it would be {what} {outcome.ok[what]}, not {now}: stop and start instead"
        for unit, why in outcome.ok["lost"].items():
            return f"{why}; so {unit} would not be kept: see 'ipfo handover'"
        return None


def leave(signals: Signals) -> None:
    """This run ends and another comes: signals wait for it, and the service manager knows."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    if signals.take():
        os.kill(os.getpid(), signal.SIGTERM)  # it came too late for this run
    tell_reloading()


def become_a_new_run() -> NoReturn:
    """Replace this process, under the same number, by the command that started it.

    :raises OSError: if the interpreter is not there any more.
    """
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves
