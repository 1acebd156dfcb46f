"""The JSON Schema of a pair's file, made from code: what is not in here cannot be said.

docs/reference/config.md is made from its descriptions, and config.schema.json is it with the
built-in plugins. Each plugin's options are merged in where the config puts them: a transport's and
a notifier's flat into their table, a provider's into ``[groups.NAME.options]``, a phase plugin's
into ``[groups.NAME.hooks.PLUGIN]``.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ipfo.config import durations
from ipfo.config.described import DESCRIPTIONS
from ipfo.model import Event
from ipfo.plugin.registry import Registry, installed
from ipfo.wire.names import LINKS_MAX

if TYPE_CHECKING:
    from collections.abc import Iterable

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

DEFAULT_TRANSPORT = "udp"
DEFAULT_PROVIDER = "ip"
SCRIPTS = "scripts"
"""The built-in phase plugin that ``scripts = DIR`` in a group stands for."""

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

PORT_DEFAULT = 1694
PAIR_DEFAULTS = {"interval": "1s", "takeover_after": "3s", "first_claim_after": "60s"}
GROUP_DEFAULTS = {
    "contested": "wait",
    "announce_every": "60s",
    "phase_timeout": "30s",
    "provider": DEFAULT_PROVIDER,
}


def compose(registry: Registry) -> Schema:
    """The schema of a file that may use what `registry` holds, and nothing else.

    :raises PluginError: for options whose schema is none.
    """
    from ipfo.config.fragments import checked

    fragments = checked(registry)
    links = {name: fragments["transport", name] for name in registry.transports()}
    providers = {name: fragments["provider", name] for name in registry.providers()}
    notifiers = {name: fragments["notifier", name] for name in registry.notifiers()}
    hooks = {name: fragments["phase", name] for name in registry.phase_plugins()}
    properties = {
        "plugins": _list(NAME, unique=True),
        "import_hostconfig": TEXT,
        "pair": _pair(),
        "links": _named(_link(links), least=1, most=LINKS_MAX),
        "groups": _named(_group(providers, hooks), least=1),
        "notifiers": {"type": "array", "items": _notifier(notifiers)},
    }
    schema: Schema = {
        "$schema": DIALECT,
        "title": "The file of an ipfo pair",
        **_table(properties, required=["pair", "links", "groups"]),
    }
    _describe(schema, ())
    return schema


def built_in() -> tuple[str, ...]:
    """The entry points that come with ipfo itself, in alphabetical order."""
    return tuple(
        sorted(
            name
            for name, found in installed().items()
            if any(each.dist is not None and each.dist.name == "ipfo" for each in found)
        )
    )


def _pair() -> Schema:
    properties: Schema = {
        "name": NAME,
        "nodes": {
            **_list(NAME, unique=True),
            "minItems": 2,
            "maxItems": 2,
            "x-wanted": 'a list of the two nodes\' names, such as ["alpha", "beta"]',
        },
        "interval": DURATION,
        "takeover_after": DURATION,
        "first_claim_after": {
            **DURATION,
            "pattern": f"{durations.PATTERN}|^never$",
            "x-wanted": f'"never" or {durations.WANTED}',
        },
        "key_file": TEXT,
        "control_group": TEXT,
        "on_partition": {"enum": ["available"], "default": "available"},
    }
    return _table(_with_defaults(properties, PAIR_DEFAULTS), required=["name", "nodes"])


def _link(transports: Mapping[str, Schema]) -> Schema:
    properties: Schema = {
        "transport": {"enum": sorted(transports), "default": DEFAULT_TRANSPORT},
        "port": {
            "type": "integer",
            "minimum": 1,
            "maximum": 65535,
            "default": PORT_DEFAULT,
            "x-wanted": "a port, a whole number from 1 to 65535",
        },
        "addresses": {
            "type": "object",
            "additionalProperties": TEXT,
            "x-wanted": 'a table with an address for each node: { alpha = "192.0.2.1", '
            'beta = "192.0.2.2" }',
        },
        "interface": _per_node(INTERFACE),
    }
    choices = [
        _when("transport", name, DEFAULT_TRANSPORT, _flat(fragment, properties))
        for name, fragment in sorted(transports.items())
    ]
    return _open_table(properties, required=["addresses"], choices=choices)


def _group(providers: Mapping[str, Schema], hooks: Mapping[str, Schema]) -> Schema:
    own = {
        name: {
            **(_without_folder(part) if name == SCRIPTS else part),
            "additionalProperties": False,
        }
        for name, part in hooks.items()
    }
    properties: Schema = {
        "addresses": {**_list(TEXT, unique=True), "minItems": 1},
        "interface": _per_node(INTERFACE),
        "provider": {"enum": sorted(providers)},
        "options": {"type": "object"},
        "preferred": NAME,
        "home": NAME,
        "contested": {"enum": ["wait", "take"]},
        "failback": {"enum": ["manual"], "default": "manual"},
        "handover": {"enum": ["strict"], "default": "strict"},
        "announce_every": DURATION,
        "scripts": TEXT,
        "phase_timeout": DURATION,
        "hooks": {
            **_table(own),
            "x-unknown": "no plugin of that name is listed in plugins and takes part in phases",
        },
    }
    choices = []
    for name, fragment in sorted(providers.items()):
        then: Schema = {"properties": {"options": {"additionalProperties": False, **fragment}}}
        if fragment.get("required"):
            then["required"] = ["options"]
        choices.append(_when("provider", name, DEFAULT_PROVIDER, then))
    schema = _table(_with_defaults(properties, GROUP_DEFAULTS), required=["addresses"])
    return {**schema, "allOf": choices}


def _notifier(notifiers: Mapping[str, Schema]) -> Schema:
    properties: Schema = {
        "plugin": {"enum": sorted(notifiers)},
        "events": {
            **_list({"enum": [event.value for event in Event]}, unique=True),
            "minItems": 1,
        },
    }
    choices = [
        _when("plugin", name, None, _flat(fragment, properties))
        for name, fragment in sorted(notifiers.items())
    ]
    return _open_table(properties, required=["plugin"], choices=choices)


def _table(properties: Schema, required: "Iterable[str]" = ()) -> Schema:
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        schema["required"] = list(required)
    return schema


def _open_table(properties: Schema, *, required: list[str], choices: list[Schema]) -> Schema:
    """A table whose further keys follow from a choice made in it; each choice closes it."""
    schema: Schema = {"type": "object", "properties": properties, "required": required}
    return {**schema, "allOf": choices} if choices else schema


def _when(key: str, name: str, default: str | None, then: Schema) -> Schema:
    """`then`, where `key` is `name`, or absent and `name` the default."""
    condition: Schema = {"properties": {key: {"const": name}}}
    if name != default:
        condition["required"] = [key]
    return {"if": condition, "then": then}


def _flat(fragment: Schema, own: Schema) -> Schema:
    """A plugin's options among the keys that are ipfo's `own`."""
    properties = {**dict.fromkeys(own, True), **fragment.get("properties", {})}
    return {**fragment, "properties": properties, "additionalProperties": False}


def _named(part: Schema, *, least: int, most: int | None = None) -> Schema:
    schema: Schema = {
        "type": "object",
        "propertyNames": NAME,
        "additionalProperties": part,
        "minProperties": least,
    }
    return schema if most is None else {**schema, "maxProperties": most}


def _per_node(part: Schema) -> Schema:
    return {
        "anyOf": [part, {"type": "object", "additionalProperties": part, "minProperties": 1}],
        "x-wanted": f"{part['x-wanted']}, or a table with one for each node",
    }


def _list(part: Schema, *, unique: bool = False) -> Schema:
    return {"type": "array", "items": part, **({"uniqueItems": True} if unique else {})}


def _with_defaults(properties: Schema, defaults: Mapping[str, str]) -> Schema:
    return {
        key: {**part, "default": defaults[key]} if key in defaults else part
        for key, part in properties.items()
    }


def _without_folder(fragment: Schema) -> Schema:
    """The scripts' options without the folder, which the group's key ``scripts`` gives."""
    properties = {k: v for k, v in fragment.get("properties", {}).items() if k != "folder"}
    required = [key for key in fragment.get("required", []) if key != "folder"]
    rest = {k: v for k, v in fragment.items() if k not in ("properties", "required")}
    return {**rest, "properties": properties, **({"required": required} if required else {})}


def _describe(schema: Schema, path: tuple[str, ...]) -> None:
    """Put the descriptions to the keys that are ipfo's own; a plugin brings its own words."""
    for key, part in schema.get("properties", {}).items():
        here = (*path, key)
        text = DESCRIPTIONS.get(".".join(here))
        if text is not None:
            schema["properties"][key] = {**part, "description": text}
            _describe(schema["properties"][key], here)
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict) and "properties" in schema[key]:
            _describe(schema[key], (*path, "*"))
