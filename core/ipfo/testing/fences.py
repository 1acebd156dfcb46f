"""`check_fence`: does a fence keep its contract? Run it in a test of yours.

It needs something that can be off, and a way to see that beside the fence: never your own servers.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ipfo.clock import now
from ipfo.model import SECOND
from ipfo.plugin import Fence

_NODES: Final = ("alpha", "beta")
_TIMEOUT_S: Final = 20.0
_SHORT_S: Final = 0.5
_SLACK_S: Final = 5.0
_PATIENCE_S: Final = 60


def check_fence(
    works: Callable[[], Fence],
    fails: Callable[[], Fence],
    hangs: Callable[[], Fence],
    is_off: Callable[[str], bool],
    switch_on: Callable[[str], object],
) -> None:
    """Run every check on fences whose nodes are ``alpha`` and ``beta``.

    What `works` makes can switch both off; what `fails` makes cannot, and can know it; what `hangs`
    makes asks something that never answers. `is_off` says how a node really is; `switch_on` has it
    on when it returns.

    :raises AssertionError: with a sentence that says which part of the contract was broken.
    """

    def both_on() -> None:
        for node in _NODES:
            switch_on(node)
            assert not is_off(node), f"switch_on({node!r}) returned, and is_off says that it is off"

    for node in _NODES:
        both_on()
        _has_it_off_and_nobody_else(works(), node, is_off)
    both_on()
    _leaves_nothing_open(works(), hangs())
    _says_why_it_failed(fails(), _TIMEOUT_S)
    _says_why_it_failed(hangs(), _SHORT_S)


def _has_it_off_and_nobody_else(fence: Fence, node: str, is_off: Callable[[str], bool]) -> None:
    (other,) = (each for each in _NODES if each != node)
    for times in ("", " a second time, when it was off already"):
        fault = _raised_by(fence, node, _TIMEOUT_S)
        assert fault is None, f"fence({node!r}), which can be done, raised{times}: {fault!r}"
        assert is_off(node), f"fence({node!r}) returned{times}, and {node} is on: raise instead"
        assert not is_off(other), f"fence({node!r}) has switched {other} off"


def _leaves_nothing_open(works: Fence, hangs: Fence) -> None:
    for fence, timeout_s in ((works, _TIMEOUT_S), (hangs, _SHORT_S)):
        _raised_by(fence, "beta", timeout_s)
        before = _open_descriptors()
        for _ in range(3):
            _raised_by(fence, "beta", timeout_s)
        left = _open_descriptors() - before
        assert left <= 0, f"after three times fence() {left} more descriptors are open"


def _open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def _says_why_it_failed(fence: Fence, timeout_s: float) -> None:
    """The same each time: a takeover that a fence has stopped is tried again."""
    for _ in range(2):
        asked_at = now()
        fault = _raised_by(fence, "beta", timeout_s)
        took_s = (now() - asked_at) / SECOND
        assert fault is not None, "fence() returned, though nothing can have been switched off"
        assert isinstance(fault, Exception), f"fence() must raise an Exception, not {fault!r}"
        assert str(fault).strip(), f"{type(fault).__name__} of fence() says nothing for people"
        assert len(str(fault).splitlines()) == 1, f"an error is one line: {str(fault)!r}"
        late = f"fence() was given {timeout_s:g} s and took {took_s:.1f} s"
        assert took_s < timeout_s + _SLACK_S, late


def _raised_by(fence: Fence, node: str, timeout_s: float) -> BaseException | None:
    """What `fence` raised, if it comes back at all."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            fence.fence(node, timeout_s)
        except BaseException as error:
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    assert raised, f"fence() was given {timeout_s:g} s, and was not back after {_PATIENCE_S} s"
    return raised[0]
