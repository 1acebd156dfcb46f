"""Judges what a plugin brought: its hooks and its offers. Says what is wrong, changes nothing.

Each function yields faults, one line each, without the plugin's name: the registry puts that in
front. jsonschema is not used here, since the engine must not load it; that a schema is a *valid*
one is checked where the config's schema is composed.
"""

import difflib
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence

import pluggy

from ipfo.plugin.contracts import Offer

OFFER_HOOKS: Mapping[str, str] = {
    "transport": "ipfo_transports",
    "provider": "ipfo_providers",
    "notifier": "ipfo_notifiers",
    "check": "ipfo_checks",
    "witness": "ipfo_witnesses",
    "fence": "ipfo_fences",
    "importer": "ipfo_importers",
}
"""The kinds of offers, and the hook that makes them."""

VOTE = "vote"
"""The trait of a witness that can grant, not only deny."""

TRAITS: Mapping[str, frozenset[str]] = {
    "provider": frozenset({"lease", "probe", "wire"}),
    "witness": frozenset({VOTE}),
}
"""What an offer may say of itself; those of other kinds have nothing to say."""

RESERVED: Mapping[str, frozenset[str]] = {
    "transport": frozenset({"transport", "port", "addresses", "interface", "wire"}),
    "provider": frozenset(),
    "notifier": frozenset({"plugin", "events"}),
    "check": frozenset({"plugin", "interval", "timeout", "rise", "fall", "start", "when"}),
    "witness": frozenset({"plugin"}),
    "fence": frozenset({"plugin", "timeout", "delay"}),
    "importer": frozenset(),
}
"""Keys that ipfo itself reads from the table in which a plugin's options stand."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def nearest(word: str, known: Sequence[str]) -> str:
    """``; did you mean "x"?`` for the word of `known` that looks most like `word`, else nothing."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f'; did you mean "{found[0]}"?' if found else ""


def one_line(error: BaseException) -> str:
    """The kind and the text of `error` without line breaks."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def hook_faults(plugin: object, implementations: Sequence[pluggy.HookImpl]) -> Iterator[str]:
    """What is wrong with the functions that `plugin` marked, or forgot to mark, as hooks."""
    marked = {impl.function.__name__ for impl in implementations}
    for name in sorted(vars(plugin)):
        function = vars(plugin)[name]
        if name.startswith("ipfo_") and inspect.isfunction(function) and name not in marked:
            yield f'its function "{name}" is not marked with @hookimpl, so nothing would call it'
    for impl in implementations:
        name = impl.function.__name__
        if impl.wrapper or impl.hookwrapper:
            yield f'its hook "{name}" is a wrapper; hooks are called one plugin at a time'
        elif inspect.iscoroutinefunction(impl.function):
            yield f'its hook "{name}" is async; hooks are plain functions that may wait'


def offer_faults(kind: str, offered: object) -> Iterator[str]:
    """What is wrong with what the hook of `kind` returned."""
    hook = OFFER_HOOKS[kind]
    if isinstance(offered, str) or not isinstance(offered, Sequence):
        yield f"{hook} must return a list of Offer, not {type(offered).__name__}"
        return
    seen: set[str] = set()
    for offer in offered:
        if not isinstance(offer, Offer):
            yield f"{hook} returned {type(offer).__name__} where an Offer was expected"
            continue
        if not isinstance(offer.name, str) or not _NAME.fullmatch(offer.name):
            yield f"{hook} offers {offer.name!r}, which is no name (letters, digits, _ . -)"
            continue
        if offer.name in seen:
            yield f'it offers the {kind} "{offer.name}" twice'
        seen.add(offer.name)
        where = f'the {kind} "{offer.name}"'
        build: object = offer.build  # what a type says of a stranger's value, nobody has checked
        if not callable(build):
            yield f"{where}: build must be callable, not {type(build).__name__}"
        lacks: object = offer.lacks
        if lacks is not None and not callable(lacks):
            yield f"{where}: lacks must be callable, or None, not {type(lacks).__name__}"
        yield from schema_faults(where, offer.schema, reserved=RESERVED[kind])
        yield from _trait_faults(where, offer.traits, TRAITS.get(kind, frozenset()))


def schema_faults(
    where: str,
    schema: object,
    *,
    reserved: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """What is wrong with the options schema of `where`; an empty one means: no options."""
    if not isinstance(schema, Mapping):
        yield f"{where}: its schema must be a JSON Schema object, not {type(schema).__name__}"
        return
    if not schema:
        return
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), Mapping):
        yield f'{where}: its schema must have "type": "object" and "properties"'
        return
    try:
        json.dumps(schema)
    except (TypeError, ValueError) as error:
        yield f"{where}: its schema is not plain JSON ({error})"
        return
    for name, part in schema["properties"].items():
        if not isinstance(part, Mapping):
            yield f'{where}: the schema of its option "{name}" must be an object'
        if name in reserved:
            yield f'{where}: its option "{name}" has the name of a key of ipfo itself'


def _trait_faults(where: str, traits: object, known: frozenset[str]) -> Iterator[str]:
    if not isinstance(traits, frozenset | set):
        yield f"{where}: traits must be a frozenset, not {type(traits).__name__}"
        return
    for trait in sorted(map(str, traits - known)):
        yield f'{where}: unknown trait "{trait}"{nearest(trait, sorted(known))}'
