"""The options of plugins: are their schemas schemas, and what do they leave to defaults.

A fragment becomes part of the config's schema, so it must not point into a document of its own.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ipfo.config.choices import CHOSEN
from ipfo.config.shapes import per_node
from ipfo.errors import PluginError
from ipfo.plugin.by_node import BY_NODE, KINDS, part_of
from ipfo.plugin.registry import Registry

Schema = dict[str, Any]

EMPTY: Schema = {"type": "object", "properties": {}}
"""What a plugin without options has."""


def checked(registry: Registry) -> dict[tuple[str, str], Schema]:
    """The options schemas of all that `registry` offers, by kind and name; "phase" is a kind here.

    Options that may differ by node may be tables by node in these.

    :raises PluginError: for those that are no JSON Schema, a line each.
    """
    found: dict[tuple[str, str], Schema] = {
        (kind, name): dict(offer.schema) or EMPTY
        for kind in CHOSEN
        for name, offer in registry.offers(kind).items()
    }
    for name in registry.phase_plugins():
        found["phase", name] = dict(registry.phase_options(name)) or EMPTY
    faults = [
        f'the options of the {kind} "{name}": {fault}; its author has to mend that'
        for (kind, name), schema in found.items()
        for fault in _faults(schema)
    ]
    if faults:
        raise PluginError(*faults)
    return {
        (kind, name): _opened(schema) if kind in KINDS else schema
        for (kind, name), schema in found.items()
    }


def _opened(schema: Schema) -> Schema:
    """`schema`, with a table by node allowed wherever it says so."""
    made = dict(schema)
    if "properties" in made:
        made["properties"] = {key: _part_opened(each) for key, each in made["properties"].items()}
    if isinstance(made.get("additionalProperties"), Mapping):
        made["additionalProperties"] = _part_opened(made["additionalProperties"])
    return made


def _part_opened(part: Schema) -> Schema:
    if not part.get(BY_NODE):
        return _opened(part)
    ours: Schema = {key: part[key] for key in ("description", "default") if key in part}
    one = {key: value for key, value in part.items() if key not in (*ours, BY_NODE)}
    return {**ours, **per_node(one)}


def _faults(schema: Schema) -> Iterator[str]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if any(word in part for part in _parts(schema) for word in ("$ref", "$dynamicRef")):
        yield "their schema uses $ref, which has no meaning within the config's schema"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(each) for each in error.absolute_path)
        yield f"their schema is no JSON Schema: {place}: {' '.join(error.message.split())}"


def _parts(schema: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for part in schema.values():
            yield from _parts(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            yield from _parts(part)


def with_defaults(schema: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """`options`, and for each key that is absent the default that `schema` has for it."""
    defaults = {
        key: part["default"]
        for key, part in schema.get("properties", {}).items()
        if isinstance(part, Mapping) and "default" in part
    }
    return {**defaults, **options}


def with_paths(
    schema: Mapping[str, Any], options: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """`options`, with those that `schema` gives the format ``path`` made relative to `folder`."""
    return {key: _with_path(part_of(schema, key), each, folder) for key, each in options.items()}


def _with_path(part: Mapping[str, Any], value: Any, folder: Path) -> Any:  # noqa: ANN401 - as TOML has it
    forms = [part, *part.get("anyOf", ())]
    if isinstance(value, str):
        return str(folder / value) if any(each.get("format") == "path" for each in forms) else value
    if isinstance(value, Mapping):
        (table,) = [each for each in forms if each.get("type") == "object"] or [{}]
        return with_paths(table, value, folder)
    return value
