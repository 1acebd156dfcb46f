"""Two nodes on paper for each test of this room."""

import pytest
from tests.wire.paper import Node, node


@pytest.fixture
def beta() -> Node:
    """The node that listens."""
    return node("beta")


@pytest.fixture
def alpha() -> Node:
    """The node that sends."""
    return node("alpha")
