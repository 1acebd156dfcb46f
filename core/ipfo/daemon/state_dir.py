"""The state folder of this pair on this host: made, judged, and locked by one daemon.

Nothing is written into it by the engine but the lock; the journal and the ledger are the workers'.
"""

import errno
import fcntl
import os
import stat
from pathlib import Path

from ipfo.errors import ConfigError, HostError, IpfoError, NotAllowedError

LOCK = "lock"
CONTROL = "control.sock"

SOCKET_PATH_MAX = 107
"""Bytes of a unix socket's path: what Linux takes; macOS takes 103 and says so itself."""


class StateDir:
    """The folder `path`, locked by this process until `close`."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def take(cls, path: Path, *, group: int | None) -> "StateDir":
        """The folder is there, writable, private, and nobody else's.

        :param group: whose members may reach the control socket; None: nobody but the owner.
        :raises HostError: if it cannot be used, or another daemon has it.
        :raises NotAllowedError: if this user may not write there.
        """
        path = path.absolute()
        if len(os.fsencode(path / CONTROL)) > SOCKET_PATH_MAX:
            raise HostError(
                f"{path}: too long a path for a socket in it ({SOCKET_PATH_MAX} bytes at the most): "
                "set another with --state-dir"
            )
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _judge(path)
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            if group is not None:
                os.chown(path, -1, group)
                path.chmod(0o710)
        except OSError as error:
            raise explain(error, path) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
            os.close(lock)
            raise HostError(
                f"{path}: another ipfo runs for this pair (pid {pid}): stop it, "
                "or set another --state-dir if this is another node"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return cls(path, lock)

    def close(self) -> None:
        """Another daemon may have it; the control socket is gone."""
        (self.path / CONTROL).unlink(missing_ok=True)
        os.close(self._lock)


def _judge(path: Path) -> None:
    """Others than the owner and root must not be able to put anything into it."""
    found = path.stat()
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise HostError(
            f"{path}: others than this daemon's user can write there: "
            f"chown {os.geteuid()} and chmod 700 it"
        )


def explain(error: OSError, path: Path) -> IpfoError:
    """`error` as one line that says what to do."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotAllowedError(
            f"{path}: not writable for this user: run as root, or set --state-dir"
        )
    if error.errno == errno.EROFS:
        return HostError(f"{path}: is on a read-only file system: set another with --state-dir")
    reason = error.strerror or error
    return HostError(f"{path}: cannot be used for state: {reason}; set another with --state-dir")


def group_id(name: str | None) -> int | None:
    """The number of the group `name`, None for None.

    :raises ConfigError: if this host has no such group.
    """
    if name is None:
        return None
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigError(f"pair.control_group: this host has no group {name!r}") from None
