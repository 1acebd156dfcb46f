"""The importer ``hostconfig``: the failover keys of Mac OS X Server's /etc/hostconfig.

The original moves the primary's own address, so each becomes a home group. What the old files do
not say is taken from options or found on this host, or stays open for `ipfo check` to name; it is
never made up.
"""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Any

from ipfo.plugin import Imported, Importer, ImportHelp, Offer, Options, hookimpl
from ipfo_plugins.importer import _facts, _paths
from ipfo_plugins.importer._facts import Facts
from ipfo_plugins.importer._paths import Way

SYSTEM_FILE = Path("/etc/hostconfig")
SCRIPTS = "/Library/IPFailover"
NOBODY_NAMED = "root@localhost"
PORT = 1694
INTERVAL = "1s"
TAKEOVER_AFTER = "5s"

CHOSEN = (
    f'takeover_after = "{TAKEOVER_AFTER}" is our choice: the original has no such key, and nobody'
    " wrote down how long it waited"
)


class Hostconfig:
    """Reads one host's file, or makes a whole pair out of two."""

    def read(self, path: Path) -> Imported:
        """What this host's own `path` says; its addresses are looked up on this host."""
        facts = _facts.read(path)
        primary, secondary = ImportHelp().nodes
        ways: list[Way] = []
        remarks = []
        if facts.peer is not None:
            publics = [each.address for each in facts.taken]
            ways = [
                replace(way, secondary=_paths.own_address(way.primary))
                for way in _paths.named(facts.peer, publics)
                if way.primary is not None
            ]
        elif facts.targets:
            ways = list(_paths.from_targets(facts.targets))
            remarks.append(
                f"{_facts.TARGETS} does not tell the private network; of its targets the most"
                " private one was taken for it, and the addresses that move must be said in a group"
            )
        else:
            remarks.append(f"{path} has none of the keys that start failover")
        tables: dict[str, Any] = {}
        if ways:
            tables["pair"] = {"nodes": [primary, secondary], "interval": INTERVAL}
            tables["links"] = {way.name: _link(way, (primary, secondary)) for way in ways}
        if facts.taken:
            tables["groups"] = _groups(facts, home=primary, other=secondary, interface="")
        if ways:
            tables["notifiers"] = [_notifier([facts])]
        return Imported(tables, tuple(remarks))

    def read_pair(self, primary: Path, secondary: Path, given: ImportHelp) -> Imported:
        """The pair that the files of both hosts make together."""
        sender, monitor = _facts.read(primary), _facts.read(secondary)
        if not sender.targets:
            raise ValueError(f"{primary}: {_facts.TARGETS} is not set; is this the primary's file?")
        if monitor.peer is None:
            raise ValueError(
                f"{secondary}: {_facts.PEER} and {_facts.PAIRS} are not set; is this the"
                " secondary's file?"
            )
        publics = [each.address for each in monitor.taken]
        ways, remarks = _paths.joined(_paths.named(monitor.peer, publics), sender.targets)
        ways = [_completed(way, given, secondary) for way in ways]
        links, more = _links(ways, given.nodes)
        groups = _groups(
            monitor, home=given.nodes[0], other=given.nodes[1], interface=given.interface
        )
        if sender.taken:  # the primary watches the secondary too: a pair that is crossed
            groups |= _groups(sender, home=given.nodes[1], other=given.nodes[0], interface="")
        tables = {
            "pair": {
                "name": given.pair or "ipfailover",
                "nodes": list(given.nodes),
                "interval": INTERVAL,
                "takeover_after": TAKEOVER_AFTER,
            },
            "links": links,
            "groups": groups,
            "notifiers": [_notifier([monitor, sender])],
        }
        return Imported(tables, (CHOSEN, *remarks, *more, *_home_remarks(given)))


def _completed(way: Way, given: ImportHelp, secondary: Path) -> Way:
    """`way` with the addresses that options give, or that this host has, if it is the secondary."""
    for role, node in zip(("primary", "secondary"), given.nodes, strict=True):
        text = given.addresses.get(f"{node}/{way.name}", given.addresses.get(f"{role}/{way.name}"))
        if text is None:
            continue
        try:
            address = IPv4Address(text)
        except AddressValueError:
            raise ValueError(f'{node}/{way.name}: "{text}" is not an IPv4 address') from None
        way = (
            replace(way, primary=address) if role == "primary" else replace(way, secondary=address)
        )
    here = secondary.resolve() == SYSTEM_FILE.resolve()
    if way.secondary is None and way.primary is not None and here:
        way = replace(way, secondary=_paths.own_address(way.primary))
    return way


def _links(
    ways: Sequence[Way], nodes: tuple[str, str]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The links of those ways that have a target, and a remark for each other.

    :raises ValueError: for a way whose target names no node, and for a pair without any link.
    """
    remarks = []
    links = {}
    nameless = [way for way in ways if way.secondary is None and way.broadcast is not None]
    if nameless:
        all_of = " ".join(f"--address {nodes[1]}/{way.name}=ADDRESS" for way in nameless)
        raise ValueError(
            f"{_facts.TARGETS}: {' and '.join(str(way.broadcast) for way in nameless)} names no host,"
            f" as a broadcast address; give the secondary's own: {all_of}"
        )
    for way in ways:
        if way.secondary is not None:
            links[way.name] = _link(way, nodes)
        else:
            remarks.append(
                f"the primary sends no heartbeats towards {way.primary}, so there is no link"
                f" {way.name}; --address {nodes[1]}/{way.name}=ADDRESS makes one"
            )
    if not links:
        raise ValueError(f"{_facts.TARGETS}: no target is on a network of the primary's addresses")
    return links, remarks


def _link(way: Way, nodes: tuple[str, str]) -> dict[str, Any]:
    addresses = dict(zip(nodes, (way.primary, way.secondary), strict=True))
    link: dict[str, Any] = {
        "transport": "udp",
        "port": PORT,
        "addresses": {node: str(address) for node, address in addresses.items() if address},
    }
    if way.broadcast is not None:
        link["broadcast"] = str(way.broadcast)
    return link


def _groups(facts: Facts, *, home: str, other: str, interface: str) -> dict[str, Any]:
    """A home group for each address that `facts` says `other` takes over."""
    return {
        "ip-" + str(taken.address).replace(".", "-"): {
            "addresses": [str(taken)],
            "home": home,
            "interface": ({home: interface} if interface else {}) | {other: taken.interface},
            "scripts": SCRIPTS,
        }
        for taken in facts.taken
    }


def _notifier(files: Sequence[Facts]) -> dict[str, Any]:
    recipients = list(dict.fromkeys(each for facts in files for each in facts.recipients))
    return {"plugin": "smtp", "to": recipients or [NOBODY_NAMED]}


def _home_remarks(given: ImportHelp) -> tuple[str, ...]:
    if given.interface:
        return ()
    remark = (
        f"{given.nodes[0]}'s own interface is not in the files: it is found where the address is;"
        " --interface says where to put it back should it be lost"
    )
    return (remark,)


def _build(options: Options) -> Importer:
    assert not options
    return Hostconfig()


@hookimpl
def ipfo_importers() -> Sequence[Offer[Importer]]:
    """Offer the importer."""
    return [Offer("hostconfig", _build)]
