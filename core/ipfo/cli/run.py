"""Placeholder until the engine lands."""

import click


@click.command()
def run() -> None:
    """Not yet."""
