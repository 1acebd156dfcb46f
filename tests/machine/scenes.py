"""Scenes that the tests of the rules begin with."""

from dataclasses import replace
from typing import Any

from tests.machine.virtual_pair import MS, Pair

from ipfo.model import SECOND, GroupTerms

WEB = GroupTerms("web", preferred="alpha", phases=False, interfaces=("eth0",))
PHASED = replace(WEB, phases=True, phase_timeout_ns=5 * SECOND)
HOME = replace(WEB, home="alpha", links_of_home=frozenset({"public"}))


def settled(**more: Any) -> Pair:
    """A pair that has run long enough for alpha to hold web."""
    pair = Pair(**more).run(10_300)
    assert pair.holders() == ["alpha"]
    return pair


def until_held(pair: Pair, by: str, ms: int = 20_000) -> float:
    began = pair.now
    while pair.holders() != [by]:
        pair.run(10)
        assert pair.now < began + ms * MS, f"{by} does not hold: {pair.holders()}"
    return (pair.now - began) / MS
