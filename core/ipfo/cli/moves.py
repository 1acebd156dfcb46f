"""What the commands that move groups share: ask, show how it goes, say what it took."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from ipfo.cli.app import App
from ipfo.cli.client import Client
from ipfo.errors import RefusedError

F = TypeVar("F", bound=Callable[..., object])


def timeout_option(function: F) -> F:
    """The option ``--timeout`` of every command that waits for a move."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(min=0, min_open=True),
        default=120.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait; the move itself goes on.",
    )(function)


def order(app: App, request: Mapping[str, Any], timeout_s: float) -> None:
    """Ask the daemon for `request` and wait until it is settled.

    :raises RefusedError: with the reason, if it was refused or came to nothing.
    """
    client = Client(app.quick_state_dir())
    try:
        for answer in client.order(request, timeout_s):
            show(answer)
    finally:
        client.close()


def show(answer: Mapping[str, Any]) -> None:
    """Print what the daemon answers.

    :raises RefusedError: with the reason, if it says that what was asked for came to nothing.
    """
    if "progress" in answer:
        click.echo(_told(answer["progress"]))
    if "settled" in answer:
        _settle(answer["settled"])


def _told(progress: Mapping[str, Any]) -> str:
    """One line of how it goes."""
    group = f"{progress['group']}: " if progress["group"] else ""
    if progress["was"] is not None:
        return f"{group}{progress['was']} -> {progress['role']} (epoch {progress['epoch']})"
    return f"{group}{progress['what']}: {progress['rule']}"


def _settle(settled: Mapping[str, Any]) -> None:
    if not settled["done"]:
        raise RefusedError(f"not done: {settled['why']}")
    click.echo(f"done in {settled['ms'] / 1000:.2f} s: {settled['why']}")
