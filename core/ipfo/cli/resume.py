"""``ipfo resume``: this node may hold groups again."""

import click

from ipfo.cli.app import App
from ipfo.cli.moves import order, timeout_option


@click.command()
@timeout_option
@click.pass_obj
def resume(app: App, *, timeout_s: float) -> None:
    """Let this node hold groups again, after ``ipfo standby``. Moves nothing by itself."""
    order(app, {"do": "resume"}, timeout_s)
