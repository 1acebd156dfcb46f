"""This node's ends of the links: bytes out, heartbeats in, and what is counted on the way.

The engine loads transports and nothing else of strangers. What comes off the wire is believed or
counted as rejected here, through the wire's one door, and never raises.
"""

import errno
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipfo import clock
from ipfo.config.model import Config, LinkConfig
from ipfo.daemon.recent import Recent
from ipfo.errors import ConfigError, HostError, IpfoError, NotAllowedError
from ipfo.machine.effects import Notify
from ipfo.machine.events import HeartbeatHeard
from ipfo.model import SECOND, Event, Heartbeat, Instant
from ipfo.plugin.contracts import Datagram, LinkEnd, Offer, Transport
from ipfo.plugin.registry import Registry, installed
from ipfo.wire import Keyring, Names, Reason, Rejected, Windows, make_datagram, open_datagram
from ipfo.wire.names import PAIR_ID_BYTES
from ipfo.wire.seal import KEY_ID_AT, PAIR_ID_AT

BATCHES_MAX = 8
"""Calls of one transport's `receive` in a row. A flood of more than this many batches must wait for
the heartbeat that is due; 8 of 64 are 512 datagrams, some 10 ms of work."""


SAME_NODE_LEAST = 3
"""Heartbeats within a minute that say they are ours before people are told: one or two may be the
last of the run before this one."""

UNSENT = "unsent"

STRANGERS_MAX = 500
"""Datagrams a second and link that are opened though they do not come from where the peer sends: a flood
costs the wire's seals no more than that. A sender can be forged, so the peer's own share has no bound:
else a flood in its name would silence it."""

TOO_MANY = "too many"


@dataclass(slots=True)
class Counters:
    """What happened on one link, in datagrams: since the start of the daemon, or within a minute."""

    sent: int = 0
    received: int = 0
    unsent: Recent = field(default_factory=Recent)  # the transport could not: no route, no room
    rejected: Recent = field(default_factory=Recent)  # by reason


@dataclass(slots=True)
class _End:
    transport: Transport
    counters: Counters
    expected: str  # from where the peer sends, as the config says
    peers: set[str]  # and as it was last proven
    last_sent: int = 0  # the sequence number
    second: int = 0  # in which `strangers` were counted
    strangers: int = 0

    def has_room(self, datagram: Datagram) -> bool:
        """Whether it may be opened."""
        if datagram.source in self.peers:
            return True
        second = datagram.at // SECOND
        if second != self.second:
            self.second, self.strangers = second, 0
        self.strangers += 1
        return self.strangers <= STRANGERS_MAX

    def proven_from(self, source: str) -> None:
        """The peer has sent from there, whatever the config says: through a translation of addresses, say."""
        if source not in self.peers:
            self.peers = {self.expected, source}


