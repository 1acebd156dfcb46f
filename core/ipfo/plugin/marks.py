"""What a plugin's schema says of the meaning of its options, beside their shape.

An option that is not marked means nothing to ipfo: nothing is guessed from its name.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from ipfo.plugin.by_node import Path, Schema, part_of

HOST = "x-host"
"""True: the option is a host that is asked, an address or a URL."""

PEER = "x-peer"
"""Of a fence: what stands in the option for the name of the node to be shot."""


def hosts(
    schema: Schema, options: Mapping[str, Any]
) -> Iterator[tuple[Path, IPv4Address | IPv6Address]]:
    """The hosts in `options` that are given by their addresses, each with its path.

    A table by node has one for each. A host's name is left out: nothing is resolved here.
    """
    for key, value in options.items():
        if not part_of(schema, key).get(HOST):
            continue
        given = value if isinstance(value, Mapping) else {None: value}
        for node, text in given.items():
            address = _address(text)
            if address is not None:
                yield (key,) if node is None else (key, node), address


def nowhere(schema: Schema, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The options in which what stands for the peer is missing, each with what that is."""
    for key, value in options.items():
        peer = part_of(schema, key).get(PEER)
        if peer and not any(peer in text for text in _texts(value)):
            yield key, peer


def _address(text: object) -> IPv4Address | IPv6Address | None:
    if not isinstance(text, str):
        return None
    try:
        host = urlsplit(text).hostname if "://" in text else text
        return ip_address(host or "")
    except ValueError:
        return None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
