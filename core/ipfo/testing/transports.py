"""`check_transport`: does a transport keep its contract? Run it in a test of yours.

It waits on the transport's own descriptor, never on a clock alone, and gives back what it opened.
"""

import select
from collections.abc import Callable
from typing import Final

from ipfo.clock import now
from ipfo.model import SECOND
from ipfo.plugin import Datagram, Transport

Ends = tuple[Transport, Transport]

BODY_MAX: Final = 1400
"""The longest heartbeat; a transport must carry it in one datagram."""

RECEIVE_MAX: Final = 64
"""Most datagrams of one `receive`."""

_PATIENCE_S: Final = 5.0
_BODIES: Final = (b"", b"\x00", b"heartbeat", bytes(range(256)), b"\xff" * BODY_MAX)


def check_transport(make: Callable[[], Ends]) -> None:
    """Run every check; `make` opens both ends of a fresh link, which is closed again each time.

    :raises AssertionError: with a sentence that says which part of the contract was broken.
    """
    for check in (
        _has_a_descriptor,
        _does_not_wait_where_nothing_is,
        _carries_bodies_whole_in_both_directions,
        _says_when_and_from_where,
        _takes_few_at_a_time_oldest_first,
        _survives_what_is_too_long,
        _survives_the_end_of_its_peer,
        _closes_twice,
    ):
        ends = make()
        try:
            check(*ends)
        finally:
            for end in ends:
                end.close()


def _has_a_descriptor(one: Transport, other: Transport) -> None:
    for end in (one, other):
        number = end.fileno()
        assert isinstance(number, int), f"fileno() must be a number, not {number!r}"
        assert number >= 0, f"fileno() of an open transport is {number}"
        assert number == end.fileno(), "fileno() must be the same descriptor each time"
    assert one.fileno() != other.fileno(), "two transports must not share a descriptor"


def _does_not_wait_where_nothing_is(one: Transport, _: Transport) -> None:
    taken = list(one.receive())
    assert taken == [], f"receive() on a silent link must be empty, not {taken!r}"


def _carries_bodies_whole_in_both_directions(one: Transport, other: Transport) -> None:
    for source, target, way in ((one, other, "there"), (other, one, "back")):
        for body in _BODIES:
            said = source.send(body)
            assert said is True, f"send() of {len(body)} bytes {way} returned {said!r}, not True"
            arrived = [datagram.body for datagram in _wait(target, 1)]
            assert arrived == [body], (
                f"{len(body)} bytes went {way}, and what arrived was"
                f" {[len(each) for each in arrived]} bytes, or other ones"
            )


def _says_when_and_from_where(one: Transport, other: Transport) -> None:
    before = now()
    one.send(b"when")
    (datagram,) = _wait(other, 1)
    after = now()
    assert before <= datagram.at <= after, (
        "a Datagram's `at` must be an instant of ipfo.plugin.now() between its sending and now"
    )
    assert isinstance(datagram.source, str), "a Datagram's `source` must be text"
    assert datagram.source, "a Datagram's `source` must say from where it came"


def _takes_few_at_a_time_oldest_first(one: Transport, other: Transport) -> None:
    many = RECEIVE_MAX + 6
    sent = [number.to_bytes(2, "big") for number in range(many)]
    for body in sent:
        assert one.send(body), "send() must take a few dozen short datagrams in a row"
    taken: list[Datagram] = []
    while len(taken) < many:
        part = _wait(other, 1)
        assert len(part) <= RECEIVE_MAX, f"receive() took {len(part)}; {RECEIVE_MAX} are the most"
        assert part, f"of {many} short datagrams {len(taken)} arrived"
        taken += part
    assert [datagram.body for datagram in taken] == sent, "datagrams must come oldest first"


def _survives_what_is_too_long(one: Transport, other: Transport) -> None:
    if one.send(b"x" * 3000):  # it may also refuse to
        for datagram in _wait(other, 1, patience_s=0.5):
            assert len(datagram.body) > BODY_MAX, (
                "what was too long must be seen to be: more than 1,400 bytes of it, or nothing"
            )
    one.send(b"next")
    bodies = [datagram.body for datagram in _wait(other, 1)]
    assert b"next" in bodies, "after a datagram that was too long the next one must arrive"


def _survives_the_end_of_its_peer(one: Transport, other: Transport) -> None:
    other.close()
    for _ in range(3):
        said = one.send(b"anybody there?")
        assert isinstance(said, bool), f"send() must return True or False, not {said!r}"
        select.select([one], [], [], 0.02)
        taken = list(one.receive())
        assert taken == [], f"nobody sent, and {taken!r} arrived"


def _closes_twice(one: Transport, _: Transport) -> None:
    one.close()
    one.close()
    said = one.send(b"too late")
    assert said is False, f"send() on a closed transport must be False, not {said!r}"
    taken = list(one.receive())
    assert taken == [], f"receive() on a closed transport must be empty, not {taken!r}"


def _wait(end: Transport, count: int, *, patience_s: float = _PATIENCE_S) -> list[Datagram]:
    """What arrives at `end` until `count` are there, or fewer when patience has run out."""
    taken: list[Datagram] = []
    deadline = now() + int(patience_s * SECOND)
    while len(taken) < count and now() < deadline:
        select.select([end], [], [], (deadline - now()) / SECOND)
        taken += end.receive()
    return taken
