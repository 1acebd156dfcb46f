"""A pair of real daemons on loopback, with pretended addresses, and ways to look at it."""

import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.cli.client import Client
from ipfo.errors import IpfoError
from ipfo.model import SECOND
from ipfo.testing import processes

PATIENCE_S = 30.0
LOOK_AGAIN_S = 0.02

Report = dict[str, Any]

CONFIG = """\
plugins = []

[pair]
name = "looped"
nodes = ["alpha", "beta"]
interval = "50ms"
takeover_after = "300ms"
key_file = "pair.key"

[links.one]
transport = "udp"
port = {port}
addresses = {{ alpha = "127.0.1.1", beta = "127.0.1.2" }}

[links.two]
transport = "udp"
port = {port}
addresses = {{ alpha = "127.0.2.1", beta = "127.0.2.2" }}

[groups.web]
addresses = ["192.0.2.100/24", "2001:db8::100/64"]
interface = "lo"
provider = "mock"
{group}
{more}
"""


class Looped:
    """Two nodes on this machine; `folder` has the config and a state folder for each."""

    def __init__(self, folder: Path, group: str = "", more: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.config = folder / "pair.toml"
        self.config.write_text(CONFIG.format(port=self.port, group=group, more=more))
        key = folder / "pair.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(32))
        self.daemons: dict[str, subprocess.Popen[str]] = {}
        self.env: dict[str, str] = {}  # besides ours, of daemons and commands

    def state_dir(self, node: str) -> Path:
        """Where `node` keeps its state."""
        return self.folder / node

    def argv(self, node: str, *arguments: str) -> list[str]:
        """The command ``ipfo`` as on the host of `node`."""
        common = ["--config", str(self.config), "--node", node]
        place = ["--state-dir", str(self.state_dir(node))]
        return [sys.executable, "-m", "ipfo", *common, *place, *arguments]

    def start(self, *nodes: str) -> None:
        """Start the daemons of `nodes` and wait until each answers."""
        for node in nodes:
            env = {**os.environ, **self.env, "THIRD": node}
            with self.log(node).open("a") as log:
                daemon = subprocess.Popen(self.argv(node), stderr=log, text=True, env=env)
            self.daemons[node] = daemon
        for node in nodes:
            self.wait_for(node, lambda _: True)

    def log(self, node: str) -> Path:
        """What the daemon of `node` has written to stderr."""
        return self.folder / f"{node}.log"

    def ask(self, node: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the host of `node` to its end."""
        env = {**os.environ, **self.env}
        return subprocess.run(
            self.argv(node, *arguments),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=env,
        )

    def status(self, node: str) -> Report:
        """What the daemon of `node` reports."""
        client = Client(self.state_dir(node))
        try:
            return client.status()
        finally:
            client.close()

    def wait_for(self, node: str, wanted: Callable[[Report], bool]) -> Report:
        """The first report of `node` that is `wanted`."""
        deadline = clock.now() + int(PATIENCE_S * SECOND)
        report: object = None
        while clock.now() < deadline:
            daemon = self.daemons[node]
            assert daemon.poll() is None, f"{node} ended: {self.log(node).read_text()}"
            try:
                report = self.status(node)
            except IpfoError as error:
                report = error
            else:
                if wanted(report):
                    return report
            select.select([], [], [], LOOK_AGAIN_S)
        said = json.dumps(report, indent=1) if isinstance(report, dict) else report
        raise AssertionError(f"{node} never said so; {said}\n{self.log(node).read_text()}")

    def end(self, node: str, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to the daemon of `node` and give its exit code; its journal is written then."""
        daemon = self.daemons.pop(node)
        writers = _writers(daemon.pid)
        daemon.send_signal(number)
        code = daemon.wait(PATIENCE_S)
        for writer in writers:  # it outlives the engine for as long as it has something to store
            select.select([writer], [], [], PATIENCE_S)
            os.close(writer)
        return code

    def end_all(self) -> None:
        """Nothing of it runs any more."""
        for daemon in self.daemons.values():
            daemon.kill()
        for daemon in self.daemons.values():
            daemon.wait(PATIENCE_S)


def _writers(pid: int) -> list[int]:
    """A descriptor for each `notices` worker below the daemon `pid`, readable when it has ended."""
    if sys.platform != "linux":
        return []
    found = []
    for child in processes.tree(pid)[1:]:
        with suppress(OSError):
            if b"ipfo.workers.notices" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(os.pidfd_open(child))
    return found


def held_by(node: str | None, group: str = "web") -> Callable[[Report], bool]:
    """Reports that say that `node` holds `group`."""
    return lambda report: bool(report["groups"][group]["holder"] == node)


def free_port() -> int:
    """A UDP port that nobody has on this machine now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port
