"""The provider ``ifconfig``: addresses by the command that every Unix has, as the original did it.

It cannot put a lifetime on an address, so nothing takes the address from a host whose daemon was
killed or is frozen: prefer ``ip`` or ``netlink`` where there is Linux.
"""

from ipfo.plugin import Offer, Options, Provider, hookimpl
from ipfo_plugins import _host

TRAITS = frozenset({"probe", "wire"}) if _host.LINUX else frozenset({"wire"})
"""Elsewhere than on Linux neighbours cannot be asked."""


def build(_options: Options, *, linux: bool = _host.LINUX) -> Provider:
    """Make the one for this platform: net-tools on Linux, the system's own command elsewhere."""
    if linux:
        from ipfo_plugins.provider._nettools import NetToolsProvider

        return NetToolsProvider()
    from ipfo_plugins.provider._bsd import BsdProvider

    return BsdProvider()


@hookimpl
def ipfo_providers() -> list[Offer[Provider]]:
    """Offer ``ifconfig``; it takes no options."""
    return [Offer("ifconfig", build, traits=TRAITS)]
