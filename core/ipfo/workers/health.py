"""What the runs of a check make of it: well after `rise` in a row, ill after `fall`, else unsure.

Pure: no clock and no thread. Nobody is told of what is unsure, so a worker that begins anew changes
no node's mind until its checks have spoken.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ipfo.model import Instant


@dataclass(slots=True)
class Trial:
    """One check of a group, as its runs have made it. `failed` may come from an earlier process."""

    name: str  # for people
    interval_ns: int
    rise: int
    fall: int
    when_holding: bool = False
    failed: int = 0  # runs in a row
    passed: int = 0  # runs in a row
    due_at: Instant | None = None  # None: it is not run now
    began_at: Instant | None = None  # the run under way
    well: bool | None = None  # None: unsure
    why: str = ""  # what the run said that made it ill

    def mind(self, now: Instant, *, held: bool) -> None:
        """It is run from now on, or not any more: then nothing is known of it."""
        wanted = held or not self.when_holding
        if wanted and self.due_at is None:
            self.due_at = now
        elif not wanted and self.due_at is not None:
            self.due_at, self.well, self.passed, self.failed = None, None, 0, 0

    def begin(self, now: Instant) -> bool:
        """Whether a run begins now: it is due, and none is under way. What was missed is left out."""
        if self.due_at is None or self.began_at is not None or now < self.due_at:
            return False
        self.began_at = now
        planned = Instant(self.due_at + self.interval_ns)
        self.due_at = planned if planned > now else Instant(now + self.interval_ns)
        return True

    def end(self, fault: str | None) -> None:
        """The run under way has passed, or failed for `fault`."""
        self.began_at = None
        if self.due_at is None:
            return  # nobody asks for it any more
        if fault is None:
            self.passed, self.failed = self.passed + 1, 0
            self.well = True if self.passed >= self.rise else self.well
        else:
            self.passed, self.failed = 0, self.failed + 1
            if self.failed >= self.fall and self.well is not False:
                self.well, self.why = False, fault


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be thought of whom some checks watch; `ill` says what is wrong, None: nothing."""

    sure: bool
    ill: str | None = None


def verdict(trials: Iterable[Trial]) -> Verdict:
    """What `trials` say together: one that is ill is enough, and the first such is named."""
    sure = True
    for trial in trials:
        if trial.well is False:
            return Verdict(sure=True, ill=f"{trial.name}: {trial.why}")
        sure = sure and (trial.well is True or trial.due_at is None)
    return Verdict(sure)
