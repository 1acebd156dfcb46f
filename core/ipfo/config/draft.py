"""A config that may still be wrong, for those who look for what is wrong with it.

Whoever asks for a value gets it only if it has the right shape, so that one fault is told once,
and all that does not hang on it is still checked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_address,
    ip_interface,
)
from pathlib import Path
from typing import Any

from ipfo.config import defaults, durations
from ipfo.config.locate import KeyPath

Ip = IPv4Address | IPv6Address
Service = IPv4Interface | IPv6Interface


@dataclass(frozen=True, slots=True)
class Draft:
    """The tables of a file, the paths whose values have the wrong shape, and what plugins say.

    `traits` are those of the providers that are loaded, by name; `voters` the names of the
    witnesses that can grant; `schemas` those of the options of checks, witnesses and fences, by
    kind and name.
    """

    file: Path
    tables: Mapping[str, Any]
    bad: frozenset[KeyPath] = frozenset()
    traits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    voters: frozenset[str] = frozenset()
    schemas: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)

    def get(self, *path: str | int) -> Any:  # noqa: ANN401 - whatever the file has there
        """The value at `path`; None if there is none, or it or what it stands in is unsound."""
        value: Any = self.tables
        for length, key in enumerate(path, 1):
            if path[:length] in self.bad:
                return None
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def names(self, table: str) -> list[str]:
        """The names of the tables in ``links`` or ``groups``."""
        found = self.get(table)
        return [name for name in found or () if isinstance(self.get(table, name), dict)]

    def listed(self, *path: str | int) -> list[int]:
        """The places of the tables in the list at `path`."""
        found = self.get(*path)
        places = range(len(found) if isinstance(found, list) else 0)
        return [place for place in places if isinstance(self.get(*path, place), dict)]

    @property
    def nodes(self) -> tuple[str, str] | None:
        """The two nodes, if the file names two."""
        names = self.get("pair", "nodes")
        if names is None or any(self.get("pair", "nodes", i) is None for i in range(2)):
            return None
        return names[0], names[1]

    def value(self, *path: str | int) -> Any:  # noqa: ANN401 - whatever the file has there
        """The value at `path`, its default where it is absent; None if unsound, or without either."""
        found = self.get(*path)
        if found is not None or path in self.bad:
            return found
        return defaults.of_table(path).get(str(path[-1]))

    def duration(self, *path: str | int) -> int | None:
        """The same in ns; None for "never", too."""
        text = self.value(*path)
        return None if text is None or text == "never" else durations.parse(text)

    def link_address(self, link: str, node: str) -> Ip | None:
        """The address of `node` on `link`, if there is one that can be read."""
        text = self.get("links", link, "addresses", node)
        try:
            return ip_address(text.split("/")[0])
        except (AttributeError, ValueError):
            return None

    def link_addresses(self) -> Iterator[tuple[str, str, Ip]]:
        """Link, node and address, for all that can be read."""
        for link in self.names("links"):
            for node in self.nodes or ():
                address = self.link_address(link, node)
                if address is not None:
                    yield link, node, address

    def service_addresses(self, group: str) -> Iterator[tuple[int, Service]]:
        """The addresses of `group` that can be read, with their place in the list."""
        for index in range(len(self.get("groups", group, "addresses") or ())):
            text = self.get("groups", group, "addresses", index)
            try:
                yield index, ip_interface(text)
            except ValueError:
                continue

    def home(self, group: str) -> str | None:
        """The home node of `group`, if it names one of the nodes."""
        home: str | None = self.get("groups", group, "home")
        return home if self.nodes is not None and home in self.nodes else None

    def links_of_home(self, group: str) -> set[str]:
        """The links that use an address of `group`, which is its home node's own."""
        home = self.home(group)
        ips = {service.ip for _, service in self.service_addresses(group)}
        return {
            link for link, node, address in self.link_addresses() if node == home and address in ips
        }

    def chosen(self, kind: str, *path: str | int) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """The schema of what the table at `path` chooses of `kind`, and what it says of sound shape.

        Both empty where that is not known. ipfo's own keys are among what it says.
        """
        schema = self.schemas.get((kind, str(self.get(*path, "plugin"))))
        if schema is None:
            return {}, {}
        values = {key: self.get(*path, key) for key in self.get(*path)}
        return schema, {key: value for key, value in values.items() if value is not None}

    def provider(self, group: str) -> str:
        """The name of the provider of `group`, as it stands there or by default."""
        return str(self.get("groups", group, "provider") or defaults.DEFAULT_PROVIDER)

    def traits_of(self, group: str) -> frozenset[str] | None:
        """What the provider of `group` can do; None if it is not known."""
        return self.traits.get(self.provider(group))

    def interfaces(self, table: str, name: str) -> dict[str, str]:
        """The interface by node, as far as the link or group `name` says."""
        value = self.get(table, name, "interface")
        if isinstance(value, str):
            return dict.fromkeys(self.nodes or (), value)
        return {} if value is None else {node: value[node] for node in value}
