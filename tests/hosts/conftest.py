"""A lab for each module; what a test makes in it is gone before the next."""

from collections.abc import Callable, Iterator

import pytest

from ipfo.testing.lab import Lab

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab.open(request.path.stem.removeprefix("test_")) as made:
        yield made


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes a figure that is shown at the end of the run and decides nothing."""
    return request.config.stash.setdefault(FIGURES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    figures = config.stash.get(FIGURES, [])
    if figures:
        terminalreporter.section("measured")
    for figure in figures:
        terminalreporter.line(figure)
