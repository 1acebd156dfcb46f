"""``ipfo maintenance``: nothing moves by itself until it is told otherwise."""

import click

from ipfo.cli.app import App
from ipfo.cli.moves import order, timeout_option


@click.command()
@timeout_option
@click.pass_obj
def maintenance(app: App, *, timeout_s: float) -> None:
    """Let nothing move by itself, on either node, until ``ipfo resume`` is given here.

    What is asked for still moves: handover, failback, standby. It stays so over restarts.
    """
    order(app, {"do": "maintenance"}, timeout_s)
