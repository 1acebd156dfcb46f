"""Planned moves: ``seamless`` loses not one of 1,000 datagrams a second, ``strict`` a few."""

from collections.abc import Callable

import pytest
from tests.hosts.figures import Row
from tests.hosts.plays import BOTH_FAMILIES, LOOKS_MAX_NS, Play, Told, fast_pair

from ipfo.model import SECOND
from ipfo.testing.scene import Scene

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(120)]

AT_ONCE = 2
ROUNDS = 2

OVERLAP_MAX_NS = 2 * SECOND
"""What one seamless handover may have of both, on a machine that does other things, too."""

STRICT_MAX = 200
"""Likewise what a strict one may lose, of each family; the benchmark says what it does lose."""


def there_and_back(stage: Scene, _: Told) -> None:
    for _time in range(ROUNDS):
        for source, target in (("alpha", "beta"), ("beta", "alpha")):
            stage.pair.ask(source, "handover", "web", "--to", target)
            stage.whole(holder=target)


SEAMLESS, STRICT = (
    Play(
        f"{kind} handover, there and back, {ROUNDS} times",
        there_and_back,
        text=fast_pair(groups=BOTH_FAMILIES + f'handover = "{kind}"\n'),
        rate=1000,
    )
    for kind in ("seamless", "strict")
)


@pytest.mark.parametrize("play", [SEAMLESS], ids=str)
def test_a_seamless_handover_loses_nothing_and_its_overlap_is_bounded(
    play: Play, played: Callable[[Play], Row]
) -> None:
    row = played(play)
    assert row.lost == 0
    assert row.twice_ns < 2 * ROUNDS * OVERLAP_MAX_NS
    assert row.end == {"alpha"}


@pytest.mark.parametrize("play", [STRICT], ids=str)
def test_a_strict_handover_never_has_two_holders(play: Play, played: Callable[[Play], Row]) -> None:
    row = played(play)
    assert row.twice_ns == 0
    assert row.lost < 2 * 2 * ROUNDS * STRICT_MAX
    assert row.end == {"alpha"}
    assert row.pause_ns < LOOKS_MAX_NS
