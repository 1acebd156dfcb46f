"""Pairs on loopback for the tests here and in tests/cli."""

import os
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


@pytest.fixture
def unprivileged() -> Callable[[], None] | None:
    """Given to subprocess as `preexec_fn`, makes root nobody; None where this is not root."""
    if os.geteuid() != 0:
        return None

    def give_up_root() -> None:
        os.setgid(65534)
        os.setuid(65534)

    return give_up_root
