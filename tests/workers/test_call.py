"""P6 on the way between engine and worker: what comes costs the engine a bounded time at a go."""

import select
import socket
from collections.abc import Iterator

import pytest

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.workers.call import LINE_MAX, MESSAGES_AT_ONCE, PORTION, VALUES_AT_ONCE, Channel, values
from ipfo.workers.process import UNASKED_MAX

from .conftest import Caller

Way = tuple[Channel, socket.socket]


@pytest.fixture
def way() -> Iterator[Way]:
    """The engine's end, and the worker's."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


def test_p6_a_flood_of_small_lines_is_taken_in_small_helpings_and_none_is_lost(way: Way) -> None:
    """P6. They were read by 256 KiB: 21,000 lines, for which a heartbeat waited 100 ms."""
    channel, worker = way
    sent = b'{"said":""}\n' * (PORTION // 12)
    worker.sendall(sent)
    worker.close()
    helpings = []
    while not channel.closed:
        helpings.append(len(channel.receive()))
        assert channel.holds or len(helpings) * MESSAGES_AT_ONCE >= PORTION // 12
    assert max(helpings) == MESSAGES_AT_ONCE
    assert sum(helpings) == PORTION // 12
    assert channel.fault is None


def test_p6_lines_with_much_in_them_come_in_smaller_helpings(way: Way) -> None:
    channel, worker = way
    line = b'{"said":[' + b",".join([b"0"] * 5000) + b"]}\n"
    worker.sendall(line * 6)
    helping = channel.receive()
    assert len(helping) * values(line) < VALUES_AT_ONCE + values(line)
    assert channel.holds


@pytest.mark.parametrize("value", [b"[]", b"0", b'{"a":1}', b'{"":{}}'])
def test_p6_a_line_that_takes_long_to_read_is_a_fault_and_not_read(way: Way, value: bytes) -> None:
    """P6: a line within the bytes of one costs up to 100 ms where it is all brackets."""
    channel, worker = way
    worker.setblocking(False)
    left = memoryview(b'{"said":[' + b",".join([value] * 60_000) + b"]}\n")
    assert len(left) < LINE_MAX
    taken: list[object] = []
    while not channel.closed and not taken:
        if left:
            left = left[worker.send(left[:PORTION]) :]
        taken += channel.receive()
    assert taken == []
    assert channel.fault == "a line of more than 50000 values"


@pytest.mark.parametrize(
    "line", [b'{"a":"%s"}' % (b"x" * 40_000), b"[" * 50, b'{"a":[0,1,{"b":2}]}']
)
def test_there_are_never_more_values_than_are_counted(line: bytes) -> None:
    assert values(line) >= sum(line.count(mark) for mark in (b",", b":", b"[", b"{"))


def test_what_is_held_is_taken_without_new_bytes(unruly: Caller) -> None:
    """The answer that follows a thousand lines arrives though its bytes were read long before."""
    assert unruly.ok("talk", lines=1000)["lines"] == 1000
    assert unruly.worker.restarts == 0


def test_p6_a_worker_that_tells_without_end_what_nobody_asked_is_ended(unruly: Caller) -> None:
    """P6: a `checks` worker may go on for years, so what it tells was never counted."""
    unruly.ok("echo")
    worker, told = unruly.worker, list[object]()
    worker.unasked = told.append
    now = clock.now()  # and stays so: all of it comes within one second
    worker.call("tell", {"lines": 3 * UNASKED_MAX}, Instant(now + SECOND), lambda _: None)
    while worker.restarts == 0:
        assert worker.next_deadline() == 0 or select.select([worker], [], [], 20)[0]
        worker.ready(now)
    assert worker.fault == f"it told more than {UNASKED_MAX} things within a second"
    assert len(told) == UNASKED_MAX
