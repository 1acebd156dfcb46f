"""The arithmetic of one link."""

from dataclasses import replace

import pytest
from tests.machine.virtual_pair import MS, terms

from ipfo.machine import links
from ipfo.machine.links import Link
from ipfo.model import SECOND, Echo, Heartbeat, Instant, LinkState, lease_seconds

OURS = 77


def beat(sequence: int, boot: int = 5, echo: Echo | None = None) -> Heartbeat:
    return Heartbeat("beta", "public", boot, sequence, Instant(0), echo, (), 0, 0)


def hear(link: Link, *numbers: int, boot: int = 5) -> Link:
    for number in numbers:
        link = links.hear(link, beat(number, boot), Instant(0), OURS)
    return link


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        ([1, 2, 3, 4], 0.0),
        ([1, 2, 4], 0.25),
        ([1, 2, 4, 3], 0.0),
        ([1, 3, 5, 7], 3 / 7),
        ([1, 1000], 63 / 64),
        ([1, 2, 2], 0.0),
        ([500, 1], 0.0),
    ],
)
def test_loss_is_the_share_of_the_last_numbers_that_did_not_come(
    numbers: list[int], lost: float
) -> None:
    assert links.loss(hear(Link("public", Instant(0)), *numbers)) == pytest.approx(lost)


def test_loss_of_a_link_that_never_heard_is_none() -> None:
    assert links.loss(Link("public", Instant(0))) == 0.0


def test_a_new_boot_is_counted_anew() -> None:
    link = hear(hear(Link("public", Instant(0)), 1, 9), 1, 2, boot=6)
    assert links.loss(link) == 0.0


def test_a_round_trip_is_measured_without_the_dwell() -> None:
    link = links.send(Link("public", Instant(0)), Instant(1000 * MS))
    heard = beat(1, echo=Echo(OURS, 1, 30 * MS))
    link = links.hear(link, heard, Instant(1040 * MS), OURS)
    assert link.rtt_ns == 10 * MS


def test_a_round_trip_is_smoothed() -> None:
    link = replace(Link("public", Instant(0)), rtt_ns=8 * MS)
    link = links.send(link, Instant(0))
    link = links.hear(link, beat(1, echo=Echo(OURS, 1, 0)), Instant(16 * MS), OURS)
    assert link.rtt_ns == 9 * MS


@pytest.mark.parametrize("echo", [None, Echo(OURS + 1, 1, 0), Echo(OURS, 99, 0)])
def test_an_echo_of_nothing_that_we_sent_measures_nothing(echo: Echo | None) -> None:
    link = links.send(Link("public", Instant(0)), Instant(0))
    assert links.hear(link, beat(1, echo=echo), Instant(5), OURS).rtt_ns is None


def test_only_the_last_sendings_are_remembered() -> None:
    link = Link("public", Instant(0))
    for number in range(100):
        link = links.send(link, Instant(number))
    assert len(link.sent) == links.SENT_KEPT
    assert link.sequence == 100


@pytest.mark.parametrize(
    ("ms", "state"),
    [(0, LinkState.UP), (1499, LinkState.UP), (1500, LinkState.LATE), (3000, LinkState.SILENT)],
)
def test_a_link_is_late_after_an_interval_and_a_half_and_silent_after_takeover_after(
    ms: int, state: LinkState
) -> None:
    link = Link("public", Instant(0))
    assert links.state_at(link, Instant(ms * MS), terms("alpha")) is state


@pytest.mark.parametrize(
    ("takeover_s", "lease"),
    [(0.03, 1), (1.4, 1), (1.5, 1), (2.6, 1), (2.7, 2), (3.0, 2), (3.6, 2), (3.7, 3), (10.0, 9)],
)
def test_a_lease_ends_before_a_takeover_or_is_one_second(takeover_s: float, lease: int) -> None:
    """Design 7.1: the longest whole number of seconds that ends before, with the slack."""
    assert lease_seconds(int(takeover_s * SECOND)) == lease
