"""Runs the administrator's scripts in each phase, laid out as Mac OS X Server had them.

``FOLDER/IP/{Test,PreAcq*,PostAcq*,PreRel*,PostRel*}`` with ``acquire IP`` or ``release IP`` as
arguments. Only `Test` can refuse; another script that fails is told to people, and all goes on.
"""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ipfo.plugin import Move, Options, Say, Veto, hookimpl, now
from ipfo_plugins import _run
from ipfo_plugins.phase import _folder

SCHEMA = {
    "type": "object",
    "properties": {
        "folder": {
            "type": "string",
            "minLength": 1,
            "format": "path",
            "description": "Where the scripts lie: a folder for each address, named by it.",
        }
    },
    "required": ["folder"],
}

MARGIN_S = 1.0
"""Kept back of the time left, so that a script is ended by us, not with us: half of it between
SIGTERM and SIGKILL, half to tell of it. A quarter of the time, if that is less.
"""

_missing: set[Path] = set()
"""Folders that this process has said to be missing."""

FAILED = "failed: "
"""Lines that begin so are told to people (see the hook specification)."""


def environment(move: Move, phase: str, folder: Path) -> dict[str, str]:
    """All that a script finds in its environment, the same whoever started the daemon."""
    return {
        **_run.ENVIRONMENT,
        "SCRIPTSDIR": str(folder),
        "TESTPROG": "Test",
        "IPFO_GROUP": move.group,
        "IPFO_NODE": move.node,
        "IPFO_PEER": move.peer,
        "IPFO_PAIR": move.pair,
        "IPFO_INTERFACE": move.interface,
        "IPFO_EPOCH": str(move.epoch),
        "IPFO_REASON": move.reason.value,
        "IPFO_PHASE": phase,
        "IPFO_ADDRESSES": " ".join(move.addresses),
    }


def run_phase(phase: str, move: Move, options: Options, timeout_s: float, say: Say) -> list[str]:
    """Run all scripts of `phase`, for each address in turn; which failed, and why."""
    margin_ns = int(min(MARGIN_S, timeout_s / 4) * _run.SECOND)
    until = now() + int(timeout_s * _run.SECOND) - margin_ns
    folder = Path(os.path.abspath(options["folder"]))  # noqa: PTH100 - links are judged, not hidden
    if not folder.is_dir():
        if folder not in _missing:
            _missing.add(folder)
            say(f"there is no folder {folder}: nothing to run")
        return []
    env = environment(move, phase, folder)
    verb = "acquire" if phase in ("pre_acq", "post_acq") else "release"
    if phase == "test":
        verb = "acquire" if move.acquire else "release"
    failures = []
    for ip in move.addresses:
        for script in _folder.scripts(folder, phase, ip):
            if isinstance(script, _folder.Skipped):
                say(f"{script.title}: {script.why}")
                if script.grave:
                    failures.append(f"{script.title} is not run: {script.why}")
                continue
            failed = _run.run(
                (str(script.path), verb, ip),
                env,
                until=until,
                kill_at=until + margin_ns // 2,
                say=partial(_say_as, say, script.title),
            )
            if failed is not None:
                failures.append(f"{script.title} {verb} {ip}: {failed}")
    return failures


def _say_as(say: Say, title: str, line: str) -> None:
    say(f"{title}: {line}")


@hookimpl
def ipfo_phase_options() -> Mapping[str, Any]:
    """The folder."""
    return SCHEMA


@hookimpl
def ipfo_test(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """Each address's `Test`: any that does not end with 0 refuses the move."""
    failures = run_phase("test", move, options, timeout_s, say)
    if failures:
        raise Veto("; ".join(failures))


@hookimpl
def ipfo_pre_acq(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """PreAcq*: as in the original, their failure refuses nothing."""
    _run_and_tell("pre_acq", move, options, timeout_s, say)


@hookimpl
def ipfo_post_acq(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """PostAcq*."""
    _run_and_tell("post_acq", move, options, timeout_s, say)


@hookimpl
def ipfo_pre_rel(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """PreRel*."""
    _run_and_tell("pre_rel", move, options, timeout_s, say)


@hookimpl
def ipfo_post_rel(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    """PostRel*."""
    _run_and_tell("post_rel", move, options, timeout_s, say)


def _run_and_tell(phase: str, move: Move, options: Options, timeout_s: float, say: Say) -> None:
    for failure in run_phase(phase, move, options, timeout_s, say):
        say(FAILED + failure)
