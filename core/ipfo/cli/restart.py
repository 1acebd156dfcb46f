"""``ipfo restart``: a new run of the daemon, which goes on holding what this one holds."""

import os
import select
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any

import click

from ipfo import clock
from ipfo.cli.app import App
from ipfo.cli.client import Client
from ipfo.cli.moves import show, timeout_option
from ipfo.errors import NoDaemonError, RefusedError
from ipfo.model import SECOND

LOOK_AGAIN_S = 0.02

STOPPED = "the daemon was stopped while it was being restarted: see its log"

Report = Mapping[str, Any]


@click.command()
@timeout_option
@click.pass_obj
def restart(app: App, *, timeout_s: float) -> None:
    """Replace the daemon by a new run of itself; what this node holds stays where it is.

    Refused, with nothing given up, if the new run could not start or something is on the move.
    Exits 1 if a group was lost on the way, 69 if the new run does not answer.
    """
    began = clock.now()
    deadline = began + int(timeout_s * SECOND)
    with ExitStack() as stack:
        before, process = _ask_to_restart(app, timeout_s, stack)
        after = _new_run(app, before["boot"], deadline, process)
    took_s = (clock.now() - began) / SECOND
    held = _held(before)
    kept = [name for name, epoch in held.items() if _held(after).get(name) == epoch]
    click.echo(f"done in {took_s:.2f} s: {_told(before['node'], kept)}")
    lost = [name for name in held if name not in kept and name in after["groups"]]
    if lost:
        raise RefusedError(f"not kept: {', '.join(lost)}; see 'ipfo status'")


def _ask_to_restart(app: App, timeout_s: float, stack: ExitStack) -> tuple[Report, list[int]]:
    """The daemon is on its way out; its last report, and what is readable when its process ends.

    :raises RefusedError: with the reason, if it stays.
    """
    client = Client(app.quick_state_dir())
    process: list[int] = []
    try:
        with suppress(OSError):  # then the timeout is all that there is
            process.append(client.process())
            stack.callback(os.close, process[0])
        before = client.status()
        for answer in client.order({"do": "restart"}, timeout_s):
            show(answer)
    finally:
        client.close()
    return before, process


def _new_run(app: App, boot: str, deadline: int, process: Sequence[int]) -> Report:
    """The first report of another run than `boot`.

    :raises NoDaemonError: if there is none in time, or none that stays.
    """
    while clock.now() < deadline:
        report = _report(app)
        if report is not None and report["boot"] != boot:
            if report["stopping"]:
                raise NoDaemonError(STOPPED)
            return report
        if select.select(process, [], [], LOOK_AGAIN_S)[0]:
            raise NoDaemonError(STOPPED)
    raise NoDaemonError("the daemon ended in order, but no new run answers: see its log")


def _report(app: App) -> Report | None:
    """What the daemon says; None between the two runs."""
    try:
        client = Client(app.quick_state_dir())
        try:
            return client.status()
        finally:
            client.close()
    except NoDaemonError:
        return None


def _held(report: Report) -> dict[str, int]:
    """The groups that the reporting node holds, and their epochs."""
    groups = report["groups"].items()
    return {name: group["epoch"] for name, group in groups if group["holder"] == report["node"]}


def _told(node: str, kept: list[str]) -> str:
    return f"{node} kept {', '.join(kept)}" if kept else f"{node} is a new run"
