"""``ipfo standby``: this node holds nothing until it is told otherwise."""

import click

from ipfo.cli.app import App
from ipfo.cli.moves import order, timeout_option


@click.command()
@timeout_option
@click.pass_obj
def standby(app: App, *, timeout_s: float) -> None:
    """Hand over all that this node holds, and set it aside until ``ipfo resume``.

    It stays set aside over restarts. Exits 1, with the reason, if the peer cannot take a group.
    """
    order(app, {"do": "standby"}, timeout_s)
