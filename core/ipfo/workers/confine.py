"""What a worker may use of its host: set in each worker before it imports anything of strangers.

The engine is under none of it, and what it was given by the administrator (a real-time class) stays
with it. These are bounds for what goes wrong, not for malice: a plugin can lift them.
"""

import os
import resource
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20

STACK = MIB
"""Bytes of a thread's stack, all of which count as used: the usual 8 MiB would leave few threads."""

EACH_THREAD = 2 * STACK
"""What a thread may use besides, for a worker that has one for each of many things."""

FULL_AT = 7 / 8
"""A worker that has so much of its memory in use after a call is ended, before it fails in one."""

STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Limits:
    """Niceness (the higher, the less), and bytes of memory."""

    nice: int
    memory: int


MOVES = Limits(nice=2, memory=256 * MIB)
"""For what a move waits for, or is decided by: addresses, phases, checks, witnesses, the fence."""

PAPER = Limits(nice=10, memory=1024 * MIB)
"""For `notices`, which runs no strangers' code: 20,000 lines and 10,000 notices for each notifier."""

ASIDE = Limits(nice=10, memory=256 * MIB)
"""For what nothing waits for."""

_ran_out = threading.Event()


def confine(limits: Limits) -> None:
    """This process, and what it starts, has `limits` from now on. None is wider than it was."""
    _leave_real_time()
    if os.getpriority(os.PRIO_PROCESS, 0) < limits.nice:
        os.setpriority(os.PRIO_PROCESS, 0, limits.nice)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(OSError, ValueError):  # a system that has no such limit
        resource.setrlimit(resource.RLIMIT_DATA, (_at_most(limits.memory, most), most))
    threading.stack_size(STACK)


def _leave_real_time() -> None:
    """An engine in a real-time class passes it on to what it starts."""
    if not hasattr(os, "sched_getscheduler"):
        return
    now = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK
    if now in (os.SCHED_FIFO, os.SCHED_RR):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def make_room(more: int) -> None:
    """This process may use `more` bytes than it could."""
    limit, most = resource.getrlimit(resource.RLIMIT_DATA)
    if limit != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_DATA, (_at_most(limit + more, most), most))


def ran_out() -> None:
    """Somebody was refused memory: whatever else was under way may have been, too."""
    _ran_out.set()


def spent() -> str | None:
    """Why this process is to end and to begin anew: it is out of memory, or nearly; None: it is not."""
    limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if limit == resource.RLIM_INFINITY:
        return "it ran out of memory" if _ran_out.is_set() else None
    used = _used()
    if _ran_out.is_set() or used > FULL_AT * limit:
        return f"it ran out of memory: it may have {limit // MIB} MiB, and has {used // MIB}"
    return None


def _used() -> int:
    """Bytes that count against the limit, nearly; 0 where the system does not say."""
    try:
        return int(STATM.read_text().split()[5]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def _at_most(wanted: int, most: int) -> int:
    return wanted if most == resource.RLIM_INFINITY else min(wanted, most)
