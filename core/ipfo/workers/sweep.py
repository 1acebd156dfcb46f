"""What the `addresses` worker does at the start of the daemon: keep what may be kept, sweep the rest.

A unit is kept as a whole or not at all. Nothing that this node may not hold is left on it, but for
a home address on its home node.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.model import RENEW_MARGIN_NS, SECOND, Address, Instant, Terms
from ipfo.plugin.contracts import Found, Provider
from ipfo.plugin.late import LateError
from ipfo.workers import child, leases, ledger
from ipfo.workers.adopt import Adoption, addresses_of, judge
from ipfo.workers.boot import Boot
from ipfo.workers.member import Member, Members

BRIEFLY_NS = 20_000_000
"""For how long what was found counts, where a peer may take it as soon as it does not answer."""

ASK_NS = 200_000_000
"""How long the wire may take to say that somebody else has what the config gives a group now."""

LOOKS = 4
"""How often a unit is looked for and renewed, where the renewal came too late after the look."""

There = Mapping[int, Sequence[Found]]
"""All addresses of the host, by the identity of the provider that found them."""

Adoptions = list[tuple[Member, Adoption]]


def grace_ns(terms: Terms) -> int:
    """For how long what was found, and so is leased, may be renewed.

    As late as any renewal, where its lease surely ends before a takeover.
    """
    if terms.lease_ns + RENEW_MARGIN_NS > terms.takeover_after_ns:
        return BRIEFLY_NS
    return terms.renew_margin_ns


def sure_ns(kept: Iterable[Found]) -> int:
    """How long after the look all of `kept` are certainly still there, and so with nobody else.

    The system counts whole seconds, and one that has begun may be as good as over.
    """
    left_s = [found.lifetime_s - 1 for found in kept if found.lifetime_s is not None]
    return max(0, min(left_s, default=0)) * SECOND


@dataclass(slots=True)
class Sweep:
    """One start. `alone`: whether no worker of an earlier run can still be at work."""

    members: Members
    state_dir: Path
    terms: Terms
    remarks: list[str]
    alone: bool
    _adoptions: dict[str, Adoptions] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)  # why, by unit

    def run(self) -> dict[str, Any]:
        """Afterwards nothing is on but what was adopted, and home addresses.

        `adopted`: units, and since when they are leased for this run; of a home unit, which is
        not leased, when it was found. `swept`: groups of which
        something was taken off. `interfaces`: where home groups' addresses are or were, as far as
        that is known.

        :raises OSError: if something cannot be taken off, or not even be looked for.
        """
        units = self.members.units
        adopted = {unit: since for unit, since in self._adopt().items() if self._settle(unit)}
        ours = {a.ip for unit in adopted for m in units[unit] for a in m.config.addresses}
        there = self._look()
        swept: list[str] = []
        interfaces: dict[str, str] = {}
        for unit, members in units.items():
            for member in () if unit in adopted else members:
                if member.home is None and self._sweep(member, there, ours):
                    swept.append(member.name)
                elif member.home is not None:
                    if "wire" in member.config.traits:
                        interfaces[unit] = member.home.interface()
                    if self._stays_at_home(member):
                        adopted[unit] = clock.now()
                        continue
                member.held = member.leased = False
                member.record()
        swept += self._sweep_strays(there)
        return {"adopted": adopted, "swept": swept, "interfaces": interfaces}

    def foresee(self) -> dict[str, str]:
        """The units held under a lease that `run` would let go, and why; changes nothing.

        What the ledger says is on counts as on: whoever holds it sees whether it is.
        """
        there: dict[int, list[Found]] = {}
        for member in self.members:
            kept = ledger.load(member.path, self.remarks)
            there.setdefault(id(member.provider), []).extend(
                Found(address, str(kept.get("interface")), self.terms.lease_s)
                for address in addresses_of(kept) or ()
                if member.leased
            )
        for unit, members in self.members.units.items():
            if not any(member.leased for member in members):
                continue
            for member, adoption in self._judge(unit, there, Boot.now()):
                try:
                    self._ask_for(member, adoption.put_on)
                except OSError as error:
                    self._refuse(unit, f"{member.name}: {child.one_line(error)}")
        return self._refused

    def _stays_at_home(self, member: Member) -> bool:
        """Whether this node's own address has been held, and on, since this kernel was booted."""
        assert member.home is not None
        kept = ledger.load(member.path, self.remarks)
        phases = ledger.load(
            ledger.path_of(self.state_dir, ledger.PHASES, member.name), self.remarks
        )
        if not (self.alone and member.held and kept.get("epoch", 0) >= 1):
            return False
        if phases.get("unwinding") is True or Boot.now().why_not_since(Boot.of(kept)):
            return False
        return len(member.home.here()) == len(member.config.addresses)

    def _look(self) -> There:
        return {id(provider): provider.held() for provider in self.members.providers()}

    def _adopt(self) -> dict[str, int]:
        """Renew what may be kept, all together if that goes well; since when each unit is leased."""
        units = [
            unit
            for unit, members in self.members.units.items()
            if all(member.leases for member in members) and any(member.held for member in members)
        ]
        if not self.alone:
            for unit in units:
                self._refuse(unit, "a worker of an earlier run has not ended")
            return {}
        with suppress(Exception):  # one of many may be at fault
            return self._renew(units)
        adopted: dict[str, int] = {}
        for unit in units:
            adopted |= self._renew_alone(unit)
        return adopted

    def _renew_alone(self, unit: str) -> dict[str, int]:
        why = ""
        for _ in range(LOOKS):
            try:
                return self._renew([unit])
            except LateError as error:
                why = child.one_line(error)
            except Exception as error:
                why = child.one_line(error)
                break
        self._refuse(unit, why)
        return {}

    def _renew(self, units: Iterable[str]) -> dict[str, int]:
        """Look for `units` and renew those that may be kept; since when. Raises where one cannot be."""
        looked_at = clock.now()
        there, boot = self._look(), Boot.now()
        judged = {unit: found for unit in units if (found := self._judge(unit, there, boot))}
        providers: dict[int, Provider] = {}
        wires: dict[tuple[int, str], list[Address]] = {}
        for adoptions in judged.values():
            for member, adoption in adoptions:
                providers[id(member.provider)] = member.provider
                wires.setdefault((id(member.provider), member.interface), []).extend(adoption.keep)
        kept = [
            found
            for adoptions in judged.values()
            for member, adoption in adoptions
            for found in there[id(member.provider)]
            if found.address in adoption.keep
        ]
        good_until = Instant(looked_at + sure_ns(kept) + grace_ns(self.terms))
        since = clock.now()
        for (provider, interface), addresses in wires.items():
            leases.renew(providers[provider], interface, addresses, self.terms.lease_s, good_until)
        self._adoptions |= judged
        return dict.fromkeys(judged, since)

    def _judge(self, unit: str, there: There, boot: Boot) -> Adoptions:
        """The members of `unit`, if all may be kept; else none, and a remark says why."""
        adoptions: Adoptions = []
        for member in self.members.units[unit]:
            kept = ledger.load(member.path, self.remarks)
            path = ledger.path_of(self.state_dir, ledger.PHASES, member.name)
            phases = ledger.load(path, self.remarks)
            found = there[id(member.provider)]
            verdict = judge(member.config, member.interface, kept, phases, found, boot)
            if isinstance(verdict, str):
                self._refuse(unit, f"{member.name}: {verdict}")
                return []
            adoptions.append((member, verdict))
        return adoptions

    def _refuse(self, unit: str, why: str) -> None:
        self._refused.setdefault(unit, why)
        remark = f"{unit} was held by the earlier run and is not kept: {why}"
        if remark not in self.remarks:
            self.remarks.append(remark)

    def _settle(self, unit: str) -> bool:
        """Have an adopted unit as the config says now; whether it can be had so."""
        try:
            for member, adoption in self._adoptions[unit]:
                self._ask_for(member, adoption.put_on)
            good_until = Instant(clock.now() + grace_ns(self.terms))
            for member, adoption in self._adoptions[unit]:
                place, lease_s = (member.provider, member.interface), self.terms.lease_s
                if adoption.put_on:
                    leases.acquire(*place, adoption.put_on, lease_s, good_until)
                if adoption.take_off:
                    member.provider.release(member.interface, adoption.take_off)
                if adoption.put_on or adoption.take_off:
                    member.record()
        except Exception as error:
            self._refuse(unit, child.one_line(error))
            return False
        return True

    @staticmethod
    def _ask_for(member: Member, addresses: Sequence[Address]) -> None:
        """Raise where somebody has one of `addresses`: the peer's config may have it elsewhere."""
        if not addresses or "probe" not in member.config.traits:
            return
        for answer in member.provider.probe(member.interface, addresses, ASK_NS):
            raise OSError(f"{answer.address} is new in it, and somebody has that: {answer.card}")

    def _sweep(self, member: Member, there: There, ours: Set[str]) -> bool:
        """Take off the configured addresses, and those that the config had when they were put on."""
        ips = {address.ip for address in member.config.addresses}
        kept = ledger.load(member.path, self.remarks)
        if kept.get("held") is True:
            was = addresses_of(kept)
            if was is None:
                self.remarks.append(f"the ledger of {member.name} names no addresses")
            ips |= {address.ip for address in was or ()}
        ips -= ours | self._elsewhere()
        left = [each for each in there[id(member.provider)] if each.address.ip in ips]
        for found in left:
            member.provider.release(found.interface, [found.address])
        return bool(left)

    def _elsewhere(self) -> set[str]:
        """What is for other workers to keep or to take off, whoever had it before."""
        return {a.ip for group in self.members.elsewhere.values() for a in group.addresses}

    def _sweep_strays(self, there: There) -> list[str]:
        """Take off what was put on for groups that the config has no more; their names.

        Not a home address: the operating system has set it.
        """
        swept = []
        configured = {a.ip for member in self.members for a in member.config.addresses}
        configured |= self._elsewhere()
        known = {*(member.path for member in self.members), *self.members.elsewhere}
        for path in sorted(self.state_dir.glob(f"{ledger.ADDRESSES}-*.json")):
            kept = {} if path in known else ledger.load(path, self.remarks)
            if kept.get("held") is not True or kept.get("home") is not None:
                continue
            if not self.members.leavings(str(kept.get("provider"))):
                continue
            ips = {address.ip for address in addresses_of(kept) or ()} - configured
            for provider in self.members.providers():
                for found in there[id(provider)]:
                    if found.address.ip in ips and found.interface == kept.get("interface"):
                        provider.release(found.interface, [found.address])
            swept.append(str(kept.get("group")))
            with suppress(OSError):
                ledger.write(path, {**kept, "held": False, "leased": False})
        return swept
