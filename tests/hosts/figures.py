"""What was measured of each fault, as rows of one table that is shown at the end of the run.

A row decides nothing by itself: the tests judge it, and it is shown whatever they say.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ipfo.model import SECOND

MS = SECOND // 1000

COLUMNS = (
    "fault",
    "held meanwhile",
    "held in the end",
    "two holders",
    "once healed",
    "epochs",
    "client was out",
    "longest pause of the watch",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One fault played. `twice_ns`: how long two hosts had an address, by looks 20 ms apart.

    `meanwhile`: who had it while the fault lasted, where that is of interest. `after_ns`: how much
    of `twice_ns` came after the fault was healed. `epochs`: how many it cost. `lost`: datagrams, of both families; `out_ms`: the longest gap. `pause_ns`: the longest time in which nobody looked.
    """

    fault: str
    meanwhile: frozenset[str] | None
    end: frozenset[str]
    twice_ns: int
    after_ns: int
    epochs: int
    lost: int
    out_ms: float | None
    pause_ns: int

    def cells(self) -> tuple[str, ...]:
        """As the table shows them, in the order of `COLUMNS`."""
        return (
            self.fault,
            "" if self.meanwhile is None else named(self.meanwhile),
            named(self.end),
            f"{self.twice_ns // MS} ms",
            f"{self.after_ns // MS} ms" if self.after_ns else "",
            str(self.epochs),
            "" if self.out_ms is None else f"{self.out_ms:.0f} ms",
            f"{self.pause_ns // MS} ms",
        )


def named(hosts: frozenset[str]) -> str:
    """`hosts` for people."""
    return " and ".join(sorted(hosts)) or "nobody"


def table(rows: Sequence[Row]) -> list[str]:
    """The rows under their heads, as lines."""
    lines = [COLUMNS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
    return [shown[0], "-" * len(shown[0]), *shown[1:]]
