"""The engine's ends of the links: real UDP on loopback, and datagrams that are worth nothing."""

import select
import socket
from collections.abc import Iterator

import pytest
from tests.daemon.looped import free_port

from ipfo import clock
from ipfo.daemon.links import BATCHES_MAX, STRANGERS_MAX, Links
from ipfo.machine.effects import Notify
from ipfo.model import SECOND, Echo, Heartbeat, Instant
from ipfo.plugin.contracts import Datagram, LinkEnd
from ipfo.plugin.registry import Registry
from ipfo.wire import Keyring, Names, make_datagram

RING = Keyring.of(bytes(range(32)))
PEER = {"one": "203.0.113.9"}
ALPHA = Names("looped", "alpha", "beta", ("one",), ("web",))
BETA = Names("looped", "beta", "alpha", ("one",), ("web",))


def beat(sender: str, boot: int, sequence: int, echo: Echo | None = None) -> Heartbeat:
    return Heartbeat(sender, "one", boot, sequence, Instant(sequence), echo, (), 0, 0, ())


@pytest.fixture
def pair() -> Iterator[tuple[Links, Links]]:
    port = free_port()
    offer = Registry(["udp"]).transports()["udp"]
    a = offer.build(LinkEnd("one", "127.0.3.1", "127.0.3.2", port), {})
    b = offer.build(LinkEnd("one", "127.0.3.2", "127.0.3.1", port), {})
    both = (
        Links({"one": a}, ALPHA, RING, 11, {"one": "127.0.3.2"}),
        Links({"one": b}, BETA, RING, 22, {"one": "127.0.3.1"}),
    )
    yield both
    for each in both:
        each.close()


def rejected(links: Links) -> dict[str, int]:
    return links.counters()["one"].rejected.counts(clock.now())


def arrived(links: Links) -> None:
    assert select.select(links.filenos(), [], [], 5)[0]


def test_a_heartbeat_goes_over_and_is_proven_by_its_echo(pair: tuple[Links, Links]) -> None:
    alpha, beta = pair
    alpha.send(beat("alpha", 11, 1))
    arrived(beta)
    ((at, first),) = beta.receive()
    assert at > 0
    assert not first.proven
    beta.send(beat("beta", 22, 1, Echo(11, 1, 0)))
    arrived(alpha)
    ((_, second),) = alpha.receive()
    assert second.proven
    assert second.link == "one"
    assert alpha.counters()["one"].sent == 1
    assert alpha.counters()["one"].received == 1


def test_p8_a_replayed_and_a_forged_datagram_are_counted_and_go_no_further(
    pair: tuple[Links, Links],
) -> None:
    alpha, beta = pair
    alpha.send(beat("alpha", 11, 1))
    for _ in range(2):
        beta.send(beat("beta", 22, 1, Echo(11, 1, 0)))
    beta.ring = Keyring.of(bytes(32))
    beta.send(beat("beta", 22, 2, Echo(11, 1, 0)))
    heard = []
    while sum(rejected(alpha).values()) < 2:
        arrived(alpha)
        heard += alpha.receive()
    assert len(heard) == 1
    assert rejected(alpha) == {"replayed": 1, "key": 1}


class Endless:
    """A transport that always has one batch more."""

    def __init__(self) -> None:
        self.given = 0
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive(self) -> list[Datagram]:
        self.given += 1
        return [Datagram(b"junk", Instant(1), "203.0.113.9")] * 64

    def send(self, body: bytes) -> bool:
        return len(body) < 0

    def close(self) -> None:
        self._sock.close()


def test_p6_a_flood_is_left_when_the_heartbeat_may_be_due() -> None:
    """P6. Without the limit this never comes back."""
    endless = Endless()
    links = Links({"one": endless}, ALPHA, RING, 11, PEER)
    assert links.receive() == []
    assert endless.given == BATCHES_MAX
    assert rejected(links) == {"short": BATCHES_MAX * 64}
    links.close()


class Said:
    """A transport that gives what a test has put there."""

    def __init__(self) -> None:
        self.given: list[Datagram] = []
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def fileno(self) -> int:
        return self._sock.fileno()

    def receive(self) -> list[Datagram]:
        given, self.given = self.given, []
        return given

    def send(self, body: bytes) -> bool:
        return bool(body)

    def close(self) -> None:
        self._sock.close()


