"""``ipfo failback``: a group goes back to the node that it belongs to."""

import click

from ipfo.cli.app import App
from ipfo.cli.moves import order, timeout_option


@click.command()
@click.argument("group")
@timeout_option
@click.pass_obj
def failback(app: App, *, group: str, timeout_s: float) -> None:
    """Hand GROUP over to its preferred node; either node may be asked.

    Shows each phase, then what it took. Exits 1, with the reason, if it was refused.
    """
    order(app, {"do": "failback", "group": group}, timeout_s)
