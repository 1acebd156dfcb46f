"""``ipfo plugins``: what is installed, what it offers, and what would be refused."""

import json
from dataclasses import asdict

import click

from ipfo.errors import PluginError
from ipfo.plugin.registry import Described, Registry, installed
from ipfo.plugin.vetting import OFFER_HOOKS


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def plugins(*, as_json: bool) -> None:
    """List the installed plugins: name, version, distribution, offers, phases.

    This imports all of them, which the daemon does not. Exits 2 if one would be refused.
    """
    names = sorted(installed())
    registry = Registry(names, keep_going=True)
    described = registry.described()
    if as_json:
        refused = {name: list(faults) for name, faults in registry.faults.items()}
        click.echo(json.dumps({"plugins": [asdict(d) for d in described], "refused": refused}))
    else:
        _print_table(described)
    if registry.faults:
        raise PluginError(*(fault for faults in registry.faults.values() for fault in faults))


def _print_table(described: list[Described]) -> None:
    rows = [("PLUGIN", "VERSION", "FROM", "OFFERS AND HOOKS")]
    for each in described:
        offers = [f"{kind} {name}" for kind, name in each.offers]
        phases = [hook for hook in each.hooks if hook not in OFFER_HOOKS.values()]
        parts = ", ".join([*offers, *phases])
        rows.append((each.entry_point, each.version, each.distribution, parts))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[3]]).rstrip())
