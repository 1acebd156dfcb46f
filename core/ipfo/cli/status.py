"""Placeholder until the engine lands."""

import click


@click.command()
def status() -> None:
    """Not yet."""
