"""The control socket: commands come in as lines of JSON, progress and outcomes go out.

Nobody on the other side can hold up the engine: reads and writes never wait, buffers have an end,
and who does not read, floods, or idles is dropped. Requests and answers are described in
docs/reference/cli.md.
"""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.config.model import GroupConfig
from ipfo.errors import HostError
from ipfo.machine.effects import Record, Settle
from ipfo.machine.events import (
    Event,
    HandoverAsked,
    MaintenanceAsked,
    RestartAsked,
    ResumeAsked,
    StandbyAsked,
)
from ipfo.model import SECOND, Instant
from ipfo.workers.call import Channel, ChannelFullError

CLIENTS_MAX = 16
"""Connections at one time; one more is turned away."""

REQUESTS_MAX = 2
"""Requests taken from one connection in one round; what floods has to wait for the heartbeat."""

IDLE_NS = 30 * SECOND
"""How long a connection may stay that says nothing, waits for nothing, or does not read."""

PENDING_NS = 600 * SECOND
"""After this an order that was never settled no longer keeps the next one out."""

RELOAD = "the config"
"""Who waits for a reload waits for this; no group has such a name."""


@dataclass(slots=True)
class _Client:
    channel: Channel
    seen_at: Instant
    waits_for: str | None = None  # the order's key


@dataclass(slots=True)
class _Order:
    """What an administrator asked for and the machine has not settled yet."""

    group: str | None
    asked_at: Instant
    restart: bool = False


Order = HandoverAsked | StandbyAsked | MaintenanceAsked | ResumeAsked | RestartAsked


