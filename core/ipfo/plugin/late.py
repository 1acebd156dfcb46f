"""What may be done only until an instant: a process may have been stopped since it was decided."""

from ipfo import clock
from ipfo.model import SECOND, Instant


class LateError(OSError):
    """It was good only until an instant that has passed; nothing was touched."""


def check_not_late(good_until: Instant | None) -> None:
    """Return while the steady clock is not past `good_until`; None is never past.

    To be called as shortly before the change as can be.

    :raises LateError: after it.
    """
    if good_until is not None and (late_ns := clock.now() - good_until) > 0:
        raise LateError(f"late by {late_ns / SECOND:.3f} s; nothing was done")
