"""``ipfo schema``: the JSON Schema of the config, made from the plugins that it may name."""

import click

from ipfo.cli.app import App


@click.command()
@click.option("--markdown", is_flag=True, help="Print docs/reference/config.md instead.")
@click.pass_obj
def schema(app: App, *, markdown: bool) -> None:
    """Print the JSON Schema of a pair's file, for editors.

    With --config it knows the plugins that the file names, else the built-in ones.
    """
    from ipfo.config import reference
    from ipfo.config.load import plugins_of
    from ipfo.config.schema import built_in, compose
    from ipfo.plugin.registry import Registry

    names = built_in() if app.config is None else (*built_in(), *plugins_of(app.config))
    composed = compose(Registry(names))
    if markdown:
        click.echo(reference.markdown(composed), nl=False)
    else:
        click.echo(reference.as_json(composed), nl=False)
