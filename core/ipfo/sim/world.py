"""A world: two hosts, what is between them, virtual time, and one source of chance.

Same settings, same happenings, same seed: the same world to the last bit, in every process. So
nothing here asks a real clock, a set for its order, or `hash` for anything.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded: a world is its seed
from typing import Any

from ipfo.model import Answer
from ipfo.sim import faults
from ipfo.sim.happenings import Happening
from ipfo.sim.host import Host
from ipfo.sim.judge import Judge
from ipfo.sim.network import Network
from ipfo.sim.others import Store
from ipfo.sim.settings import GroupSettings, Settings
from ipfo.wire import Keyring

THIRD_CARD = "02:00:5e:00:53:99"
THIRD_HOST = "a third host"

Do = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something worth seeing on a time line; `host` is empty for what concerns no single one."""

    at_ns: int
    host: str
    text: str


class World:
    """Runs `happenings` in the pair of `settings`. `noting` keeps all that the nodes say, too."""

    def __init__(
        self,
        settings: Settings,
        happenings: Sequence[Happening] = (),
        *,
        seed: int = 0,
        noting: bool = False,
    ) -> None:
        self.now = 0
        self.settings = settings
        self.chance = Random(seed)
        self.is_noting = noting
        self.is_well = False  # no worker is slow by chance any more
        self.groups: dict[str, GroupSettings] = {group.name: group for group in settings.groups}
        units = (*settings.groups, *settings.other)
        self.named: dict[str, GroupSettings] = {unit.name: unit for unit in reversed(units)}
        self.addresses: tuple[str, ...] = tuple(
            dict.fromkeys(address for unit in units for address in unit.addresses)
        )
        self.network = Network(settings)
        self.ring = Keyring.without_key(settings.pair)
        self.store: Store = Store()
        self.third: set[str] = set()  # addresses for which a third host answers
        self.believed: dict[str, str] = {}  # whom the neighbours believe to have each group
        self.marks: list[Mark] = []
        self.notes: list[Mark] = []
        self.hosts: dict[str, Host] = {}
        self.judge = Judge(self)
        self.heard: list[tuple[int, str, str]] = []  # instant, link, listener: where `noting`
        self._heap: list[tuple[int, int, Do, Any]] = []
        self._order = 0
        for name in settings.nodes:
            self.hosts[name] = Host(self, name)
        for host in self.hosts.values():
            if host.powered:
                host.set_home_addresses()
                host.start_engine()
        for happening in happenings:
            self.push(happening.at_ns, self._happen, happening)

    def push(self, at: int, do: Do, what: object) -> None:
        """Call `do(what)` at the world's instant `at`."""
        self._order += 1
        heapq.heappush(self._heap, (at, self._order, do, what))

    def run(self, until_ns: int) -> None:
        """Let time go by until `until_ns`, or until the judge has found a broken promise."""
        heap, judge = self._heap, self.judge
        alpha, beta = self.hosts.values()
        while judge.broken is None:
            first, second = alpha.due(), beta.due()
            host = alpha if first <= second else beta
            due = min(first, second)
            if heap and heap[0][0] <= due:
                if heap[0][0] > until_ns:
                    break
                at, _, do, what = heapq.heappop(heap)
                self.now = at
                do(what)
            elif due <= until_ns:
                if due > self.now:
                    self.now = due
                assert host.engine is not None
                host.engine.wake()
            else:
                break
        if judge.broken is None:
            self.now = max(self.now, until_ns)

    def send(self, source: str, link: str, datagram: bytes) -> None:
        """`datagram` leaves the card of `source`; whether and when it arrives is the way's affair."""
        network = self.network
        way = network.ways[link, source]
        if network.no_carrier and link == network.links[0]:
            way.lost_at = self.now
            return
        for at in way.arrivals(self.now, self.chance):
            self.push(at, self._arrive, (way, datagram))

    def _arrive(self, told: tuple[Any, bytes]) -> None:
        way, datagram = told
        if way.cut:
            way.lost_at = self.now
            return
        target = self.hosts[way.target]
        if self.is_noting and target.engine is not None:
            self.heard.append((self.now, way.link, way.target))
        target.hear(way.link, datagram)

    def _happen(self, happening: Happening) -> None:
        self.marks.append(Mark(self.now, str(happening.told.get("node", "")), happening.line))
        faults.happen(self, happening)
        self.judge.look()

    def having(self, address: str) -> list[str]:
        """Whose answer a client could get, as the kernels see it."""
        return [host.name for host in self.hosts.values() if host.holds(address)]

    def holders(self, group: str) -> list[str]:
        """Who has an address of `group`."""
        found = [name for address in self.named[group].addresses for name in self.having(address)]
        return [name for name in self.hosts if name in found]

    def holders_changed(self, address: str) -> None:
        """It came or went somewhere."""
        self.judge.holders_changed(address)

    def stood_changed(self) -> None:
        """A host stood still, goes on, or has lost or got power or carrier."""
        for address in self.addresses:
            self.judge.holders_changed(address)

    def who_answers(self, asker: Host, group: str) -> list[Answer]:
        """What `asker` hears when it asks the wire for the addresses of `group`, now."""
        return self.who_has(asker, asker.units[group].addresses)

    def who_has(self, asker: Host, addresses: Sequence[str]) -> list[Answer]:
        """The same for `addresses`: whether anybody else has one of them."""
        answers = []
        other = asker.peer
        wire = self.network.wire_answers(self.settings.links[0], asker.name, other.name)
        if wire and any(other.holds(address) for address in addresses):
            answers.append(
                Answer(addresses[0], f"02:00:5e:00:53:0{1 + self._number(other)}", other.name)
            )
        third = any(address in self.third for address in addresses)
        if third and asker.name not in self.network.no_carrier:
            answers.append(Answer(addresses[0], THIRD_CARD, THIRD_HOST))
        return answers

    def peer_answers(self, asker: Host) -> bool:
        """Whether the peer's kernel answers `asker` for its own addresses, on any link, now."""
        other = asker.peer
        return other.is_awake and any(
            self.network.wire_answers(link, asker.name, other.name) for link in self.settings.links
        )

    def mark(self, host: str, text: str) -> None:
        """Something worth seeing happens on `host`."""
        self.marks.append(Mark(self.now, host, text))

    def note(self, host: str, text: str) -> None:
        """`host` says something, for whoever reads along."""
        if self.is_noting:
            self.notes.append(Mark(self.now, host, text))

    def _number(self, host: Host) -> int:
        return self.settings.nodes.index(host.name)
