"""What the engine asks of its host for itself: to go before others, and not to be paged out.

For this process only: what it starts, it starts without. What the host refuses is told, and is no
reason to let nobody hold the address.
"""

import ctypes
import os
from collections.abc import Iterator

from ipfo.config.model import Config

PRIORITY = 1
"""The lowest of the real-time class: before all that is not in it, and after all that is."""

_CURRENT, _FUTURE, _ON_FAULT = 1, 2, 4
"""Of mlockall(2): what is there, what comes, each page once it is used."""


def ask(config: Config) -> Iterator[str]:
    """This process has what ``[engine]`` wants; a line for each thing that it could not have."""
    if config.realtime:
        try:
            _go_first()
        except (OSError, AttributeError) as error:
            yield _refused("realtime", "root, CAP_SYS_NICE or LimitRTPRIO=1", error)
    if config.lock_memory:
        try:
            _lock_memory()
        except (OSError, AttributeError) as error:
            yield _refused("lock_memory", "root, CAP_IPC_LOCK or LimitMEMLOCK=infinity", error)


def _go_first() -> None:
    """:raises AttributeError: on a system that has no such class."""
    os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))


def _lock_memory() -> None:
    """:raises AttributeError: on a system that has no such call."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_CURRENT | _FUTURE | _ON_FAULT) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _refused(key: str, needs: str, error: Exception) -> str:
    why = error.strerror if isinstance(error, OSError) else "this system has nothing of the kind"
    return f"engine.{key} is not to be had: {why}; it needs {needs}"
