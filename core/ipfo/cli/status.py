"""``ipfo status``: a picture of the pair, as the daemon on this host sees it."""

import json
import os

import click

from ipfo.cli.app import App
from ipfo.cli.client import Client
from ipfo.cli.picture import picture


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object; its keys are a contract.")
@click.pass_obj
def status(app: App, *, as_json: bool) -> None:
    """Show both nodes, each link in both directions, and who holds what since when.

    Exits 0 if the daemon answered, whatever it says; 69 if there is none.
    """
    client = Client(app.quick_state_dir())
    try:
        report = client.status()
    finally:
        client.close()
    if as_json:
        click.echo(json.dumps(report, indent=2))
        return
    color = False if os.environ.get("NO_COLOR") else None  # None: where stdout is a terminal
    for line in picture(report):
        click.echo(line, color=color)
