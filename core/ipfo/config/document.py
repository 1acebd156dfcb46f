"""Makes the document, complete and in plain JSON values, out of a draft without faults.

Everything that has a default has it written in here; nothing is judged any more.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from ipfo.config.choices import CHOSEN, choices
from ipfo.config.defaults import (
    DEFAULT_PROVIDER,
    DEFAULT_TRANSPORT,
    PORT_DEFAULT,
    SCRIPTS,
)
from ipfo.config.draft import Draft
from ipfo.config.fragments import checked, with_defaults, with_paths
from ipfo.config.keys import path_of
from ipfo.config.units import units
from ipfo.plugin.registry import Registry
from ipfo.plugin.vetting import RESERVED, VOTE

NOT_AGREED = frozenset(
    {"path", "node", "key_file", "accept_keys", "offered_by", "warnings", "realtime", "lock_memory"}
)
"""Keys of the document in which two hosts of one pair may differ."""


def make(draft: Draft, registry: Registry, *, node: str, warnings: Sequence[str]) -> dict[str, Any]:
    """The document as `node` reads it."""
    fragments = checked(registry)
    pair = draft.tables["pair"]
    key_file, folder = pair.get("key_file"), draft.file.parent.absolute()
    unit_of = {name: unit for unit, members in units(draft).items() for name in members}
    document: dict[str, Any] = {
        "path": str(draft.file.absolute()),
        "node": node,
        "pair": pair["name"],
        "nodes": list(pair["nodes"]),
        "plugins": list(draft.tables.get("plugins", ())),
        "interval_ns": draft.duration("pair", "interval"),
        "takeover_after_ns": draft.duration("pair", "takeover_after"),
        "first_claim_after_ns": draft.duration("pair", "first_claim_after"),
        "key_file": None if key_file is None else str(path_of(key_file, folder)),
        "accept_keys": [str(path_of(name, folder)) for name in pair.get("accept_keys", ())],
        "control_group": pair.get("control_group"),
        "dead_after_ns": draft.duration("pair", "dead_after"),
        "on_partition": draft.value("pair", "on_partition"),
        "witnesses": [
            _witness(each, registry, fragments) for each in draft.tables.get("witnesses", ())
        ],
        "fence": _fence(draft, fragments),
        "realtime": draft.value("engine", "realtime"),
        "lock_memory": draft.value("engine", "lock_memory"),
        "links": {name: _link(draft, name, fragments) for name in draft.names("links")},
        "groups": {
            name: _group(draft, name, unit_of[name], registry, fragments)
            for name in draft.names("groups")
        },
        "notifiers": [_notifier(each, fragments) for each in draft.tables.get("notifiers", ())],
        "offered_by": _offered_by(draft, registry),
        "warnings": list(warnings),
    }
    # the digest is of what was written: where a folder lies may differ between the hosts
    document["digest"] = digest(document)
    return _with_paths(document, draft, fragments)


def digest(document: Mapping[str, Any]) -> int:
    """64 bits over what both nodes must agree on."""
    agreed = {key: value for key, value in document.items() if key not in NOT_AGREED}
    text = json.dumps(agreed, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


Fragments = Mapping[tuple[str, str], Mapping[str, Any]]

_LINK_KEYS = frozenset({"transport", "port", "addresses", "interface"})


def _link(draft: Draft, name: str, fragments: Fragments) -> dict[str, Any]:
    table = draft.tables["links"][name]
    transport = table.get("transport", DEFAULT_TRANSPORT)
    options = {key: value for key, value in table.items() if key not in _LINK_KEYS}
    return {
        "transport": transport,
        "port": int(table.get("port", PORT_DEFAULT)),
        "addresses": {
            node: str(draft.link_address(name, node)) for node in draft.tables["pair"]["nodes"]
        },
        "interfaces": draft.interfaces("links", name),
        "options": with_defaults(fragments["transport", transport], options),
    }


def _group(
    draft: Draft, name: str, unit: str, registry: Registry, fragments: Fragments
) -> dict[str, Any]:
    here = ("groups", name)

    def value(key: str) -> Any:  # noqa: ANN401 - whatever the key has
        return draft.value(*here, key)

    table = draft.tables["groups"][name]
    provider = table.get("provider", DEFAULT_PROVIDER)
    phase_plugins = phase_plugins_of(draft, name, registry)
    home = table.get("home")
    return {
        "addresses": [str(ip_interface(text)) for text in table["addresses"]],
        "interfaces": draft.interfaces("groups", name),
        "provider": provider,
        "provider_options": with_defaults(
            fragments["provider", provider], table.get("options", {})
        ),
        "traits": sorted(registry.providers()[provider].traits),
        "preferred": table.get("preferred", home or draft.tables["pair"]["nodes"][0]),
        "home": home,
        "contested": value("contested"),
        "announce_every_ns": draft.duration(*here, "announce_every"),
        "phase_timeout_ns": draft.duration(*here, "phase_timeout"),
        "failback": value("failback"),
        "failback_after_ns": draft.duration(*here, "failback_after"),
        "handover": value("handover"),
        "max_moves": int(value("max_moves")),  # TOML's 3.0 is a whole number to jsonschema
        "per_ns": draft.duration(*here, "per"),
        "unit": unit,
        "checks": [
            _check(draft, (*here, "checks", index), fragments)
            for index in draft.listed(*here, "checks")
        ],
        "phase_plugins": list(phase_plugins),
        "hooks": {
            plugin: with_defaults(fragments["phase", plugin], hook_options(draft, name, plugin))
            for plugin in phase_plugins
        },
    }


def _check(draft: Draft, here: tuple[str | int, ...], fragments: Fragments) -> dict[str, Any]:
    table = draft.get(*here)
    return {
        "plugin": table["plugin"],
        "interval_ns": draft.duration(*here, "interval"),
        "timeout_ns": draft.duration(*here, "timeout"),
        "rise": int(draft.value(*here, "rise")),
        "fall": int(draft.value(*here, "fall")),
        "starts_ill": draft.value(*here, "start") == "ill",
        "when_holding": draft.value(*here, "when") == "holding",
        "options": _options("check", table, fragments),
    }


def _witness(table: Mapping[str, Any], registry: Registry, fragments: Fragments) -> dict[str, Any]:
    return {
        "plugin": table["plugin"],
        "votes": VOTE in registry.witnesses()[table["plugin"]].traits,
        "options": _options("witness", table, fragments),
    }


def _fence(draft: Draft, fragments: Fragments) -> dict[str, Any] | None:
    table = draft.get("fence")
    if table is None:
        return None
    return {
        "plugin": table["plugin"],
        "timeout_ns": draft.duration("fence", "timeout"),
        "delay_ns": draft.duration("fence", "delay"),
        "options": _options("fence", table, fragments),
    }


def _options(kind: str, table: Mapping[str, Any], fragments: Fragments) -> dict[str, Any]:
    """The plugin's own among the keys of `table`, with its defaults."""
    options = {key: value for key, value in table.items() if key not in RESERVED[kind]}
    return with_defaults(fragments[kind, table["plugin"]], options)


