"""Reads assignments out of a file that was meant for a shell, without being a shell.

Only lines that assign a key that somebody asks for are looked at closely; all others may be as odd
as they like. What would need a shell to understand is refused by line, never guessed.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ipfo_plugins._text import for_people

CURLY = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b"
"""Quotes that a word processor makes; the original's printed guide has them."""

_LINE_END = re.compile(r"\r\n|\r|\n")
_ASSIGNMENT = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)([ \t]*)=([ \t]*)(.*)")
_ESCAPED_IN_QUOTES = '$`"\\'


@dataclass(frozen=True, slots=True)
class Assigned:
    """The value of a key, and the line on which it was assigned last."""

    text: str
    line: int


def assignments(path: Path, keys: Collection[str]) -> Mapping[str, Assigned]:
    """What `path` assigns to `keys`; the last assignment wins.

    :raises ValueError: for a line that assigns one of `keys` in a way that only a shell would
        understand; its text names file and line.
    :raises OSError: if the file cannot be read.
    """
    found: dict[str, Assigned] = {}
    for number, line in enumerate(_LINE_END.split(_text(path.read_bytes())), 1):
        matched = _ASSIGNMENT.fullmatch(line)
        if matched is None or matched[1] not in keys:
            continue
        key, before, after, rest = matched.groups()
        try:
            if before or (after and rest and not rest.startswith("#")):
                raise ValueError("blanks beside the = make this no assignment; take them out")
            found[key] = Assigned("" if after else _value(rest), number)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {key}: {error}") from None
    return found


def _text(content: bytes) -> str:
    """Old Macs wrote MacRoman, which has a character for every byte; editors since write UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("mac_roman")


def _value(rest: str) -> str:
    """The first word of `rest`, as a shell would see it, with nothing but a comment behind it."""
    value = ""
    at = 0
    while at < len(rest) and rest[at] not in " \t;":
        char = rest[at]
        if char in CURLY:
            raise ValueError(f'curly quotes ({char}) mean nothing here; write plain ones (")')
        if char == '"':
            part, at = _quoted(rest, at + 1)
            value += part
        elif char == "'":
            end = rest.find("'", at + 1)
            if end < 0:
                raise ValueError("the quote (') is not closed on this line")
            value += rest[at + 1 : end]
            at = end + 1
        elif char == "\\":
            value += rest[at + 1 : at + 2]
            at += 2
        else:
            value += _plain(char)
            at += 1
    left = rest[at:].strip(" \t;")
    if left and not left.startswith("#"):
        raise ValueError(
            f'blanks need quotes: put "..." round the whole value (found "{for_people(left)}")'
        )
    if any(char in CURLY for char in value):
        raise ValueError('curly quotes mean nothing here; write plain ones (")')
    return value


def _quoted(rest: str, at: int) -> tuple[str, int]:
    """The text of a double-quoted part that begins at `at`, and the place behind it."""
    value = ""
    while at < len(rest):
        char = rest[at]
        if char == '"':
            return value, at + 1
        if char == "\\" and rest[at + 1 : at + 2] and rest[at + 1] in _ESCAPED_IN_QUOTES:
            at += 1
            value += rest[at]
        else:
            value += _plain(char)
        at += 1
    raise ValueError('the quote (") is not closed on this line')


def _plain(char: str) -> str:
    if char in "$`":
        raise ValueError(f"{char} would be worked out by a shell; write the value itself")
    return char