def test_p6_a_flood_of_strangers_is_not_opened_and_the_peer_is_heard_in_it() -> None:
    """P6: what it costs has a bound. P8: a flood under the peer's address does not silence the peer."""
    said = Said()
    links = Links({"one": said}, ALPHA, RING, 11, PEER)
    forged = make_datagram(beat("beta", 22, 9), BETA, Keyring.of(bytes(32)))
    at = Instant(5 * SECOND)
    for source in ("198.51.100.7", "203.0.113.9"):
        said.given += [Datagram(forged, at, source)] * (STRANGERS_MAX + 40)
    said.given.append(Datagram(make_datagram(beat("beta", 22, 1), BETA, RING), at, "203.0.113.9"))
    assert len(links.receive()) == 1
    assert rejected(links) == {"key": 2 * STRANGERS_MAX + 40, "too many": 40}
    said.given.append(Datagram(forged, Instant(at + SECOND), "198.51.100.7"))
    links.receive()
    assert rejected(links)["key"] == 2 * STRANGERS_MAX + 41, "each second has its own"
    links.close()


def test_a_peer_that_has_proven_itself_from_elsewhere_is_heard_in_a_flood() -> None:
    """There may be a translation of addresses between the two."""
    said = Said()
    links = Links({"one": said}, ALPHA, RING, 11, PEER)
    links.send(beat("alpha", 11, 1))
    at, elsewhere = Instant(5 * SECOND), "198.51.100.1"
    first = make_datagram(beat("beta", 22, 1, Echo(11, 1, 0)), BETA, RING)
    second = make_datagram(beat("beta", 22, 2, Echo(11, 1, 0)), BETA, RING)
    said.given = [
        Datagram(first, at, elsewhere),
        *[Datagram(b"junk", at, "198.51.100.7")] * (STRANGERS_MAX + 40),
        Datagram(second, at, elsewhere),
    ]
    assert [heard.heartbeat.sequence for _, heard in links.receive()] == [1, 2]
    links.close()


def test_what_could_not_be_sent_is_counted() -> None:
    links = Links({"one": Endless()}, ALPHA, RING, 11, PEER)
    links.send(beat("alpha", 11, 1))
    assert links.counters()["one"].unsent.counts(clock.now()) == {"unsent": 1}
    assert links.counters()["one"].sent == 0
    links.close()


def strangers(alpha: Links, datagrams: list[bytes], sender: Links) -> list[Notify]:
    """What alpha tells of `datagrams` that `sender`'s socket has sent."""
    told: list[Notify] = []
    alpha.tell = told.append
    for datagram in datagrams:
        assert sender._ends["one"].transport.send(datagram)
    while sum(rejected(alpha).values()) < len(datagrams):
        arrived(alpha)
        assert alpha.receive() == []
    return told


def test_a_second_host_that_is_configured_as_this_node_is_named_once(
    pair: tuple[Links, Links],
) -> None:
    """Issue 3: both nodes configured as the same node: named, and none moves an address."""
    alpha, beta = pair
    sent = [make_datagram(beat("alpha", 33, number), ALPHA, RING) for number in range(1, 9)]
    (notice,) = strangers(alpha, sent, beta)
    assert notice.headline == "two hosts of looped are configured as alpha"
    assert notice.detail.startswith("127.0.3.2 on link one says that it is alpha, too")
    assert rejected(alpha) == {"same node": 8}


def test_the_last_heartbeats_of_an_earlier_run_are_no_second_host(
    pair: tuple[Links, Links],
) -> None:
    alpha, beta = pair
    sent = [make_datagram(beat("alpha", 33, number), ALPHA, RING) for number in (1, 2)]
    assert strangers(alpha, sent, beta) == []


def test_another_pair_on_the_wire_is_named_once(pair: tuple[Links, Links]) -> None:
    """Issue 3: another pair's name on the wire: named, and none moves an address."""
    alpha, beta = pair
    other = Names("mail", "beta", "alpha", ("one",), ("web",))
    sent = [make_datagram(beat("beta", 22, number), other, RING) for number in (1, 2, 3)]
    (notice,) = strangers(alpha, sent, beta)
    assert notice.headline == "another pair than looped is heard on link one"
    assert notice.detail.startswith(
        f"127.0.3.2 sends for the pair with the id {other.pair_id.hex()}"
    )
