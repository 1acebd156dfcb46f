"""What a worker may do of all that the daemon was given: the rest is dropped before strangers come in.

Linux only: elsewhere rights are those of the user. What is dropped cannot be had again, not even by
a program that the worker starts.
"""

import ctypes
import os
import struct
from pathlib import Path

STATUS = Path("/proc/self/status")

DAC_OVERRIDE, DAC_READ_SEARCH, NET_ADMIN, NET_RAW = 1, 2, 12, 13
"""Numbers of linux/capability.h."""

FILES = frozenset({DAC_OVERRIDE, DAC_READ_SEARCH})
"""Root's over files: a daemon of root reads passwords that belong to others. Nobody else has them."""

ADDRESSES = FILES | {NET_ADMIN, NET_RAW}
"""To change addresses, and to ask and tell the wire."""

PINGS = FILES | {NET_RAW}
"""For hosts that let nobody ping without it."""

_VERSION_3 = 0x20080522
_SET_NO_NEW_PRIVS = 38


def keep(wanted: frozenset[int]) -> None:
    """This process, and what it starts, has at the most the capabilities `wanted`, for good.

    :raises OSError: if the kernel refuses, which it does not where something is given up.
    """
    if not STATUS.exists():
        return
    # else a program of root's would have them all again; one with set-uid, root's
    _check(_libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _drop(wanted)


def keep_none_unless_root() -> None:
    """The same for a worker that starts the administrator's programs: those of root are root's.

    With a user of its own the daemon's capabilities are for addresses, and a program that needs
    more is given that by its administrator (sudo).
    """
    if STATUS.exists() and os.geteuid() != 0:
        _drop(frozenset())


def _drop(wanted: frozenset[int]) -> None:
    mask = sum(1 << number for number in wanted)
    permitted, inheritable = (_now(name) & mask for name in ("CapPrm", "CapInh"))
    header = struct.pack("=Ii", _VERSION_3, 0)
    words = (permitted, permitted, inheritable)
    data = struct.pack(
        "=6I", *(word & 0xFFFFFFFF for word in words), *(word >> 32 for word in words)
    )
    _check(_libc().capset(header, data))


def _now(name: str) -> int:
    (value,) = (
        line.split()[1] for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:")
    )
    return int(value, 16)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
