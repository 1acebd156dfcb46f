"""Relations of links: both nodes, one family, addresses that tell the two nodes apart.

A warning here is about two links that are one in truth: the pair would seem to have more ways to
hear each other than it has.
"""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from itertools import chain, combinations

from ipfo.config.defaults import PORT_DEFAULT
from ipfo.config.draft import Draft, Ip
from ipfo.config.faults import Fault, show
from ipfo.plugin.vetting import nearest

ONE_NETWORK = {4: 24, 6: 64}
"""Prefix lengths within which two addresses are probably on one wire; links name none."""


def faults(draft: Draft) -> Iterator[Fault]:
    """What must not be in the links."""
    for link in draft.names("links"):
        yield from _node_faults(draft, link)
        yield from _address_faults(draft, link)
    yield from _double_faults(draft)


def warnings(draft: Draft) -> Iterator[Fault]:
    """What had better not be in the links."""
    return chain(_prefix_warnings(draft), _network_warnings(draft), _interface_warnings(draft))


def unknown_node(path: tuple[str | int, ...], name: str, nodes: tuple[str, str]) -> Fault:
    """`name` stands where one of `nodes` should."""
    both = " and ".join(nodes)
    return Fault(
        path, f"{show(name)} is no node of this pair, which has {both}{nearest(name, nodes)}"
    )


def _node_faults(draft: Draft, link: str) -> Iterator[Fault]:
    nodes = draft.nodes
    addresses = draft.get("links", link, "addresses")
    if nodes is None:
        return
    for key in ("addresses", "interface"):
        table = draft.get("links", link, key)
        for name in table if isinstance(table, dict) else ():
            if name not in nodes:
                yield unknown_node(("links", link, key, name), name, nodes)
    if addresses is not None:
        for node in nodes:
            if node not in addresses:
                yield Fault(
                    ("links", link, "addresses", node),
                    "is missing; each node needs its own address on each link",
                )


def _address_faults(draft: Draft, link: str) -> Iterator[Fault]:
    here = ("links", link, "addresses")
    for node in draft.get(*here) or ():
        text = draft.get(*here, node)
        if text is None:
            continue
        address = draft.link_address(link, node)
        if address is None:
            yield Fault((*here, node), f"{show(text)} is not an IPv4 or IPv6 address")
        elif address.is_unspecified or address.is_multicast or address == _EVERYBODY:
            yield Fault(
                (*here, node), f"{show(text)} is nobody's own; give the address of {node} here"
            )
    found = [draft.link_address(link, node) for node in draft.nodes or ()]
    if None in found or not found:
        return
    first, second = found
    assert first is not None
    assert second is not None
    if first.version != second.version:
        yield Fault(here, f"{first} and {second} are not of one family; use two links")
    elif first == second:
        yield Fault(here, f"both nodes have {first}; each needs its own")


_EVERYBODY = ip_address("255.255.255.255")


def _double_faults(draft: Draft) -> Iterator[Fault]:
    taken: dict[tuple[Ip, int], tuple[str, str]] = {}
    for link, node, address in draft.link_addresses():
        port = draft.get("links", link, "port") or PORT_DEFAULT
        other, whose = taken.setdefault((address, port), (link, node))
        if other != link:
            yield Fault(
                ("links", link, "addresses", node),
                f"{address} with port {port} is {whose}'s on link {other} already; a link of its"
                " own needs an address or a port of its own",
            )


def _prefix_warnings(draft: Draft) -> Iterator[Fault]:
    for link, node, address in draft.link_addresses():
        text = draft.get("links", link, "addresses", node)
        if "/" in text:
            yield Fault(
                ("links", link, "addresses", node),
                f'a link needs no prefix, and {show(text)} is read as "{address}"',
            )


def _network_warnings(draft: Draft) -> Iterator[Fault]:
    networks: dict[str, str] = {}
    for link, _, address in draft.link_addresses():
        if address.is_loopback or address.is_link_local:
            continue
        network = str(ip_network(f"{address}/{ONE_NETWORK[address.version]}", strict=False))
        other = networks.setdefault(network, link)
        if other != link:
            yield Fault(
                ("links", link),
                f"looks like the same network as link {other} ({network}): what cuts one may cut both",
            )


def _interface_warnings(draft: Draft) -> Iterator[Fault]:
    for one, two in combinations(draft.names("links"), 2):
        first, second = draft.interfaces("links", one), draft.interfaces("links", two)
        for node in draft.nodes or ():
            if node in first and first[node] == second.get(node):
                yield Fault(
                    ("links", two),
                    f"is on {first[node]} of {node}, as link {one} is: what cuts one cuts both",
                )
