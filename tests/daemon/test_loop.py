"""The loop's rules of precedence, with the real machine, real sockets and a list for hands."""

import select
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.daemon.looped import free_port
from tests.daemon.paper import DOCUMENT

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.carrier import Carrier
from ipfo.daemon.control import Control, listen
from ipfo.daemon.links import Links
from ipfo.daemon.log import Log
from ipfo.daemon.loop import STEPS_MAX, Loop, Ways
from ipfo.daemon.paper import Paper
from ipfo.daemon.signals import Signals
from ipfo.machine.effects import Effect, Notify, SendHeartbeat
from ipfo.machine.events import Probed
from ipfo.machine.step import Node, boot
from ipfo.model import SECOND, Echo, Epoch, GroupTerms, Heartbeat, Instant, Role, Terms
from ipfo.plugin.contracts import LinkEnd
from ipfo.plugin.registry import Registry
from ipfo.wire import Keyring, Names, make_datagram
from ipfo.workers.pool import Pool

RING = Keyring.of(bytes(range(32)))
TERMS = Terms(
    pair="looped",
    node="alpha",
    peer="beta",
    links=("one",),
    groups={"web": GroupTerms("web", "alpha")},
    interval_ns=SECOND,
    takeover_after_ns=3 * SECOND,
    first_claim_after_ns=None,
    lease_s=2,
    boot=11,
)


class Hands:
    """Keeps what it is told to carry out, and sends heartbeats; ends when `enough` says so."""

    def __init__(self, links: Links, enough: Callable[[list[Effect]], bool]) -> None:
        self.told: list[Effect] = []
        self.ended = False
        self._links = links
        self._enough = enough

    def carry_out(self, effect: Effect) -> None:
        self.told.append(effect)
        if isinstance(effect, SendHeartbeat):
            self._links.send(effect.heartbeat)
        self.ended = self._enough(self.told)

    def flush(self) -> None:
        pass

    def rest(self, role_of: Callable[[str], Role]) -> None:
        assert role_of("web") is Role.STANDBY


class Round:
    """A loop with everything round it; the peer is a plain socket."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        offer = Registry(["udp"]).transports()["udp"]
        end = LinkEnd("one", "127.0.3.1", "127.0.3.2", port)
        transport = offer.build(end, {})
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.peer.bind(("127.0.3.2", port))
        self.peer.connect(("127.0.3.1", port))
        self.log = Log("ipfo", 2)
        listener = listen(folder / "control.sock", group=None)
        nodes = ("alpha", "beta")
        idle = {"rehearse": lambda: None, "reload": lambda: None}
        control = Control(listener, status=dict, **idle, groups={}, nodes=nodes)
        self.ways = Ways(
            Links({"one": transport}, Names.of(TERMS), RING, TERMS.boot, {"one": "127.0.0.1"}),
            Pool(DOCUMENT, "alpha", str(folder)),
            Carrier([]),
            control,
            Signals(self.log),
        )
        self.paper = Paper(Config.from_document(DOCUMENT), 11, self.ways.pool.notices, self.log)
        first = boot(TERMS, {}, clock.now(), down=frozenset())
        self.loop = Loop(first.node, TERMS)
        self.first = first.effects

    def run(self, enough: Callable[[list[Effect]], bool]) -> Hands:
        """Go round until `enough`; what was asked for meanwhile."""
        hands = Hands(self.ways.links, enough)
        self.loop.run(self.ways, hands, self.paper, self.first)
        return hands

    def close(self) -> None:
        self.ways.links.close()
        self.ways.control.close()
        self.ways.carrier.close()
        self.ways.signals.close()
        self.peer.close()
        self.log.close()


@pytest.fixture
def around(tmp_path: Path) -> Iterator[Round]:
    made = Round(tmp_path)
    yield made
    made.close()


def beats(told: list[Effect]) -> int:
    return sum(isinstance(effect, SendHeartbeat) for effect in told)


def overdue(node: Node) -> Node:
    """`node`, whose heartbeat has been due for a moment."""
    return replace(node, beat_at=Instant(clock.now() - 1))


LATE_ANSWER = Probed("web", Instant(0))
"""Answers no question that is open: stepping on it changes nothing."""


def test_p6_a_due_heartbeat_does_not_wait_for_a_full_inbox(around: Round) -> None:
    """P6. One batch of events may go before it, and not the 10,000 that wait."""
    around.run(lambda told: beats(told) == 1)
    around.first = ()
    around.loop.node = overdue(around.loop.node)
    for _ in range(10_000):
        around.loop.put(LATE_ANSWER)
    around.run(lambda told: beats(told) == 1)

    assert len(around.loop._inbox) == 10_000 - STEPS_MAX


def test_what_has_arrived_is_heard_before_a_silence_is_decided(around: Round) -> None:
    """Design 7.8: before a takeover is decided all sockets are drained."""
    around.run(lambda told: beats(told) == 1)
    around.first = ()
    node, sent = around.loop.node, around.loop.node.links["one"].sequence
    echo = Echo(TERMS.boot, sent, 0)
    heartbeat = Heartbeat("beta", "one", 22, 1, Instant(5), echo, ("one",), 0, 0, ())
    names = Names("looped", "beta", "alpha", ("one",), ("web",))
    around.peer.send(make_datagram(heartbeat, names, RING))
    assert select.select(around.ways.links.filenos(), [], [], 5)[0]
    long_ago = Instant(clock.now() - 10 * SECOND)  # by now the silence is full
    link = replace(node.links["one"], heard_at=long_ago)
    around.loop.node = replace(overdue(node), links={"one": link}, heard_at=long_ago)
    hands = around.run(lambda told: beats(told) >= 1)

    assert around.loop.node.links["one"].ever_heard
    assert [effect for effect in hands.told if isinstance(effect, Notify)] == []
    assert not around.loop.node.silent


def test_time_never_goes_back_whatever_a_datagram_says(around: Round) -> None:
    """The machine asserts that its `now` only grows; a transport's instants are a stranger's."""
    now = clock.now()
    around.loop._stepped_at = now
    assert around.loop._believable(Instant(now + 10**12)) <= clock.now()
    long_ago = Instant(now - 10 * SECOND)
    assert around.loop._believable(long_ago) >= now
    just_now = Instant(clock.now() - 1_000_000)
    assert around.loop._believable(just_now) == just_now


def test_the_highest_epoch_is_kept_for_the_next_run(around: Round) -> None:
    """P4: what the ledger is told once is told again only when it has changed."""
    told: list[tuple[dict[str, int], bool]] = []

    class Listening(Paper):
        def keep(self, epochs: dict[str, int], *, outcast: bool, maintenance: bool) -> None:
            assert not outcast
            told.append((epochs, maintenance))

    paper = Listening(Config.from_document(DOCUMENT), 11, around.ways.pool.notices, around.log)
    around.loop._keep(paper)
    around.loop._keep(paper)
    group = replace(around.loop.node.groups["web"], known=Epoch(7))
    around.loop.node = replace(around.loop.node, groups={"web": group})
    around.loop._keep(paper)
    around.loop.node = replace(around.loop.node, maintenance=True)
    around.loop._keep(paper)
    assert told == [({"web": 0}, False), ({"web": 7}, False), ({"web": 7}, True)]
