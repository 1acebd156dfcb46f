"""What ``ipfo check --host`` has found: one line each, for people and for the exit code."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ``ok``, ``note`` (think about it) or ``no`` (it will fail)."""

    grade: Literal["ok", "note", "no"]
    text: str

    def line(self) -> str:
        """For people."""
        return f"{self.grade:<4}  {self.text}"
