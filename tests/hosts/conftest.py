"""A lab for each module; what a test makes in it is gone before the next."""

from collections.abc import Iterator

import pytest

from ipfo.testing.lab import Lab


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    with Lab.open(request.path.stem.removeprefix("test_")) as made:
        yield made
