"""``ipfo simulate``: what the pair's own timings come to, in virtual time; a world, or a story, drawn."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ipfo.cli.app import App
from ipfo.errors import ConfigError

if TYPE_CHECKING:
    from ipfo.sim.figures import Chance, Outages
    from ipfo.sim.happenings import Happening
    from ipfo.sim.settings import Settings
    from ipfo.sim.world import World

EACH = 8
"""For each kind of fault an eighth of the worlds are run."""

ENDED_NS = 3_000_000_000
"""A drawn world goes on for so long after its last fault is over."""


@click.command()
@click.option(
    "--worlds",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    metavar="N",
    help="Worlds in which several things happen by chance.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    metavar="N",
    help="Show this one world; without a config, of a pair that is made up.",
)
@click.option(
    "--story",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Tell this story instead, and say what did not come true.",
)
@click.pass_obj
@click.pass_context
def simulate(
    ctx: click.Context, app: App, *, worlds: int, seed: int | None, story: Path | None
) -> None:
    """Simulate the pair: outages for each kind of fault, and the chance of two holders.

    The same decisions and datagrams as the daemon's, with virtual time; nothing is touched. Exits
    1 if a promise was broken or a story did not come true.
    """
    if story is not None:
        ctx.exit(_tell(app, story))
    if seed is not None:
        ctx.exit(_show(app, seed))
    ctx.exit(_report(app, worlds))


def _pair(app: App) -> "Settings":
    """The pair of the config, which need not be this host's."""
    from ipfo.config.load import examine
    from ipfo.config.model import Config
    from ipfo.sim.settings import of_config

    examined = examine(app.config_path(), node=app.node)
    if examined.document is None:
        raise ConfigError(*examined.faults)
    return of_config(Config.from_document(examined.document))


def _report(app: App, worlds: int) -> int:
    from ipfo.sim import figures
    from ipfo.sim.happenings import happening

    pair = _pair(app)
    click.echo(_timings(pair))
    click.echo()
    measured = list(figures.outages(pair, 1, max(5, worlds // EACH)))
    _print_outages(pair, measured)
    chance = figures.chances(pair, 1, worlds)
    for line in _in_words(chance):
        click.echo(line)
    click.echo()
    at_ns = 10 * pair.takeover_after_ns
    cut = happening(at_ns, f"power off {pair.groups[0].preferred}")
    back = happening(2 * at_ns, f"power on {pair.groups[0].preferred}")
    click.echo("One world, in which the holder loses its power and gets it back:")
    click.echo()
    _draw(_ran(pair, (cut, back), 3 * at_ns), at_ns // 2)
    broken = [*chance.broken, *((None, each) for kind in measured for each in kind.broken)]
    for made, found in broken:
        again = (
            ""
            if made is None
            else f"; see it: ipfo --config {app.config} simulate --seed {made.seed}"
        )
        click.echo(f"{found}{again}", err=True)
    return 1 if broken else 0


def _timings(pair: "Settings") -> str:
    from ipfo.sim.text import exact

    terms = pair.terms(pair.nodes[0], 1)
    dead = "" if pair.dead_after_ns is None else f", dead_after {exact(pair.dead_after_ns)}"
    return (
        f"{pair.pair}: interval {exact(pair.interval_ns)}, takeover_after"
        f" {exact(pair.takeover_after_ns)}{dead}, lease {terms.lease_s}s,"
        f" {_count(len(pair.links), 'link')}, {_count(len(pair.groups), 'group')}"
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _print_outages(pair: "Settings", measured: "list[Outages]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Nobody answers for {pair.groups[0].name}", title_justify="left", box=None)
    table.add_column("fault", no_wrap=True)
    for name in ("worlds", "median", "worst", "moved", "both", "longest"):
        table.add_column(name, justify="right")
    for kind in measured:
        table.add_row(
            kind.kind,
            str(len(kind.lasted)),
            _seconds(kind.median),
            _seconds(kind.worst),
            str(kind.moved),
            str(len(kind.doubled)),
            _seconds(max(kind.doubled)) if kind.doubled else "-",
        )
    Console(highlight=False).print(table)


def _seconds(ns: int | None) -> str:
    return "no end" if ns is None else f"{ns / 1e9:.2f} s"


def _in_words(chance: "Chance") -> Iterator[str]:
    hours = chance.virtual_ns / 3.6e12
    many = sum(worlds for worlds, _, _ in chance.excused.values())
    yield f"Two holders, in {chance.worlds} worlds ({hours:.1f} hours) with several faults each:"
    if not chance.broken and not many:
        yield "  never"
    for why, (worlds, total, worst) in sorted(chance.excused.items()):
        share = 100 * worlds / chance.worlds
        yield (
            f"  {share:.1f} % of the worlds: {why}; {total / 1e9:.1f} s in all,"
            f" {worst / 1e9:.2f} s at worst"
        )
    yield f"  {_count(len(chance.broken), 'broken promise')}"


def _show(app: App, seed: int) -> int:
    from ipfo.sim.plans import plan
    from ipfo.sim.runs import run
    from ipfo.sim.shrink import shrink
    from ipfo.sim.text import story_of

    made = plan(seed) if app.config is None else plan(seed, _pair(app))
    world = run(made, noting=True)
    _draw(world, 0, made.healed_ns + ENDED_NS + 2 * made.settings.takeover_after_ns)
    if world.judge.broken is None:
        click.echo(f"\nseed {seed}: every promise was kept")
        return 0
    click.echo(f"\nseed {seed}: {world.judge.broken}\n\nThe shortest story that breaks it, too:\n")
    click.echo(story_of(shrink(made, world.judge.broken)))
    return 1


def _tell(app: App, path: Path) -> int:
    from ipfo.errors import StoryError
    from ipfo.sim import story

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoryError(f"{path}: cannot be read: {error}") from error
    pair = None if app.config is None else _pair(app)
    read = story.parse(text, str(path), pair)
    try:
        told = story.tell(read)
    except StoryError as error:
        raise StoryError(f"{path}: {error}") from None
    _draw(told.world, 0)
    for fault in told.faults:
        click.echo(f"ipfo: {path}: {fault}", err=True)
    if not told.faults:
        click.echo(f"\n{path}: came true")
    return 1 if told.faults else 0


def _ran(pair: "Settings", happened: "tuple[Happening, ...]", until_ns: int) -> "World":
    from ipfo.sim.world import World

    world = World(pair, happened, seed=1, noting=True)
    world.run(until_ns)
    return world


def _draw(world: "World", since_ns: int, until_ns: int | None = None) -> None:
    from ipfo.sim import timeline

    for line in timeline.draw(world, since_ns, until_ns):
        click.echo(line)
