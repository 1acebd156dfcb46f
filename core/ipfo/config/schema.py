"""The JSON Schema of a pair's file, made from code: what is not in here cannot be said.

docs/reference/config.md is made from its descriptions, and config.schema.json is it with the
built-in plugins. Each plugin's options are merged in where the config puts them: a provider's into
``[groups.NAME.options]``, a phase plugin's into ``[groups.NAME.hooks.PLUGIN]``, all others flat
into the table that chooses it.
"""

from collections.abc import Mapping

from ipfo.config import durations
from ipfo.config.defaults import (
    CHECK_DEFAULTS,
    DEFAULT_PROVIDER,
    DEFAULT_TRANSPORT,
    ENGINE_DEFAULTS,
    FENCE_DEFAULTS,
    GROUP_DEFAULTS,
    PAIR_DEFAULTS,
    PORT_DEFAULT,
    SCRIPTS,
)
from ipfo.config.described import DESCRIPTIONS
from ipfo.config.shapes import (
    COUNT,
    DURATION,
    INTERFACE,
    NAME,
    TEXT,
    YES_OR_NO,
    Schema,
    chosen_table,
    flat,
    list_of,
    named,
    open_table,
    per_node,
    table,
    where,
    with_defaults,
)
from ipfo.model import Event
from ipfo.plugin.registry import Registry, installed
from ipfo.wire.names import LINKS_MAX

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def compose(registry: Registry) -> Schema:
    """The schema of a file that may use what `registry` holds, and nothing else.

    :raises PluginError: for options whose schema is none.
    """
    from ipfo.config.fragments import checked

    fragments = checked(registry)

    def of(kind: str) -> Mapping[str, Schema]:
        return {name: part for (of_kind, name), part in fragments.items() if of_kind == kind}

    properties = {
        "plugins": list_of(NAME, unique=True),
        "import_hostconfig": TEXT,
        "pair": _pair(),
        "links": named(_link(of("transport")), least=1, most=LINKS_MAX),
        "groups": named(_group(of("provider"), of("phase"), of("check")), least=1),
        "notifiers": list_of(chosen_table(_notifier(), of("notifier"), {})),
        "witnesses": list_of(chosen_table({}, of("witness"), {})),
        "fence": chosen_table(
            {"timeout": DURATION, "delay": DURATION}, of("fence"), FENCE_DEFAULTS
        ),
        "engine": table(
            with_defaults({"realtime": YES_OR_NO, "lock_memory": YES_OR_NO}, ENGINE_DEFAULTS),
            required=[],
        ),
    }
    schema: Schema = {
        "$schema": DIALECT,
        "title": "The file of an ipfo pair",
        **table(properties, required=["pair", "links", "groups"]),
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
            **list_of(NAME, unique=True),
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
        "accept_keys": list_of(TEXT, unique=True),
        "control_group": TEXT,
        "dead_after": DURATION,
        "on_partition": {"enum": ["available", "consistent"]},
    }
    return table(with_defaults(properties, PAIR_DEFAULTS), required=["name", "nodes"])


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
        "interface": per_node(INTERFACE),
    }
    choices = [
        where("transport", name, DEFAULT_TRANSPORT, flat(fragment, properties))
        for name, fragment in sorted(transports.items())
    ]
    return open_table(properties, required=["addresses"], choices=choices)


def _group(
    providers: Mapping[str, Schema], hooks: Mapping[str, Schema], checks: Mapping[str, Schema]
) -> Schema:
    own = {
        name: {
            **(_without_folder(part) if name == SCRIPTS else part),
            "additionalProperties": False,
        }
        for name, part in hooks.items()
    }
    properties: Schema = {
        "addresses": {**list_of(TEXT, unique=True), "minItems": 1},
        "interface": per_node(INTERFACE),
        "provider": {"enum": sorted(providers)},
        "options": {"type": "object"},
        "preferred": NAME,
        "home": NAME,
        "contested": {"enum": ["wait", "take"]},
        "failback": {"enum": ["manual", "auto", "never"]},
        "failback_after": DURATION,
        "handover": {"enum": ["strict", "seamless"]},
        "with": list_of(NAME, unique=True),
        "max_moves": COUNT,
        "per": DURATION,
        "announce_every": DURATION,
        "scripts": TEXT,
        "phase_timeout": DURATION,
        "hooks": {
            **table(own),
            "x-unknown": "no plugin of that name is listed in plugins and takes part in phases",
        },
        "checks": list_of(chosen_table(_check(), checks, CHECK_DEFAULTS)),
    }
    choices = []
    for name, fragment in sorted(providers.items()):
        then: Schema = {"properties": {"options": {"additionalProperties": False, **fragment}}}
        if fragment.get("required"):
            then["required"] = ["options"]
        choices.append(where("provider", name, DEFAULT_PROVIDER, then))
    schema = table(with_defaults(properties, GROUP_DEFAULTS), required=["addresses"])
    return {**schema, "allOf": choices}


def _check() -> Schema:
    return {
        "interval": DURATION,
        "timeout": DURATION,
        "rise": COUNT,
        "fall": COUNT,
        "start": {"enum": ["well", "ill"]},
        "when": {"enum": ["always", "holding"]},
    }


def _notifier() -> Schema:
    events = list_of({"enum": [event.value for event in Event]}, unique=True)
    return {"events": {**events, "minItems": 1}}


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
