"""What the tests of the `addresses` worker share."""

import os
import select
import signal
from collections.abc import Callable
from typing import Any

from ipfo import clock
from ipfo.model import SECOND

from .conftest import Caller, turn

Start = Callable[..., Caller]


def soon() -> int:
    """An instant until which whatever the test wants is good."""
    return clock.now() + 10 * SECOND


def wait_until(at: int) -> None:
    """Return after the instant `at`."""
    while (left_ns := at - clock.now()) >= 0:
        select.select([], [], [], left_ns / SECOND)


def acquire(caller: Caller, unit: str = "web", epoch: int = 5) -> dict[str, Any]:
    """Have `unit` put on, for 2 s where that can be."""
    return caller.ok("acquire", group=unit, epoch=epoch, lifetime_s=2, good_until=soon())


def renew(caller: Caller, *units: str, lifetime_s: int = 2) -> dict[str, Any]:
    """Have `units` renewed, in time."""
    return caller.ok("renew", groups=units or ["web"], lifetime_s=lifetime_s, good_until=soon())


def pid_of(caller: Caller) -> int:
    """The worker's process."""
    assert caller.worker._process is not None
    return caller.worker._process.pid


def kill(caller: Caller) -> None:
    """kill -9 of the worker; the next one runs when this returns."""
    restarts = caller.worker.restarts
    os.kill(pid_of(caller), signal.SIGKILL)
    turn([caller.worker], lambda: caller.worker.restarts > restarts and caller.worker.running)
