"""What is wrong with a config, as values that know their key path, and how they become lines.

jsonschema finds the faults of shape; the words are ours, since its own speak of schemas.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipfo.config.locate import KeyPath, Lines
from ipfo.plugin.vetting import nearest

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

LATER_KEYS = frozenset({"status", "wire"})
"""Keys of the grammar that this version does not have yet: refused, never silently accepted."""

_TYPE_NAMES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a table",
    "string": "a string",
}


_MISFITS_OF_WANTED = frozenset(
    {"anyOf", "maxItems", "maximum", "minItems", "minimum", "oneOf", "pattern", "type"}
)
"""Rules for whose breach a schema's own ``x-wanted`` says all that there is to say."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: at which key, and what would be right.

    `of_value`: the value at `path` itself cannot be used, so nothing else should look at it.
    """

    path: KeyPath
    words: str
    of_value: bool = False


def key_path(path: KeyPath) -> str:
    """`path` as TOML writes it: ``notifiers[0].to``, ``links."a b".port``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        key = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
        text += f".{key}" if text else key
    return text


def lines(file: Path, places: Lines, faults: Iterable[Fault]) -> list[str]:
    """Each fault as ``FILE:LINE: KEY: WORDS``, in the order of the file, no line twice."""
    placed = [(places.line(fault.path), fault) for fault in faults]
    placed.sort(key=lambda each: each[0] or 0)  # stable: faults of one line stay in order
    texts = (
        (f"{file}:{line}: " if line else f"{file}: ")
        + on_one_line(f"{key_path(fault.path)}: " if fault.path else "")
        + on_one_line(fault.words)
        for line, fault in placed
    )
    return list(dict.fromkeys(texts))


def on_one_line(text: str) -> str:
    """`text` with what ends a line somewhere, or steers a terminal, written as TOML escapes it."""
    return "".join(
        each
        if each.isprintable()
        else f"\\U{ord(each):08x}"
        if ord(each) > 0xFFFF
        else f"\\u{ord(each):04x}"
        for each in text
    )


@dataclass(frozen=True, slots=True)
class _Misfit:
    """What matters of a jsonschema error: the rule that `value` breaks, within `schema`."""

    path: KeyPath
    kind: str
    rule: Any
    value: Any
    schema: Mapping[str, Any]
    text: str


def of_schema(errors: Iterable["ValidationError"]) -> Iterator[Fault]:
    """What jsonschema found, in our words."""
    for error in errors:
        misfit = _Misfit(
            path=tuple(error.absolute_path),
            kind=str(error.validator),
            rule=error.validator_value,
            value=error.instance,
            schema=error.schema if isinstance(error.schema, Mapping) else {},
            text=error.message,
        )
        if "propertyNames" in error.absolute_schema_path:
            yield Fault((*misfit.path, str(misfit.value)), _words(misfit))
        elif misfit.kind == "required":
            yield from _missing(misfit)
        elif misfit.kind == "additionalProperties":
            yield from _unknown(misfit)
        else:
            yield Fault(misfit.path, _words(misfit), of_value=True)


def _missing(misfit: _Misfit) -> Iterator[Fault]:
    # jsonschema gives one error for each missing key, all alike but for their text; ours are
    # made twice then, and `lines` drops the doubles
    for key in misfit.rule:
        if key not in misfit.value:
            known = misfit.schema.get("properties", {}).get(key)
            wanted = known.get("x-wanted", "") if isinstance(known, Mapping) else ""
            hint = f"; it must be {wanted}" if wanted else ""
            yield Fault((*misfit.path, key), f"is missing{hint}")


def _unknown(misfit: _Misfit) -> Iterator[Fault]:
    known = sorted(misfit.schema.get("properties", {}))
    for key in misfit.value:
        path = (*misfit.path, key)
        if key in known:
            continue
        if key in LATER_KEYS:
            yield Fault(path, "this version of ipfo does not have that yet; take it out")
        elif "x-unknown" in misfit.schema:
            yield Fault(path, misfit.schema["x-unknown"])
        else:
            hint = nearest(key, known)
            if not hint:
                hint = f"; known here: {', '.join(known)}" if known else "; nothing is known here"
            yield Fault(path, f"unknown key{hint}")


def _words(misfit: _Misfit) -> str:
    shown, rule = show(misfit.value), misfit.rule
    wanted = misfit.schema.get("x-wanted")
    match misfit.kind:
        case kind if wanted and kind in _MISFITS_OF_WANTED:
            return f"{shown} is not {wanted}"
        case "type":
            names = [rule] if isinstance(rule, str) else list(rule)
            kinds = " or ".join(_TYPE_NAMES.get(each, each) for each in names)
            return f"{shown} is not {kinds}{_as_it_would_be(misfit)}"
        case "enum" if not isinstance(misfit.value, str) and all(isinstance(x, str) for x in rule):
            return f"{shown} is not a string"
        case "enum" | "const":
            choices = rule if isinstance(rule, list) else [rule]
            hint = nearest(str(misfit.value), [str(each) for each in choices])
            return f"{shown} is not known here{hint or f'; it may be {_choice(choices)}'}"
        case "minimum" | "exclusiveMinimum":
            least = "more than" if misfit.kind == "exclusiveMinimum" else "at least"
            return f"{shown} is too small; make it {least} {rule}"
        case "maximum" | "exclusiveMaximum":
            most = "less than" if misfit.kind == "exclusiveMaximum" else "at most"
            return f"{shown} is too large; make it {most} {rule}"
        case "minItems" | "minProperties" | "minLength":
            return f"{shown} is too short: it needs {rule} or more"
        case "maxItems" | "maxProperties" | "maxLength":
            return f"is too long: it may have {rule} at most"
        case "pattern":
            return f"{shown} does not fit the pattern {rule}"
        case "uniqueItems":
            return f"{shown} names something twice"
        case _:
            return " ".join(misfit.text.split())


def _as_it_would_be(misfit: _Misfit) -> str:
    """How TOML writes what was probably meant, where a list and one of its values were mixed up."""
    value, found, here = misfit.value, misfit.schema.get("items"), key_path(misfit.path)
    items = found if isinstance(found, Mapping) else {}
    in_a_list = any(isinstance(each, int) for each in misfit.path)
    match misfit.rule, value:
        case "array", Mapping() if items.get("type") == "object" and not in_a_list:
            return f"; write [[{here}]]"
        case "array", str() if items.get("type") == "string":
            return f"; write {key_path(misfit.path[-1:])} = [{show(value)}]"
        case "object", [Mapping()] if not in_a_list:
            return f"; write [{here}]"
        case _:
            return ""


def _choice(values: Iterable[Any]) -> str:
    return ", ".join(show(each) for each in values) or "nothing yet"


def show(value: object) -> str:
    """`value` as TOML would write it, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