class Control:
    """Serves the listening socket. Wait for `reading` and `writing`, then call `ready`.

    `status` makes the report; `rehearse` begins what comes before a restart, `reload` a reload;
    `groups` (they may be replaced) are those that an order may name, each a part of a unit, which
    moves as a whole; `nodes` likewise.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        status: Callable[[], Mapping[str, Any]],
        rehearse: Callable[[], None],
        reload: Callable[[], None],
        groups: Mapping[str, GroupConfig],
        nodes: tuple[str, str],
    ) -> None:
        self._listener = listener
        self._status = status
        self._rehearse = rehearse
        self._reload = reload
        self.groups = groups
        self._nodes = nodes
        self._clients: list[_Client] = []
        self._orders: dict[str, _Order] = {}
        self._report: Mapping[str, Any] | None = None

    def reading(self) -> list[int]:
        """The descriptors to be read from."""
        here = [c.channel for c in self._clients if not c.channel.closed]
        return [self._listener.fileno(), *(channel.fileno() for channel in here)]

    def writing(self) -> list[int]:
        """The descriptors that have room to be waited for."""
        return [c.channel.fileno() for c in self._clients if c.channel.wants_write]

    def next_deadline(self) -> Instant | None:
        """When `ready` is to be called though nothing comes: for what waits, or idles for too long."""
        if any(client.channel.holds for client in self._clients):
            return Instant(0)
        ends = [self._ends_at(c) for c in self._clients]
        return min((end for end in ends if end is not None), default=None)

    def ready(self, fds: set[int], now: Instant) -> list[Event]:
        """Serve the connections among `fds`; the orders that the machine is to hear of."""
        events: list[Event] = []
        self._report = None
        if self._listener.fileno() in fds:
            self._accept(now)
        for client in list(self._clients):
            if client.channel.fileno() in fds or client.channel.holds:
                client.seen_at = now
                client.channel.flush()
                for request in client.channel.receive(REQUESTS_MAX):
                    event = self._take(client, request, now)
                    if event is not None:
                        events.append(event)
        self._drop(now)
        return events

    def recorded(self, record: Record) -> None:
        """Whoever waits for the group of `record` sees how it goes."""
        for client in self._clients:
            order = self._orders.get(client.waits_for or "")
            if order is not None and order.group in (None, record.group):
                self._say(client, {"progress": progress(record)})

    def settled(self, settle: Settle, now: Instant) -> None:
        """Whoever waits for it gets the outcome."""
        self._settle(_key(settle.group), settle.done, settle.why, now)

    def reloaded(self, done: bool, lines: Sequence[str]) -> None:
        """Whoever waits for a reload gets the outcome."""
        self._settle(RELOAD, done, "\n".join(lines), clock.now())

    def _settle(self, key: str, done: bool, why: str, now: Instant) -> None:
        order = self._orders.pop(key, None)
        for client in self._clients:
            if order is not None and client.waits_for == key:
                took_ms = (now - order.asked_at) // 1_000_000
                client.waits_for = None
                client.seen_at = now
                self._say(client, {"settled": {"done": done, "why": why, "ms": took_ms}})

    def close(self, *, restarting: bool = False) -> None:
        """Drop everybody; who still waits is told that the daemon ends, or is replaced."""
        for client in self._clients:
            order = self._orders.get(client.waits_for or "")
            if order is not None and order.restart and restarting:
                self._say(client, {"restarting": True})
            elif order is not None:
                why = "the daemon is restarted" if restarting else "the daemon ends"
                self._say(client, {"settled": {"done": False, "why": why, "ms": 0}})
            client.channel.close()
        self._clients.clear()
        self._listener.close()

    def _accept(self, now: Instant) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return  # gone again, or no descriptor is left
        client = _Client(Channel(accepted), now)
        if len(self._clients) >= CLIENTS_MAX:
            self._say(client, {"error": f"{CLIENTS_MAX} commands are connected already"})
            client.channel.close()
            return
        self._clients.append(client)

    def _take(self, client: _Client, request: Mapping[str, Any], now: Instant) -> Event | None:
        if request.get("do") == "status":
            if self._report is None:  # one for all who ask in this round: it grows with the groups
                self._report = self._status()
            self._say(client, {"status": self._report})
            return None
        if request.get("do") == "reload":
            self._orders.setdefault(RELOAD, _Order(RELOAD, now))
            client.waits_for = RELOAD
            self._reload()
            return None
        try:
            event = self._event(request)
        except ValueError as error:
            self._say(client, {"error": str(error)})
            return None
        group = event.group if isinstance(event, HandoverAsked) else None
        key = _key(group)
        order = self._orders.get(key)
        if order is not None and now - order.asked_at < PENDING_NS:
            what = "an order for this node" if group is None else f"a move of {group}"
            self._say(client, {"error": f"{what} is under way already; wait for it"})
            return None
        restart = isinstance(event, RestartAsked)
        self._orders[key] = _Order(group, now, restart)
        client.waits_for = key
        if restart:
            self._rehearse()
            return None
        return event

    def _event(self, request: Mapping[str, Any]) -> Order:
        match request:
            case {"do": "standby"}:
                return StandbyAsked()
            case {"do": "maintenance"}:
                return MaintenanceAsked()
            case {"do": "resume"}:
                return ResumeAsked()
            case {"do": "restart"}:
                return RestartAsked()
            case {"do": "failback", "group": str(name)}:
                group = self._group(name)
                if group.failback == "never":
                    raise ValueError(
                        f'groups.{name}: failback = "never" is set: to move it all the same,'
                        f" give 'ipfo handover {name} --to {group.preferred}'"
                    )
                return HandoverAsked(group.unit, group.preferred)
            case {"do": "handover", "group": str(name), "to": str(to)}:
                if to not in self._nodes:
                    raise ValueError(f"no node is called {to}; there are {', '.join(self._nodes)}")
                return HandoverAsked(self._group(name).unit, to)
            case _:
                raise ValueError("this daemon does not know that request; are both of one version?")

    def _group(self, name: str) -> GroupConfig:
        if name not in self.groups:
            raise ValueError(f"no group is called {name}; there are {', '.join(self.groups)}")
        return self.groups[name]

    def _say(self, client: _Client, message: Mapping[str, Any]) -> None:
        try:
            client.channel.send(message)
        except (ChannelFullError, ValueError):
            client.channel.close()  # it does not read

    def _ends_at(self, client: _Client) -> Instant | None:
        if client.waits_for is not None and not client.channel.wants_write:
            return None
        return Instant(client.seen_at + IDLE_NS)

    def _drop(self, now: Instant) -> None:
        for client in list(self._clients):
            end = self._ends_at(client)
            if client.channel.closed or (end is not None and end <= now):
                client.channel.close()
                self._clients.remove(client)


def progress(record: Record) -> dict[str, Any]:
    """`record` as a command that waits sees it."""
    return {
        "what": record.what,
        "rule": record.rule,
        "group": record.group,
        "was": None if record.was is None else record.was.value,
        "role": None if record.role is None else record.role.value,
        "epoch": record.epoch,
    }


def _key(group: str | None) -> str:
    return "this node" if group is None else f"group {group}"


def listen(path: Path, *, group: int | None) -> socket.socket:
    """A listening socket at `path`, for its owner alone or also for the members of `group`.

    One that a dead daemon left is replaced: the caller holds the state folder's lock.

    :raises HostError: if it cannot be made there.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        if group is not None:
            os.chown(path, -1, group)
            path.chmod(0o660)
        listener.listen(CLIENTS_MAX)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise HostError(f"{path}: no control socket can be made there: {error}") from error
    finally:
        os.umask(mask)
    return listener
