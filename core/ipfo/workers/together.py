"""Many acquires as one: a question and an order to the system for each wire, however many groups.

Only what is alike is taken together, and what fails together is tried one by one: a group is put on
by itself as it always was.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ipfo.model import Instant
from ipfo.workers import child, leases
from ipfo.workers.member import Member

Asked = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A unit that is to be put on under `epoch`, if it is begun before `good_until`."""

    unit: str
    epoch: int
    good_until: Instant
    members: Sequence[Member]

    @property
    def wire(self) -> tuple[int, str, bool] | None:
        """What those have in common that can be put on together; None: this one cannot."""
        wires = {(id(each.provider), each.interface, each.leases) for each in self.members}
        alone = any(each.home is not None or each.held for each in self.members)
        return None if alone or len(wires) > 1 else wires.pop()


def acquire(
    every: Iterable[Wanted],
    lifetime_s: int | None,
    alone: Callable[[Wanted], Instant | None],
    remarks: list[str],
) -> Asked:
    """Put each on, or say why not: `acquired` by unit, since when its lease runs; `failed` by unit.

    :param alone: puts one on, and announces it; raises where it cannot.
    """
    wires: dict[tuple[int, str, bool] | None, list[Wanted]] = {}
    for each in every:
        wires.setdefault(each.wire, []).append(each)
    acquired: dict[str, Instant | None] = {}
    failed: dict[str, str] = {}
    for wire, wanted in wires.items():
        began = _put_on(wanted, lifetime_s) if wire is not None and len(wanted) > 1 else None
        if began is not None:
            acquired |= {each.unit: began.leased_from for each in wanted}
            _announce(wanted, remarks)
            continue
        for each in wanted:
            try:
                acquired[each.unit] = alone(each)
            except Exception as error:
                failed[each.unit] = child.one_line(error)
    return {"acquired": acquired, "failed": failed}


@dataclass(frozen=True, slots=True)
class Began:
    """They are on; None: without a lease."""

    leased_from: Instant | None


def _put_on(wanted: Sequence[Wanted], lifetime_s: int | None) -> Began | None:
    """Put all on at once; None, and nothing is on, where that did not work."""
    members = [member for each in wanted for member in each.members]
    for each in wanted:
        for member in each.members:
            member.epoch = each.epoch
            _record(member, held=True)
    first = members[0]
    addresses = [address for member in members for address in member.config.addresses]
    good_until = Instant(min(each.good_until for each in wanted))
    leased = first.leases and lifetime_s is not None
    try:
        since = leases.acquire(
            first.provider, first.interface, addresses, lifetime_s if leased else None, good_until
        )
    except Exception:  # one by one it will be seen whose fault it is
        for member in members:
            _record(member, held=False)
        return None
    if leased:
        for member in members:
            member.leased = True
            member.record()
    return Began(since if leased else None)


def _record(member: Member, *, held: bool) -> None:
    """In the ledger before it is done; leased only when it is: nobody may renew what was not put on."""
    member.held, member.leased = held, False
    member.record()


def _announce(wanted: Sequence[Wanted], remarks: list[str]) -> None:
    """Tell the neighbours, in the order of the groups and of their addresses."""
    first = wanted[0].members[0]
    addresses = [
        address for each in wanted for member in each.members for address in member.config.addresses
    ]
    try:
        first.provider.announce(first.interface, addresses)
    except Exception as error:  # they are here, and will be announced again
        remarks.append(f"announcing failed: {child.one_line(error)}")
