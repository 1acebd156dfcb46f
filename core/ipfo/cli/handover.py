"""``ipfo handover``: a group goes to the other node, both alive."""

import click

from ipfo.cli.app import App
from ipfo.cli.client import Client
from ipfo.cli.moves import order, timeout_option
from ipfo.errors import RefusedError


@click.command()
@click.argument("group")
@click.option("--to", metavar="NODE", help="Where it shall be; without it, where it is not now.")
@timeout_option
@click.pass_obj
def handover(app: App, *, group: str, to: str | None, timeout_s: float) -> None:
    """Hand GROUP over to the other node; either node may be asked.

    Shows each phase, then what it took. Exits 1, with the reason, if it was refused.
    """
    target = to or _where_it_is_not(app, group)
    order(app, {"do": "handover", "group": group, "to": target}, timeout_s)


def _where_it_is_not(app: App, group: str) -> str:
    client = Client(app.quick_state_dir())
    try:
        report = client.status()
    finally:
        client.close()
    if group not in report["groups"]:
        raise RefusedError(f"no group is called {group}; there are {', '.join(report['groups'])}")
    holder = report["groups"][group]["holder"]
    if not report["groups"][group]["holder_known"]:
        silent = report["peer"]["name"]
        raise RefusedError(f"who holds {group} is not known, {silent} is silent: say --to NODE")
    if holder is None:
        raise RefusedError(f"nobody holds {group}, so there is nothing to hand over")
    nodes = (report["node"], report["peer"]["name"])
    return str(nodes[1] if holder == nodes[0] else nodes[0])
