"""The provider ``netlink``: addresses by the kernel's own socket, without starting a program.

Needs pyroute2 (the extra ``ipfo[netlink]``), which is imported when a provider is built. What it
puts on an interface is the same as with the provider ``ip``, and so is what is said there.
"""

import errno
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from ipfo.plugin import (
    Address,
    Found,
    Instant,
    Offer,
    Options,
    Provider,
    check_not_late,
    hookimpl,
)
from ipfo_plugins._host import index_of
from ipfo_plugins.provider._linux import LinuxProvider, routes_by

FOREVER = 0xFFFFFFFF

# linux/if_addr.h; the kernel's word for 0x01 is "secondary" for IPv4 and "temporary" for IPv6
_SECONDARY, _NODAD, _DEPRECATED, _NOPREFIXROUTE = 0x01, 0x02, 0x20, 0x200
_KEPT = _NOPREFIXROUTE | 0x10 | 0x100  # home address, mngtmpaddr
_UNICAST = 1  # linux/rtnetlink.h: RTN_UNICAST
_KERNEL, _ROUTER = 2, 9  # RTPROT_KERNEL, RTPROT_RA

_ROUTE_FIELDS = ("family", "dst_len", "tos", "table", "proto", "scope", "type")
_ROUTE_ATTRIBUTES = {
    "RTA_DST": "dst",
    "RTA_GATEWAY": "gateway",
    "RTA_PREFSRC": "prefsrc",
    "RTA_PRIORITY": "priority",
    "RTA_TABLE": "table",
    "RTA_PREF": "pref",
}


class NetlinkProvider(LinuxProvider):
    """See `LinuxProvider`. Opens a socket for each question: this is asked once a second or less."""

    def __init__(self, pyroute2: ModuleType) -> None:
        """`pyroute2` is the module."""
        self._pyroute2 = pyroute2

    def held(self, interface: str | None = None) -> list[Found]:
        """See `LinuxProvider`."""
        index = index_of(interface) if interface else None
        with self._kernel() as kernel:
            where = {"index": index} if index else {}
            return [_found(entry) for entry in kernel.get_addr(**where)]

    def put(self, wanted: Sequence[Found], good_until: Instant | None = None) -> None:
        """See `LinuxProvider`."""
        told = [(found, _settings(found)) for found in wanted]
        with self._kernel() as kernel:
            check_not_late(good_until)
            for found, settings in told:
                with self._about(f"{found.address} on {found.interface}"):
                    kernel.addr("replace", **settings)

    def take(self, unwanted: Sequence[Found]) -> None:
        """See `LinuxProvider`."""
        failed: OSError | None = None
        with self._kernel() as kernel:
            for found in unwanted:
                place = {"index": index_of(found.interface), "prefixlen": found.address.prefix}
                try:
                    with self._about(f"{found.address} on {found.interface}"):
                        kernel.addr("del", address=found.address.ip, **place)
                except OSError as error:
                    failed = error
        if failed:
            raise failed

    def routes(self, found: Found, others: Sequence[Found]) -> tuple[str, ...]:
        """See `LinuxProvider`; each is JSON, what the kernel is to be told."""
        family = socket.AF_INET if found.address.version == 4 else socket.AF_INET6
        with self._kernel() as kernel:
            entries = list(kernel.get_routes(family=family, oif=index_of(found.interface)))
        return tuple(_routes(entries, found, others))

    def put_routes(self, found: Found) -> None:
        """See `LinuxProvider`."""
        routes = [json.loads(route) for route in found.routes]
        # a gateway can be named only once its network can be reached
        for route in sorted(routes, key=lambda route: "gateway" in route):
            # IPv6 keeps the route and forgets its source, so that one is said anew
            how = "replace" if route.get("prefsrc") == found.address.ip else "add"
            what = f"route {route.get('dst', 'default')}"
            with suppress(FileExistsError), self._kernel() as kernel, self._about(what):
                kernel.route(how, oif=index_of(found.interface), **route)

    @contextmanager
    def _kernel(self) -> Iterator[Any]:
        """A socket to the kernel."""
        with self._about("the kernel"), self._pyroute2.IPRoute() as kernel:
            yield kernel

    @contextmanager
    def _about(self, what: str) -> Iterator[None]:
        """What is refused in here is an OSError about `what`."""
        try:
            yield
        except self._pyroute2.NetlinkError as error:
            text = f"netlink: {what}: {os.strerror(error.code)}"
            raise OSError(error.code, text) from error
        except ValueError as error:  # pyroute2 checks some of what it is told by itself
            raise OSError(errno.EINVAL, f"netlink: {what}: {error}") from error


