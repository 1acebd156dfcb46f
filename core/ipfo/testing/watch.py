"""Who has an address, asked of the kernel every 20 ms: the witness that promise P1 is kept.

One look asks every host, then the first ones again, and two hosts are holders only if each had
the address on both sides of the other's look: a move that happens between two questions is not
mistaken for an overlap, and a real overlap is not missed for longer than one interval.
"""

import os
import select
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import combinations
from pathlib import Path

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.testing.netns import socket_in

EVERY_NS = SECOND // 50

_NETLINK_ROUTE = 0
_NLMSG_DONE, _NLMSG_ERROR = 3, 2
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_NLM_F_REQUEST_DUMP = 0x301
_IFA_ADDRESS, _IFA_LOCAL = 1, 2


class Eye:
    """Looks into one network namespace by an rtnetlink socket of its own."""

    def __init__(self, namespace: Path) -> None:
        """Open it; `namespace` is a file such as ``/run/netns/NAME``."""
        self.socket = socket_in(namespace, socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE)
        self.socket.bind((0, 0))
        self._sequence = 0

    def addresses(self) -> set[str]:
        """Every address on every interface there, as the kernel has it now."""
        self._sequence += 1
        header = struct.pack("=IHHII", 24, _RTM_GETADDR, _NLM_F_REQUEST_DUMP, self._sequence, 0)
        self.socket.send(header + bytes(8))  # family 0: both
        found: set[str] = set()
        while True:
            for kind, sequence, body in messages(self.socket.recv(1 << 16)):
                if sequence != self._sequence:
                    continue
                if kind == _RTM_NEWADDR:
                    found.add(address_of(body))
                elif kind in (_NLMSG_DONE, _NLMSG_ERROR):
                    return found

    def close(self) -> None:
        """Give the socket back."""
        self.socket.close()


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Kind, sequence number and body of each rtnetlink message in `data`."""
    while len(data) >= 16:
        length, kind, _, sequence, _ = struct.unpack_from("=IHHII", data)
        yield kind, sequence, data[16:length]
        data = data[(length + 3) & ~3 :]


def address_of(body: bytes) -> str:
    """The address of one RTM_NEWADDR; on a point-to-point interface IFA_LOCAL is ours."""
    values: dict[int, bytes] = {}
    rest = body[8:]
    while len(rest) >= 4:
        length, kind = struct.unpack_from("=HH", rest)
        values[kind] = rest[4:length]
        rest = rest[(length + 3) & ~3 :]
    return str(ip_address(values.get(_IFA_LOCAL, values.get(_IFA_ADDRESS, b""))))


@dataclass(slots=True)
class Seen:
    """What was seen of one address: `turns` are the instants at which its set of holders changed."""

    turns: list[tuple[Instant, frozenset[str]]] = field(default_factory=list)

    @property
    def holders(self) -> frozenset[str]:
        """Who has it now."""
        return self.turns[-1][1] if self.turns else frozenset()

    @property
    def overlaps(self) -> list[tuple[Instant, frozenset[str]]]:
        """When two or more hosts had it; empty where promise P1 was kept."""
        return [turn for turn in self.turns if len(turn[1]) > 1]

    def twice_ns(self, since: Instant, until: Instant) -> int:
        """For how long, from `since` to `until`, two or more hosts had it: for a look at least."""
        ends = [at for at, _ in self.turns[1:]] + [until]
        return sum(
            max(min(end, until) - max(at, since), EVERY_NS)
            for (at, holders), end in zip(self.turns, ends, strict=False)
            if len(holders) > 1 and end > since and at < until
        )


class Watch:
    """A thread that looks for `addresses` on every host until it is left. A context manager."""

    def __init__(self, hosts: Mapping[str, Path], addresses: Sequence[str]) -> None:
        """Watch `addresses` (without prefix) on `hosts`, each with its namespace's file."""
        self.seen = {str(ip_address(address)): Seen() for address in addresses}
        self.looks = 0
        self._at = clock.now()
        self.longest_pause_ns = 0  # between two looks: what no overlap can hide in is longer
        self._eyes = {host: Eye(namespace) for host, namespace in hosts.items()}
        self._changed = threading.Condition()
        self._stop, self._end = os.pipe()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        """Begin; the first look has been taken when this returns."""
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop looking; what was seen stays."""
        os.close(self._end)
        self._thread.join()
        os.close(self._stop)
        for eye in self._eyes.values():
            eye.close()

    def wait_for(self, address: str, holders: set[str], timeout_s: float) -> Instant:
        """Wait until exactly `holders` have `address`; the instant at which that was seen first.

        :raises AssertionError: when it has not come about in `timeout_s`; says what was seen.
        """
        seen = self.seen[str(ip_address(address))]
        with self._changed:
            came = self._changed.wait_for(lambda: seen.holders == holders, timeout_s)
            assert came, (
                f"{address}: {set(seen.holders)} have it after {timeout_s} s, not {holders}"
            )
            return seen.turns[-1][0]

    @property
    def overlaps(self) -> dict[str, list[tuple[Instant, frozenset[str]]]]:
        """By address, when it had two holders; empty where promise P1 was kept."""
        return {address: s.overlaps for address, s in self.seen.items() if s.overlaps}

    def _watch(self) -> None:
        due = int(clock.now())
        while True:
            due = max(due + EVERY_NS, int(clock.now()))
            wait_s = max(0, due - clock.now()) / SECOND
            if select.select([self._stop], [], [], wait_s)[0]:
                return
            before = self._at
            self._look()
            self.longest_pause_ns = max(self.longest_pause_ns, self._at - before)

    def _look(self) -> None:
        first = {host: eye.addresses() for host, eye in self._eyes.items()}
        again = {host: eye.addresses() for host, eye in self._eyes.items()}
        self._at = clock.now()
        self.looks += 1
        with self._changed:
            for address, seen in self.seen.items():
                before = [address in first[host] for host in self._eyes]
                after = [address in again[host] for host in self._eyes]
                for held in judge(tuple(self._eyes), before, after, seen.holders):
                    if not seen.turns or held != seen.holders:
                        seen.turns.append((self._at, held))
            self._changed.notify_all()


def judge(
    hosts: Sequence[str], first: Sequence[bool], again: Sequence[bool], known: frozenset[str]
) -> list[frozenset[str]]:
    """What two rounds of asking `hosts`, in this order, prove of an address that `known` had.

    Two had it at once if one had it before and after an answer in which the other had it. Two in
    the last round alone may be a move that went on between the questions: the next look will tell.
    """
    overlap = {
        host
        for a, b in combinations(range(len(hosts)), 2)
        if (first[a] and first[b] and again[a]) or (first[b] and again[a] and again[b])
        for host in (hosts[a], hosts[b])
    }
    now = frozenset(host for host, has in zip(hosts, again, strict=True) if has)
    if overlap:
        return [frozenset(overlap), *([now] if len(now) < 2 else [])]
    return [now if len(now) < 2 else known]
