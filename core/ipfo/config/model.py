"""The config as the rest of ipfo sees it: checked, complete, durations in ns.

`load` makes a *document* (plain JSON values, every default filled in) that may cross a process
boundary; `Config.from_document` gives it shape. So the engine and the workers never read TOML,
never import jsonschema, and all see the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ipfo.model import (
    SECOND,
    Address,
    Event,
    FenceTerms,
    GroupTerms,
    Terms,
    lease_seconds,
    vote_seconds,
)

Document = Mapping[str, Any]
"""What `ipfo.config.load.load` returns; its keys are those read below."""


@dataclass(frozen=True, slots=True)
class LinkConfig:
    """One ``[links.NAME]``; `addresses` by node, `interfaces` by node where the config names them."""

    name: str
    transport: str
    port: int
    addresses: Mapping[str, str]
    interfaces: Mapping[str, str]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CheckConfig:
    """One ``[[groups.NAME.checks]]``. `starts_ill`: until it has passed; `when_holding`: only then."""

    plugin: str
    interval_ns: int
    timeout_ns: int
    rise: int
    fall: int
    starts_ill: bool
    when_holding: bool
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WitnessConfig:
    """One ``[[witnesses]]``; `votes`: it can grant, not only deny."""

    plugin: str
    votes: bool
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FenceConfig:
    """``[fence]``."""

    plugin: str
    timeout_ns: int
    delay_ns: int
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """One ``[groups.NAME]``. `hooks`: the phase plugins' options by plugin name."""

    name: str
    addresses: tuple[Address, ...]
    interfaces: Mapping[str, str]  # by node; of a home group the home node's may be missing
    provider: str
    provider_options: Mapping[str, Any]
    traits: frozenset[str]  # the provider's, see plugin.contracts.Offer
    preferred: str
    home: str | None
    contested: str  # "wait" or "take"
    announce_every_ns: int
    phase_timeout_ns: int
    phase_plugins: tuple[str, ...]  # who takes part in phases, in order
    hooks: Mapping[str, Mapping[str, Any]]
    failback: str  # "manual", "auto" or "never"
    failback_after_ns: int
    handover: str  # "strict" or "seamless"
    max_moves: int
    per_ns: int
    unit: str  # the first of the groups that it stays together with; itself if it is alone
    checks: tuple[CheckConfig, ...]


