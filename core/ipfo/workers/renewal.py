"""One renewal of all that a node holds: a question or two to the system, however many groups.

An address that has gone is not put back: somebody has taken it off, and may know why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ipfo import clock
from ipfo.model import Instant
from ipfo.plugin.contracts import Found, Provider
from ipfo.plugin.late import LateError
from ipfo.workers import child, leases
from ipfo.workers.member import Member


@dataclass(slots=True)
class Renewal:
    """Until `good_until`, for `lifetime_s`. Afterwards the sets name units."""

    good_until: Instant
    lifetime_s: int
    remarks: list[str]
    gone: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    renewed: list[Member] = field(default_factory=list)
    began: Instant = field(default_factory=clock.now)  # before the first of them
    _leased: dict[tuple[int, str], list[Member]] = field(default_factory=dict)
    _unleased: dict[int, list[Member]] = field(default_factory=dict)

    def add(self, members: Sequence[Member]) -> None:
        """A unit is to be renewed, if this worker knows of no reason against it."""
        for member in members:
            if not member.held or member.leased is not member.leases:
                how = " under lease" if member.leases else ""
                self._fail(member, f"it is not held{how} here")
                return
        for member in members:
            if member.leased:
                key = id(member.provider), member.interface
                self._leased.setdefault(key, []).append(member)
            else:
                self._unleased.setdefault(id(member.provider), []).append(member)

    def run(self) -> None:
        """What was added is renewed, or looked for."""
        for members in self._leased.values():
            self._renew_together(members)
        for members in self._unleased.values():
            self._look(members[0].provider, members)

    def _renew_together(self, members: Sequence[Member]) -> None:
        """`members`, all on one interface; one by one where not all of them can be."""
        try:
            self._renew(members)
        except LateError as error:
            for member in members:
                self._fail(member, child.one_line(error))
        except Exception as error:
            there = self._look(members[0].provider, members)
            left = [m for m in members if there is not None and not m.missing(there)]
            if len(members) == 1 and left:
                self._fail(members[0], child.one_line(error))
                return
            for member in left:
                self._renew_alone(member)

    def _renew_alone(self, member: Member) -> None:
        try:
            self._renew([member])
        except Exception as error:
            self._fail(member, child.one_line(error))

    def _renew(self, members: Sequence[Member]) -> None:
        first = members[0]
        addresses = [address for member in members for address in member.config.addresses]
        leases.renew(first.provider, first.interface, addresses, self.lifetime_s, self.good_until)
        self.renewed.extend(members)

    def _look(self, provider: Provider, members: Sequence[Member]) -> Sequence[Found] | None:
        """All addresses of the host; `gone` are the units of `members` that miss one of theirs."""
        try:
            there = provider.held()
        except Exception as error:
            for member in members:
                self._fail(member, child.one_line(error))
            return None
        for member in members:
            if missing := member.missing(there):
                self.gone.add(member.config.unit)
                what = ", ".join(map(str, missing))
                self.remarks.append(f"{member.name}: {what} is not on its interface any more")
        return there

    def _fail(self, member: Member, why: str) -> None:
        self.failed.add(member.config.unit)
        self.remarks.append(f"renewing {member.name} failed: {why}")
