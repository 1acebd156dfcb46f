"""Who is echoed where somebody sends old heartbeats again, faster than we send: promise P8.

A boot proves itself by an echo of ours, so whoever could keep its echo from being sent could keep a
node that was started anew out of the pair.
"""

from dataclasses import replace
from itertools import pairwise

import pytest
from tests.machine.virtual_pair import MS, terms

from ipfo.machine.effects import SendHeartbeat
from ipfo.machine.events import DeadlineReached, Event, HeartbeatHeard
from ipfo.machine.step import boot, next_deadline, step
from ipfo.model import Echo, Heartbeat, Instant

START = Instant(10**15)
LIVES = 77


def said(boot_: int, number: int, echo: Echo | None = None) -> Heartbeat:
    return Heartbeat("beta", "public", boot_, number, START, echo, ("public",), 0, 0)


def echoes(old: list[int], *, proven: bool) -> list[tuple[int, int]]:
    """When (in ms), and whose boot was echoed, of `old` ones each ms and a live one each interval."""
    mine = replace(terms("alpha"), links=("public",), interval_ns=100 * MS)
    node = boot(mine, {}, START, down=frozenset()).node
    seen: list[tuple[int, int]] = []
    for ms in range(1, 3_001):
        now = Instant(START + ms * MS)
        heard = [HeartbeatHeard("public", said(old[ms % len(old)], 5), proven=False)] * 2
        if ms % 100 == 50:
            heard.insert(1, HeartbeatHeard("public", said(LIVES, ms), proven=proven))
        due: list[Event] = [DeadlineReached()] if next_deadline(node) <= now else []
        for event in [*heard, *due]:
            taken = step(node, event, now=now, terms=mine)
            node = taken.node
            sent = [each.heartbeat for each in taken.effects if isinstance(each, SendHeartbeat)]
            seen += [(ms, beat.echo.boot) for beat in sent if beat.echo is not None]
    return seen


@pytest.mark.parametrize("old", [[1], [1, 2, 3, 4, 5]])
def test_p8_old_heartbeats_do_not_keep_a_live_peer_from_being_echoed(old: list[int]) -> None:
    """Some live ones must wait for their turn; within 16 intervals one has had it."""
    live = [ms for ms, whose in echoes(old, proven=False) if whose == LIVES]
    assert live
    gaps = [after - before for before, after in pairwise(live)]
    assert max(live[0], *gaps) < 800


@pytest.mark.parametrize("old", [[1], [1, 2, 3, 4, 5]])
def test_p8_a_peer_that_is_believed_is_echoed_each_time_whatever_is_replayed(
    old: list[int],
) -> None:
    live = [ms for ms, whose in echoes(old, proven=True) if whose == LIVES]
    assert [
        ms for ms in range(100, 3_000, 100) if not any(ms - 50 <= at < ms + 50 for at in live)
    ] == []
