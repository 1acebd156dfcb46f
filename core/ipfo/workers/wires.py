"""Asking the wire: who answers for a service address, whose card that is, and whether the peer does.

All wires are asked at the same time, each by a provider object of its own, so that many take no
longer than one.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.config.model import Config, GroupConfig, LinkConfig
from ipfo.model import Address, Answer
from ipfo.plugin.contracts import Found, Provider
from ipfo.workers import child
from ipfo.workers.member import Member, Members

Asked = dict[str, Any]
Answers = list[Answer]

THIRD = "a third host"
"""Whose card it is, if it is neither node's."""

NOBODY_CAN = "no provider can ask the wire"

WHOSE_LEAST_NS = 20_000_000
"""How long the peer may take at the least to say that a card is its own, once one has answered."""

NO_CARD = "00:00:00:00:00:00"

NEIGHBOURS = Path("/proc/net/arp")
"""What Linux knows of its neighbours' cards, those that have fallen silent since among them."""

OPEN_MAX = 16
"""Questions that may still be open from before; where there are more, somebody hangs."""


@dataclass(frozen=True, slots=True, eq=False)
class Wire:
    """An interface, and the group by whose provider it is asked."""

    config: GroupConfig
    interface: str


class Wires:
    """The wires of the node that `config` describes."""

    def __init__(self, config: Config, members: Members) -> None:
        self._config = config
        self._members = members
        self._open: list[threading.Thread] = []
        self._peers: dict[str, set[str]] = {}  # its cards by our interface, once it was known

    def probe(self, given: Asked) -> Asked:
        """Who else answers for the addresses of `groups` (units), within `timeout_ns`.

        `answers`: by unit, lists of address, card, and whose it is: a node, "a third host", or ""
        if that could not be found out. `failed`: by unit, why a wire of it could not be asked.
        """
        wires: dict[tuple[int, str], tuple[Wire, list[Member]]] = {}
        for unit in given["groups"]:
            for member in self._members.units[unit]:
                interface = member.interface if member.home is None else member.home.interface()
                wire = Wire(member.config, interface)
                wires.setdefault((id(member.provider), interface), (wire, []))[1].append(member)
        said = self._ask(
            {
                wire: partial(self._who, wire, _addresses(members), given["timeout_ns"])
                for wire, members in wires.values()
            }
        )
        answers: dict[str, list[list[str]]] = {unit: [] for unit in given["groups"]}
        failed: dict[str, str] = {}
        for wire, members in wires.values():
            told = said[wire]
            for member in members:
                ips = {address.ip for address in member.config.addresses}
                if isinstance(told, str):
                    failed[member.config.unit] = told
                    continue
                answers[member.config.unit] += [
                    [each.address, each.card, each.whose] for each in told if each.address in ips
                ]
        answers = {unit: told for unit, told in answers.items() if unit not in failed or told}
        return {"answers": answers, "failed": failed}

    def probe_peer(self, given: Asked) -> Asked:
        """Whether any of the peer's own addresses on the links answers within `timeout_ns`.

        `failed`: why none of them could be asked for; null if one was.
        """
        try:
            wires = self._to_the_peer()
        except OSError as error:
            return {"answered": False, "failed": child.one_line(error)}
        said = self._ask(
            {
                wire: partial(self._probe, wire, addresses, given["timeout_ns"])
                for wire, addresses in wires.items()
            },
            enough=bool,
        )
        heard = [told for told in said.values() if not isinstance(told, str)]
        why = next((told for told in said.values() if isinstance(told, str)), None)
        return {"answered": any(heard), "failed": None if heard else why}

    def _who(self, wire: Wire, addresses: Sequence[Address], timeout_ns: int) -> Answers:
        """Who answers; in a thread."""
        ends = clock.now() + timeout_ns
        provider = self._build(wire)
        told = provider.probe(wire.interface, addresses, timeout_ns)
        if not told:
            return []
        left_ns = max(WHOSE_LEAST_NS, ends - clock.now())
        peers = self._cards_of_the_peer(provider, wire.interface, left_ns)
        if not peers:
            return list(told)
        return [
            replace(each, whose=self._config.peer if each.card in peers else THIRD) for each in told
        ]

    def _cards_of_the_peer(self, provider: Provider, interface: str, timeout_ns: int) -> set[str]:
        """The cards on which the peer answers for its own addresses, or is known to have answered.

        Whose card answers is asked just when the peer may be off, and so cannot tell.
        """
        there = provider.held()
        near = [found for found in there if found.interface == interface]
        own = {found.address.ip for found in there}
        wanted = [
            address
            for link in self._config.links.values()
            if (address := self._peer_on(link)) and address.ip not in own and _near(address, near)
        ]
        if not wanted:
            return set()
        cards = _neighbours(interface, {address.ip for address in wanted})
        with suppress(OSError):
            cards |= {each.card for each in provider.probe(interface, wanted, timeout_ns)}
        known = self._peers.setdefault(interface, set())
        known |= cards
        return known

    def _to_the_peer(self) -> dict[Wire, list[Address]]:
        """Where to ask for which of the peer's addresses; OSError where there is no such place."""
        askers = {
            id(member.provider): member
            for member in self._members
            if {"wire", "probe"} <= member.config.traits
        }
        if not askers:
            raise OSError(NOBODY_CAN)
        wires: dict[str, tuple[Wire, list[Address]]] = {}
        asked: set[str] = set()
        for member in askers.values():
            there = member.provider.held()
            own = {found.address.ip for found in there}
            for link in self._config.links.values():
                address = self._peer_on(link)
                if link.name in asked or address is None or address.ip in own:
                    continue  # the peer's home address may be here
                for found in self._own_on(link, there):
                    if _near(address, [found]):
                        key, wire = found.interface, Wire(member.config, found.interface)
                        wires.setdefault(key, (wire, []))[1].append(address)
                        asked.add(link.name)
        if not wires:
            raise OSError("the peer's own addresses are on no network of this host's links")
        return dict(wires.values())

    def _peer_on(self, link: LinkConfig) -> Address | None:
        text = link.addresses[self._config.peer].partition("%")[0]
        try:
            return Address.parse(text)
        except ValueError:
            return None

    def _own_on(self, link: LinkConfig, there: Sequence[Found]) -> list[Found]:
        """Where this node's own address of `link` is."""
        text, _, zone = link.addresses[self._config.node].partition("%")
        named = link.interfaces.get(self._config.node) or zone
        return [
            found for found in there if found.address.ip == text and named in ("", found.interface)
        ][:1]

    def _probe(self, wire: Wire, addresses: Sequence[Address], timeout_ns: int) -> Answers:
        return list(self._build(wire).probe(wire.interface, addresses, timeout_ns))

    def _build(self, wire: Wire) -> Provider:
        return self._members.offer(wire.config).build(wire.config.provider_options)

    def _ask(
        self,
        questions: Mapping[Wire, Callable[[], Answers]],
        enough: Callable[[Answers], bool] = lambda _: False,
    ) -> dict[Wire, Answers | str]:
        """Put `questions` at the same time; the answers, or why there is none.

        Ends when one was `enough`; then some may be missing.
        """
        self._open = [thread for thread in self._open if thread.is_alive()]
        if len(self._open) > OPEN_MAX:
            raise OSError(f"{len(self._open)} earlier questions to the wire have not come back")
        came: queue.SimpleQueue[tuple[Wire, Answers | str]] = queue.SimpleQueue()
        for wire, question in questions.items():
            thread = threading.Thread(target=_put, args=(wire, question, came), daemon=True)
            self._open.append(thread)
            thread.start()
        said: dict[Wire, Answers | str] = {}
        while len(said) < len(questions):
            wire, told = came.get()
            said[wire] = told
            if not isinstance(told, str) and enough(told):
                break
        return said


def _put(
    wire: Wire,
    question: Callable[[], Answers],
    came: "queue.SimpleQueue[tuple[Wire, Answers | str]]",
) -> None:
    try:
        came.put((wire, question()))
    except BaseException as error:  # a stranger's sys.exit() must not leave the question open
        came.put((wire, child.one_line(error)))


def _neighbours(interface: str, ips: Set[str]) -> set[str]:
    """The cards that the kernel knows for `ips` on `interface`; none where it does not say."""
    try:
        lines = NEIGHBOURS.read_text().splitlines()[1:]
    except OSError:
        return set()
    rows = [fields for line in lines if len(fields := line.split()) == 6]
    return {
        card
        for ip, _, flags, card, _, device in rows
        if device == interface and ip in ips and int(flags, 16) and card != NO_CARD
    }


def _near(address: Address, near: Sequence[Found]) -> bool:
    """Whether a neighbour of one of `near` can have `address`."""
    return any(address.interface.ip in found.address.interface.network for found in near)


def _addresses(members: Sequence[Member]) -> list[Address]:
    return [address for member in members for address in member.config.addresses]
