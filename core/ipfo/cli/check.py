"""``ipfo check``: what is wrong with the config, all at once, and with ``--host`` with this host."""

import click

from ipfo.cli.app import App
from ipfo.errors import ConfigError


@click.command()
@click.option("--host", is_flag=True, help="Look at this machine too: rights, programs, secrets.")
@click.pass_obj
@click.pass_context
def check(ctx: click.Context, app: App, *, host: bool) -> None:
    """Check the config, and start nothing.

    Exits 0 if all is well, 2 with a line for each fault of the config, 1 if only the host is not
    ready for it. Warnings change nothing.
    """
    from ipfo.config.load import examine, load
    from ipfo.config.model import Config

    path = app.config_path()
    examined = examine(path, node=app.node)
    if examined.document is None:
        raise ConfigError(*examined.faults)
    for warning in examined.warnings:
        click.echo(f"warning: {warning}", err=True)
    config = Config.from_document(examined.document)
    groups, links = len(config.groups), len(config.links)
    click.echo(
        f"{path}: the pair {config.pair} is well: {_count(links, 'link')}, {_count(groups, 'group')}"
        + (f"; this host is {examined.node}" if examined.node else "; this host is neither node")
    )
    if not host:
        return
    if examined.node is None:
        load(path, node=app.node)  # says why it is not known which node this is
    from ipfo.cli.host_checks import checks

    ready = True
    for finding in checks(config, app.state_dir_of(config.pair)):
        click.echo(finding.line())
        ready = ready and finding.grade != "no"
    ctx.exit(0 if ready else 1)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
