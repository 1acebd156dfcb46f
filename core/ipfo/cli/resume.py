"""``ipfo resume``: this node may hold groups again, and what was stopped may move again."""

import click

from ipfo.cli.app import App
from ipfo.cli.moves import order, timeout_option


@click.command()
@timeout_option
@click.pass_obj
def resume(app: App, *, timeout_s: float) -> None:
    """End standby and maintenance here, and thaw groups that are frozen on this node."""
    order(app, {"do": "resume"}, timeout_s)
