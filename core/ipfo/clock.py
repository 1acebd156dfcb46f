"""The two clocks: a steady one for decisions, and the wall's for people.

CLOCK_BOOTTIME goes on in suspend, where CLOCK_MONOTONIC stands still (python/cpython#106940): a
node that slept for a minute must know it. All processes of a host share it, so an instant may be
handed to a worker.
"""

import time
from datetime import UTC, datetime

from ipfo.model import Instant

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> Instant:
    """The steady clock of this host."""
    return Instant(time.clock_gettime_ns(_STEADY))


def wall() -> str:
    """The time of day, RFC 3339 in UTC with milliseconds, for journal, notices and status."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
