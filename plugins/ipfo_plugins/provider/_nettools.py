"""Debian's net-tools, ``ifconfig`` and ``route``, as the provider ``ifconfig`` uses them on Linux.

They know no lifetimes, so nothing here ends by itself. What is there is asked of the kernel:
what ``ifconfig`` prints leaves out every address but the first of each alias name.
"""

import errno
import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from ipfo.plugin import Address, Found, Instant, check_not_late, now
from ipfo_plugins import _host
from ipfo_plugins._host import index_of
from ipfo_plugins.provider import _commands
from ipfo_plugins.provider._commands import Run
from ipfo_plugins.provider._linux import LinuxProvider, routes_by

LABEL_LENGTH_MAX = 15
"""Characters of an alias name such as ``eth0:12``."""

READY_WITHIN_NS = 3_000_000_000
"""How long a new IPv6 address may take until it can be used; without detection it is a moment."""

# linux/route.h, linux/ipv6_route.h
_HOST_ROUTE, _REJECT = 0x4, 0x200
_FROM_ROUTER, _LOCAL = 0x40000, 0x80000000


class NetToolsProvider(LinuxProvider):
    """See `LinuxProvider`; an IPv4 address gets an alias name of its own (``eth0:0``)."""

    def __init__(self, run: Run = _commands.run) -> None:
        """`run` runs commands."""
        self._run = run

    def held(self, interface: str | None = None) -> list[Found]:
        """See `LinuxProvider`."""
        if interface is not None:
            index_of(interface)
        seen: set[tuple[str, IPv4Network | IPv6Network]] = set()
        found: list[Found] = []
        for held in _host.host_addresses():
            flags = [f"label {held.label}"]
            flags += [f"brd {held.broadcast}"] if held.broadcast else []
            place = (held.interface, held.address.network)
            if held.address.version == 4 and place in seen:
                flags.append("secondary")  # the kernel lists the first of a subnet first
            seen.add(place)
            if interface in (None, held.interface):
                found.append(Found(Address(held.address), held.interface, None, tuple(flags)))
        return found

    def put(self, wanted: Sequence[Found], good_until: Instant | None = None) -> None:
        """See `LinuxProvider`. Lifetimes are beyond ifconfig."""
        check_not_late(good_until)
        for found in wanted:
            there = {each.address for each in self.held(found.interface)}
            if found.address not in there:
                self._put4(found) if found.address.version == 4 else self._put6(found)

    def take(self, unwanted: Sequence[Found]) -> None:
        """See `LinuxProvider`."""
        failed: OSError | None = None
        for found in unwanted:
            try:
                self._take4(found) if found.address.version == 4 else self._take6(found)
            except OSError as error:
                failed = error
        if failed:
            raise failed

    def routes(self, found: Found, others: Sequence[Found]) -> tuple[str, ...]:
        """See `LinuxProvider`; each is what ``route add`` wants to be told."""
        read, path = (
            (read_routes4, "/proc/thread-self/net/route")
            if found.address.version == 4
            else (read_routes6, "/proc/thread-self/net/ipv6_route")
        )
        return tuple(read(Path(path).read_text(), found, others))

    def put_routes(self, found: Found) -> None:
        """See `LinuxProvider`."""
        family = [] if found.address.version == 4 else ["-A", "inet6"]
        # a gateway can be named only once its network can be reached
        for route in sorted(found.routes, key=lambda route: " gw " in route):
            with suppress(FileExistsError):
                self._tool("route", *family, "add", *route.split(), "dev", found.interface)

    def _put4(self, found: Found) -> None:
        said = dict(flag.split(" ", 1) for flag in found.flags if " " in flag)
        taken = {held.label for held in _host.host_addresses()}
        label = said.get("label", "")
        if not label or label in taken:
            label = _free_label(found.interface, taken)
        mask = str(found.address.interface.network.netmask)
        words = [label, found.address.ip, "netmask", mask]
        words += ["broadcast", said["brd"]] if "brd" in said else []
        self._tool("ifconfig", *words)

    def _put6(self, found: Found) -> None:
        with _no_detection(found.interface):
            self._tool("ifconfig", found.interface, "add", str(found.address))
            deadline = now() + READY_WITHIN_NS
            while _tentative(found):
                if now() > deadline:
                    msg = f"{found.address.ip} on {found.interface} does not become usable"
                    raise OSError(errno.ETIMEDOUT, msg)
                select.select([], [], [], 0.002)

    def _take4(self, found: Found) -> None:
        label = next(
            (flag.removeprefix("label ") for flag in found.flags if flag.startswith("label ")), ""
        )
        named = [held for held in _host.host_addresses() if held.label == label]
        if not named or str(named[0].address) != str(found.address):
            msg = (
                f"{found.address} is not the first address of {label}, and ifconfig can take off"
                " no other: use the provider ip"
            )
            raise OSError(errno.EOPNOTSUPP, msg)
        self._tool("ifconfig", label, *(["down"] if ":" in label else ["0.0.0.0"]))  # noqa: S104 - "none", to ifconfig

    def _take6(self, found: Found) -> None:
        self._tool("ifconfig", found.interface, "del", str(found.address))

    def _tool(self, name: str, *words: str) -> None:
        self._run([_commands.program(name, "net-tools"), *words])


