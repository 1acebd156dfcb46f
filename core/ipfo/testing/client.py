"""``python -m ipfo.testing.client ADDRESS...``: asks service addresses and counts what comes back.

A loss is told by the instants at which the datagrams around it were *sent*: a client that the
scheduler kept waiting sends late and loses nothing, so a busy machine makes no outage.

It speaks JSON lines on stdout: ``answer`` at once when another host answers, or one after a gap;
``report`` for each line read from stdin, on everything since the last one; and a last one when
stdin ends. All instants are the steady clock's, in ms, which every process of a host shares.
"""

import argparse
import json
import os
import select
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing import echo

GRACE_NS = SECOND // 2
"""How long a report waits for answers that are still on their way."""

GAP_TOLD = 5
"""So many answers missing in a row are told at once, though they may yet come."""

_MS = 1_000_000
_BATCH = 64


@dataclass(slots=True)
class Target:
    """One address that is asked: when each datagram was sent, and which host answered it."""

    address: str
    sock: socket.socket
    port: int
    sent: list[int] = field(default_factory=list)
    answered: bytearray = field(default_factory=bytearray)  # 0: not yet; else 1 + host's index
    hosts: list[str] = field(default_factory=list)
    latest: int = -1  # the highest number answered
    first: int = 0  # where the window of the next report begins

    @classmethod
    def open(cls, address: str, port: int) -> "Target":
        """A target whose datagrams leave from wherever the kernel finds right."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return cls(address, sock, port)

    def ask(self, now: int) -> None:
        """Send the next datagram; one that cannot leave is lost like any other."""
        number = len(self.sent)
        self.sent.append(now)
        self.answered.append(0)
        try:
            self.sock.sendto(f"{number} {now}".encode(), (self.address, self.port))
        except OSError:
            return  # no neighbour, no route: nobody has the address

    def hear(self) -> Iterator[dict[str, Any]]:
        """Count the answers that are there; yields what is worth telling at once."""
        for _ in range(_BATCH):
            try:
                body = self.sock.recv(2048)
            except OSError:
                return
            number, sent, host = body.decode().split(" ", 2)
            yield from self._count(int(number), int(sent), host)

    def _count(self, number: int, sent: int, host: str) -> Iterator[dict[str, Any]]:
        if host not in self.hosts:
            self.hosts.append(host)
        self.answered[number] = 1 + self.hosts.index(host)
        before = self.latest
        if number <= before:
            return
        self.latest = number
        missing = number - before - 1
        last = self._host(before) if before >= 0 else None
        if host != last or missing >= GAP_TOLD:
            yield {
                "event": "answer",
                "address": self.address,
                "host": host,
                "at_ms": sent / _MS,
                "before": last,
                "missing": missing,
                "gap_ms": (sent - self.sent[max(before, 0)]) / _MS,
            }

    def _host(self, number: int) -> str | None:
        index = self.answered[number]
        return self.hosts[index - 1] if index else None

    def report(self, end: int) -> dict[str, Any]:
        """What became of the datagrams from the last report on up to number `end`."""
        numbers = range(self.first, end)
        gaps = [self._gap(first, last) for first, last in self._runs(numbers)]
        self.first = end
        return {
            "sent": len(numbers),
            "lost": sum(gap["lost"] for gap in gaps),
            "longest_gap_ms": max((gap["gap_ms"] for gap in gaps), default=0.0),
            "gaps": gaps,
            "hosts": self._stays(numbers),
        }

    def _runs(self, numbers: range) -> Iterator[tuple[int, int]]:
        first = None
        for number in numbers:
            if self.answered[number]:
                if first is not None:
                    yield first, number - 1
                first = None
            elif first is None:
                first = number
        if first is not None:
            yield first, numbers[-1]

    def _gap(self, first: int, last: int) -> dict[str, Any]:
        """Numbers `first` to `last` were lost; the gap lies between the answered ones around."""
        before, after = max(first - 1, 0), min(last + 1, len(self.sent) - 1)
        return {
            "from_ms": self.sent[before] / _MS,
            "to_ms": self.sent[after] / _MS,
            "gap_ms": (self.sent[after] - self.sent[before]) / _MS,
            "lost": last - first + 1,
            "before": self._host(before),
            "after": self._host(after),
        }

    def _stays(self, numbers: range) -> list[dict[str, Any]]:
        """Who answered from when to when, in the order of sending."""
        stays: list[dict[str, Any]] = []
        for number in numbers:
            host = self._host(number)
            if host is None:
                continue
            at_ms = self.sent[number] / _MS
            if not stays or stays[-1]["host"] != host:
                stays.append({"host": host, "from_ms": at_ms, "to_ms": at_ms, "answers": 0})
            stays[-1]["to_ms"] = at_ms
            stays[-1]["answers"] += 1
        return stays


class Client:
    """Asks every target at the same pace, until `commands` ends."""

    def __init__(self, targets: Sequence[Target], rate: int, commands: int) -> None:
        """Begin; `rate` in datagrams a second to each target, `commands` a descriptor to read."""
        self.targets = targets
        self.interval = SECOND // rate
        self.due = int(clock.now())
        self.commands = commands
        self.asking = True
        self.reports: list[tuple[int, list[int]]] = []  # due when, on which numbers

    def run(self) -> None:
        """Ask and count; over when stdin has ended and its report is written."""
        sockets = {target.sock.fileno(): target for target in self.targets}
        while self.asking or self.reports:
            now = int(clock.now())
            self._send(now)
            self._report(now)
            listening = [*sockets, self.commands] if self.asking else list(sockets)
            for ready in select.select(listening, [], [], self._wait_s(now))[0]:
                if ready == self.commands:
                    self._obey()
                else:
                    tell(*sockets[ready].hear())

    def _wait_s(self, now: int) -> float:
        wanted = [self.due] if self.asking else []
        wanted += [due for due, _ in self.reports[:1]]
        return max(0.0, (min(wanted, default=now) - now) / SECOND)

    def _send(self, now: int) -> None:
        """Send all that is due; what a pause kept from being sent is sent now, under this instant."""
        while self.asking and self.due <= now:
            for target in self.targets:
                target.ask(now)
            self.due += self.interval

    def _obey(self) -> None:
        """Each line read asks for a report; so does the end."""
        text = os.read(self.commands, 4096)
        self.asking = bool(text)
        ends = [len(target.sent) for target in self.targets]
        due = int(clock.now()) + GRACE_NS
        self.reports += [(due, ends)] * (text.count(b"\n") if text else 1)

    def _report(self, now: int) -> None:
        while self.reports and self.reports[0][0] <= now:
            _, ends = self.reports.pop(0)
            pairs = zip(self.targets, ends, strict=True)
            tell({"event": "report", "addresses": {t.address: t.report(end) for t, end in pairs}})


def tell(*facts: dict[str, Any]) -> None:
    """Write `facts`, one JSON object a line."""
    for fact in facts:
        sys.stdout.write(json.dumps(fact) + "\n")
    if facts:
        sys.stdout.flush()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m ipfo.testing.client", description=__doc__)
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS")
    parser.add_argument("--rate", type=int, default=1000, help="datagrams a second to each")
    parser.add_argument("--port", type=int, default=echo.PORT)
    given = parser.parse_args()
    targets = [Target.open(address, given.port) for address in given.addresses]
    Client(targets, given.rate, sys.stdin.fileno()).run()


if __name__ == "__main__":
    main()