class Links:
    """All links of the node, open. `ends` are their transports by link name, `expected` the peer's addresses.

    `ring` may be replaced at any time. `tell`, where it is set, is called with what people should know of strangers on a wire.
    """

    def __init__(
        self,
        ends: Mapping[str, Transport],
        names: Names,
        ring: Keyring,
        boot: int,
        expected: Mapping[str, str],
    ) -> None:
        self._ends = {
            name: _End(transport, Counters(), expected[name], {expected[name]})
            for name, transport in ends.items()
        }
        self._names = names
        self.ring = ring
        self.peer_key: bytes | None = None  # the id of the key that the peer sent with last
        self._windows = Windows(boot)
        self.tell: Callable[[Notify], None] | None = None
        self._told: set[tuple[str, Reason]] = set()

    @classmethod
    def open(cls, config: Config, ring: Keyring, boot: int) -> "Links":
        """Every link of `config` has its socket.

        :raises HostError: if one cannot be opened on this host; those opened before are closed.
        :raises NotAllowedError: if the operating system refuses.
        :raises ConfigError: if a transport refuses its options, or a plugin is missing or broken.
        """
        try:
            names = Names.of(config.terms(boot))
        except ValueError as error:
            raise ConfigError(f"{config.path}: {error}") from error
        offers = transports(config)
        opened: dict[str, Transport] = {}
        try:
            for link in config.links.values():
                opened[link.name] = _open(link, config, offers[link.transport])
        except BaseException:
            _close(opened.values())
            raise
        expected = {link.name: link.addresses[config.peer] for link in config.links.values()}
        return cls(opened, names, ring, boot, expected)

    def filenos(self) -> list[int]:
        """What is readable when something has come."""
        return [end.transport.fileno() for end in self._ends.values()]

    def receive(self) -> list[tuple[Instant, HeartbeatHeard]]:
        """All heartbeats that are here on any link, in the order in which they came."""
        heard: list[tuple[Instant, HeartbeatHeard]] = []
        for name, end in self._ends.items():
            for _ in range(BATCHES_MAX):
                batch = end.transport.receive()
                for datagram in batch:
                    event = self._open_datagram(name, end, datagram)
                    if event is not None:
                        heard.append((datagram.at, event))
                if not batch:
                    break
        heard.sort(key=lambda each: each[0])
        return heard

    def send(self, heartbeat: Heartbeat) -> None:
        """`heartbeat` is on its link's wire, or counted as unsent."""
        end = self._ends[heartbeat.link]
        end.last_sent = heartbeat.sequence
        if end.transport.send(make_datagram(heartbeat, self._names, self.ring)):
            end.counters.sent += 1
        else:
            end.counters.unsent.add(UNSENT, clock.now())

    def counters(self) -> Mapping[str, Counters]:
        """What was counted, by link."""
        return {name: end.counters for name, end in self._ends.items()}

    def keys(self) -> Mapping[str, Any]:
        """The ids of the keys in use, ours and what the peer sent with last; no keys."""
        return {
            "sends": self.ring.key_id.hex(),
            "accepts": [key_id.hex() for key_id in self.ring.keys],
            "peer_sends": None if self.peer_key is None else self.peer_key.hex(),
        }

    def close(self) -> None:
        """Give the sockets back."""
        _close(end.transport for end in self._ends.values())

    def _open_datagram(self, link: str, end: _End, datagram: Datagram) -> HeartbeatHeard | None:
        if not end.has_room(datagram):
            end.counters.rejected.add(TOO_MANY, clock.now())
            return None
        opened = open_datagram(
            datagram.body,
            link=link,
            names=self._names,
            ring=self.ring,
            windows=self._windows,
            sent=end.last_sent,
        )
        if isinstance(opened, Rejected):
            end.counters.rejected.add(opened.reason.value, clock.now())
            if opened.reason in (Reason.PAIR, Reason.SAME_NODE):
                self._mind_stranger(link, end, opened.reason, datagram)
            return None
        end.counters.received += 1
        heartbeat, proven = opened
        if proven:
            end.proven_from(datagram.source)
            self.peer_key = datagram.body[KEY_ID_AT:PAIR_ID_AT]
        return HeartbeatHeard(link, heartbeat, proven)

    def _mind_stranger(self, link: str, end: _End, reason: Reason, datagram: Datagram) -> None:
        """Tell people, once for each link: somebody there is not who the config says."""
        if (link, reason) in self._told or self.tell is None:
            return
        seen = end.counters.rejected.counts(clock.now())[reason.value]
        if reason is Reason.SAME_NODE and seen < SAME_NODE_LEAST:
            return
        self._told.add((link, reason))
        names, source = self._names, datagram.source
        if reason is Reason.SAME_NODE:
            headline = f"two hosts of {names.pair} are configured as {names.node}"
            detail = (
                f"{source} on link {link} says that it is {names.node}, too: nothing moves for it;"
                " say which node each host is with --node"
            )
        else:
            other = datagram.body[PAIR_ID_AT : PAIR_ID_AT + PAIR_ID_BYTES].hex()
            headline = f"another pair than {names.pair} is heard on link {link}"
            detail = (
                f"{source} sends for the pair with the id {other}, ours is {names.pair_id.hex()}:"
                " nothing moves for it; if it is meant to be the peer, pair.name differs"
            )
        self.tell(Notify(Event.ANOMALY, headline, detail))


def transports(config: Config) -> Mapping[str, Offer[Transport]]:
    """The offers that the links of `config` name; no other entry points are imported for it.

    A transport that no entry point is named after is looked for in ``plugins``, one at a time.
    """
    wanted = dict.fromkeys(link.transport for link in config.links.values())
    there = installed()
    offers = dict(Registry([name for name in wanted if name in there]).transports())
    for plugin in config.plugins:
        if all(name in offers for name in wanted):
            break
        offers |= Registry([plugin]).transports()
    missing = [name for name in wanted if name not in offers]
    if missing:
        raise ConfigError(f"{config.path}: no installed plugin offers the transport {missing[0]!r}")
    return offers


def _open(link: LinkConfig, config: Config, offer: Offer[Transport]) -> Transport:
    local = link.addresses[config.node]
    end = LinkEnd(
        name=link.name,
        local=local,
        remote=link.addresses[config.peer],
        port=link.port,
        interface=link.interfaces.get(config.node),
        may_be_absent=_is_home_address(local, config),
    )
    try:
        return offer.build(end, link.options)
    except ValueError as error:
        raise ConfigError(f"{config.path}: links.{link.name}: {error}") from error
    except OSError as error:
        raise _explain(error, end) from error


def _is_home_address(local: str, config: Config) -> bool:
    return any(
        group.home == config.node and any(address.ip == local for address in group.addresses)
        for group in config.groups.values()
    )


def _explain(error: OSError, end: LinkEnd) -> IpfoError:
    """`error` as one line that says what to do."""
    where = f"link {end.name}: {end.local} port {end.port}"
    if error.errno == errno.EADDRINUSE:
        return HostError(
            f"{where} is taken by another program (or another ipfo): "
            f"`ss -ulpn sport = :{end.port}` names it; end it, or set another port on both nodes"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return HostError(
            f"{where}: this host does not have the address (yet): configure it, "
            "or say which node this is with --node"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotAllowedError(f"{where}: {error.strerror}: run as root")
    if error.errno == errno.ENODEV:
        return HostError(f"{where}: there is no interface {end.interface or 'with it'}")
    return HostError(f"{where} cannot be opened: {error.strerror or error}")


def _close(opened: Iterable[Transport]) -> None:
    for transport in opened:
        transport.close()
