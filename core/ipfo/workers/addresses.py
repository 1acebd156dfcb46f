"""The `addresses` worker: puts the groups' addresses on interfaces and takes them off.

Nothing that could put an address on is done after the instant until which it was good: the clock
is asked before each such call of a provider, since a worker may have been stopped in between.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.config.model import Config, GroupConfig
from ipfo.model import Address, Instant
from ipfo.plugin.contracts import Provider
from ipfo.plugin.registry import Registry
from ipfo.workers import child, chosen, ledger
from ipfo.workers.home import Home

Asked = dict[str, Any]


class LateError(OSError):
    """It was good only until an instant that has passed; nothing was touched."""


@dataclass(slots=True)
class Held:
    """A group as this worker knows it: a line of the ledger, and what is needed to act on it."""

    config: GroupConfig
    provider: Provider
    interface: str
    home: Home | None  # only on the home node
    epoch: int = 0
    held: bool = False
    leased: bool = False


def check(good_until: int) -> None:
    """Raise LateError if `good_until` has passed."""
    now = clock.now()
    if now > good_until:
        raise LateError(f"late by {(now - good_until) / 1e9:.3f} s; nothing was done")


class Addresses:
    """The groups of `node` in `config`, as the ledger in `state_dir` knows them."""

    def __init__(self, config: Config, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._node = config.node
        self._remarks: list[str] = []
        names = list(dict.fromkeys(group.provider for group in config.groups.values()))
        offers = chosen.offers(config, names, Registry.providers)
        self._groups = {
            name: self._group(group, offers[group.provider].build(group.provider_options))
            for name, group in config.groups.items()
        }

    def _group(self, config: GroupConfig, provider: Provider) -> Held:
        known = ledger.load(self._path(config.name), self._remarks)
        interface = config.interfaces.get(self._node, "")
        home = None
        if config.home == self._node:
            remembered = known.get("home")
            kept = remembered if isinstance(remembered, list) else []
            home = Home(provider, config.addresses, interface, kept)
        epoch = known.get("epoch")
        return Held(
            config,
            provider,
            interface,
            home,
            epoch if isinstance(epoch, int) else 0,
            held=known.get("held") is True,
            leased=known.get("leased") is True,
        )

    def _path(self, group: str) -> Path:
        return ledger.path_of(self._state_dir, ledger.ADDRESSES, group)

    def _record(self, group: Held, *, durable: bool = False) -> None:
        """Write `group` into the ledger; where that fails people are told, and the move goes on.

        Not durable but for what a home address was like: after a power cut no address is left.
        """
        content = {
            "group": group.config.name,
            "epoch": group.epoch,
            "held": group.held,
            "leased": group.leased,
            "interface": group.interface,
            "addresses": [str(address) for address in group.config.addresses],
            "provider": group.config.provider,
            "home": group.home.remember() if group.home is not None else None,
        }
        try:
            ledger.write(self._path(group.config.name), content, durable=durable)
        except OSError as error:
            self._remarks.append(f"the ledger cannot be written: {child.one_line(error)}")

    def _said(self) -> list[str]:
        remarks, self._remarks = self._remarks, []
        return remarks

    def acquire(self, given: Asked) -> Asked:
        """Put the group on, all or none, and announce it once; recorded before it is done."""
        group, good_until = self._groups[given["group"]], given["good_until"]
        check(good_until)
        lifetime_s = given["lifetime_s"] if "lease" in group.config.traits else None
        if group.home is not None:
            lifetime_s = None
        # leased only when it is here: a worker killed in between must not renew it
        group.epoch, group.held, group.leased = given["epoch"], True, False
        self._record(group)
        try:
            check(good_until)
            began = clock.now()
            if group.home is not None:
                group.home.acquire(lambda: check(good_until))
            else:
                group.provider.acquire(group.interface, group.config.addresses, lifetime_s)
        except BaseException:
            group.held = False
            self._record(group)
            raise
        if lifetime_s is not None:
            group.leased = True
            self._record(group)
        try:
            self._announce(group)
        except Exception as error:  # it is here, and will be announced again
            self._remarks.append(f"announcing failed: {child.one_line(error)}")
        leased_from = None if lifetime_s is None else began
        return {"leased_from": leased_from, "remarks": self._said()}

    def renew(self, given: Asked) -> Asked:
        """Renew the leases of `groups`; what could not be, or would be late, is in `failed`.

        Also a group that this worker does not hold under lease: it was started anew and its ledger
        is lost, or the engine asks too late.
        """
        began: Instant | None = None
        failed: list[str] = []
        for name in given["groups"]:
            group = self._groups[name]
            try:
                if not (group.held and group.leased):
                    raise OSError("it is not held under lease here")
                check(given["good_until"])
                began = began or clock.now()
                group.provider.renew(group.interface, group.config.addresses, given["lifetime_s"])
            except Exception as error:
                failed.append(name)
                self._remarks.append(f"renewing {name} failed: {child.one_line(error)}")
        return {"began": began or clock.now(), "failed": failed, "remarks": self._said()}

    def release(self, given: Asked) -> Asked:
        """Take the group off; it is not renewed any more, even if that fails."""
        group = self._groups[given["group"]]
        group.epoch, group.leased = max(group.epoch, given["epoch"]), False
        self._record(group, durable=group.home is not None)
        if group.home is not None:
            group.home.release()
        else:
            group.provider.release(group.interface, group.config.addresses)
        group.held = False
        self._record(group)
        return {"remarks": self._said()}

    def sweep_home(self, given: Asked) -> Asked:
        """Take a home address off that the operating system has set: `found` says whether it had.

        Nothing is touched where this node holds the group.
        """
        group = self._groups[given["group"]]
        if group.home is None or group.held or not group.home.found():
            return {"found": False}
        self._record(group, durable=True)
        group.home.release()
        return {"found": True, "remarks": self._said()}

    def announce(self, given: Asked) -> Asked:
        """Tell the neighbours, if the group is held here."""
        group = self._groups[given["group"]]
        if group.held:
            self._announce(group)
        return {}

    def _announce(self, group: Held) -> None:
        if group.home is not None:
            group.home.announce()
        else:
            group.provider.announce(group.interface, group.config.addresses)

    def probe(self, given: Asked) -> Asked:
        """Who else answers for the addresses of `groups`; those on one wire are asked together."""
        wires: dict[tuple[str, str, str], list[Held]] = {}
        for name in given["groups"]:
            group = self._groups[name]
            interface = group.interface if group.home is None else group.home.interface()
            options = json.dumps(group.config.provider_options, sort_keys=True)
            wires.setdefault((interface, group.config.provider, options), []).append(group)
        answers: dict[str, list[list[str]]] = {}
        failed: dict[str, str] = {}
        for (interface, _, _), groups in wires.items():
            addresses = [address for group in groups for address in group.config.addresses]
            try:
                told = groups[0].provider.probe(interface, addresses, given["timeout_ns"])
            except Exception as error:
                failed |= {group.config.name: child.one_line(error) for group in groups}
                continue
            for group in groups:
                ips = {address.ip for address in group.config.addresses}
                answers[group.config.name] = [[a.address, a.card] for a in told if a.address in ips]
        return {"answers": answers, "failed": failed}

    def sweep(self, _: Asked) -> Asked:
        """Take off what an earlier run has left; a home address on its home node stays.

        `interfaces`: where the home groups' addresses are or were, as far as that is known.
        `memory`: what the ledger knew.
        """
        memory = ledger.read(self._state_dir)
        self._remarks.extend(memory.remarks)
        swept, interfaces = [], {}
        for name, group in self._groups.items():
            if group.home is not None:
                if "wire" in group.config.traits:
                    interfaces[name] = group.home.interface()
            elif self._sweep(group):
                swept.append(name)
            group.held = group.leased = False
            self._record(group)
        return {
            "swept": swept,
            "interfaces": interfaces,
            "memory": {
                name: {
                    "epoch": known.epoch,
                    "held": known.held,
                    "leased": known.leased,
                    "open_phases": [phase.value for phase in known.open_phases],
                    "acquire": known.acquire,
                }
                for name, known in memory.groups.items()
            },
            "remarks": self._said(),
        }

    def _sweep(self, group: Held) -> bool:
        """Take off the configured addresses, and those that the config had when they were put on."""
        known = ledger.load(self._path(group.config.name), self._remarks)
        addresses = list(group.config.addresses)
        if known.get("held") is True and isinstance(known.get("addresses"), list):
            for text in known["addresses"]:
                try:
                    addresses.append(Address.parse(text))
                except ValueError:
                    self._remarks.append(
                        f"{text!r} in the ledger of {group.config.name} is no address"
                    )
        any_left = False
        for address in dict.fromkeys(addresses):
            left = group.provider.find(address)
            if left is not None:
                group.provider.release(left.interface, [left.address])
                any_left = True
        return any_left


class Worker:
    """Takes `setup`, and hands everything else to what it has made."""

    def __init__(self) -> None:
        self._addresses: Addresses | None = None

    def setup(self, given: Asked) -> Asked:
        """Make the groups; raises what the config or its plugins cannot do."""
        document = {**given["document"], "node": given["node"]}
        self._addresses = Addresses(Config.from_document(document), Path(given["state_dir"]))
        return {}

    def handler(self, name: str) -> child.Handler:
        """The method `name` of what `setup` has made."""

        def handle(given: Asked) -> Asked:
            assert self._addresses is not None, "setup comes first"
            answer: Asked = getattr(self._addresses, name)(given)
            return answer

        return handle


def main() -> None:
    """Serve the engine until it ends; its addresses end with their leases."""
    worker = Worker()
    names = ("acquire", "renew", "release", "announce", "probe", "sweep", "sweep_home")
    child.serve({"setup": worker.setup, **{name: worker.handler(name) for name in names}})


if __name__ == "__main__":
    main()
