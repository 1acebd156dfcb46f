"""The provider ``netlink``: addresses by the kernel's own socket, without starting a program.

A whole group, or many, is one conversation (`_rtnetlink`). The routes of a home address go by
pyroute2 (the extra ``ipfo[netlink]``), which is imported when there are any. What it puts on an
interface is the same as with the provider ``ip``, and so is what is said there.
"""

import errno
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address, ip_interface
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
from ipfo_plugins.provider import _rtnetlink as rt
from ipfo_plugins.provider._linux import LinuxProvider, routes_by
from ipfo_plugins.provider._rtnetlink import DELETE, NEW, Entry, Kernel, request

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

    def held(self, interface: str | None = None) -> list[Found]:
        """See `LinuxProvider`."""
        index = index_of(interface) if interface else 0
        with Kernel() as kernel:
            entries = kernel.addresses(index)
        names = _Names()
        return [_found(entry, names[entry.index]) for entry in entries]

    def put(self, wanted: Sequence[Found], good_until: Instant | None = None) -> None:
        """See `LinuxProvider`."""
        indexes = _Indexes()
        told = [request(NEW, _entry(found, indexes)) for found in wanted]
        with Kernel() as kernel:
            check_not_late(good_until)
            _check(wanted, kernel.tell(told))

    def take(self, unwanted: Sequence[Found]) -> None:
        """See `LinuxProvider`."""
        indexes = _Indexes()
        told = [request(DELETE, _entry(found, indexes, going=True)) for found in unwanted]
        with Kernel() as kernel:
            _check(unwanted, kernel.tell(told))

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
        """A socket to the kernel, for routes."""
        import pyroute2

        with self._about("the kernel"), pyroute2.IPRoute() as kernel:
            yield kernel

    @contextmanager
    def _about(self, what: str) -> Iterator[None]:
        """What is refused in here is an OSError about `what`."""
        from pyroute2 import NetlinkError

        try:
            yield
        except NetlinkError as error:
            raise _refusal(error.code, what) from error
        except ValueError as error:  # pyroute2 checks some of what it is told by itself
            raise OSError(errno.EINVAL, f"netlink: {what}: {error}") from error


class _Names(dict[int, str]):
    """The names of interfaces by their number, each asked for once."""

    def __missing__(self, index: int) -> str:
        self[index] = socket.if_indextoname(index)
        return self[index]


class _Indexes(dict[str, int]):
    """The numbers of interfaces by their name, each asked for once: a thousand addresses are on one."""

    def __missing__(self, interface: str) -> int:
        self[interface] = index_of(interface)
        return self[interface]


def _check(wanted: Sequence[Found], refused: Sequence[int]) -> None:
    """OSError about the first of `wanted` that was refused."""
    for found, number in zip(wanted, refused, strict=True):
        if number:
            raise _refusal(number, f"{found.address} on {found.interface}")


def _refusal(number: int, what: str) -> OSError:
    return OSError(number, f"netlink: {what}: {os.strerror(number)}")


def _found(entry: Entry, interface: str) -> Found:
    """One address of the kernel."""
    values = entry.attributes
    own, peer = values.get(rt.LOCAL), values[rt.ADDRESS]
    address = _address(own or peer, entry.prefix)
    lifetime = FOREVER
    if rt.CACHEINFO in values:
        _, lifetime, *_ = rt.LIFETIMES.unpack(values[rt.CACHEINFO])
    bits = rt.NUMBER.unpack(values[rt.FLAGS])[0] if rt.FLAGS in values else entry.bits
    flags = [f"bits {bits:#x}", f"scope {entry.scope}"]
    if broadcast := values.get(rt.BROADCAST):
        flags.append(f"brd {ip_address(broadcast)}")
    if label := values.get(rt.LABEL):
        flags.append(f"label {label.rstrip(bytes(1)).decode()}")
    if own and own != peer:
        flags.append(f"peer {ip_address(peer)}")
    if metric := values.get(rt.METRIC):
        flags.append(f"metric {rt.NUMBER.unpack(metric)[0]}")
    if address.version == 4 and bits & _SECONDARY:
        flags.append("secondary")
    if bits & _NOPREFIXROUTE:
        flags.append("noprefixroute")
    return Found(address, interface, None if lifetime == FOREVER else lifetime, tuple(flags))


@lru_cache(maxsize=4096)
def _address(packed: bytes, prefix: int) -> Address:
    """Remembered, since the same ones are listed each second."""
    return Address(ip_interface((packed, prefix)))


def _entry(found: Found, indexes: "_Indexes", *, going: bool = False) -> Entry:
    """What the kernel is told of `found`; `going`: no more than is needed to know it by."""
    said = dict(flag.split(" ", 1) for flag in found.flags if " " in flag)
    address = found.address
    own = address.interface.ip.packed
    attributes = {rt.ADDRESS: ip_address(said["peer"]).packed if "peer" in said else own}
    if address.version == 4:
        attributes[rt.LOCAL] = own
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    scope = 0 if going else int(said.get("scope", "0"))
    if not going:
        attributes |= _settings(found, said)
    return Entry(family, address.prefix, 0, scope, indexes[found.interface], attributes)


def _settings(found: Found, said: Mapping[str, str]) -> dict[int, bytes]:
    """How `found` is to be: its lifetimes, flags, broadcast address, label and metric."""
    version = found.address.version
    bits = int(said.get("bits", "0"), 16)
    lifetime = FOREVER if found.lifetime_s is None else found.lifetime_s
    deprecated = version == 6 and (
        bool(bits & _DEPRECATED) or (not found.flags and found.lifetime_s is not None)
    )
    kept = bits & _KEPT | (_NODAD if version == 6 else 0)
    settings = {
        rt.CACHEINFO: rt.LIFETIMES.pack(0 if deprecated else lifetime, lifetime, 0, 0),
        rt.FLAGS: rt.NUMBER.pack(kept),
    }
    if "brd" in said:
        settings[rt.BROADCAST] = ip_address(said["brd"]).packed
    if "label" in said:
        settings[rt.LABEL] = said["label"].encode() + bytes(1)
    if "metric" in said:
        settings[rt.METRIC] = rt.NUMBER.pack(int(said["metric"]))
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
    if find_spec("pyroute2") is None:
        msg = 'the provider netlink needs pyroute2: pip install "ipfo[netlink]"'
        raise ValueError(msg)
    return NetlinkProvider()


@hookimpl
def ipfo_providers() -> list[Offer[Provider]]:
    """Offer ``netlink``; it takes no options."""
    return [Offer("netlink", build, traits=frozenset({"lease", "probe", "wire"}))]