def _found(entry: Mapping[str, Any]) -> Found:
    """One RTM_NEWADDR."""
    values = dict(entry["attrs"])
    own, peer = values.get("IFA_LOCAL"), values["IFA_ADDRESS"]
    address = Address.parse(f"{own or peer}/{entry['prefixlen']}")
    lifetime = values.get("IFA_CACHEINFO", {}).get("ifa_valid", FOREVER)
    bits = values.get("IFA_FLAGS", entry["flags"])
    flags = [f"bits {bits:#x}", f"scope {entry['scope']}"]
    said = {
        "brd": values.get("IFA_BROADCAST"),
        "label": values.get("IFA_LABEL"),
        "peer": peer if own and own != peer else None,
        "metric": values.get("IFA_RT_PRIORITY"),
    }
    flags += [f"{word} {value}" for word, value in said.items() if value]
    if address.version == 4 and bits & _SECONDARY:
        flags.append("secondary")
    if bits & _NOPREFIXROUTE:
        flags.append("noprefixroute")
    interface = socket.if_indextoname(entry["index"])
    return Found(address, interface, None if lifetime == FOREVER else lifetime, tuple(flags))


def _settings(found: Found) -> dict[str, Any]:
    """What the kernel is told of `found`."""
    said = dict(flag.split(" ", 1) for flag in found.flags if " " in flag)
    bits = int(said.get("bits", "0"), 16)
    lifetime = FOREVER if found.lifetime_s is None else found.lifetime_s
    deprecated = found.address.version == 6 and (
        bool(bits & _DEPRECATED) or (not found.flags and found.lifetime_s is not None)
    )
    settings: dict[str, Any] = {
        "index": index_of(found.interface),
        "address": said.get("peer", found.address.ip),
        "prefixlen": found.address.prefix,
        "flags": bits & _KEPT | (_NODAD if found.address.version == 6 else 0),
        "valid_lft": lifetime,
        "preferred_lft": 0 if deprecated else lifetime,
    }
    if found.address.version == 4:
        settings["local"] = found.address.ip
    settings |= {
        key: said[word] for word, key in (("brd", "broadcast"), ("label", "label")) if word in said
    }
    settings |= {
        key: int(said[word])
        for word, key in (("metric", "priority"), ("scope", "scope"))
        if word in said
    }
    return settings


def _routes(
    entries: Sequence[Mapping[str, Any]], found: Found, others: Sequence[Found]
) -> Iterator[str]:
    """Those of `entries` (RTM_NEWROUTE) that go with `found`."""
    index = index_of(found.interface)
    for entry in entries:
        values: Mapping[str, Any] = dict(entry["attrs"])
        if entry["type"] != _UNICAST or values.get("RTA_OIF") != index:
            continue
        if entry["proto"] == _ROUTER:
            continue  # a router tells of its own again
        if entry["proto"] == _KERNEL and "noprefixroute" not in found.flags:
            continue  # comes with the address
        source, gateway = values.get("RTA_PREFSRC", ""), values.get("RTA_GATEWAY", "")
        if routes_by(found, others, source, gateway):
            route = {name: entry[name] for name in _ROUTE_FIELDS if entry[name] or name == "family"}
            route |= {name: values[key] for key, name in _ROUTE_ATTRIBUTES.items() if key in values}
            yield json.dumps(route, sort_keys=True)


def build(_options: Options) -> Provider:
    """Make the provider.

    :raises ValueError: where pyroute2 is not installed.
    """
    try:
        import pyroute2
    except ImportError as error:
        msg = 'the provider netlink needs pyroute2: pip install "ipfo[netlink]"'
        raise ValueError(msg) from error
    return NetlinkProvider(pyroute2)


@hookimpl
def ipfo_providers() -> list[Offer[Provider]]:
    """Offer ``netlink``; it takes no options."""
    return [Offer("netlink", build, traits=frozenset({"lease", "probe", "wire"}))]
