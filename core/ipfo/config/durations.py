"""Durations as people write them, turned to ns once and here only."""

import re

UNITS_NS = {"ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9}
"""The units that a duration may have, in ns."""

PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,9})?(ms|s|min|h)$(?!\n)"
"""The same as a JSON Schema pattern. Six digits of hours still fit into 64 bits of ns."""

WANTED = 'a duration: up to 6 digits and a unit (ms, s, min, h), such as "500ms" or "3s"'
"""What to write instead, for messages."""

_DURATION = re.compile(r"([0-9]{1,6})(?:\.([0-9]{1,9}))?(ms|s|min|h)")


def parse(text: str) -> int:
    """`text` in ns.

    :raises ValueError: if it is none; the text says what would be.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not {WANTED}')
    whole, fraction, unit = found.groups()
    scale: int = 10 ** len(fraction or "")  # integers only: 0.1 + 0.2 must be 0.3 here
    ns: int = int(whole + (fraction or "")) * UNITS_NS[unit] // scale
    return ns


def text(ns: int) -> str:
    """The shortest way to write `ns`, rounded up to whole ms."""
    ms = -(-ns // UNITS_NS["ms"])
    for unit in ("h", "min"):
        size = UNITS_NS[unit] // UNITS_NS["ms"]
        if ms and ms % size == 0:
            return f"{ms // size}{unit}"
    if ms >= 1000 and ms % 100 == 0:
        return f"{ms // 1000}.{ms % 1000 // 100}s".replace(".0s", "s")
    return f"{ms}ms"
