"""The start of a simulated daemon: what is kept of the run before, what is taken off, what is known.

As `workers/sweep.py` and `daemon/life.py` do it: a unit is kept as a whole or not at all, and has
afterwards what the config says now.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ipfo.machine.step import Remembered
from ipfo.model import Epoch, Instant, Phase
from ipfo.sim.disk import Line, Open
from ipfo.sim.settings import MS

if TYPE_CHECKING:
    from ipfo.sim.host import Host

ADOPT_NS = 20 * MS
"""A renewal at adoption is good so long after the address was found, unless leases are short."""

SUSPEND_TOLERANCE_NS = 50 * MS

Found = list[tuple[str, Line, tuple[str, ...]]]
"""The groups of a unit: what the ledger says of each, and what the config says now."""


def keep_or_sweep(host: "Host", found_at: Instant) -> dict[str, Instant]:
    """Since when the leases of the units go on that are adopted; nothing else is on afterwards."""
    adopted: dict[str, Instant] = {}
    for unit in host.terms.groups:
        since = _adopt(host, unit, found_at)
        if since is not None:
            adopted[unit] = since
    ours = {address for unit in adopted for address in host.units[unit].addresses}
    for unit in host.terms.groups:
        if unit not in adopted:
            _sweep(host, unit, ours)
    _sweep_strays(host)
    return adopted


def memory(host: "Host", adopted: dict[str, Instant]) -> dict[str, Remembered]:
    """What the machine is to know of each unit from before.

    Of what is adopted, what one of its groups has not begun is begun again; else what one of them
    has begun is undone.
    """
    told = {}
    for unit in host.terms.groups:
        names = [name for name, _ in host.units[unit].parts]
        lines = [host.disk.addresses.get(name, Line()) for name in names]
        began = [host.disk.phases.get(name, Open()).began for name in names]
        claim = max(line.epoch for line in lines)
        epoch = max(claim, *(host.disk.epochs.get(name, 0) for name in names))
        if epoch or any(began) or unit in adopted:
            every = all if unit in adopted else any
            told[unit] = Remembered(
                epoch=Epoch(epoch),
                claim=Epoch(claim),
                pre_acq=every(Phase.PRE_ACQ in phases for phases in began),
                post_acq=every(Phase.POST_ACQ in phases for phases in began),
                adopted=adopted.get(unit),
            )
    return told


def _adopt(host: "Host", unit: str, found_at: Instant) -> Instant | None:
    settings = host.units[unit]
    found = [(name, host.disk.addresses.get(name, Line()), now) for name, now in settings.parts]
    if not all(_may_be_kept(host, name, line) for name, line, _ in found):
        return None
    if settings.home == host.name:
        return host.now() if all(a in host.kernel for a in settings.addresses) else None
    if not all(
        line.leased and set(line.addresses) & set(now) and _are_leased(host, line.addresses)
        for _, line, now in found
    ):
        return None
    terms = host.terms
    long_lease = terms.lease_ns + terms.renew_margin_ns > terms.takeover_after_ns
    good_ns = ADOPT_NS if long_lease else terms.renew_margin_ns
    if host.now() > found_at + good_ns:
        return None
    new = [address for _, line, now in found for address in now if address not in line.addresses]
    if settings.probes and _somebody_has(host, new):
        return None
    for _, line, now in found:
        for address in line.addresses:
            if address in now:
                host.kernel.renew(address, terms.lease_s)
    _settle(host, found)
    return host.now()


def _may_be_kept(host: "Host", group: str, line: Line) -> bool:
    same_kernel = (
        line.kernel_boot == host.kernel_boot
        and abs(line.asleep_ns - host.clock.asleep_ns) <= SUSPEND_TOLERANCE_NS
    )
    opened = host.disk.phases.get(group, Open())
    return line.held and same_kernel and not opened.unwinding


def _are_leased(host: "Host", addresses: tuple[str, ...]) -> bool:
    return all(a in host.kernel and host.kernel.is_leased(a) for a in addresses)


def _somebody_has(host: "Host", addresses: list[str]) -> bool:
    """Whether what the config gives the unit now is on elsewhere, as far as the wire tells."""
    return bool(addresses) and bool(host.world.who_has(host, addresses))


def _settle(host: "Host", found: Found) -> None:
    """Have an adopted unit as the config says now."""
    for name, line, now in found:
        for address in now:
            if address not in line.addresses:
                host.kernel.put(address, host.terms.lease_s)
        for address in line.addresses:
            if address not in now:
                host.kernel.take_off(address)
        if line.addresses != now:
            kept = _line(host, line.epoch, now, held=True)
            host.disk.write(host.disk.addresses, name, kept)


def _sweep(host: "Host", unit: str, ours: set[str]) -> None:
    """What may not be held is off: what the config says, and what it said when it was put on."""
    at_home = host.units[unit].home == host.name
    for name, now in host.units[unit].parts:
        line = host.disk.addresses.get(name, Line())
        was = line.addresses if line.held else ()
        for address in () if at_home else dict.fromkeys((*now, *was)):
            if address not in ours:
                host.kernel.take_off(address)
        swept = _line(host, line.epoch, (), held=False)
        host.disk.write(host.disk.addresses, name, swept)


def _sweep_strays(host: "Host") -> None:
    """What was put on for groups that the config has no more."""
    for name, line in _strays(host):
        for address in line.addresses:
            if address not in host.unit_of:
                host.kernel.take_off(address)
        host.disk.write(host.disk.addresses, name, _line(host, line.epoch, (), held=False))


def _strays(host: "Host") -> Iterator[tuple[str, Line]]:
    known = {name for unit in host.units.values() for name, _ in unit.parts}
    for name, line in list(host.disk.addresses.items()):
        if name not in known and line.held:
            yield name, line


def _line(host: "Host", epoch: int, addresses: tuple[str, ...], *, held: bool) -> Line:
    return Line(epoch, held, held, host.kernel_boot, host.clock.asleep_ns, addresses)
