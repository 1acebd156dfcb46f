"""Where a process of ipfo can be killed: every point between two effects, by its name.

``python -m tests.crash.boundaries MODULE ...`` runs a module of ipfo as ``python -m MODULE ...``
would, and all workers below it likewise. A boundary is named ``NODE PROCESS WHERE NUMBER``, as in
``beta engine before Acquire 1``; the process that comes to the one in ``CRASH_AT`` is killed there,
once in the life of ``CRASH_FOLDER``. Nothing of this is in the code that is shipped.
"""

import json
import os
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

NODE, AT, FOLDER = "THIRD", "CRASH_AT", "CRASH_FOLDER"

ACT, POINTS, FIRED, DECIDED = "act", "points", "fired", "decided"
"""Files in that folder: boundaries count from when `ACT` is there; the others are written here."""

MOST = 3
"""Of each name so many are boundaries: later ones, as of renewals, are like them."""

_seen: Counter[str] = Counter()
_process = ["engine"]


def cross(where: str) -> None:
    """This process is at the boundary `where`; it may be its end."""
    folder = Path(os.environ[FOLDER])
    if not (folder / ACT).exists():
        return
    name = f"{_process[0]} {where}"
    _seen[name] += 1
    if _seen[name] > MOST:
        return
    name = f"{os.environ[NODE]} {name} {_seen[name]}"
    write(folder / POINTS, f"{name}\n")
    if os.environ.get(AT) == name:
        try:
            (folder / FIRED).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def write(path: Path, line: str) -> None:
    """Append `line`, whole, whoever else writes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _between(
    owner: Any,
    attribute: str,
    name: Callable[..., str],
) -> None:
    """Put a boundary before and after each call of `attribute` of `owner`."""
    real = getattr(owner, attribute)

    def call(*args: Any, **named: Any) -> Any:
        where = name(*args)
        if not where:
            return real(*args, **named)
        cross(f"before {where}")
        result = real(*args, **named)
        cross(f"after {where}")
        return result

    setattr(owner, attribute, call)


def _in_all() -> None:
    """In every process: files that are replaced, and workers below this one."""
    from ipfo.workers import ledger, spawn

    _between(ledger, "write", lambda path, *_: f"write {path.name}")
    _between(Path, "replace", lambda path, *_: f"replace {path.name}")
    spawn.command = lambda kind: (sys.executable, "-m", __spec__.name, f"ipfo.workers.{kind}")


def _in_engine() -> None:
    from ipfo.daemon.effects import Effects

    def effect_name(_: object, effect: Any) -> str:
        kind = type(effect).__name__
        if kind == "SendHeartbeat":
            groups = {entry.role.value for entry in effect.heartbeat.entries}
            return f"{kind}({'+'.join(sorted(groups))})"
        what = getattr(effect, "phase", None) or getattr(effect, "event", None)
        said = what.value if what is not None else getattr(effect, "what", "")
        return f"{kind}({said})" if said else kind

    real = Effects.__init__

    def made(self: Effects, *args: Any, **named: Any) -> None:
        real(self, *args, **named)
        for owner in (self, self._others, self._phases):
            _between(owner, "_put", lambda event: f"the arrival of {type(event).__name__}")

    Effects.__init__ = made  # type: ignore[method-assign]
    told = Effects.carry_out

    def carry_out(self: Effects, effect: Any) -> None:
        told(self, effect)
        if type(effect).__name__ == "Notify":
            what = [os.environ[NODE], effect.event.value, effect.group, effect.epoch]
            write(Path(os.environ[FOLDER], DECIDED), json.dumps(what) + "\n")

    Effects.carry_out = carry_out  # type: ignore[method-assign]
    _between(Effects, "carry_out", effect_name)


def _in_worker() -> None:
    from ipfo.workers import child, journal

    def asked(_: object, request: dict[str, Any]) -> str:
        phase = (request.get("given") or {}).get("phase")
        return f"{request.get('do')}({phase})" if phase else str(request.get("do"))

    _between(child, "_answer", asked)
    _between(child.Door, "send", lambda _, message: "answering" if "id" in message else "saying")
    for change in ("record", "post", "settle"):
        _between(journal.Store, change, lambda *_, change=change: change)
    _between(journal.Store, "flush", lambda store, *_: "storing" if store._pending else "")


def main() -> None:
    """Run the module that is named first, with its own arguments."""
    module = sys.argv.pop(1)
    _in_all()
    if module.startswith("ipfo.workers."):
        _process[0] = module.removeprefix("ipfo.workers.")
        _in_worker()
    else:
        _in_engine()
    runpy.run_module(module, run_name="__main__", alter_sys=False)


if __name__ == "__main__":
    sys.modules[__spec__.name] = sys.modules["__main__"]  # the plugin's boundaries are this one's
    main()
