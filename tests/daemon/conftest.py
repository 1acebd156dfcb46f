"""Pairs on loopback for the tests here and in tests/cli."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.daemon.looped import Looped


@pytest.fixture
def looped(tmp_path: Path) -> Iterator[Looped]:
    """A pair that is not started yet."""
    pair = Looped(tmp_path)
    yield pair
    pair.end_all()


@pytest.fixture
def make_looped(tmp_path: Path) -> Iterator[Callable[..., Looped]]:
    """Makes pairs with more in their config."""
    made: list[Looped] = []

    def make(group: str = "", more: str = "") -> Looped:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Looped(folder, group, more))
        return made[-1]

    yield make
    for pair in made:
        pair.end_all()
