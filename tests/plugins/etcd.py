"""A real etcd for tests: members on this machine, or in a namespace, that can be killed one by one.

Nothing of it is left afterwards: `stop` ends what was started, by its id. It is tuned to be quick:
elections take half a second, and the shortest lease is one of a second.
"""

import itertools
import json
import os
import shutil
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing import processes

PATIENCE_S = 30
HEARTBEAT_MS, ELECTION_MS = 50, 500

_numbers = itertools.count()


def needs_etcd() -> str:
    """The program; leaves the test out where there is none."""
    program = shutil.which("etcd")
    if program is None:
        pytest.skip("needs etcd (Debian: etcd-server)")
    return program


@dataclass(frozen=True, slots=True)
class Files:
    """What a member needs to serve https: its certificate, its key, and who signed clients'."""

    ca: Path
    cert: Path
    key: Path
    asks_clients: bool = False


class Etcd:
    """Members of one etcd, whose data lie in `folder`.

    In `namespace` (a name of ``ip netns``) they listen where `start` is told; else on loopback
    addresses that nobody else uses, so that a member comes back where it was.
    """

    def __init__(
        self, folder: Path, *, namespace: str | None = None, tls: Files | None = None
    ) -> None:
        self._program = needs_etcd()
        self._folder = folder
        self._namespace = namespace
        self._tls = tls
        self._members: list[list[str]] = []
        self._started: dict[int, subprocess.Popen[str]] = {}
        self.endpoints: list[str] = []

    def start(self, members: int = 3, addresses: Sequence[str] = ()) -> list[str]:
        """Start `members`, at `addresses` if given; their endpoints, once all of them answer."""
        given = addresses or [loopback(index) for index in range(members)]
        port = 20000 + 2 * (next(_numbers) % 5000)
        scheme = "http" if self._tls is None else "https"
        hosts = [f"[{each}]" if ":" in each else each for each in given]
        self.endpoints = [f"{scheme}://{host}:{port}" for host in hosts]
        peers = [f"http://{host}:{port + 1}" for host in hosts]
        everybody = ",".join(f"m{index}={peer}" for index, peer in enumerate(peers))
        for index, (client, peer) in enumerate(zip(self.endpoints, peers, strict=True)):
            self._members.append(self._command(index, client, peer, everybody))
            self._run(index)
        for index in range(len(self._members)):
            self.wait_for(index)
        return list(self.endpoints)

    def kill(self, index: int) -> None:
        """Member `index` is gone, as by a power cut; its data stay."""
        process = self._started.pop(index)
        self.thaw_process(process)
        processes.kill_all(processes.tree(process.pid))
        processes.end([process])

    def restart(self, index: int, *, wait: bool = True) -> None:
        """Start member `index` again with its data; with `wait`, until it answers."""
        self._run(index)
        if wait:
            self.wait_for(index)

    def freeze(self, index: int) -> None:
        """Member `index` stands still: its connections stay, and nothing comes."""
        processes.signal_all(processes.tree(self._started[index].pid), signal.SIGSTOP)

    def thaw(self, index: int) -> None:
        """It goes on."""
        self.thaw_process(self._started[index])

    @staticmethod
    def thaw_process(process: subprocess.Popen[str]) -> None:
        processes.signal_all(processes.tree(process.pid), signal.SIGCONT)

    def leader(self) -> int:
        """Which member leads, as soon as those that run agree that one does."""
        deadline = clock.now() + PATIENCE_S * SECOND
        while clock.now() < deadline:
            said = {index: self._status(index) for index in self._started}
            led_by = {each.get("leader", "0") for each in said.values()}
            for index, each in said.items():
                if led_by == {each.get("header", {}).get("member_id")}:
                    return index
            self._pause(next(iter(self._started)))
        raise AssertionError(f"no leader within {PATIENCE_S} s: {said}")

    def ask(
        self, path: str, body: Any, *, index: int = 0, token: str = "", timeout_s: float = 5
    ) -> Any:
        """What member `index` answers, not by way of ipfo; OSError or ValueError if nothing."""
        return json.loads(self._post(index, path, body, token, timeout_s))

    def value(self, key: str) -> str | None:
        """What stands at `key`."""
        found = self.ask("kv/range", {"key": text64(key)}).get("kvs", [])
        return bytes64(found[0]["value"]) if found else None

    def wait_for(self, index: int) -> None:
        """Until member `index` answers, and a quorum with it."""
        deadline = clock.now() + PATIENCE_S * SECOND
        while clock.now() < deadline:
            try:
                self.ask("kv/range", {"key": text64("none")}, index=index)
            except (OSError, ValueError):
                self._pause(index)
            else:
                return
        raise AssertionError(f"member {index} does not answer: {self._log(index)}")

    def stop(self) -> None:
        """All members are gone."""
        for index in list(self._started):
            self.kill(index)

    def _command(self, index: int, client: str, peer: str, everybody: str) -> list[str]:
        into = ["ip", "netns", "exec", self._namespace] if self._namespace else []
        options = {
            "name": f"m{index}",
            "data-dir": str(self._folder / f"m{index}"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": everybody,
            "initial-cluster-token": self._folder.name,
            "heartbeat-interval": str(HEARTBEAT_MS),
            "election-timeout": str(ELECTION_MS),
            "bcrypt-cost": "4",
        }
        if self._tls is not None:
            options |= {"cert-file": str(self._tls.cert), "key-file": str(self._tls.key)}
            options["trusted-ca-file"] = str(self._tls.ca)
            options["client-cert-auth"] = str(self._tls.asks_clients).lower()
        return [*into, self._program, *(f"--{key}={value}" for key, value in options.items())]

    def _run(self, index: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._log_file(index).open("a") as log:
            self._started[index] = subprocess.Popen(
                self._members[index],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def _pause(self, index: int) -> None:
        """Half a tenth of a second, unless member `index` ends."""
        if processes.wait(self._started[index], 0.05):
            raise AssertionError(f"member {index} has ended: {self._log(index)}")

    def _status(self, index: int) -> Any:
        try:
            return self.ask("maintenance/status", {}, index=index, timeout_s=1)
        except (OSError, ValueError):
            return {}

    def _post(self, index: int, path: str, body: Any, token: str, timeout_s: float) -> bytes:
        url = f"{self.endpoints[index]}/v3/{path}"
        if self._namespace is not None:
            command = ["ip", "netns", "exec", self._namespace, "curl", "-gsf", "-m", str(timeout_s)]
            done = subprocess.run(
                [*command, "-d", json.dumps(body), url], capture_output=True, check=False
            )
            return done.stdout
        context = None
        if self._tls is not None:
            context = ssl.create_default_context(cafile=self._tls.ca)
            context.load_cert_chain(self._tls.cert, self._tls.key)
        request = urllib.request.Request(url, json.dumps(body).encode())
        if token:
            request.add_header("Authorization", token)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(request, timeout=timeout_s) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise OSError(f"{path}: {error.read().decode(errors='replace')}") from None

    def _log_file(self, index: int) -> Path:
        return self._folder / f"m{index}.log"

    def _log(self, index: int) -> str:
        return self._log_file(index).read_text()[-2000:]


def text64(text: str) -> str:
    """`text` as etcd's gateway has it."""
    return b64encode(text.encode()).decode()


def bytes64(text: str) -> str:
    """The other way round."""
    return b64decode(text).decode()


def loopback(index: int) -> str:
    """Where member `index` listens: an address of this process alone (nearly: by its number)."""
    pid = os.getpid()
    return f"127.{1 + pid // 250 % 250}.{pid % 250}.{1 + index}"
