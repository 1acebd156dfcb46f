"""A pair's file as TOML: its bytes, its text, its tables; and what is wrong with the syntax, in words.

tomllib says what its own code expected; here it is said what the author of the file would change.
"""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipfo.config.faults import key_path, show
from ipfo.config.locate import KeyPath, Lines

NESTED_MAX = 64
"""Tables and lists within each other; nothing that has a meaning comes near."""

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TOO_LARGE = "a whole number has more than the 64 bits of TOML's"
_QUOTED = "text stands in plain double quotes"


class UnreadableError(Exception):
    """The file cannot be taken in at all; the text follows on its path."""


def read(path: Path) -> str:
    """The text of `path`, without the mark that some editors put before it.

    :raises UnreadableError: if it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnreadableError(f": cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise UnreadableError(f":{line}: byte {byte:#04x} is not UTF-8, as TOML must be") from error


def parsed(text: str) -> dict[str, Any]:
    """The tables of `text`.

    :raises UnreadableError: with the line, if it is no TOML, or has no end.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(_told(str(error), text)) from error
    except RecursionError:
        raise UnreadableError(f": nested more than {NESTED_MAX} deep") from None
    except ValueError as error:  # so many digits that Python does not read them
        raise UnreadableError(f": {_TOO_LARGE}") from error
    _refuse_beyond(tables, text)
    return tables


def _told(error: str, text: str) -> str:
    place = _PLACE.search(error)
    words = _PLACE.sub("", error)
    rows = text.splitlines() or [""]
    if place is None or place[1] is None:
        return f":{len(rows)}: {_in_words(words, '')} (at the end of the file)"
    row = rows[int(place[1]) - 1] if int(place[1]) <= len(rows) else ""
    rest = row[int(place[2]) - 1 :]
    return f":{place[1]}: column {place[2]}: {_in_words(words, rest)}"


def _in_words(words: str, rest: str) -> str:
    """What tomllib's `words` mean where `rest` is what it could not read of the line."""
    found = re.match(r"[^\s,\]}#]+", rest)
    token = show(found[0]) if found else ""
    for pattern, say in _MEANING:
        if said := pattern.fullmatch(words):
            return say(token, said)
    return words


def _no_value(token: str, _: re.Match[str]) -> str:
    return f"{token} is no value; {_QUOTED}" if token else "a value is missing, or the ] of a list"


def _too_much(token: str, _: re.Match[str]) -> str:
    return f"{token} is too much here: one key a line, and {_QUOTED}"


def _twice(_: str, said: re.Match[str]) -> str:
    name = ".".join(re.findall(r"'([^']*)'", said[1]))
    return f"the table [{name}] was begun before; put what belongs to it together"


def _always(words: str) -> Callable[[str, re.Match[str]], str]:
    return lambda _token, _said: words


_MEANING: tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], str]], ...] = (
    (re.compile("Invalid value"), _no_value),
    (re.compile("Expected newline or end of document after a statement"), _too_much),
    (re.compile(r"Cannot declare \((.*)\) twice"), _twice),
    (re.compile("Cannot overwrite a value"), _always("this key has a value already; take one out")),
    (re.compile("Expected '=' after a key in .*"), _always('a key is followed by "=" and a value')),
    (
        re.compile(r"Unterminated string|Expected \"'\"|Illegal character '\\n'"),
        _always("a text does not end"),
    ),
    (re.compile("Invalid statement"), _always("a line is KEY = VALUE, or [TABLE]")),
    (
        re.compile("Invalid initial character for a key part"),
        _always("a key is missing; what { begins, } ends on the same line"),
    ),
)


def _refuse_beyond(tables: dict[str, Any], text: str) -> None:
    """Nothing that is nested without end, or of endless digits, gets as far as a plugin's schema.

    :raises UnreadableError: with the line and the key of the first such value.
    """
    left: list[tuple[KeyPath, Any]] = [((), tables)]
    while left:
        place, value = left.pop()
        words = ""
        if len(place) > NESTED_MAX:
            place, words = place[:1], f"nested more than {NESTED_MAX} deep"
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            words = _TOO_LARGE
        if words:
            raise UnreadableError(f":{Lines(text).line(place) or 1}: {key_path(place)}: {words}")
        if isinstance(value, dict):
            left += [((*place, key), each) for key, each in value.items()]
        elif isinstance(value, list):
            left += [((*place, index), each) for index, each in enumerate(value)]
