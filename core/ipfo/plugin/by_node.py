"""Options that may differ between the two nodes: one value for both, or a table by node.

A plugin's schema says it of an option with ``"x-by-node": true`` beside what one value must be; the
option is then no table itself. For checks, witnesses and fences only: the first two get their own
node's value, a fence the whole table.
"""

from collections.abc import Iterator, Mapping
from typing import Any

BY_NODE = "x-by-node"
KINDS = frozenset({"check", "witness", "fence"})
"""Whose options may differ."""

OF_THE_OTHER = frozenset({"fence"})
"""Who of them keeps the tables: what is said of a node there is for shooting it."""

Schema = Mapping[str, Any]
Path = tuple[str, ...]


def tables(schema: Schema, options: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The tables by node in `options`, each with its path."""
    for key, value in options.items():
        part = part_of(schema, key)
        if not isinstance(value, Mapping):
            continue
        if part.get(BY_NODE):
            yield (key,), value
        else:
            yield from (((key, *path), table) for path, table in tables(part, value))


def values(schema: Schema, options: Mapping[str, Any], node: str) -> dict[str, Any]:
    """`options` as `node` has them; `schema` is the plugin's own.

    :raises KeyError: for a table that says nothing of `node`; no config has one.
    """
    return {key: _value(part_of(schema, key), value, node) for key, value in options.items()}


def _value(part: Schema, value: Any, node: str) -> Any:  # noqa: ANN401 - as TOML has it
    if not isinstance(value, Mapping):
        return value
    return value[node] if part.get(BY_NODE) else values(part, value, node)


def part_of(schema: Schema, key: str) -> Schema:
    """What `schema` says of the key `key`; empty where it says nothing."""
    part = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
    return part if isinstance(part, Mapping) else {}
