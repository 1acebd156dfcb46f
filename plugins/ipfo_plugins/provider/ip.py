"""The provider ``ip``: addresses by iproute2's command, with lifetimes that the kernel keeps.

A whole group is one call of ``ip -batch``. An IPv6 address under lease is deprecated from the start
(preferred lifetime 0): it answers, but the host does not choose it for what it sends of its own
accord, and its going away cuts nothing else. It needs no duplicate detection: who held it is
asked before, and two holders are what ipfo is there to prevent.

The prefix length decides what comes with the address. With that of the subnet, as in
``192.0.2.100/24``, the host can reach its neighbours from it, which is right where the host has
no other address there; /32 and /128 add nothing but the address. Two groups of one subnet on an
interface that has no address of its own there want ``net.ipv4.conf.IF.promote_secondaries = 1``:
else the end of one group's lease takes the other's IPv4 address too, by the kernel's own rule.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ipfo.plugin import Address, Found, Instant, LateError, Offer, Provider, hookimpl
from ipfo_plugins.provider import _commands
from ipfo_plugins.provider._commands import Run
from ipfo_plugins.provider._linux import LinuxProvider, routes_by

FOREVER = 0xFFFFFFFF

_KEPT = ("brd", "scope", "label", "peer", "metric", "noprefixroute", "home", "mngtmpaddr")
"""Flags that are set again with an address; the others are the kernel's to set."""

_FLAGS = ("secondary", "deprecated", "tentative", "dadfailed", "dynamic", "temporary", *_KEPT[-3:])
_NOISE = ("linkdown", "dead", "offload", "trap", "\\")


class IpProvider(LinuxProvider):
    """See `LinuxProvider`; asks by ``ip -json``, tells by ``ip -batch``."""

    def __init__(self, run: Run = _commands.run) -> None:
        """`run` runs commands."""
        self._run = run

    def held(self, interface: str | None = None) -> list[Found]:
        """See `LinuxProvider`."""
        where = ["dev", interface] if interface else []
        text = self._ip("-json", "address", "show", *where)
        return [
            _found(link["ifname"], entry)
            for link in json.loads(text)
            if link
            for entry in link.get("addr_info", ())
        ]

    def put(self, wanted: Sequence[Found], good_until: Instant | None = None) -> None:
        """See `LinuxProvider`."""
        self._batch([f"address replace {_words(found)}" for found in wanted], good_until=good_until)

    def take(self, unwanted: Sequence[Found]) -> None:
        """See `LinuxProvider`."""
        self._batch(
            [f"address del {each.address} dev {each.interface}" for each in unwanted], force=True
        )

    def routes(self, found: Found, others: Sequence[Found]) -> tuple[str, ...]:
        """See `LinuxProvider`; each is a line of ``ip route``."""
        text = self._ip(f"-{found.address.version}", "-oneline", "route", "show", "table", "all")
        return tuple(_routes(text, found, others))

    def put_routes(self, found: Found) -> None:
        """See `LinuxProvider`."""
        # a gateway can be named only once its network can be reached
        for route in sorted(found.routes, key=lambda route: " via " in route):
            # IPv6 keeps the route and forgets its source, so that one is said anew
            how = "replace" if f"src {found.address.ip}" in route else "add"
            try:
                self._ip(f"-{found.address.version}", "route", how, *route.split())
            except FileExistsError:
                continue

    def _ip(self, *words: str, given: str = "", good_until: Instant | None = None) -> str:
        argv = [_commands.program("ip", "iproute2"), *words]
        return self._run(argv, given=given, good_until=good_until)

    def _batch(
        self, lines: Sequence[str], *, force: bool = False, good_until: Instant | None = None
    ) -> None:
        """Carry out `lines`; without `force` the first that fails is the last."""
        if not lines:
            return
        options = ["-force"] if force else []
        try:
            given = "\n".join(lines) + "\n"
            self._ip(*options, "-batch", "-", given=given, good_until=good_until)
        except LateError:
            raise
        except OSError as error:
            raise OSError(error.errno, _with_line(error.strerror or "", lines)) from error


def _found(interface: str, entry: Mapping[str, Any]) -> Found:
    """One entry of ``addr_info``."""
    address = Address.parse(f"{entry['local']}/{entry['prefixlen']}")
    lifetime = entry.get("valid_life_time", FOREVER)
    said = {
        "brd": entry.get("broadcast"),
        "scope": entry.get("scope"),
        "label": entry.get("label"),
        "peer": entry.get("address"),
        "metric": entry.get("metric"),
    }
    flags = [f"{word} {value}" for word, value in said.items() if value]
    flags += [flag for flag in _FLAGS if entry.get(flag)]
    return Found(address, interface, None if lifetime == FOREVER else lifetime, tuple(flags))


def _words(found: Found) -> str:
    """What ``ip address replace`` is told of `found`."""
    lifetime = "forever" if found.lifetime_s is None else str(found.lifetime_s)
    version = found.address.version
    deprecated = version == 6 and (
        "deprecated" in found.flags or (not found.flags and found.lifetime_s is not None)
    )
    words = [f"valid_lft {lifetime} preferred_lft {'0' if deprecated else lifetime}"]
    words += [flag for flag in found.flags if flag.split()[0] in _KEPT and flag[:4] != "peer"]
    if version == 6:
        words.append("nodad")
    peer = next((flag.split()[1] for flag in found.flags if flag.startswith("peer ")), None)
    what = f"{found.address.ip} peer {peer}/{found.address.prefix}" if peer else str(found.address)
    return " ".join([what, "dev", found.interface, *words])


def _routes(text: str, found: Found, others: Sequence[Found]) -> Iterator[str]:
    """Those lines of ``ip -oneline route`` that go with `found`."""
    for line in text.splitlines():
        words = [word for word in line.split() if word not in _NOISE]
        if not words or words[0] in ("local", "broadcast", "anycast", "multicast", "unreachable"):
            continue  # made by the kernel with each address
        after = dict(pairwise(words))
        if after.get("dev") != found.interface or after.get("proto") == "ra":
            continue  # a router tells of its own again
        if after.get("proto") == "kernel" and "noprefixroute" not in found.flags:
            continue  # comes with the address
        if routes_by(found, others, after.get("src", ""), after.get("via", "")):
            yield re.sub(r" expires \S+", "", " ".join(words))


def _with_line(said: str, lines: Sequence[str]) -> str:
    """`said` with the command that failed, which iproute2 names by its number only."""
    failed = re.search(r"^ip.* -batch -: (.*?)\s*Command failed -:(\d+)", said)
    if failed is None:
        return said
    words = lines[int(failed[2]) - 1].split()[:5]
    return f"ip {' '.join(words)}: {failed[1]}"


@hookimpl
def ipfo_providers() -> list[Offer[Provider]]:
    """Offer ``ip``; it takes no options."""
    return [
        Offer("ip", lambda _options: IpProvider(), traits=frozenset({"lease", "probe", "wire"}))
    ]
