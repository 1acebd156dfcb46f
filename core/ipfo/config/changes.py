"""What differs between two documents of one pair, by the keys of the file that people know.

Some keys a running daemon can take over, the others need a new run. What is not named here as the
first needs the second: a key that is forgotten costs a restart, and no address.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ipfo.config.defaults import ENGINE_DEFAULTS
from ipfo.config.faults import key_path
from ipfo.config.locate import KeyPath
from ipfo.config.model import Document

LIVE_PAIR = frozenset({"first_claim_after_ns", "on_partition", "key_file", "accept_keys"})
"""Not the timings: by those the peer reckons when it may take what this node holds."""

LIVE_GROUP = frozenset(
    {
        "announce_every_ns",
        "checks",
        "contested",
        "failback",
        "failback_after_ns",
        "handover",
        "hooks",
        "max_moves",
        "per_ns",
        "phase_plugins",
        "phase_timeout_ns",
        "preferred",
    }
)
"""Not the addresses and what puts them on: `ipfo restart` adopts what stays of them."""

PAIR_KEYS = frozenset(
    {"control_group", "dead_after_ns", "interval_ns", "nodes", "takeover_after_ns", *LIVE_PAIR}
)
"""Keys of the document that stand under ``[pair]`` in the file."""

DERIVED = frozenset({"digest", "offered_by", "warnings", "path", "node"})
"""What follows from other keys, or from where the file lies."""

OPENED = ("transport", "provider")
"""What was chosen of these kinds is in use: who offers it cannot become another."""

IN_THE_FILE: Mapping[str, str] = {
    "interfaces": "interface",
    "provider_options": "options",
    "traits": "provider",
    "unit": "with",
    "phase_plugins": "hooks",  # with `scripts`, which stands for one of them
}
"""How the file calls what the document calls otherwise."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Keys of the file, as people write them, in the order of the document."""

    live: tuple[str, ...]
    restart: tuple[str, ...]


def between(old: Document, new: Document) -> Changes:
    """What a daemon that runs by `old` can take over of `new`, and what only a new run can."""
    live: list[str] = []
    restart: list[str] = []
    for path, can in _differences(old, new):
        name = key_path(path)
        into = live if can else restart
        if name not in into:
            into.append(name)
    if not restart and any(_offered(old, kind) != _offered(new, kind) for kind in OPENED):
        restart.append("plugins")  # the same name would mean another plugin's
    return Changes(tuple(live), tuple(restart))


def _offered(document: Document, kind: str) -> Mapping[str, str]:
    found: Mapping[str, str] = document["offered_by"].get(kind, {})
    return found


def _differences(old: Document, new: Document) -> Iterator[tuple[KeyPath, bool]]:
    for key in dict.fromkeys((*old, *new)):
        was: Any = old.get(key)
        now: Any = new.get(key)
        if was == now or key in DERIVED:
            continue
        if key == "groups":
            yield from _tables(key, was, now, LIVE_GROUP)
        elif key == "links":
            yield from _tables(key, was, now, frozenset())
        elif key == "witnesses":
            yield (key,), not any(each["votes"] for each in (*was, *now))
        elif key == "pair":
            yield ("pair", "name"), False
        elif key in ENGINE_DEFAULTS:
            yield ("engine", key), False
        elif key in PAIR_KEYS:
            yield ("pair", _written(key)), key in LIVE_PAIR
        else:
            yield (_written(key),), key in ("plugins", "notifiers", "fence")


def _tables(
    key: str, old: Mapping[str, Any], new: Mapping[str, Any], can: frozenset[str]
) -> Iterator[tuple[KeyPath, bool]]:
    """The differences of tables by name, one of which may be new or gone."""
    for name in dict.fromkeys((*old, *new)):
        if name not in old or name not in new:
            yield (key, name), False
            continue
        for each in dict.fromkeys((*old[name], *new[name])):
            if old[name].get(each) != new[name].get(each):
                yield (key, name, _written(each)), each in can


def _written(key: str) -> str:
    return IN_THE_FILE.get(key, key.removesuffix("_ns"))
