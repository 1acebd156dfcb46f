"""``ipfo reload``: the daemon goes over to the config as it is now, or stays with the old one."""

import click

from ipfo.cli.app import App
from ipfo.cli.client import Client
from ipfo.cli.moves import timeout_option
from ipfo.errors import RefusedError


@click.command()
@timeout_option
@click.pass_obj
def reload(app: App, *, timeout_s: float) -> None:
    """Have the daemon read its config again; what it holds is not touched.

    The file is checked first, and taken whole or not at all. Exits 1 with every reason if it is
    not: it has faults, or a key has changed for which ``ipfo restart`` is needed.
    """
    client = Client(app.quick_state_dir())
    try:
        for answer in client.order({"do": "reload"}, timeout_s):
            if "settled" in answer:
                _show(answer["settled"]["done"], answer["settled"]["why"].splitlines())
    finally:
        client.close()


def _show(done: bool, lines: list[str]) -> None:
    if not done:
        raise RefusedError("\n".join(["not reloaded; the config in force stays:", *lines]))
    for line in lines:
        click.echo(line)
