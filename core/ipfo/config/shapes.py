"""The forms that values of the config have, as pieces of JSON Schema; `schema` puts them together.

``x-wanted`` is ours: what a value must be, in words that a message can end with.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ipfo.config import durations

Schema = dict[str, Any]

NAME: Schema = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$(?!\n)",
    "x-wanted": "a name: up to 64 letters, digits, _ . - and a letter or digit first",
}
DURATION: Schema = {
    "type": "string",
    "pattern": durations.PATTERN,
    "x-wanted": durations.WANTED,
}
INTERFACE: Schema = {
    "type": "string",
    "pattern": r"^[^\s/]{1,15}$(?!\n)",
    "x-wanted": "the name of an interface, such as eth0 (at most 15 characters)",
}
TEXT: Schema = {"type": "string", "minLength": 1}
YES_OR_NO: Schema = {"type": "boolean", "x-wanted": "true or false"}
COUNT: Schema = {
    "type": "integer",
    "minimum": 1,
    "x-wanted": "a whole number, 1 or more",
}


def table(properties: Schema, required: Iterable[str] = ()) -> Schema:
    """A table with these keys and no others."""
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        schema["required"] = list(required)
    return schema


def open_table(properties: Schema, *, required: list[str], choices: list[Schema]) -> Schema:
    """A table whose further keys follow from a choice made in it; each choice closes it."""
    schema: Schema = {"type": "object", "properties": properties, "required": required}
    return {**schema, "allOf": choices} if choices else schema


def where(key: str, name: str, default: str | None, then: Schema) -> Schema:
    """`then`, where `key` is `name`, or absent and `name` the default."""
    condition: Schema = {"properties": {key: {"const": name}}}
    if name != default:
        condition["required"] = [key]
    return {"if": condition, "then": then}


def flat(fragment: Schema, own: Schema) -> Schema:
    """A plugin's options among the keys that are ipfo's `own`."""
    properties = {**dict.fromkeys(own, True), **fragment.get("properties", {})}
    return {**fragment, "properties": properties, "additionalProperties": False}


def chosen_table(
    properties: Schema, plugins: Mapping[str, Schema], defaults: Mapping[str, Any]
) -> Schema:
    """A table whose key ``plugin`` is one of `plugins`, whose options stand beside it."""
    own = {"plugin": {"enum": sorted(plugins)}, **with_defaults(properties, defaults)}
    choices = [
        where("plugin", name, None, flat(fragment, own))
        for name, fragment in sorted(plugins.items())
    ]
    return open_table(own, required=["plugin"], choices=choices)


def named(part: Schema, *, least: int, most: int | None = None) -> Schema:
    """A table of tables under names that the file's author chooses."""
    schema: Schema = {
        "type": "object",
        "propertyNames": NAME,
        "additionalProperties": part,
        "minProperties": least,
    }
    return schema if most is None else {**schema, "maxProperties": most}


def per_node(part: Schema) -> Schema:
    """One value for both nodes, or a table by node."""
    return {
        "anyOf": [part, {"type": "object", "additionalProperties": part, "minProperties": 1}],
        "x-wanted": f"{part.get('x-wanted', 'one value')}, or a table with one for each node",
    }


def list_of(part: Schema, *, unique: bool = False) -> Schema:
    """A list of `part`."""
    return {"type": "array", "items": part, **({"uniqueItems": True} if unique else {})}


def with_defaults(properties: Schema, defaults: Mapping[str, Any]) -> Schema:
    """`properties`, those that `defaults` has with what they are when they are absent."""
    return {
        key: {**part, "default": defaults[key]} if key in defaults else part
        for key, part in properties.items()
    }