def _notifier(table: Mapping[str, Any], fragments: Fragments) -> dict[str, Any]:
    events = table.get("events")
    return {
        "plugin": table["plugin"],
        "events": None if events is None else sorted(events),
        "options": _options("notifier", table, fragments),
    }


def phase_plugins_of(draft: Draft, group: str, registry: Registry) -> tuple[str, ...]:
    """Who takes part in the phases of `group`: its scripts first, then plugins in config order."""
    listed = draft.tables.get("plugins", ())
    others = [name for name in registry.phase_plugins() if name in listed and name != SCRIPTS]
    own = [SCRIPTS] if "scripts" in draft.tables["groups"][group] else []
    return (*own, *sorted(others, key=listed.index))


def hook_options(draft: Draft, group: str, plugin: str) -> dict[str, Any]:
    """The options of the phase `plugin` in `group`, as far as the file gives them."""
    table = draft.tables["groups"][group]
    options = dict(table.get("hooks", {}).get(plugin, {}))
    return {"folder": table["scripts"], **options} if plugin == SCRIPTS else options


def _offered_by(draft: Draft, registry: Registry) -> dict[str, dict[str, str]]:
    """The entry point behind each name chosen, so that a process loads only what it needs."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in CHOSEN}
    for choice in choices(draft.tables):
        found[choice.kind][choice.name] = registry.offered_by(choice.kind, choice.name)
    return found


def _with_paths(document: dict[str, Any], draft: Draft, fragments: Fragments) -> dict[str, Any]:
    """`document` with relative paths in plugins' options made absolute."""
    folder = draft.file.parent.absolute()
    for link in document["links"].values():
        schema = fragments["transport", link["transport"]]
        link["options"] = with_paths(schema, link["options"], folder)
    for group in document["groups"].values():
        schema = fragments["provider", group["provider"]]
        group["provider_options"] = with_paths(schema, group["provider_options"], folder)
        for plugin, options in group["hooks"].items():
            group["hooks"][plugin] = with_paths(fragments["phase", plugin], options, folder)
        if SCRIPTS in group["hooks"]:
            group["hooks"][SCRIPTS]["folder"] = str(folder / group["hooks"][SCRIPTS]["folder"])
        _make_absolute("check", group["checks"], folder, fragments)
    for kind, key in (("notifier", "notifiers"), ("witness", "witnesses")):
        _make_absolute(kind, document[key], folder, fragments)
    if document["fence"] is not None:
        _make_absolute("fence", [document["fence"]], folder, fragments)
    return document


def _make_absolute(
    kind: str, tables: Sequence[dict[str, Any]], folder: Path, fragments: Fragments
) -> None:
    for table in tables:
        schema = fragments[kind, table["plugin"]]
        table["options"] = with_paths(schema, table["options"], folder)
