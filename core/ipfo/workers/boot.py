"""Which run of the kernel this is, so that what an earlier one knew is not believed in this one."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ipfo import clock

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

SLEPT_TOLERANCE_NS = 50_000_000
"""Two readings of how long the host has slept differ by what lies between two looks at a clock."""


@dataclass(frozen=True, slots=True)
class Boot:
    """A run of the kernel, and for how long in it the host was suspended, in ns."""

    id: str  # "": this system does not say
    slept_ns: int

    @classmethod
    def now(cls) -> "Boot":
        """This one, up to now."""
        return cls(_boot_id(), clock.now() - time.clock_gettime_ns(time.CLOCK_MONOTONIC))

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Boot":
        """What `to_json` has written into a ledger; one that no run is where it is not there."""
        text, slept_ns = kept.get("boot_id"), kept.get("slept_ns")
        if isinstance(text, str) and isinstance(slept_ns, int):
            return cls(text, slept_ns)
        return cls("", 0)

    def to_json(self) -> dict[str, Any]:
        """For a ledger."""
        return {"boot_id": self.id, "slept_ns": self.slept_ns}

    def why_not_since(self, earlier: "Boot") -> str | None:
        """Why the kernel's timers may not have run on steadily since `earlier`; None: they have."""
        if not self.id or self.id != earlier.id:
            return "the host was started anew"
        if abs(self.slept_ns - earlier.slept_ns) > SLEPT_TOLERANCE_NS:
            return "the host was suspended meanwhile"
        return None


@cache
def _boot_id() -> str:
    """Asked for once: no process outlives its kernel."""
    with suppress(OSError):
        return BOOT_ID.read_text().strip()
    return ""
