"""The handle on a client that asks service addresses (`ipfo.testing.client`), with deadlines.

What the client says is read only here, by whoever waits; nothing is lost meanwhile.
"""

import json
import os
import select
import subprocess
from collections.abc import Callable
from typing import Any

from ipfo import clock
from ipfo.model import SECOND

Fact = dict[str, Any]
"""One JSON object that the client said."""

REPORT_S = 20.0
"""How long a report may take on a machine that is busy with other things."""


class Asking:
    """A client at work; `said` is all that it has said so far, in order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Take over `process`, whose stdin and stdout are pipes."""
        assert process.stdin is not None
        assert process.stdout is not None
        self.said: list[Fact] = []
        self._orders = process.stdin
        self._descriptor = process.stdout.fileno()
        self._rest = b""
        self._answering: dict[str, str] = {}  # by address, who did last
        self._unseen = 0  # where in `said` the next search begins

    def wait_for(self, wanted: Callable[[Fact], bool], timeout_s: float) -> Fact:
        """The next fact that is `wanted`; what was said before it is not looked at again.

        :raises AssertionError: where it does not come in `timeout_s`, or the client has ended.
        """
        deadline = clock.now() + int(timeout_s * SECOND)
        while True:
            while self._unseen < len(self.said):
                fact = self.said[self._unseen]
                self._unseen += 1
                if wanted(fact):
                    return fact
            self._read(deadline)

    def answered_by(self, host: str, timeout_s: float, address: str) -> None:
        """Wait until it is `host` that answers at `address`.

        :raises AssertionError: as `wait_for`.
        """
        deadline = clock.now() + int(timeout_s * SECOND)
        while select.select([self._descriptor], [], [], 0)[0]:
            self._read(deadline)
        while self._answering.get(address) != host:
            self._read(deadline)

    def report(self) -> Fact:
        """What became of all that was asked since the last report, by address."""
        self._orders.write("report\n")
        self._orders.flush()
        reports = self.wait_for(lambda fact: fact["event"] == "report", REPORT_S)
        addresses: Fact = reports["addresses"]
        return addresses

    def _read(self, deadline: int) -> None:
        left_s = max(0, deadline - clock.now()) / SECOND
        ready = select.select([self._descriptor], [], [], left_s)[0]
        data = os.read(self._descriptor, 1 << 16) if ready else b""
        assert data, f"the client did not say it; its last words: {self.said[-3:]}"
        *lines, self._rest = (self._rest + data).split(b"\n")
        facts: list[Fact] = [json.loads(line) for line in lines]
        self.said += facts
        self._answering |= {f["address"]: f["host"] for f in facts if f["event"] == "answer"}
