"""Starting and ending worker processes, without waiting for any of them.

Each worker leads a process group of its own: killing the group ends what it had started too, and
a terminal's Ctrl-C does not reach it.
"""

import os
import signal
import socket
import sys
from collections.abc import Sequence

CHANNEL_FD = 3
"""The worker's end of the channel, in the worker."""

_DEFAULT_SIGNALS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGPIPE,
    signal.SIGCHLD,
    signal.SIGALRM,
)


def command(kind: str) -> tuple[str, ...]:
    """How the worker `kind` is started; the number of its descriptor comes last."""
    # -P: a root daemon started in /tmp must not import from there
    return (sys.executable, "-P", "-m", f"ipfo.workers.{kind}")


_ahead: dict[tuple[str, ...], tuple[int, socket.socket]] = {}


def start_ahead(kind: str) -> None:
    """The worker `kind` is being started, for the first `spawn` of it to find it ready.

    Its interpreter then comes up while the config is still being loaded. If that ends badly, so
    does the worker: its channel is closed with this process.

    :raises OSError: if it cannot be started.
    """
    _ahead[command(kind)] = spawn(command(kind))


def spawn(argv: Sequence[str]) -> tuple[int, socket.socket]:
    """Start `argv` with a channel: its process id (and group), and the engine's end.

    stdin is empty, stdout goes where stderr goes. posix_spawn, not fork: it takes the same short
    time however big the engine is.

    :raises OSError: if it cannot be started.
    """
    if (started := _ahead.pop(tuple(argv), None)) is not None:
        return started
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        pid = os.posix_spawn(
            argv[0],
            [*argv, str(CHANNEL_FD)],
            os.environ,
            file_actions=(
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, 2, 1),
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), CHANNEL_FD),
            ),
            setpgroup=0,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return pid, ours


def kill(pid: int) -> None:
    """End the process group `pid`, stopped or not. To be called before `pid` has been reaped."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:  # macOS says so of a zombie's group
        return


def reaped(pid: int) -> bool:
    """Whether `pid` has ended; it is then gone from the process table. Does not wait."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
