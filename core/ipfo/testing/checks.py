"""`check_check`: does a health check keep its contract? Run it in a test of yours.

It needs the real service in three states: one that is well, one that is not, one that never answers.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ipfo.clock import now
from ipfo.model import SECOND
from ipfo.plugin import Check

_TIMEOUT_S: Final = 20.0
_SHORT_S: Final = 0.3
_SLACK_S: Final = 5.0
_PATIENCE_S: Final = 60
_ROUNDS: Final = 10
_HANGING_ROUNDS: Final = 3


def check_check(
    well: Callable[[], Check],
    ill: Callable[[], Check],
    hangs: Callable[[], Check] | None = None,
) -> None:
    """Run every check on checks of what is `well`, of what is `ill`, of what `hangs`.

    Leave `hangs` out only if nothing that the check asks could ever be late.

    :raises AssertionError: with a sentence that says which part of the contract was broken.
    """
    _returns_again_and_again(well())
    _says_why(ill(), _TIMEOUT_S)
    _are_independent(well(), ill())
    _leaves_nothing_open(well(), _TIMEOUT_S, _ROUNDS)
    _leaves_nothing_open(ill(), _TIMEOUT_S, _ROUNDS)
    if hangs is not None:
        _says_why(hangs(), _SHORT_S)
        _leaves_nothing_open(hangs(), _SHORT_S, _HANGING_ROUNDS)


def _returns_again_and_again(check: Check) -> None:
    for _ in range(3):
        fault = _raised_by(check, _TIMEOUT_S)
        assert fault is None, f"check() of what is well raised {fault!r}"


def _says_why(check: Check, timeout_s: float) -> None:
    for _ in range(2):
        asked_at = now()
        fault = _raised_by(check, timeout_s)
        took_s = (now() - asked_at) / SECOND
        assert fault is not None, "check() of what is not well returned"
        assert isinstance(fault, Exception), f"check() must raise an Exception, not {fault!r}"
        assert str(fault).strip(), f"{type(fault).__name__} of check() says nothing for people"
        assert len(str(fault).splitlines()) == 1, f"a reason is one line: {str(fault)!r}"
        late = f"check() was given {timeout_s:g} s and took {took_s:.1f} s"
        assert took_s < timeout_s + _SLACK_S, late


def _leaves_nothing_open(check: Check, timeout_s: float, rounds: int) -> None:
    _raised_by(check, timeout_s)
    before = _open_descriptors(), threading.active_count()
    for _ in range(rounds):
        _raised_by(check, timeout_s)
    after = _open_descriptors(), threading.active_count()
    for what, was, is_ in zip(("descriptors are open", "threads run"), before, after, strict=True):
        assert is_ <= was, f"after {rounds} times check() {is_ - was} more {what}"


def _open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def _are_independent(well: Check, ill: Check) -> None:
    """Two checks of one plugin run in two threads of one process, whenever their time comes."""
    raised: dict[str, BaseException | None] = {}

    def run(name: str, check: Check) -> None:
        raised[name] = _raised_by(check, _TIMEOUT_S)

    both = [threading.Thread(target=run, args=each) for each in (("well", well), ("ill", ill))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert raised["well"] is None, f"beside one that is ill, what is well raised {raised['well']!r}"
    assert raised["ill"] is not None, "beside one that is well, check() of what is ill returned"


def _raised_by(check: Check, timeout_s: float) -> BaseException | None:
    """What `check` raised, called as the worker calls it: in a thread of its own."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            check.check(timeout_s)
        except BaseException as error:
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    assert raised, f"check() was given {timeout_s:g} s, and was not back after {_PATIENCE_S} s"
    return raised[0]
