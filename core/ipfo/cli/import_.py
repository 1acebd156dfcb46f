"""``ipfo import NAME``: another program's configuration, turned into a pair's file."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ipfo.errors import ConfigError, HostError

if TYPE_CHECKING:
    from ipfo.plugin.contracts import Imported, ImportHelp

FILE = click.Path(path_type=Path)


@click.command("import")
@click.argument("importer")
@click.option("--primary", type=FILE, required=True, metavar="FILE", help="The first host's file.")
@click.option(
    "--secondary", type=FILE, required=True, metavar="FILE", help="The other host's file."
)
@click.option("--output", type=FILE, metavar="FILE", help="Write here; else to the terminal.")
@click.option("--pair", default="", metavar="NAME", help="The pair's name.")
@click.option(
    "--nodes",
    default="primary,secondary",
    show_default=True,
    metavar="A,B",
    help="The nodes' names, in the order of the files.",
)
@click.option("--interface", default="", metavar="NAME", help="The first host's own interface.")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="NODE/LINK=ADDRESS",
    help="A node's address on a link, where the files name none. Repeat as needed.",
)
def import_(
    *,
    importer: str,
    primary: Path,
    secondary: Path,
    output: Path | None,
    pair: str,
    nodes: str,
    interface: str,
    addresses: tuple[str, ...],
) -> None:
    """Read both hosts' old files with the importer IMPORTER (hostconfig), and write a pair.toml.

    What the files cannot say is taken from the options, or told.
    """
    from ipfo.plugin.contracts import ImportHelp

    given = ImportHelp(
        nodes=_nodes(nodes), pair=pair, addresses=_addresses(addresses), interface=interface
    )
    imported = _read(importer, primary, secondary, given)
    text = _toml(imported, f"from {primary} and {secondary} by `ipfo import {importer}`")
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise HostError(f"{output}: exists already; choose another name or remove it") from None
    except OSError as error:
        raise HostError(f"{output}: cannot be written: {error.strerror}") from error
    for remark in imported.remarks:
        click.echo(f"note: {remark}", err=True)
    click.echo(f'{output}: written; see what "ipfo --config {output} check" says of it')


def _read(importer: str, primary: Path, secondary: Path, given: "ImportHelp") -> "Imported":
    from ipfo.plugin.registry import Registry

    offer = Registry([importer]).importers().get(importer)
    if offer is None:
        raise ConfigError(f'the plugin "{importer}" is no importer; see "ipfo plugins"')
    try:
        return offer.build({}).read_pair(primary, secondary, given)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _nodes(text: str) -> tuple[str, str]:
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names) or names[0] == names[1]:
        raise ConfigError(f'--nodes {text}: give two different names, such as "alpha,beta"')
    return names[0], names[1]


def _addresses(words: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for word in words:
        place, equals, address = word.partition("=")
        if not equals or "/" not in place:
            raise ConfigError(f"--address {word}: write NODE/LINK=ADDRESS")
        found[place] = address
    return found


def _toml(imported: "Imported", origin: str) -> str:
    import tomli_w

    head = [f"Made {origin}.", *imported.remarks]
    comments = "".join(f"# {' '.join(line.split())}\n" for line in head)
    return f"{comments}\n{tomli_w.dumps(dict(imported.tables))}"
