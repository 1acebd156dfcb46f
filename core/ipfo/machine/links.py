"""One link as one end knows it: when it was heard, what is lost on it, how long a round trip takes.

Arithmetic only; what follows from it for the pair is decided in `pair`.
"""

from dataclasses import dataclass

from ipfo.machine.evolve import evolve
from ipfo.model import Echo, Heartbeat, Instant, LinkState, Terms

LOSS_WINDOW = 64
"""Over how many of the peer's last datagrams loss is counted: a minute at 1 s."""

SENT_KEPT = 8
"""How many of our own sendings are remembered for round trips; an echo of an older one is no measure."""

ECHOED_KEPT = 64
"""Boots that take turns in being echoed until one is believed: more than anybody has recorded."""

RTT_WEIGHT = 8
"""A new round trip counts for an eighth, as in TCP (RFC 6298)."""


@dataclass(frozen=True)
class Link:
    """What is known of one link. `heard_at` is when listening began until something is heard."""

    name: str
    heard_at: Instant
    ever_heard: bool = False
    state: LinkState = LinkState.UP
    sequence: int = 0  # the last number that we sent
    sent: tuple[tuple[int, Instant], ...] = ()
    echo_boot: int = 0  # the last datagram heard, for the peer to know that we heard it
    echo_sequence: int = 0
    echo_at: Instant | None = None
    echo_waits: bool = False  # it has not been sent yet
    echoed: tuple[int, ...] = ()  # boots that are not believed and have had their echo, newest last
    peer_hears: bool = False
    deaf_since: Instant | None = None  # since when we hear the peer and it does not hear us
    rtt_ns: int | None = None
    boot: int = 0  # of the numbers counted in `highest` and `seen`
    highest: int = 0
    seen: int = 0  # a bit for each of the last LOSS_WINDOW numbers, the lowest the newest
    counted: int = 0  # how many numbers of this boot the window covers yet


def note_echo(link: Link, beat: Heartbeat, now: Instant) -> Link:
    """`link`, ready to echo `beat`, whose boot is not proven, unless somebody else's turn is first.

    It may be an old one that is sent again, and again: who lives must have his echo all the same.
    """
    waits = link.echo_waits and link.echo_boot != beat.boot
    if waits and _turn(link, beat.boot) >= _turn(link, link.echo_boot):
        return link
    return evolve(
        link, echo_boot=beat.boot, echo_sequence=beat.sequence, echo_at=now, echo_waits=True
    )


def _turn(link: Link, boot: int) -> int:
    """The lower, the sooner: who was never echoed, who is believed, who was not echoed for longest."""
    if boot == link.boot:
        return -1
    return link.echoed.index(boot) if boot in link.echoed else -2


def hear(link: Link, beat: Heartbeat, now: Instant, boot: int) -> Link:
    """`link` after a proven heartbeat; `boot` is our own, to know our echo by."""
    seen, counted, highest = _count(link, beat)
    back = link.state is LinkState.SILENT  # give the peer time to hear us again, too
    return evolve(
        link,
        heard_at=now,
        ever_heard=True,
        state=LinkState.UP,
        deaf_since=now if back and not link.peer_hears else link.deaf_since,
        echo_boot=beat.boot,
        echo_sequence=beat.sequence,
        echo_at=now,
        echo_waits=True,
        rtt_ns=_round_trip(link, beat.echo, now, boot),
        boot=beat.boot,
        highest=highest,
        seen=seen,
        counted=counted,
    )


def send(link: Link, now: Instant) -> Link:
    """`link` after one more datagram was sent on it."""
    number = link.sequence + 1
    sent = (*link.sent[1 - SENT_KEPT :], (number, now))
    if link.echo_boot == link.boot or not link.echo_waits:
        return evolve(link, sequence=number, sent=sent, echo_waits=False)
    others = [boot for boot in link.echoed if boot != link.echo_boot]
    echoed = (*others[1 - ECHOED_KEPT :], link.echo_boot)
    return evolve(link, sequence=number, sent=sent, echo_waits=False, echoed=echoed)


def echo_of(link: Link, now: Instant) -> Echo | None:
    """What to tell the peer of the last datagram that we heard from it on `link`."""
    if link.echo_at is None:
        return None
    return Echo(link.echo_boot, link.echo_sequence, now - link.echo_at)


def loss(link: Link) -> float:
    """The share of the peer's last datagrams that did not come, 0.0 to 1.0."""
    if link.counted == 0:
        return 0.0
    return 1 - link.seen.bit_count() / link.counted


def state_at(link: Link, now: Instant, terms: Terms) -> LinkState:
    """What the clock says of `link`."""
    silence = now - link.heard_at
    if silence >= terms.takeover_after_ns:
        return LinkState.SILENT
    return LinkState.LATE if silence >= terms.late_after_ns else LinkState.UP


def changes_at(link: Link, terms: Terms) -> Instant | None:
    """When `link` will be late, or silent, if nothing is heard until then."""
    if link.state is LinkState.UP:
        return Instant(link.heard_at + terms.late_after_ns)
    if link.state is LinkState.LATE:
        return Instant(link.heard_at + terms.takeover_after_ns)
    return None


def _count(link: Link, beat: Heartbeat) -> tuple[int, int, int]:
    """The window of numbers seen, how many it covers, and the highest, after `beat`."""
    if beat.boot != link.boot:
        return 1, 1, beat.sequence
    ahead = beat.sequence - link.highest
    if ahead > 0:
        mask = (1 << LOSS_WINDOW) - 1
        seen = (link.seen << ahead | 1) & mask if ahead < LOSS_WINDOW else 1
        return seen, min(LOSS_WINDOW, link.counted + ahead), beat.sequence
    if -ahead < link.counted:
        return link.seen | 1 << -ahead, link.counted, link.highest
    return link.seen, link.counted, link.highest


def acknowledged(link: Link, echo: Echo | None, boot: int) -> Instant | None:
    """When we sent what `echo` is of; None where that is unknown or long ago."""
    if echo is None or echo.boot != boot:
        return None
    for number, sent_at in link.sent:
        if number == echo.sequence:
            return sent_at
    return None


def _round_trip(link: Link, echo: Echo | None, now: Instant, boot: int) -> int | None:
    """The smoothed round trip, where `echo` is of a sending that we remember."""
    sent_at = acknowledged(link, echo, boot)
    if sent_at is None or echo is None:
        return link.rtt_ns
    trip = max(0, now - sent_at - echo.dwell_ns)
    if link.rtt_ns is None:
        return trip
    return link.rtt_ns + (trip - link.rtt_ns) // RTT_WEIGHT