@dataclass(frozen=True, slots=True)
class NotifierConfig:
    """One ``[[notifiers]]``; `events` None means all."""

    plugin: str
    events: frozenset[Event] | None
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Config:
    """The whole file, as it concerns the node `node`."""

    path: Path
    node: str
    pair: str
    nodes: tuple[str, str]
    plugins: tuple[str, ...]
    interval_ns: int
    takeover_after_ns: int
    first_claim_after_ns: int | None
    key_file: Path | None  # whose key is sent with
    accept_keys: tuple[Path, ...]  # whose keys are accepted besides
    control_group: str | None  # whose members may use the control socket, besides the owner
    links: Mapping[str, LinkConfig]
    groups: Mapping[str, GroupConfig]
    notifiers: tuple[NotifierConfig, ...]
    dead_after_ns: int | None
    consistent: bool
    witnesses: tuple[WitnessConfig, ...]
    fence: FenceConfig | None
    realtime: bool
    lock_memory: bool
    digest: int  # 64 bits over what both nodes must agree on
    warnings: tuple[str, ...]
    offered_by: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def entry_points(self, *kinds: str) -> tuple[str, ...]:
        """The plugins behind what the config chooses of `kinds` (transport, provider, notifier).

        A process that needs no more than these gives just them to the `Registry`.
        """
        return tuple(
            dict.fromkeys(each for kind in kinds for each in self.offered_by.get(kind, {}).values())
        )

    @property
    def peer(self) -> str:
        """The other node."""
        return self.nodes[1] if self.node == self.nodes[0] else self.nodes[0]

    @classmethod
    def from_document(cls, document: Document) -> "Config":
        """Give `document` shape; it is not checked again."""
        links = {
            name: LinkConfig(
                name,
                link["transport"],
                link["port"],
                link["addresses"],
                link["interfaces"],
                link["options"],
            )
            for name, link in document["links"].items()
        }
        groups = {name: _group(name, group) for name, group in document["groups"].items()}
        notifiers = tuple(
            NotifierConfig(
                n["plugin"],
                None if n["events"] is None else frozenset(Event(e) for e in n["events"]),
                n["options"],
            )
            for n in document["notifiers"]
        )
        return cls(
            path=Path(document["path"]),
            node=document["node"],
            pair=document["pair"],
            nodes=(document["nodes"][0], document["nodes"][1]),
            plugins=tuple(document["plugins"]),
            interval_ns=document["interval_ns"],
            takeover_after_ns=document["takeover_after_ns"],
            first_claim_after_ns=document["first_claim_after_ns"],
            key_file=None if document["key_file"] is None else Path(document["key_file"]),
            accept_keys=tuple(Path(each) for each in document["accept_keys"]),
            control_group=document["control_group"],
            dead_after_ns=document["dead_after_ns"],
            consistent=document["on_partition"] == "consistent",
            witnesses=tuple(
                WitnessConfig(w["plugin"], w["votes"], w["options"]) for w in document["witnesses"]
            ),
            fence=_fence(document["fence"]),
            realtime=document["realtime"],
            lock_memory=document["lock_memory"],
            links=links,
            groups=groups,
            notifiers=notifiers,
            digest=document["digest"],
            warnings=tuple(document["warnings"]),
            offered_by=document.get("offered_by", {}),
        )

    @cached_property
    def units(self) -> Mapping[str, tuple[str, ...]]:
        """The groups that stay together, in config order, by the first of them.

        To the machine a unit is one group: one role, one epoch, all or nothing.
        """
        units: dict[str, tuple[str, ...]] = {}
        for name, group in self.groups.items():
            units[group.unit] = (*units.get(group.unit, ()), name)
        return units

    def terms(self, boot: int) -> Terms:
        """What the machine must know of this config; its groups are the units."""
        return Terms(
            pair=self.pair,
            node=self.node,
            peer=self.peer,
            links=tuple(self.links),
            groups={unit: self._group_terms(members) for unit, members in self.units.items()},
            interval_ns=self.interval_ns,
            takeover_after_ns=self.takeover_after_ns,
            first_claim_after_ns=self.first_claim_after_ns,
            lease_s=lease_seconds(self.takeover_after_ns),
            boot=boot,
            config_digest=self.digest,
            dead_after_ns=self.dead_after_ns,
            consistent=self.consistent,
            deniers=any(not witness.votes for witness in self.witnesses),
            vote_ttl_ns=self.vote_ttl_s * SECOND if self.vote_ttl_s is not None else None,
            fence=(
                None
                if self.fence is None
                else FenceTerms(self.fence.timeout_ns, self.fence.delay_ns)
            ),
        )

    @property
    def vote_ttl_s(self) -> int | None:
        """How long a vote lasts; None: there is no voter."""
        if not any(witness.votes for witness in self.witnesses):
            return None
        return vote_seconds(self.takeover_after_ns)

    def _group_terms(self, members: tuple[str, ...]) -> GroupTerms:
        group = self.groups[members[0]]
        all_members = [self.groups[name] for name in members]
        ips = {address.ip for address in group.addresses}
        of_home = {
            link.name
            for link in self.links.values()
            if group.home is not None and link.addresses[group.home] in ips
        }
        return GroupTerms(
            name=group.name,
            preferred=group.preferred,
            home=group.home,
            stands_for=tuple(sorted({at.ip for each in all_members for at in each.addresses})),
            phases=any(each.phase_plugins for each in all_members),
            interfaces=tuple(
                dict.fromkeys(
                    each.interfaces[self.node]
                    for each in all_members
                    if "wire" in each.traits and self.node in each.interfaces
                )
            ),
            probes=all("probe" in each.traits for each in all_members),
            take_contested=group.contested == "take",
            links_of_home=frozenset(of_home),
            announce_every_ns=group.announce_every_ns,
            phase_timeout_ns=sum(each.phase_timeout_ns for each in all_members),
            failback_after_ns=group.failback_after_ns if group.failback == "auto" else None,
            seamless=group.handover == "seamless",
            max_moves=group.max_moves,
            per_ns=group.per_ns,
        )


def _group(name: str, group: Mapping[str, Any]) -> GroupConfig:
    return GroupConfig(
        name=name,
        addresses=tuple(Address.parse(text) for text in group["addresses"]),
        interfaces=group["interfaces"],
        provider=group["provider"],
        provider_options=group["provider_options"],
        traits=frozenset(group["traits"]),
        preferred=group["preferred"],
        home=group["home"],
        contested=group["contested"],
        announce_every_ns=group["announce_every_ns"],
        phase_timeout_ns=group["phase_timeout_ns"],
        phase_plugins=tuple(group["phase_plugins"]),
        hooks=group["hooks"],
        failback=group["failback"],
        failback_after_ns=group["failback_after_ns"],
        handover=group["handover"],
        max_moves=group["max_moves"],
        per_ns=group["per_ns"],
        unit=group["unit"],
        checks=tuple(
            CheckConfig(
                plugin=check["plugin"],
                interval_ns=check["interval_ns"],
                timeout_ns=check["timeout_ns"],
                rise=check["rise"],
                fall=check["fall"],
                starts_ill=check["starts_ill"],
                when_holding=check["when_holding"],
                options=check["options"],
            )
            for check in group["checks"]
        ),
    )


def _fence(fence: Mapping[str, Any] | None) -> FenceConfig | None:
    if fence is None:
        return None
    return FenceConfig(fence["plugin"], fence["timeout_ns"], fence["delay_ns"], fence["options"])
