"""Where a file chooses what a plugin offers, and which entry points that means.

The file may be wrong everywhere: what stands at such a place need not be a name, and no table
need be one.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ipfo.config import imported
from ipfo.config.defaults import DEFAULT_PROVIDER, DEFAULT_TRANSPORT, SCRIPTS
from ipfo.config.locate import KeyPath
from ipfo.plugin.registry import entry_point_of

CHOSEN = ("transport", "provider", "notifier", "check", "witness", "fence")
"""The kinds of which a file chooses."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An offer of `kind` is chosen at `path` by `name`, or by what stands there instead of one."""

    path: KeyPath
    kind: str
    name: Any


def choices(tables: Mapping[str, Any]) -> Iterator[Choice]:
    """All places where an offer is chosen by its name, or by a default."""
    for link, table in _named(tables.get("links")):
        chosen = table.get("transport", DEFAULT_TRANSPORT)
        yield Choice(("links", link, "transport"), "transport", chosen)
    for group, table in _named(tables.get("groups")):
        here: KeyPath = ("groups", group)
        chosen = table.get("provider", DEFAULT_PROVIDER)
        yield Choice((*here, "provider"), "provider", chosen)
        for path, check in _listed(table.get("checks"), (*here, "checks")):
            yield Choice((*path, "plugin"), "check", check.get("plugin"))
    for key, kind in (("notifiers", "notifier"), ("witnesses", "witness")):
        for path, table in _listed(tables.get(key), (key,)):
            yield Choice((*path, "plugin"), kind, table.get("plugin"))
    fence = tables.get("fence")
    if isinstance(fence, Mapping):
        yield Choice(("fence", "plugin"), "fence", fence.get("plugin"))


def entry_points(tables: Mapping[str, Any], known: Container[str]) -> dict[str, KeyPath]:
    """The entry points that a file means, each with a place where it does.

    A chosen name that is none of the `known` stands for itself. What ``plugins`` lists has its
    place there, though it may be chosen elsewhere too.
    """
    found: dict[str, KeyPath] = {}
    for choice in choices(tables):
        if isinstance(choice.name, str):
            meant = entry_point_of(choice.kind, choice.name, known) or choice.name
            found[meant] = choice.path
    for group, table in _named(tables.get("groups")):
        if "scripts" in table:
            found[SCRIPTS] = ("groups", group, "scripts")
    if imported.KEY in tables:
        found[imported.IMPORTER] = (imported.KEY,)
    plugins = tables.get("plugins")
    for index, name in enumerate(plugins if isinstance(plugins, list) else ()):
        if isinstance(name, str):
            found[name] = ("plugins", index)
    return found


def names_of(kind: str, known: Iterable[str]) -> list[str]:
    """By what names the `known` entry points may be chosen where a `kind` is."""
    others = tuple(f"{each}-" for each in CHOSEN if each != kind)
    return sorted({name.removeprefix(f"{kind}-") for name in known if not name.startswith(others)})


def _named(value: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, table in value.items() if isinstance(value, Mapping) else ():
        if isinstance(table, Mapping):
            yield name, table


def _listed(value: object, here: KeyPath) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    for index, table in enumerate(value if isinstance(value, list) else ()):
        if isinstance(table, Mapping):
            yield (*here, index), table
