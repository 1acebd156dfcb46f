"""``ipfo run``: the daemon, in the foreground."""

import os

import click

from ipfo.cli.app import App


@click.command()
@click.pass_obj
def run(app: App) -> None:
    """Run the node in the foreground, until SIGTERM or Ctrl-C.

    The end is an orderly one: what this node holds is handed over to its peer if that can take it.
    A second signal ends at once; the addresses are taken off all the same.
    """
    _have_standard_descriptors()
    loading = app.begin_loading()
    # While the config is being loaded: whoever was killed must be back before its leases end.
    from ipfo.workers.spawn import start_ahead

    start_ahead("addresses")
    from ipfo.daemon.life import run as live

    document = loading.document()
    live(document, app.state_dir_of(document["pair"]), node=app.node)


def _have_standard_descriptors() -> None:
    """What is opened later must not become somebody's stderr: 0, 1 and 2 are taken."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
