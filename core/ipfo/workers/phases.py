"""The `phases` worker: calls the participants of one phase of one move, plugin by plugin.

What has begun is in the ledger before it begins, and leaves it when it has been undone, so that
a start after a kill -9 knows what is open. Two workers never run phases of one group at once: the
second waits for the first's lock, until its deadline.
"""

from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.config.model import Config
from ipfo.model import SECOND, Epoch, Move, Phase, Reason
from ipfo.plugin.contracts import Veto
from ipfo.plugin.registry import Registry
from ipfo.workers import child, ledger
from ipfo.workers.lock import locked

Asked = dict[str, Any]

FAILED = "failed: "
"""A said line that begins so is a failure: people are told, and the phase goes on."""

SAID_MAX = 1000
"""Lines of one plugin in one phase that are kept."""

RELEASING = (Phase.PRE_REL, Phase.POST_REL)
"""In these the plugins are called last to first: what was begun last is undone first."""

PASSING = (Phase.TEST, Phase.REASSERT)
"""These begin nothing and undo nothing: the ledger need not know of them."""

STILL_RUNNING = "a phase of this group, begun by an earlier run, has not ended yet"

VETOING = (Phase.TEST, Phase.PRE_ACQ)
"""Only these may refuse; the first refusal ends the phase."""


class Run:
    """One phase of one move."""

    def __init__(self, config: Config, registry: Registry, door: child.Door, given: Asked) -> None:
        self.phase = Phase(given["phase"])
        move = given["move"]
        self.move = Move(
            group=move["group"],
            epoch=Epoch(move["epoch"]),
            acquire=move["acquire"],
            reason=Reason(move["reason"]),
            node=move["node"],
            peer=move["peer"],
            pair=move["pair"],
            interface=move["interface"],
            addresses=tuple(move["addresses"]),
        )
        self.ends_at = clock.now() + int(given["timeout_s"] * SECOND)
        self.veto: str | None = None
        self.failures: list[str] = []
        self.said: list[str] = []
        self._group = config.groups[self.move.group]
        self._registry = registry
        self._door = door

    def run(self) -> None:
        """Call all that take part; afterwards `veto`, `failures` and `said` are complete."""
        names = self._group.phase_plugins
        for name in reversed(names) if self.phase in RELEASING else names:
            left_ns = self.ends_at - clock.now()
            if left_ns <= 0:
                self._fail(name, "no time was left for it")
            else:
                self._call(name, left_ns / SECOND)
            if self.veto is not None:
                return

    def _call(self, name: str, timeout_s: float) -> None:
        room = SAID_MAX

        def say(line: str) -> None:
            nonlocal room
            room -= 1
            text = " ".join(str(line).split()) if room else "... (more was said)"
            if room >= 0:
                self.said.append(f"{name}: {text}")
                self._door.say(f"{name}: {text}")
            if text.startswith(FAILED) and len(self.failures) < SAID_MAX:
                self.failures.append(f"{name}: {text.removeprefix(FAILED)}")

        options = self._group.hooks.get(name, {})
        try:
            self._registry.call_phase(
                self.phase, name, move=self.move, options=options, timeout_s=timeout_s, say=say
            )
        except Veto as veto:
            self._fail(name, " ".join(str(veto).split()) or "refused")
        except BaseException as error:  # a plugin's sys.exit() must not end the worker
            self._fail(name, child.one_line(error))

    def _fail(self, name: str, text: str) -> None:
        if self.phase in VETOING:
            self.veto = f"{name}: {text}"
        else:
            self.failures.append(f"{name}: {text}")


class Phases:
    """The phase plugins of `config`, imported, and the ledger in `state_dir`."""

    def __init__(self, config: Config, state_dir: Path, door: child.Door) -> None:
        self._config = config
        self._state_dir = state_dir
        self._door = door
        names = (name for group in config.groups.values() for name in group.phase_plugins)
        self._registry = Registry(list(dict.fromkeys(names)))

    def run(self, given: Asked) -> Asked:
        """Run a phase, between the two entries in the ledger."""
        run = Run(self._config, self._registry, self._door, given)
        lock = self._path(run).with_suffix(".lock")
        with locked(lock, run.ends_at, STILL_RUNNING):
            remarks = self._begin(run)
            run.run()
            remarks += self._end(run)
        return {"veto": run.veto, "failures": run.failures + remarks, "said": run.said}

    def _begin(self, run: Run) -> list[str]:
        if run.phase in PASSING:
            return []
        began, unwinding = self._began(run), run.phase in RELEASING
        if not unwinding and run.phase not in began:
            began.append(run.phase)
        return self._write(run, began, unwinding=unwinding)

    def _end(self, run: Run) -> list[str]:
        if run.phase not in RELEASING:
            return []
        began = self._began(run)
        if run.phase is Phase.POST_REL:
            began.clear()
        elif Phase.POST_ACQ in began:
            began.remove(Phase.POST_ACQ)
        return self._write(run, began, unwinding=run.phase is Phase.PRE_REL)

    def _path(self, run: Run) -> Path:
        return ledger.path_of(self._state_dir, ledger.PHASES, run.move.group)

    def _began(self, run: Run) -> list[Phase]:
        return ledger.open_phases(ledger.load(self._path(run), run.said))

    def _write(self, run: Run, began: list[Phase], *, unwinding: bool) -> list[str]:
        """What went wrong with it: a phase is run all the same, a takeover must not need a disk.

        `unwinding`: a release has begun and is not over; a start must not adopt the group then.
        """
        content = {
            "version": ledger.VERSION,
            "group": run.move.group,
            "epoch": run.move.epoch,
            "acquire": run.move.acquire,
            "began": [phase.value for phase in began],
            "unwinding": unwinding,
        }
        try:
            ledger.write(self._path(run), content)
        except OSError as error:
            return [f"the ledger cannot be written: {child.one_line(error)}"]
        return []


def main() -> None:
    """Serve the engine until it ends; a phase that is being run is run to its end."""
    door = child.Door.inherited()
    made: list[Phases] = []

    def setup(given: Asked) -> Asked:
        document = {**given["document"], "node": given["node"]}
        made[:] = [Phases(Config.from_document(document), Path(given["state_dir"]), door)]
        return {}

    def run(given: Asked) -> Asked:
        return made[0].run(given)

    child.serve({"setup": setup, "run": run, "undo": run}, door=door)


if __name__ == "__main__":
    main()
