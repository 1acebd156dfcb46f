"""Counts of the last minute, so that a fault of last year does not look like one of now."""

from collections import Counter, deque
from dataclasses import dataclass, field

from ipfo.model import SECOND, Instant

SLICE_NS = 5 * SECOND
"""How fine the minute is cut: what is older falls away in steps of this."""

SLICES = 12


@dataclass(slots=True)
class Recent:
    """How often each word was added within the last minute. Its size has a bound."""

    _slices: deque[tuple[int, Counter[str]]] = field(default_factory=lambda: deque(maxlen=SLICES))

    def add(self, word: str, now: Instant) -> None:
        """One more of `word`; `now` never goes back."""
        number = now // SLICE_NS
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append((number, Counter()))
        self._slices[-1][1][word] += 1

    def counts(self, now: Instant) -> dict[str, int]:
        """By word."""
        total: Counter[str] = Counter()
        for number, counted in self._slices:
            if number > now // SLICE_NS - SLICES:
                total += counted
        return dict(total)
