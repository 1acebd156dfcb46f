"""The fixture of the tests that need a wire."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ipfo.testing.cable import Cable, make_cable


@pytest.fixture
def cable() -> Iterator[Cable]:
    """Two hosts, ``192.0.2.1`` and ``.2``, ``2001:db8::1`` and ``::2``, on ``eth0`` of each."""
    with ExitStack() as stack:
        yield make_cable(stack)
