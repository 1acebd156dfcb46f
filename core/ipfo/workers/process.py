"""What `Worker` keeps of one call, and of one process that runs. It decides nothing."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipfo.model import SECOND, Instant
from ipfo.workers.call import Channel

UNASKED_MAX = 5000
"""What a worker may tell within a second without being asked: a few turns of each of 1,000 groups."""

NEVER = Instant(0)
"""Before anything happened."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended: `ok` is the worker's answer, or `failed` says why there is none.

    `said`: the lines said while a call was under way that has failed, as far as they came.
    """

    ok: Mapping[str, Any] | None = None
    failed: str | None = None
    said: tuple[str, ...] = ()


Then = Callable[[Outcome], None]


@dataclass(slots=True)
class Call:
    """One call: not begun, or with the process. `tries`: how many processes have been given it."""

    id: int
    do: str
    line: bytes
    deadline: Instant
    then: Then
    tries: int = 0


@dataclass(slots=True)
class Process:
    """A process that runs, and what it has been asked for."""

    pid: int
    channel: Channel
    setup_at: Instant | None = None  # when `setup` was answered
    under_way: deque[Call] = field(default_factory=deque)  # the first has perhaps begun
    said: list[str] = field(default_factory=list)
    answered_at: Instant = field(default=NEVER)
    told: int = 0  # unasked, since `told_from`
    told_from: Instant = field(default=NEVER)

    def tells_too_much(self, now: Instant) -> bool:
        """Count one thing told unasked; whether there are too many of late."""
        if now - self.told_from >= SECOND:
            self.told, self.told_from = 0, now
        self.told += 1
        return self.told > UNASKED_MAX
