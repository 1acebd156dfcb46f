"""Two real daemons run from one file, in a lab or on this machine, and what they say of themselves.

A daemon's log goes to ``NODE.log`` in the pair's folder and its state to ``NODE/``; what a failing
test has to show is in there.
"""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing import processes

Status = dict[str, Any]
"""What ``ipfo status --json`` says; its shape is a contract (docs/reference/cli.md)."""

LOOK_EVERY_S = 0.1
ANSWER_S = 2.0
"""How long a daemon may take to answer on its control socket: it may be frozen."""


class Place(Protocol):
    """Where the nodes run: a `Lab`, or this machine."""

    def start(
        self,
        host: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: int | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> subprocess.Popen[str]:
        """Start `argv` there."""

    def run(
        self, host: str, argv: Sequence[str], *, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `argv` there and wait for its end."""


class Pair:
    """Two nodes, spoken of by the names of their hosts, and run from one file.

    `names` are the nodes' own, by host, where they differ from the hosts'.
    """

    def __init__(
        self, place: Place, folder: Path, config: Path, names: Mapping[str, str] | None = None
    ) -> None:
        """Nothing runs yet. `folder` must exist."""
        self.place = place
        self.folder = folder
        self.config = config
        self.names = names or {}
        self.daemons: dict[str, subprocess.Popen[str]] = {}

    def words(self, node: str, *words: str) -> list[str]:
        """The command line of ``ipfo WORDS`` on `node`."""
        own = ["--config", str(self.config), "--node", self.names.get(node, node)]
        own += ["--state-dir", str(self.state_dir(node))]
        return [sys.executable, "-m", "ipfo", *own, *words]

    def state_dir(self, node: str) -> Path:
        """Where the state of `node` lies."""
        return self.folder / node

    def start(self, *nodes: str) -> None:
        """Start the daemons of `nodes`."""
        for node in nodes:
            with (self.folder / f"{node}.log").open("a") as log:
                self.daemons[node] = self.place.start(
                    node, self.words(node, "run"), stdout=log, stderr=log
                )

    def ask(self, node: str, *words: str, check: bool = True) -> str:
        """What ``ipfo WORDS`` prints on `node`; see `Place.run` for how it fails."""
        return self.place.run(node, self.words(node, *words), check=check).stdout

    def status(self, node: str) -> Status | None:
        """What `node` says of itself; None where no daemon answers."""
        answer = ask_control(self.state_dir(node) / "control.sock", {"do": "status"})
        status: Status | None = None if answer is None else answer["status"]
        return status

    def wait_for(self, node: str, wanted: Callable[[Status], bool], timeout_s: float) -> Status:
        """Look at the status of `node` until it is as `wanted`.

        :raises AssertionError: where that does not come in `timeout_s`; shows status and log.
        """
        deadline = clock.now() + int(timeout_s * SECOND)
        while True:
            status = self.status(node)
            if status is not None and wanted(status):
                return status
            late = clock.now() > deadline
            assert not late, f"{node} did not get there: {status}\n{self.log(node)}"
            ended = processes.wait(self.daemons[node], LOOK_EVERY_S)
            assert not ended, f"{node} ended: {self.daemons[node].returncode}\n{self.log(node)}"

    def wait_for_line(self, node: str, pattern: str, timeout_s: float) -> str:
        """Read the log of `node` until a line of it has `pattern`; its first group.

        :raises AssertionError: where there is none in `timeout_s`; shows the log.
        """
        deadline = clock.now() + int(timeout_s * SECOND)
        while True:
            found = re.search(pattern, (self.folder / f"{node}.log").read_text(), re.MULTILINE)
            if found is not None:
                return found[1]
            late = clock.now() > deadline
            assert not late, f"{node} did not say {pattern}:\n{self.log(node)}"
            processes.wait(self.daemons[node], LOOK_EVERY_S)

    def log(self, node: str) -> str:
        """The last lines that the daemon of `node` wrote."""
        path = self.folder / f"{node}.log"
        return "\n".join(path.read_text().splitlines()[-20:]) if path.exists() else ""

    def processes(self, node: str) -> list[int]:
        """The engine of `node`, first, and every process below it."""
        return processes.tree(self.daemons[node].pid)

    def worker(self, node: str, kind: str) -> int:
        """The process of the worker `kind` of `node`: the first, where there are several.

        :raises LookupError: where none runs.
        """
        program = f"ipfo.workers.{kind}".encode()
        for pid in self.processes(node):
            with suppress(FileNotFoundError, ProcessLookupError):  # it may end meanwhile
                if program in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    return pid
        raise LookupError(f"no worker {kind} runs on {node}")

    def revive(self, node: str) -> None:
        """The engine of `node` is killed, and what supervises it starts another one at once."""
        self.kill(node, engine_only=True)
        self.start(node)

    def stop(self, node: str, timeout_s: float = 20.0) -> int:
        """SIGTERM; the exit code once it has ended in order."""
        daemon = self.daemons.pop(node)
        processes.signal_all([daemon.pid], signal.SIGTERM)
        assert processes.wait(daemon, timeout_s), f"{node} does not end:\n{self.log(node)}"
        return daemon.returncode

    def kill(self, node: str, *, engine_only: bool = False) -> None:
        """SIGKILL to the engine of `node`, and to all below it at the same time."""
        pids = self.processes(node)
        processes.kill_all(pids[:1] if engine_only else pids)
        self.daemons.pop(node).wait()

    def freeze(self, node: str, *, engine_only: bool = False) -> list[int]:
        """SIGSTOP likewise; give what is returned to `thaw`."""
        pids = self.processes(node)
        stopped = pids[:1] if engine_only else pids
        processes.signal_all(stopped, signal.SIGSTOP)
        return stopped

    def freeze_worker(self, node: str, kind: str) -> list[int]:
        """SIGSTOP to the worker `kind` alone; see `worker` and `freeze`."""
        stopped = [self.worker(node, kind)]
        processes.signal_all(stopped, signal.SIGSTOP)
        return stopped

    @staticmethod
    def thaw(pids: Sequence[int]) -> None:
        """SIGCONT to what `freeze` stopped."""
        processes.signal_all(pids, signal.SIGCONT)

    def end_of(self, node: str) -> None:
        """The daemon of `node` has ended, or is ended now."""
        processes.end([self.daemons.pop(node)] if node in self.daemons else [])

    def end(self) -> None:
        """End what still runs."""
        processes.end(list(self.daemons.values()))
        self.daemons.clear()


def ask_control(path: Path, request: Mapping[str, Any]) -> Status | None:
    """The first line that the control socket at `path` answers; None where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(ANSWER_S)
        try:
            asking.connect(str(path))
            asking.sendall(json.dumps(request).encode() + b"\n")
            line = asking.makefile("rb").readline()
        except OSError:
            return None
    answer: Status | None = json.loads(line) if line else None
    return answer
