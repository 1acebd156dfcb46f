"""What the tests of the voter share."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from ipfo.plugin import Voter
from ipfo.plugin.registry import Registry
from ipfo.testing import cable

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
    assert cable.until(well, PATIENCE_S), f"not within {PATIENCE_S} s"
