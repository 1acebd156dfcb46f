"""The one place that waits: one thread, one `select`, one deadline; whatever comes is stepped.

What has arrived goes before what is due: a takeover is decided only when every socket has been
drained. And what is due goes before a long queue: our heartbeat never waits for all that is in
the inbox. `select` and not epoll, which rounds waits up to whole milliseconds.
"""

import select
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ipfo import clock
from ipfo.daemon.carrier import Carrier
from ipfo.daemon.control import Control
from ipfo.daemon.lateness import Lateness
from ipfo.daemon.links import Links
from ipfo.daemon.paper import Paper
from ipfo.daemon.signals import Signals, Watchdog
from ipfo.daemon.status import Holders
from ipfo.machine.effects import Effect
from ipfo.machine.events import DeadlineReached, Event
from ipfo.machine.node import Node
from ipfo.machine.step import next_deadline, step_all
from ipfo.model import SECOND, Instant, Role, Terms
from ipfo.workers.pool import Pool

STEPS_MAX = 64
"""Events taken from the inbox in one round; what is left waits until a due deadline was served."""

EACH_STEP_NS = 500_000
"""What one of them may cost: all of them together are not to hold up a heartbeat."""


class Hands(Protocol):
    """Carries effects out; `ipfo.daemon.effects.Effects` is the one that there is."""

    ended: bool

    def carry_out(self, effect: Effect) -> None:
        """Begin `effect`, without waiting; its answer comes by `Loop.put`."""

    def flush(self) -> None:
        """What the effects of one step have gathered is under way, too."""

    def rest(self, role_of: Callable[[str], Role]) -> None:
        """Give back what the moves that are over had in use."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What the loop listens to."""

    links: Links
    pool: Pool
    carrier: Carrier
    control: Control
    signals: Signals


class Loop:
    """Steps `node` until the machine says that it may end. Only this calls `step`.

    `put` may be called from whatever the loop calls; nothing else may touch it.
    """

    def __init__(self, node: Node, terms: Terms) -> None:
        self.node = node
        self.terms = terms
        self.holders = Holders()
        self._inbox: deque[Event] = deque()
        self._steps_max = max(1, min(STEPS_MAX, terms.interval_ns // EACH_STEP_NS))
        self._watchdog = Watchdog()
        self.lateness = Lateness(terms.renew_margin_ns)
        self._late: str | None = None  # to be told
        self._stepped_at = node.started_at
        self._changed = True
        self._kept: tuple[dict[str, int], bool, bool] | None = None

    def put(self, event: Event) -> None:
        """`event` will be stepped in one of the next rounds."""
        self._inbox.append(event)

    def run(self, ways: Ways, hands: Hands, paper: Paper, first: Sequence[Effect]) -> None:
        """Carry out `first`, then go round until `hands` have been told to end."""
        for effect in first:
            hands.carry_out(effect)
        hands.flush()
        while not hands.ended:
            self._round(ways, hands)
            if self._late is not None:
                paper.write("late", self._late)
                self._late = None
            if self._changed:
                self._changed = False
                self.holders.see(self.node, self.terms, self._stepped_at)
                self._keep(paper)
                hands.rest(self._role_of)

    def _round(self, ways: Ways, hands: Hands) -> None:
        readable, writable = self._wait(ways)
        fds = readable | writable
        for at, heard in ways.links.receive():
            self._take([heard], self._believable(at), hands)
        now = clock.now()
        for fileno, _, worker in ways.pool.watched():
            if fileno in fds:
                worker.ready(now)
        ways.pool.expire(now)
        if ways.signals.fileno() in readable:
            self._inbox.extend(ways.signals.take())
        if ways.carrier.fileno() in readable:
            self._inbox.extend(ways.carrier.changes())
        if self._inbox:
            first = [self._inbox.popleft() for _ in range(min(self._steps_max, len(self._inbox)))]
            self._take(first, clock.now(), hands)
        now = clock.now()
        if (due := next_deadline(self.node)) <= now:
            self._late = self.lateness.note(now - due) or self._late
            self._take([DeadlineReached()], now, hands)
        self._watchdog.feed(now)
        # Last, so that nobody is told how it was before: an order to end may have come.
        self._inbox.extend(ways.control.ready(fds, now))

    def _wait(self, ways: Ways) -> tuple[set[int], set[int]]:
        """Sleep until something comes or is due; what may be read and what may be written."""
        watched = ways.pool.watched()
        reading = [*ways.links.filenos(), *ways.control.reading(), ways.signals.fileno()]
        reading += [fileno for fileno, _, _ in watched]
        if (news := ways.carrier.fileno()) is not None:
            reading.append(news)
        writing = [fileno for fileno, wants_write, _ in watched if wants_write]
        writing += ways.control.writing()
        readable, writable, _ = select.select(reading, writing, [], self._wait_s(ways))
        return set(readable), set(writable)

    def _wait_s(self, ways: Ways) -> float:
        if self._inbox:
            return 0
        due = next_deadline(self.node)
        for other in (ways.pool.next_deadline(), ways.control.next_deadline()):
            if other is not None and other < due:
                due = other
        return max(0, due - clock.now()) / SECOND

    def _believable(self, at: Instant) -> Instant:
        """The instant of a datagram; but now, where it waited for us: we were not awake to hear it."""
        now = clock.now()
        return at if 0 <= now - at < self.terms.interval_ns // 2 else now

    def _take(self, events: Sequence[Event], at: Instant, hands: Hands) -> None:
        """Step on `events`, and do at once what follows; time never goes back."""
        self._stepped_at = max(self._stepped_at, at)
        was = self.node
        taken = step_all(was, events, now=self._stepped_at, terms=self.terms)
        self.node = taken.node
        for effect in taken.effects:
            hands.carry_out(effect)
        hands.flush()
        node = taken.node
        ordered = (node.outcast, node.maintenance) != (was.outcast, was.maintenance)
        # no group changes when a peer falls silent whose groups nobody here may take
        if node.groups is not was.groups or ordered or node.silent != was.silent:
            self._changed = True

    def _role_of(self, group: str) -> Role:
        return self.node.groups[group].role

    def _keep(self, paper: Paper) -> None:
        """Let the next run know the highest epochs (P4), and what an administrator has set."""
        node = self.node
        epochs = {name: int(group.known) for name, group in node.groups.items()}
        if (epochs, node.outcast, node.maintenance) != self._kept:
            self._kept = (epochs, node.outcast, node.maintenance)
            paper.keep(epochs, outcast=node.outcast, maintenance=node.maintenance)
