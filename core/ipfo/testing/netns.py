"""Network namespaces from within: a socket that lives in another one. Linux, root.

`socket_in` sends a thread of its own in, which ends there: the caller stays at home.
"""

import ctypes
import os
import socket
import threading
from pathlib import Path

_CLONE_NEWNET = 0x40000000  # linux/sched.h


def socket_in(namespace: Path, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket of `namespace` (a file such as ``/run/netns/NAME``); it stays there for life.

    :raises OSError: where the namespace cannot be entered.
    """
    made: list[socket.socket | OSError] = []

    def enter() -> None:
        try:
            set_namespace(namespace)
            made.append(socket.socket(family, kind, protocol))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    (result,) = made
    if isinstance(result, OSError):
        raise result
    return result


def set_namespace(namespace: Path) -> None:
    """The calling thread is in `namespace`, for good.

    :raises OSError: where it cannot be entered.
    """
    # os.setns comes with Python 3.12
    libc = ctypes.CDLL(None, use_errno=True)
    opened = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(opened, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(namespace))
    finally:
        os.close(opened)
