"""The links between the two hosts, a direction each, and the wire that ARP and NDP travel.

A cable that is cut carries nothing; where only heartbeats are filtered the wire still answers. The
wire of the service addresses is that of the first link.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded: a world is its seed

from ipfo.sim.settings import Settings


@dataclass(slots=True)
class Burst:
    """Now and then everything is bad for a while. Shares 0.0 to 1.0, times in ns."""

    loss: float
    lasts_ns: int
    every_ns: int
    begins_at: int = 0

    def is_bad(self, now: int, chance: Random) -> bool:
        """Whether `now` is in a burst; when the last one is over the next one is drawn."""
        if now >= self.begins_at + self.lasts_ns:
            self.begins_at = now + int(chance.expovariate(1 / self.every_ns))
        return now >= self.begins_at


@dataclass(slots=True)
class Way:
    """One direction of one link."""

    link: str
    source: str
    target: str
    delay_ns: tuple[int, int]
    loss: float
    doubled: float
    cut: bool = False  # the cable: nothing at all gets through
    filtered: bool = False  # heartbeats do not, the rest does
    arp_filtered: bool = False  # the other way round
    burst: Burst | None = None
    lost: int = 0  # datagrams that this way has swallowed, for whatever reason
    lost_at: int = -1  # when the last of them was sent, or cut off on its way

    def arrivals(self, now: int, chance: Random) -> tuple[int, ...]:
        """When what is sent `now` arrives: never, once, or twice. What jitters may be overtaken."""
        lost = self.cut or self.filtered or (self.loss > 0 and chance.random() < self.loss)
        if not lost and self.burst is not None and self.burst.is_bad(now, chance):
            lost = chance.random() < self.burst.loss
        if lost:
            self.lost += 1
            self.lost_at = now
            return ()
        least, most = self.delay_ns
        first = now + least + int(chance.random() * (most - least))
        if self.doubled and chance.random() < self.doubled:
            return first, first + int(chance.random() * 4 * most)
        return (first,)


class Network:
    """All ways between the two hosts of `settings`, and who has carrier."""

    def __init__(self, settings: Settings) -> None:
        character = settings.character
        self.links = settings.links
        self.ways: dict[tuple[str, str], Way] = {}  # by link and source
        for link in settings.links:
            for source in settings.nodes:
                self.ways[link, source] = Way(
                    link,
                    source,
                    settings.peer(source),
                    character.delay_ns,
                    character.loss,
                    character.doubled,
                )
        self.no_carrier: set[str] = set()  # hosts, on the interface of the service addresses

    def chosen(self, link: str | None, source: str | None = None) -> Iterator[Way]:
        """The ways of `link` (None: of all) out of `source` (None: both)."""
        for way in self.ways.values():
            if link in (None, way.link) and source in (None, way.source):
                yield way

    def carries(self, way: Way) -> bool:
        """Whether a heartbeat may get through at all: no cut, no filter, carrier at both ends."""
        if way.cut or way.filtered:
            return False
        return way.link != self.links[0] or not self.no_carrier

    def works(self) -> bool:
        """Whether both directions of one link may carry heartbeats."""
        for link in self.links:
            there, back = self.chosen(link)
            if self.carries(there) and self.carries(back) and there.loss < 1 and back.loss < 1:
                return True
        return False

    def wire_answers(self, link: str, asker: str, other: str) -> bool:
        """Whether a question of `asker` on the wire of `link` reaches `other`, and the answer back."""
        if link == self.links[0] and self.no_carrier & {asker, other}:
            return False
        ways = (self.ways[link, asker], self.ways[link, other])
        return not any(way.cut or way.arp_filtered for way in ways)
