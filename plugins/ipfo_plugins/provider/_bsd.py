"""``ifconfig`` and ``route`` of macOS and the BSDs, as the provider ``ifconfig`` uses them there.

The words are those of the original's own alias commands. The system itself tells the neighbours of
a new alias, so nothing is announced here; neighbours cannot be asked, and nothing has a lifetime.

An alias wants /32 (/128) where the host has another address of the same subnet: a second one with
the subnet's mask is refused as a route that exists.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address

from ipfo.plugin import Address, Answer, Found, Instant, check_not_late
from ipfo_plugins.provider import _commands
from ipfo_plugins.provider._commands import Run, check_name


class BsdProvider:
    """See `Provider`."""

    def __init__(self, run: Run = _commands.run) -> None:
        """`run` runs commands."""
        self._run = run

    def acquire(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int | None,
        good_until: Instant | None = None,
    ) -> None:
        """See `Provider`; `lifetime_s` is beyond ifconfig."""
        del lifetime_s
        there = {found.address.ip for found in self.held(check_name(interface))}
        new = [address for address in addresses if address.ip not in there]
        check_not_late(good_until)
        done: list[Address] = []
        try:
            for address in new:
                self._ifconfig(interface, *alias(address))
                done.append(address)
        except OSError:
            for address in done:
                self._ifconfig(interface, *no_alias(address))
            raise

    def renew(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int,
        good_until: Instant | None = None,
    ) -> None:
        """Never called: there is no trait ``lease``."""

    def release(self, interface: str, addresses: Sequence[Address]) -> None:
        """See `Provider`."""
        there = {found.address.ip for found in self.held(check_name(interface))}
        for address in addresses:
            if address.ip in there:
                self._ifconfig(interface, *no_alias(address))

    def held(self, interface: str | None = None) -> list[Found]:
        """See `Provider`; of `interface` alone where one is named."""
        return list(read_ifconfig(self._ifconfig(interface or "-a")))

    def find(self, address: Address) -> Found | None:
        """See `Provider`. Of the routes, the default one is remembered."""
        everything = self.held()
        found = next((each for each in everything if each.address.ip == address.ip), None)
        if found is None:
            return None
        gateway = self._gateway(found.interface, family(address))
        near = [
            each
            for each in everything
            if gateway and Address.parse(gateway).interface.ip in each.address.interface.network
        ]
        return replace(found, routes=(f"default {gateway}",)) if near == [found] else found

    def restore(self, found: Found) -> None:
        """See `Provider`."""
        self.acquire(found.interface, [found.address], None)
        for route in found.routes:
            with suppress(FileExistsError):
                self._tool("route", "-n", "add", f"-{family(found.address)}", *route.split())

    def announce(self, interface: str, addresses: Sequence[Address]) -> None:
        """The system has done it when the alias was made."""

    def probe(
        self,
        interface: str,  # noqa: ARG002 - the contract's
        addresses: Sequence[Address],  # noqa: ARG002 - the contract's
        timeout_ns: int,  # noqa: ARG002 - the contract's
    ) -> Sequence[Answer]:
        """Never called: there is no trait ``probe``."""
        return ()

    def _gateway(self, interface: str, name: str) -> str | None:
        """The default gateway by `interface`, if it is there."""
        try:
            text = self._tool("route", "-n", "get", f"-{name}", "default")
        except OSError:
            return None
        said = dict(re.findall(r"^\s*(gateway|interface): (\S+)", text, re.MULTILINE))
        gateway: str = said.get("gateway", "").partition("%")[0]
        literal = re.fullmatch(r"[0-9a-fA-F.:]+", gateway) is not None
        return gateway if said.get("interface") == interface and literal else None

    def _ifconfig(self, *words: str) -> str:
        return self._tool("ifconfig", *words)

    def _tool(self, name: str, *words: str) -> str:
        return self._run([name, *words])


def family(address: Address) -> str:
    """What ifconfig and route call the family of `address`."""
    return "inet" if address.version == 4 else "inet6"


def alias(address: Address) -> list[str]:
    """The words that put `address` on an interface, after its name."""
    if address.version == 4:
        return ["inet", "alias", str(address)]
    return ["inet6", address.ip, "prefixlen", str(address.prefix), "alias"]


def no_alias(address: Address) -> list[str]:
    """The words that take `address` off; without a mask, as the original did it."""
    return (
        ["inet", "-alias", address.ip] if address.version == 4 else ["inet6", address.ip, "-alias"]
    )


def read_ifconfig(text: str) -> Iterator[Found]:
    """The addresses in what ``ifconfig -a`` says; lines that are not understood are passed over."""
    interface = ""
    for line in text.splitlines():
        if line and not line[0].isspace():
            interface = line.partition(":")[0]
            continue
        words = line.split()
        if not words or words[0] not in ("inet", "inet6"):
            continue
        after = {word: words[at + 1] for at, word in enumerate(words[:-1])}
        prefix = after.get("prefixlen") or _prefix(after.get("netmask", ""))
        with suppress(ValueError):
            address = Address.parse(f"{words[1].partition('%')[0]}/{prefix}")
            flags = (f"broadcast {after['broadcast']}",) if "broadcast" in after else ()
            yield Found(address, interface, None, flags)


def _prefix(netmask: str) -> str:
    """The prefix length of ``0xffffff00`` (BSD) or ``255.255.255.0``; "" for neither."""
    with suppress(ValueError):
        number = int(netmask, 16) if netmask.startswith("0x") else int(IPv4Address(netmask))
        return str(number.bit_count())
    return ""
