"""The report of ``ipfo status``: what this node knows, and how old that is.

A contract (docs/reference/cli.md): add to it freely, rename nothing. Plain JSON values only. A
group that belongs to a unit has the unit's role and epoch: they move together.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from ipfo.config.model import Config
from ipfo.daemon.links import UNSENT, Counters
from ipfo.daemon.reasons import against_taking, times
from ipfo.daemon.troubles import Contact, Reloaded, Troubles
from ipfo.machine.group import Around, Group, Hold, is_frozen
from ipfo.machine.links import Link, loss
from ipfo.machine.node import Node, around
from ipfo.machine.roles import thaws_at
from ipfo.model import GroupEntry, Health, Instant, Role, Sign, Terms
from ipfo.workers.pool import Worker

VERSION = version("ipfo")


@dataclass(slots=True)
class Holders:
    """Since when each group has the holder that it has, as far as this node has seen."""

    known: dict[str, tuple[str | None, Instant]] = field(default_factory=dict)
    _seen: Mapping[str, Group] = field(default_factory=dict)
    _silent: bool = False

    def see(self, node: Node, terms: Terms, now: Instant) -> None:
        """Note who holds what now; a group that has not changed since is not looked at."""
        seen = self._seen if node.silent == self._silent else {}
        self._seen, self._silent = node.groups, node.silent
        for name, group in node.groups.items():
            if seen.get(name) is group:
                continue
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


@dataclass(frozen=True, slots=True)
class Seen:
    """What the report is made from, besides the node: all that the engine has beside it."""

    config: Config
    terms: Terms
    holders: Holders
    troubles: Troubles
    counters: Mapping[str, Counters]
    carrier: Mapping[str, bool]
    workers: Mapping[str, Worker]
    lateness: Mapping[str, Any]
    outbox: Mapping[str, Any] | None
    keys: Mapping[str, Any]


def report(node: Node, now: Instant, seen: Seen) -> dict[str, Any]:
    """Everything, as of `now`."""
    config = seen.config
    ever = node.peer_boot is not None
    units = config.units
    of_units = {unit: _unit(node, group, now, seen) for unit, group in node.groups.items()}
    return {
        "node": config.node,
        "pair": config.pair,
        "version": VERSION,
        "boot": f"{seen.terms.boot:016x}",
        "at": _wall(now, now),
        "started": _wall(node.started_at, now),
        "standby": node.outcast,
        "maintenance": node.maintenance,
        "restarting": node.restarting_at is not None,
        "stopping": node.stopping,
        "config": str(config.path.absolute()),
        "interval_ms": config.interval_ns / 1e6,
        "takeover_after_ms": config.takeover_after_ns / 1e6,
        "groups": {
            name: {**of_units[unit], **_member(config, unit, name)}
            for unit in node.groups
            for name in units[unit]
        },
        "links": {
            name: _link(config, node, link, now, seen.counters[name])
            for name, link in node.links.items()
        },
        "peer": {
            "name": config.peer,
            "alive": ever and not node.silent,
            "heard_ms_ago": _ms(now - node.heard_at) if ever else None,
            "same_config": None if node.peer_config is None else node.peer_config == config.digest,
            "maintenance": node.peer_maintenance,
            "restarting": node.peer_restarting,
        },
        "witnesses": _contact(seen.terms.deniers, seen.troubles.witnesses, now),
        "voter": _contact(seen.terms.vote_ttl_ns is not None, seen.troubles.voter, now),
        "fence": _contact(seen.terms.fence is not None, seen.troubles.fence, now),
        "carrier": dict(seen.carrier),
        "workers": {kind: _worker(worker) for kind, worker in seen.workers.items()},
        "keys": dict(seen.keys),
        "lateness": dict(seen.lateness),
        "reload": _reloaded(seen.troubles.reloaded),
        "outbox": None if seen.outbox is None else dict(seen.outbox),
        "warnings": list(config.warnings),
    }


def _unit(node: Node, group: Group, now: Instant, seen: Seen) -> dict[str, Any]:
    """What is the same for every group of a unit."""
    who, since = seen.holders.known[group.name]
    a = around(node, group.name, now, seen.terms)
    ours = group.role in (Role.CLAIMANT, Role.HOLDER, Role.YIELDER)
    said = node.said.get(group.name)
    health = Health.ABLE if said is None else said.health
    epoch = group.claim if ours else group.known
    voted = node.votes.get(group.name)
    contested = group.contested_since is not None
    answers = group.evidence.answers if contested and group.evidence is not None else ()
    return {
        "role": group.role.value,
        "holder": who,
        "epoch": int(epoch),
        "since": _wall(group.since, now),
        "held_since": None if who is None else _wall(since, now),
        "health": health.name.lower(),
        "health_why": _why(node, group, health),
        "holder_known": who is not None or (group.peer is not None and not node.silent),
        "not_taken": against_taking(group, a),
        "frozen_until": _thaws(group, a),
        "ill": group.ill,
        "reason": group.reason.value,
        "phase": None if group.running is None else group.running.value,
        "split": group.split,
        "contested": contested,
        "answered_by": [
            {"address": each.address, "card": each.card, "whose": each.whose or None}
            for each in answers
        ],
        "voted_until": None if voted is None or voted < now else _wall(voted, now),
        "failures": [
            {"what": trouble.what, "why": trouble.why, "at": _wall(trouble.at, now)}
            for trouble in seen.troubles.since(group.name, epoch, group.since)
        ],
        "peer": None if group.peer is None else _entry(group.peer, node, now),
    }


def _member(config: Config, unit: str, name: str) -> dict[str, Any]:
    """What is a group's own."""
    group = config.groups[name]
    return {
        "unit": unit,
        "addresses": [str(address) for address in group.addresses],
        "interface": group.interfaces.get(config.node),
        "preferred": group.preferred,
        "home": group.home,
    }


def _why(node: Node, group: Group, health: Health) -> str | None:
    """The reason of `health`, in words, where this node knows one."""
    match health:
        case Health.ILL:
            return group.ill
        case Health.ISOLATED:
            return node.denied.get(group.name) or node.vote_lost or node.witness_why or None
        case Health.FROZEN:
            return f"it moved by itself {times(len(group.moves))} of late"
        case Health.CONTESTED:
            return "its address answers on the wire"
        case _:
            return None


def _thaws(group: Group, a: Around) -> str | None:
    """Until when the group is frozen on this node; None: it is not."""
    thaws = thaws_at(group, a)
    return _wall(thaws, a.now) if thaws is not None and is_frozen(group, a) else None


def _contact(configured: bool, contact: Contact | None, now: Instant) -> dict[str, Any] | None:
    """The last word of a third party; None where there is none."""
    if not configured:
        return None
    return {
        "asked": None if contact is None else _wall(contact.at, now),
        "failed": None if contact is None else contact.failed,
    }


def _worker(worker: Worker) -> dict[str, Any]:
    """How it does, and whose code it runs."""
    return {
        "running": worker.running,
        "restarts": worker.restarts,
        "fault": worker.fault,
        "plugins": list(worker.plugins),
    }


def _reloaded(reloaded: Reloaded | None) -> dict[str, Any] | None:
    """How the last reload went; None: there was none."""
    if reloaded is None:
        return None
    return {"at": reloaded.at, "refused": list(reloaded.refused)}


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
        "unsent": counted.unsent.counts(now).get(UNSENT, 0),
        "received": counted.received,
        "rejected": counted.rejected.counts(now),
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
