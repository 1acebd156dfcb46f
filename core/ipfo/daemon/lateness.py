"""How late the engine is for what it is to do at an instant: the jitter of this host, by which to choose timings.

A heartbeat leaves so late, and a lease is renewed so late. Nothing is allocated where it is counted.
"""

from bisect import bisect_right
from typing import Any

BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_BOUNDS_NS = tuple(bound * 1_000_000 for bound in BOUNDS_MS)

SHARE = 3
"""Worth a word when one part in so many of the margin is eaten."""

QUIET = 1000
"""Deadlines in time, one after the other, after which the next late one is worth a word again."""


class Lateness:
    """Counts from the start of the daemon. `margin_ns`: how late a renewal may begin at the most."""

    def __init__(self, margin_ns: int) -> None:
        self._limit_ns = margin_ns // SHARE
        self._counts = [0] * (len(BOUNDS_MS) + 1)
        self._worst_ns = 0
        self._in_time = QUIET

    def note(self, late_ns: int) -> str | None:
        """Count a deadline that was served `late_ns` after its instant; what is to be told of it."""
        self._counts[bisect_right(_BOUNDS_NS, late_ns)] += 1
        self._worst_ns = max(self._worst_ns, late_ns)
        if late_ns < self._limit_ns:
            self._in_time += 1
            return None
        told, self._in_time = self._in_time < QUIET, 0
        if told:
            return None
        margin_ms = self._limit_ns * SHARE // 1_000_000
        return (
            f"this host kept the engine waiting for {late_ns // 1_000_000} ms, of a margin of"
            f" {margin_ms}: give it slower timings, or a quieter host"
        )

    def report(self) -> dict[str, Any]:
        """For the status: how many were later than each bound, none counted twice."""
        return {
            "below_ms": list(BOUNDS_MS),
            "counts": list(self._counts),
            "worst_ms": round(self._worst_ns / 1e6, 1),
            "warned_from_ms": round(self._limit_ns / 1e6, 1),
        }
