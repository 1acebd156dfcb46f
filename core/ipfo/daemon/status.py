"""The report of ``ipfo status``: what this node knows, and how old that is.

A contract (docs/reference/cli.md): add to it freely, rename nothing. Plain JSON values only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from ipfo.config.model import Config
from ipfo.daemon.links import Counters
from ipfo.machine.group import Group, Hold
from ipfo.machine.links import Link, loss
from ipfo.machine.node import Node
from ipfo.model import GroupEntry, Instant, Role, Sign, Terms
from ipfo.workers.pool import Worker

VERSION = version("ipfo")


@dataclass(slots=True)
class Holders:
    """Since when each group has the holder that it has, as far as this node has seen."""

    known: dict[str, tuple[str | None, Instant]] = field(default_factory=dict)

    def see(self, node: Node, terms: Terms, now: Instant) -> None:
        """Note who holds what now."""
        for name, group in node.groups.items():
            who = holder(group, node, terms)
            if name not in self.known or self.known[name][0] != who:
                self.known[name] = (who, now)


def holder(group: Group, node: Node, terms: Terms) -> str | None:
    """Who has the group's addresses, by what this node knows; None: nobody, or nobody knows."""
    if group.role is Role.HOLDER or group.hold in (Hold.ON, Hold.GOING):
        return terms.node
    if group.peer is not None and not node.silent and _has(group.peer):
        return terms.peer
    return None


def report(
    config: Config,
    node: Node,
    now: Instant,
    *,
    holders: Holders,
    counters: Mapping[str, Counters],
    carrier: Mapping[str, bool],
    workers: Mapping[str, Worker],
    outbox: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Everything, as of `now`."""
    ever = node.peer_boot is not None
    return {
        "node": config.node,
        "pair": config.pair,
        "version": VERSION,
        "at": _wall(now, now),
        "started": _wall(node.started_at, now),
        "standby": node.outcast,
        "stopping": node.stopping,
        "config": str(config.path.absolute()),
        "interval_ms": config.interval_ns / 1e6,
        "takeover_after_ms": config.takeover_after_ns / 1e6,
        "groups": {
            name: _group(config, node, group, now, holders) for name, group in node.groups.items()
        },
        "links": {
            name: _link(config, node, link, now, counters[name])
            for name, link in node.links.items()
        },
        "peer": {
            "name": config.peer,
            "alive": ever and not node.silent,
            "heard_ms_ago": _ms(now - node.heard_at) if ever else None,
            "same_config": None if node.peer_config is None else node.peer_config == config.digest,
        },
        "carrier": dict(carrier),
        "workers": {
            kind: {"running": w.running, "restarts": w.restarts, "fault": w.fault}
            for kind, w in workers.items()
        },
        "outbox": None if outbox is None else dict(outbox),
        "warnings": list(config.warnings),
    }


def _group(
    config: Config, node: Node, group: Group, now: Instant, holders: Holders
) -> dict[str, Any]:
    who, since = holders.known[group.name]
    ours = group.role in (Role.CLAIMANT, Role.HOLDER, Role.YIELDER)
    said = node.said.get(group.name)
    return {
        "role": group.role.value,
        "holder": who,
        "epoch": int(group.claim if ours else group.known),
        "since": _wall(group.since, now),
        "held_since": None if who is None else _wall(since, now),
        "addresses": [str(address) for address in config.groups[group.name].addresses],
        "interface": config.groups[group.name].interfaces.get(config.node),
        "health": "able" if said is None else said.health.name.lower(),
        "reason": group.reason.value,
        "phase": None if group.running is None else group.running.value,
        "preferred": config.groups[group.name].preferred,
        "home": config.groups[group.name].home,
        "split": group.split,
        "contested": group.contested_since is not None,
        "peer": None if group.peer is None else _entry(group.peer, node, now),
    }


def _entry(entry: GroupEntry, node: Node, now: Instant) -> dict[str, Any]:
    """What the peer said of the group last, and how long ago it could still have said otherwise."""
    return {
        "role": entry.role.value,
        "epoch": int(entry.epoch),
        "health": entry.health.name.lower(),
        "heard_ms_ago": _ms(now - node.heard_at),
    }


def _link(
    config: Config, node: Node, link: Link, now: Instant, counted: Counters
) -> dict[str, Any]:
    given = config.links[link.name]
    return {
        "state": link.state.value if link.ever_heard else "silent",
        "peer_hears": link.peer_hears and not node.silent,
        "loss": round(loss(link), 4),
        "rtt_ms": None if link.rtt_ns is None else round(link.rtt_ns / 1e6, 3),
        "heard_ms_ago": _ms(now - link.heard_at) if link.ever_heard else None,
        "transport": given.transport,
        "local": given.addresses[config.node],
        "remote": given.addresses[config.peer],
        "port": given.port,
        "sent": counted.sent,
        "unsent": counted.unsent,
        "received": counted.received,
        "rejected": dict(counted.rejected),
    }


def _has(entry: GroupEntry) -> bool:
    return entry.role is Role.HOLDER or (
        entry.role is Role.YIELDER and entry.sign is not Sign.RELEASED
    )


def _ms(duration_ns: int) -> float:
    return round(duration_ns / 1e6, 1)


def _wall(at: Instant, now: Instant) -> str:
    """The wall's time at `at`, RFC 3339."""
    then = datetime.now(UTC) - timedelta(microseconds=(now - at) // 1000)
    return then.isoformat(timespec="milliseconds").replace("+00:00", "Z")
