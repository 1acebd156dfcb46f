"""Hold line coverage against what was promised, room by room; says what was left out, if anything.

Where tests were left out (no root, no Linux) the figures mean nothing, and are not judged.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

STRICT = {"ipfo/machine": 98.0, "ipfo/wire": 98.0, "ipfo/config": 98.0}
"""Rooms by the least percentage of lines that tests must reach."""

REST = 85.0
"""The same for all other rooms, taken together."""


def left_out(results: Sequence[Path]) -> Counter[str]:
    """Why tests were skipped, and how many for each reason, from pytest's JUnit files."""
    # They are our own pytest's files, of a moment ago.
    roots = (ET.parse(each).getroot() for each in results)  # noqa: S314
    return Counter(skipped.get("message", "") for root in roots for skipped in root.iter("skipped"))


def room(path: str) -> str:
    """The room that a file is in: ``ipfo/wire``, ``ipfo_plugins/provider``, ``ipfo``."""
    parts = path.split("/")[1:-1]  # without core/ or plugins/, without the file
    return "/".join(parts[:2])


def by_room(report: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, tuple[int, int]]:
    """Lines reached and lines there are, by room."""
    rooms: dict[str, tuple[int, int]] = {}
    for path, file in report.items():
        reached, lines = rooms.get(room(path), (0, 0))
        summary = file["summary"]
        rooms[room(path)] = (
            reached + summary["covered_lines"],
            lines + summary["num_statements"],
        )
    return rooms


def percent(reached: int, lines: int) -> float:
    """How much of it was reached; of nothing, all."""
    return 100.0 * reached / lines if lines else 100.0


def faults(rooms: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """What falls short, a line each."""
    for name, least in STRICT.items():
        got = percent(*rooms.get(name, (0, 1)))
        if got < least:
            yield f"{name}: {got:.1f} % of its lines, and {least:.0f} % were promised"
    rest = [figures for name, figures in rooms.items() if name not in STRICT]
    got = percent(sum(reached for reached, _ in rest), sum(lines for _, lines in rest))
    if got < REST:
        yield f"all other rooms: {got:.1f} % of their lines, and {REST:.0f} % were promised"


def main(report: Path, results: Sequence[Path]) -> int:
    """Print the figures; 0 where they are as promised or cannot be judged, else 1."""
    rooms = by_room(json.loads(report.read_text())["files"])
    print("\nlines reached by tests")
    for name, figures in sorted(rooms.items()):
        print(f"  {name:<24} {percent(*figures):5.1f} %  of {figures[1]}")
    skipped = left_out(results)
    for why, count in sorted(skipped.items()):
        print(f"left out: {count} tests: {why}")
    if skipped:
        print("so the coverage is not judged")
        return 0
    found = list(faults(rooms))
    for fault in found:
        print(f"too little coverage: {fault}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
