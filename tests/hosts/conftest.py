"""A lab for each module; what a test makes in it is gone before the next. And the table of faults."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.hosts.figures import Row, table
from tests.hosts.plays import AT_ONCE, Play, Plays
from tests.sim.soak import WITHOUT_COVERAGE

from ipfo.testing.lab import Lab

FIGURES = pytest.StashKey[list[str]]()
ROWS = pytest.StashKey[list[Row]]()
FILE = pytest.StashKey[Path]()  # where the table is written, too


ALL_PLAYS = "IPFO_ALL_PLAYS"
"""Set by ``make table``: else only a sample of the two long tables is played, for the time it takes."""

SAMPLED = {"test_one_holder", "test_partitions"}
EACH = 6
"""One play of so many is in the sample."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave plays out of the long tables, evenly, unless all of them are wanted."""
    if ALL_PLAYS in os.environ:
        return
    plays = [item for item in items if item.path.stem in SAMPLED and "[" in item.name]
    left_out = {id(item) for index, item in enumerate(plays) if index % EACH}
    config.hook.pytest_deselected(items=[item for item in items if id(item) in left_out])
    items[:] = [item for item in items if id(item) not in left_out]


TRACED = {"test_demo"}
"""Its lines run nowhere else."""


@pytest.fixture(scope="module", autouse=True)
def untraced(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pairs run as they do on a real host: the coverage tracer doubles what each process costs.

    What runs in pytest itself (the lab, the watch) counts its lines all the same.
    """
    counting = [name for name in os.environ if name.startswith(WITHOUT_COVERAGE)]
    with pytest.MonkeyPatch.context() as environment:
        for name in counting if request.path.stem not in TRACED else ():
            environment.delenv(name)
        yield


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab.open(request.path.stem.removeprefix("test_")) as made:
        yield made


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a figure that is shown at the end of the run and decides nothing."""
    return request.config.stash.setdefault(FIGURES, []).append


@pytest.fixture(scope="module")
def plays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plays]:
    """Every `Play` that a test of this module has been given as `play`, under way."""
    name = request.path.stem.removeprefix("test_")
    calls = (
        item.callspec.params.get("play")
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.path == request.path
        and hasattr(item, "callspec")
    )
    request.config.stash[FILE] = tmp_path_factory.getbasetemp() / "who-held.txt"
    wanted = [play for play in calls if isinstance(play, Play)]
    at_once = getattr(request.module, "AT_ONCE", AT_ONCE)
    with Plays(name, tmp_path_factory.mktemp(name), wanted, at_once).under_way() as made:
        yield made


@pytest.fixture
def played(request: pytest.FixtureRequest, plays: Plays) -> Callable[[Play], Row]:
    """Gives what was measured of a play; it is shown in the table at the end of the run."""

    def row(play: Play) -> Row:
        row = plays.row(play)
        show(request.config, row)
        return row

    return row


def show(config: pytest.Config, row: Row) -> None:
    """`row` stands in the table at the end of the run."""
    config.stash.setdefault(ROWS, []).append(row)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("measured")
    for figure in figures:
        terminalreporter.line(figure)
    rows = config.stash.get(ROWS, [])
    if rows:
        lines = table(rows)
        terminalreporter.section("who held the address")
        terminalreporter.write_line("\n".join(lines))
        config.stash[FILE].write_text("\n".join(lines) + "\n")
        terminalreporter.write_line(f"(also in {config.stash[FILE]})")
