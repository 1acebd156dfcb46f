"""What the tests of the voter share."""

import select
from collections.abc import Callable, Sequence
from typing import Any, cast

from ipfo import clock
from ipfo.model import SECOND
from ipfo.plugin import Voter
from ipfo.plugin.registry import Registry

PATIENCE_S = 30


def make(endpoints: Sequence[str], **options: Any) -> Voter:
    """As ipfo builds it."""
    offer = Registry(["etcd"]).witnesses()["etcd"]
    assert offer.traits == {"vote"}
    defaults = {k: p["default"] for k, p in offer.schema["properties"].items() if "default" in p}
    built = offer.build({**defaults, "endpoints": list(endpoints), **options})
    return cast("Voter", built)  # the trait says so


def until(well: Callable[[], bool]) -> None:
    """Ask again and again until it is `well`."""
    deadline = clock.now() + PATIENCE_S * SECOND
    while not well():
        assert clock.now() < deadline, f"not within {PATIENCE_S} s"
        select.select([], [], [], 0.05)
