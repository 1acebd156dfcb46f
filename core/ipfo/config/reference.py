"""The composed schema as text: JSON for editors, Markdown for docs/reference/config.md."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_HEAD = """\
# The pair's file

The same file lies on both hosts. Durations are strings with a unit: `"200ms"`, `"1s"`, `"5min"`,
`"1h"`. Unknown keys are faults. This page is made by `ipfo schema --markdown`; the schema for
editors is [config.schema.json](../../config.schema.json).
"""

_WIDTH = 100

_DETAIL = re.compile(r": |, such|, a whole")

_TABLES = (
    ("", "At the top"),
    ("pair", "`[pair]`"),
    ("links.*", "`[links.NAME]`"),
    ("groups.*", "`[groups.NAME]`"),
    ("groups.*.checks.*", "`[[groups.NAME.checks]]`"),
    ("notifiers.*", "`[[notifiers]]`"),
    ("witnesses.*", "`[[witnesses]]`"),
    ("fence", "`[fence]`"),
    ("engine", "`[engine]`"),
)


def as_json(schema: Schema) -> str:
    """`schema` as it is committed: sorted, indented, with a newline at the end."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def markdown(schema: Schema) -> str:
    """Every key with its form, its default and what it means."""
    parts = [_HEAD]
    for path, title in _TABLES:
        table = _at(schema, path)
        parts.append(f"\n## {title}\n\n")
        parts += _rows(table)
        parts += _choices(table)
        if path == "groups.*":
            for name, hooks in sorted(table["properties"]["hooks"]["properties"].items()):
                if hooks.get("properties"):
                    parts.append(
                        f"\n### Options of the phase plugin `{name}`: `[groups.NAME.hooks.{name}]`\n\n"
                    )
                    parts += _rows(hooks)
    return "".join(parts)


def _at(schema: Schema, path: str) -> Schema:
    for part in path.split(".") if path else ():
        if part == "*":
            schema = schema.get("items") or schema["additionalProperties"]
        else:
            schema = schema["properties"][part]
    return schema


def _rows(table: Schema) -> Iterator[str]:
    required = table.get("required", ())
    for key, part in table.get("properties", {}).items():
        if part is True:
            continue
        row = f"- `{key}`: {_form(part)}"
        if key in required:
            row += ", required"
        elif "default" in part:
            row += f", default `{json.dumps(part['default'])}`"
        row += f". {part['description']}" if "description" in part else "."
        yield textwrap.fill(
            row, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        yield "\n"


def _choices(table: Schema) -> Iterator[str]:
    """The options that follow from what the table chooses."""
    for choice in table.get("allOf", ()):
        ((key, value),) = choice["if"]["properties"].items()
        then = choice["then"]
        inner = then["properties"].get("options")
        # a plugin's own may be called "options", too; a group's table has nothing beside them
        nested = isinstance(inner, Mapping) and len(then["properties"]) == 1
        options = inner if nested else then
        rows = "".join(_rows(options))
        if rows:
            place = ", in `[groups.NAME.options]`" if options is inner else ""
            yield f'\n### With `{key} = "{value["const"]}"`{place}\n{rows}'


def _form(part: Schema) -> str:
    if "enum" in part:
        return " or ".join(f"`{json.dumps(each)}`" for each in part["enum"])
    if "x-wanted" in part:
        return _DETAIL.split(part["x-wanted"])[0]  # how to write it is said at the page's head
    kind = part.get("type", "")
    if kind == "array":
        return f"a list, each {_form(part['items'])}"
    names = {"object": "a table", "integer": "a whole number", "boolean": "true or false"}
    if isinstance(kind, list):
        return " or ".join(names.get(each, f"a {each}") for each in kind)
    bounds = [
        f"{words} {part[key]}"
        for key, words in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
        )
        if key in part
    ]
    return " ".join([names.get(kind, f"a {kind}" if kind else "anything"), *bounds])