def read_routes4(text: str, found: Found, others: Sequence[Found]) -> Iterator[str]:
    """Those of /proc/net/route that go with `found`."""
    for line in text.splitlines()[1:]:
        interface, target, gateway, flags, _, _, metric, mask, *_ = line.split()
        if interface != found.interface or int(flags, 16) & _REJECT:
            continue
        network = IPv4Network((_address4(target), str(_address4(mask))))
        hop = str(_address4(gateway)) if int(gateway, 16) else ""
        if not hop and network == found.address.interface.network:
            continue  # comes with the address
        if routes_by(found, others, "", hop):
            kind = "-host" if int(flags, 16) & _HOST_ROUTE else "-net"
            yield _route([kind, str(network) if kind == "-net" else str(network[0])], hop, metric)


def read_routes6(text: str, found: Found, others: Sequence[Found]) -> Iterator[str]:
    """Those of /proc/net/ipv6_route that go with `found`."""
    for line in text.splitlines():
        target, prefix, _, _, gateway, metric, _, _, flags, interface = line.split()
        network = IPv6Network((int(target, 16), int(prefix, 16)))
        if interface != found.interface or int(flags, 16) & (_FROM_ROUTER | _LOCAL | _REJECT):
            continue
        if network.is_multicast or network.is_link_local:
            continue  # the kernel's own
        hop = str(IPv6Address(int(gateway, 16))) if int(gateway, 16) else ""
        if not hop and network == found.address.interface.network:
            continue  # comes with the address
        if routes_by(found, others, "", hop):
            yield _route([str(network)], hop, str(int(metric, 16)))


def _route(target: list[str], hop: str, metric: str) -> str:
    words = [*target, *(["gw", hop] if hop else []), *(["metric", metric] if metric != "0" else [])]
    return " ".join(words)


def _address4(digits: str) -> IPv4Address:
    """An address as /proc writes it: the bytes of the wire read as a number of this machine."""
    return IPv4Address(int(digits, 16).to_bytes(4, sys.byteorder))


def _free_label(interface: str, taken: set[str]) -> str:
    for number in range(1000):
        label = f"{interface}:{number}"
        if len(label) > LABEL_LENGTH_MAX:
            break
        if label not in taken:
            return label
    msg = f"no alias name is left on {interface} ({LABEL_LENGTH_MAX} characters at most)"
    raise OSError(errno.ENOSPC, msg)


def _tentative(found: Found) -> bool:
    return any(
        held.flags & _host.TENTATIVE
        for held in _host.host_addresses()
        if held.interface == found.interface and held.address == found.address.interface
    )


@contextmanager
def _no_detection(interface: str) -> Iterator[None]:
    """No duplicate detection on `interface` as long as this lasts: ifconfig cannot say `nodad`.

    Where the setting cannot be written (a container) detection takes its second or two.
    """
    path = Path(f"/proc/sys/net/ipv6/conf/{interface}/accept_dad")
    try:
        before = path.read_text()
        path.write_text("0")
    except OSError:
        yield
        return
    try:
        yield
    finally:
        path.write_text(before)
