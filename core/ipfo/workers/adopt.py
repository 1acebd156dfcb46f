"""Which addresses of an earlier run are kept at a start: its hold, its epoch, its clients (design 7.6).

Pure. What is still there under a lease has been there all the time, so nobody else can have waited
long enough to take it; of anything that could be otherwise, the address is taken off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfo.config.model import GroupConfig
from ipfo.model import Address
from ipfo.plugin.contracts import Found
from ipfo.workers.boot import Boot


@dataclass(frozen=True, slots=True)
class Adoption:
    """A group that may be kept: what stays, what the config has now, and what it has no more."""

    keep: tuple[Address, ...]
    put_on: tuple[Address, ...]
    take_off: tuple[Address, ...]


def addresses_of(kept: Mapping[str, Any]) -> list[Address] | None:
    """The addresses that were put on, by the ledger; None where it says no such thing."""
    texts = kept.get("addresses")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return None
    try:
        return [Address.parse(text) for text in texts]
    except ValueError:
        return None


def judge(
    config: GroupConfig,
    interface: str,
    kept: Mapping[str, Any],
    phases: Mapping[str, Any],
    there: Sequence[Found],
    boot: Boot,
) -> Adoption | str:
    """What of the group may be kept, or why nothing.

    `kept` and `phases` are its files of the ledger, `there` all addresses of the host.
    """
    why = _why_not_held(config, interface, kept) or boot.why_not_since(Boot.of(kept))
    if why is None and phases.get("unwinding") is True:
        why = "the earlier run was giving it up"
    if why is not None:
        return why
    was = addresses_of(kept)
    if was is None:
        return "its ledger names no addresses"
    here = {found.address: found for found in there if found.interface == interface}
    for address in was:
        if address not in here:
            return f"{address} is not on {interface} any more"
        if here[address].lifetime_s is None:
            return f"{address} has no end any more: somebody else has put it on"
    return _compare(was, config.addresses)


def _why_not_held(config: GroupConfig, interface: str, kept: Mapping[str, Any]) -> str | None:
    if kept.get("held") is not True:
        return "it was not held"
    if kept.get("leased") is not True:
        return "it was not held under a lease"
    if kept.get("epoch", 0) < 1:
        return "it was held under no epoch"
    if "lease" not in config.traits:
        return f"the provider {config.provider} knows no leases"
    if kept.get("interface") != interface:
        return f"it was on {kept.get('interface')}, and belongs on {interface} now"
    return None


def _compare(was: Sequence[Address], now: Sequence[Address]) -> Adoption | str:
    keep = tuple(address for address in now if address in was)
    put_on = tuple(address for address in now if address not in was)
    if not keep:
        return "all its addresses are others now"
    before = {address.ip for address in was}
    for address in put_on:
        if address.ip in before:
            return f"{address.ip} has another prefix length now"
    return Adoption(keep, put_on, tuple(address for address in was if address not in now))
