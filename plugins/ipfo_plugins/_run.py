"""Runs one program: with a deadline, in a process group of its own, its output line by line.

One that leaves something running in the background has ended when it has ended itself; what it
left keeps running, unless the deadline came first.
"""

import ctypes
import os
import resource
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from ipfo.plugin import now

SECOND = 1_000_000_000

OUTPUT_MAX = 64 << 10
"""Bytes of a script's output that are kept; the rest is read and forgotten."""

POLL_S = 0.02
"""How often a script that has closed its output is asked whether it has ended."""

PR_SET_PDEATHSIG = 1
"""The signal that a process gets when its parent ends; prctl(2)."""

ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/",
}
"""What every program finds in its environment, the same whoever started the daemon."""

_MEMORY = (resource.getrlimit(resource.RLIMIT_DATA)[1],) * 2

_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


class Output:
    """Gives whole lines to `say`, up to `OUTPUT_MAX` bytes."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._rest = b""
        self._room = OUTPUT_MAX
        self._cut = False

    def take(self, portion: bytes) -> None:
        """Say the lines that `portion` completes."""
        if self._cut:
            return
        kept = portion[: self._room]
        self._room -= len(kept)
        if len(kept) < len(portion):
            self._cut = True
            kept += b"\n... (the rest of its output is left out)\n"
        *lines, self._rest = (self._rest + kept).split(b"\n")
        for line in lines:
            self._say_line(line)

    def end(self) -> None:
        """Say what stands on a last line without an end."""
        self._say_line(self._rest)
        self._rest = b""

    def _say_line(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if text:
            self._say(text)


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    until: int,
    kill_at: int,
    say: Callable[[str], None],
    given: bytes = b"",
) -> str | None:
    """Run `argv`; why it failed, or None if it ended well. Whatever it was, it is over.

    Safe in any thread, and in several at once.

    :param until: the instant at which it gets SIGTERM, with all of its process group.
    :param kill_at: the one at which they get SIGKILL.
    :param given: what it finds on its standard input, at most what a pipe takes at once.
    """
    if now() >= until:
        return "it was not run: no time was left"
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell; the administrator's own program, vetted by who calls
            argv,
            env=dict(env),
            cwd="/",
            stdin=subprocess.PIPE if given else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_before_exec,  # noqa: PLW1509 - two system calls, which take no lock
        )
    except OSError as error:
        return f"cannot be run: {error.strerror or error}"
    assert process.stdout is not None
    output = Output(say)
    with process.stdout as pipe:
        os.set_blocking(pipe.fileno(), False)
        taken = _give(process, given)
        on_time = _follow(process, pipe.fileno(), until, output)
        if not on_time:
            _end(process, pipe.fileno(), kill_at, output)
        _read(pipe.fileno(), output)
    output.end()
    if not on_time:
        return "it was out of time and has been killed"
    if not taken:
        return f"it did not take all of the {len(given)} bytes that it was to be given"
    return _verdict(process.returncode)


def _give(process: "subprocess.Popen[bytes]", given: bytes) -> bool:
    """Let it read `given` and no more; False if a pipe does not take so much at once."""
    if process.stdin is None:
        return True
    with process.stdin as pipe:
        os.set_blocking(pipe.fileno(), False)
        try:
            return os.write(pipe.fileno(), given) == len(given)
        except BrokenPipeError:
            return True  # it did not want it, and will say itself how it ended


def _before_exec() -> None:
    """A script must not outlive the worker that may be killed: the next phase would run beside it.

    (More exactly the thread, which waits here anyhow. Between fork and exec, so it may not wait for
    what another thread of the worker has: `_PRCTL` was looked up before.)

    The worker's bound on memory is for plugins; what a script starts may be the service itself.
    """
    resource.setrlimit(resource.RLIMIT_DATA, _MEMORY)
    if _PRCTL is not None:
        _PRCTL(PR_SET_PDEATHSIG, signal.SIGKILL)


def _verdict(code: int) -> str | None:
    if code == 0:
        return None
    if code > 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _follow(process: "subprocess.Popen[bytes]", pipe: int, until: int, output: Output) -> bool:
    """Read what it says until it has ended; False if it had not at `until`."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while process.poll() is None:
            left_s = (until - now()) / SECOND
            if left_s <= 0:
                return False
            # an ended script is no event where its children hold the pipe: look now and then
            if selector.get_map():
                ready = selector.select(min(left_s, POLL_S))
                if ready and not _read(pipe, output):
                    selector.unregister(pipe)
            else:
                _wait(process, min(left_s, POLL_S))
    return True


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _read(pipe: int, output: Output) -> bool:
    """Take what is there, at most twice the bound at a go; False at the end of the output."""
    for _ in range(2):
        try:
            portion = os.read(pipe, OUTPUT_MAX)
        except BlockingIOError:
            return True
        if not portion:
            return False
        output.take(portion)
    return True


def _end(process: "subprocess.Popen[bytes]", pipe: int, kill_at: int, output: Output) -> None:
    """TERM, a moment, KILL: to the whole group."""
    _signal(process, signal.SIGTERM)
    _follow(process, pipe, kill_at, output)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # it has just ended
