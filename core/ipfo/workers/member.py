"""One group as the `addresses` worker knows it: a file of the ledger, and what acts on it.

The ledger says "held" before an address is put on, and "leased" only when it is there: a worker
that is killed in between must not renew what it may not have.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipfo.config.model import Config, GroupConfig
from ipfo.model import Address
from ipfo.plugin.contracts import Found, Offer, Provider
from ipfo.plugin.registry import Registry
from ipfo.workers import child, chosen, ledger
from ipfo.workers.boot import Boot
from ipfo.workers.home import Home
from ipfo.workers.parts import Part


@dataclass(slots=True)
class Member:
    """A group on this node. `remarks` are for people, and taken with the next answer."""

    config: GroupConfig
    provider: Provider
    interface: str
    home: Home | None  # only on the home node
    path: Path
    remarks: list[str]
    epoch: int = 0
    held: bool = False
    leased: bool = False

    @property
    def name(self) -> str:
        """The group's."""
        return self.config.name

    @property
    def leases(self) -> bool:
        """Whether it is held under a lease, when it is held."""
        return self.home is None and "lease" in self.config.traits

    def know(self) -> None:
        """Believe what the ledger says."""
        kept = ledger.load(self.path, self.remarks)
        self.epoch = kept.get("epoch", 0)
        self.held, self.leased = kept.get("held") is True, kept.get("leased") is True

    def record(self, *, durable: bool = False) -> None:
        """Write it into the ledger; where that fails people are told, and the move goes on.

        Not durable but for what a home address was like: after a power cut no address is left.
        """
        content = {
            "version": ledger.VERSION,
            "group": self.name,
            "epoch": self.epoch,
            "held": self.held,
            "leased": self.leased,
            **Boot.now().to_json(),
            "interface": self.interface,
            "addresses": [str(address) for address in self.config.addresses],
            "provider": self.config.provider,
            "home": self.home.remember() if self.home is not None else None,
        }
        in_place = not durable and self.home is None
        try:
            ledger.write(self.path, content, durable=durable, in_place=in_place)
        except OSError as error:
            self.remarks.append(f"the ledger cannot be written: {child.one_line(error)}")

    def missing(self, there: Sequence[Found]) -> list[Address]:
        """Those of its addresses that are not where they belong, if `there` is all that there is.

        What the operating system has set may have another prefix, and be on any interface.
        """
        if self.home is not None:
            ips = {found.address.ip for found in there}
            return [address for address in self.config.addresses if address.ip not in ips]
        here = {found.address for found in there if found.interface == self.interface}
        return [address for address in self.config.addresses if address not in here]

    def take_off(self) -> None:
        """None of its addresses is here; OSError if one may still be."""
        if self.home is not None:
            self.home.release()
        else:
            self.provider.release(self.interface, self.config.addresses)

    def announce(self) -> None:
        """Tell the neighbours."""
        if self.home is not None:
            self.home.announce()
        else:
            self.provider.announce(self.interface, self.config.addresses)


class Members:
    """The groups of `part`, or of the node, by name and by unit; those of one provider and its options share it.

    `elsewhere`: the groups that other parts look after, by their files of the ledger.
    """

    def __init__(
        self, config: Config, state_dir: Path, remarks: list[str], part: Part | None = None
    ) -> None:
        units = config.units if part is None else part.units
        groups = {name: config.groups[name] for unit in units for name in config.units[unit]}
        names = list(dict.fromkeys(group.provider for group in groups.values()))
        self._offers = chosen.offers(config, names, Registry.providers)
        self._providers: dict[str, Provider] = {}
        self.by_name = {
            name: self._member(group, config.node, state_dir, remarks)
            for name, group in groups.items()
        }
        self.units: Mapping[str, tuple[Member, ...]] = {
            unit: tuple(self.by_name[name] for name in config.units[unit]) for unit in units
        }
        self.elsewhere: Mapping[Path, GroupConfig] = {
            ledger.path_of(state_dir, ledger.ADDRESSES, name): group
            for name, group in config.groups.items()
            if name not in groups
        }
        self._is_first = part is None or part.is_first

    def __iter__(self) -> Iterator[Member]:
        """All of them, in config order."""
        return iter(self.by_name.values())

    def leavings(self, provider: str) -> bool:
        """Whether what an earlier run has put on by `provider` is to be taken off here."""
        used = {member.config.provider for member in self}
        others = {group.provider for group in self.elsewhere.values()}
        return provider in used or (self._is_first and provider not in others)

    def offer(self, config: GroupConfig) -> Offer[Provider]:
        """What builds another provider like that of the group `config`."""
        return self._offers[config.provider]

    def providers(self) -> Iterable[Provider]:
        """Each once, in config order."""
        return self._providers.values()

    def _member(
        self, config: GroupConfig, node: str, state_dir: Path, remarks: list[str]
    ) -> Member:
        key = json.dumps([config.provider, config.provider_options], sort_keys=True)
        if key not in self._providers:
            self._providers[key] = self.offer(config).build(config.provider_options)
        provider = self._providers[key]
        interface = config.interfaces.get(node, "")
        path = ledger.path_of(state_dir, ledger.ADDRESSES, config.name)
        home = None
        if config.home == node:
            remembered = ledger.load(path, remarks).get("home")
            kept = remembered if isinstance(remembered, list) else []
            home = Home(provider, config.addresses, interface, kept)
        member = Member(config, provider, interface, home, path, remarks)
        member.know()
        return member
