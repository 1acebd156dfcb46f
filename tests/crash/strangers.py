"""The plugin ``crash``: a host's kernel in a file, which outlives every process, and witnesses.

The provider keeps what is on each host in ``NODE.addresses`` and writes each change to ``wire`` with
its instant; phases write to ``phases`` and notices to ``notices``. All of them have boundaries.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.crash.boundaries import FOLDER, NODE, cross, write

from ipfo.plugin import (
    Address,
    Answer,
    Found,
    Instant,
    Move,
    Notice,
    Notifier,
    Offer,
    Options,
    Provider,
    Veto,
    check_not_late,
    hookimpl,
    now,
)

ANY = {"type": "object", "properties": {"folder": {"type": "string"}}}

_SECOND = 1_000_000_000

Table = dict[str, int | None]
"""Address, and the instant at which it goes by itself."""


@contextmanager
def table(folder: Path, node: str) -> Iterator[Table]:
    """The addresses that `node` has now; what is changed is kept, whole, and told on the wire."""
    path = folder / f"{node}.addresses"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        text = os.pread(descriptor, 1 << 16, 0).decode().rstrip("\0 ")
        had: Table = json.loads(text or "{}")
        has = {a: until for a, until in had.items() if until is None or until > now()}
        before = dict(has)
        yield has
        if has != before:
            # one write of one length: whoever is killed leaves the old one or the new one
            os.pwrite(descriptor, json.dumps(has).encode().ljust(1 << 12), 0)
            write(folder / "wire", json.dumps([now(), node, has]) + "\n")
    finally:
        os.close(descriptor)


class Kernel:
    """See `Provider`."""

    def __init__(self) -> None:
        self._folder = Path(os.environ[FOLDER])
        self._node = os.environ[NODE]

    def acquire(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int | None,
        good_until: Instant | None = None,
    ) -> None:
        """One after the other, as a kernel takes them."""
        assert interface
        for address in addresses:
            cross("before an address is put on")
            check_not_late(good_until)
            with table(self._folder, self._node) as has:
                has[str(address)] = _end(lifetime_s)
            cross("after an address is put on")

    def renew(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int,
        good_until: Instant | None = None,
    ) -> None:
        """See `Provider`."""
        with table(self._folder, self._node) as has:
            check_not_late(good_until)
            gone = [str(each) for each in addresses if str(each) not in has]
            if gone:
                raise OSError(errno.EADDRNOTAVAIL, f"{', '.join(gone)} went from {interface}")
            has.update({str(each): _end(lifetime_s) for each in addresses})

    def release(self, interface: str, addresses: Sequence[Address]) -> None:
        """See `Provider`."""
        assert interface
        for address in addresses:
            cross("before an address is taken off")
            with table(self._folder, self._node) as has:
                has.pop(str(address), None)
            cross("after an address is taken off")

    def held(self) -> Sequence[Found]:
        """See `Provider`."""
        with table(self._folder, self._node) as has:
            return [Found(Address.parse(each), "lo", _left(until)) for each, until in has.items()]

    def find(self, address: Address) -> Found | None:
        """See `Provider`."""
        with table(self._folder, self._node) as has:
            known = str(address) in has
            return Found(address, "lo", _left(has[str(address)])) if known else None

    def restore(self, found: Found) -> None:
        """See `Provider`."""
        with table(self._folder, self._node) as has:
            has[str(found.address)] = None

    def announce(self, interface: str, addresses: Sequence[Address]) -> None:
        """Everybody looks into the files."""

    def probe(
        self, interface: str, addresses: Sequence[Address], timeout_ns: int
    ) -> Sequence[Answer]:
        """The other host answers for what it has, whatever runs there."""
        assert interface
        assert timeout_ns > 0
        peer = "beta" if self._node == "alpha" else "alpha"
        with table(self._folder, peer) as has:
            return [
                Answer(str(each).partition("/")[0], "02:00:5e:00:53:01")
                for each in addresses
                if str(each) in has
            ]


def _end(lifetime_s: int | None) -> int | None:
    return None if lifetime_s is None else now() + lifetime_s * _SECOND


def _left(until: int | None) -> int | None:
    return None if until is None else max(until - now(), 0) // _SECOND


class Teller:
    """Writes down what it is told."""

    def __init__(self, options: Options) -> None:
        self._folder = Path(options["folder"])

    def notify(self, notice: Notice) -> None:
        """One line for each time."""
        cross("before telling")
        what = [notice.key, notice.node, notice.event.value, notice.group, notice.epoch]
        write(self._folder / "notices", json.dumps(what) + "\n")
        cross("after telling")


def _phase(name: str, move: Move, options: Options) -> None:
    folder = Path(options["folder"])
    cross(f"before {name}")
    write(folder / "phases", json.dumps([now(), move.node, name, move.epoch, "begins"]) + "\n")
    cross(f"in {name}")
    if name == "pre_acq" and (folder / f"veto.{move.node}").exists():
        raise Veto("not now")
    write(folder / "phases", json.dumps([now(), move.node, name, move.epoch, "ends"]) + "\n")
    cross(f"after {name}")


@hookimpl
def ipfo_providers() -> list[Offer[Provider]]:
    return [Offer("crash", lambda _options: Kernel(), traits=frozenset({"lease", "probe"}))]


@hookimpl
def ipfo_notifiers() -> list[Offer[Notifier]]:
    return [Offer("crash", Teller, ANY)]


@hookimpl
def ipfo_phase_options() -> Mapping[str, Any]:
    return ANY


@hookimpl
def ipfo_pre_acq(move: Move, options: Options) -> None:
    _phase("pre_acq", move, options)


@hookimpl
def ipfo_post_acq(move: Move, options: Options) -> None:
    _phase("post_acq", move, options)


@hookimpl
def ipfo_pre_rel(move: Move, options: Options) -> None:
    _phase("pre_rel", move, options)


@hookimpl
def ipfo_post_rel(move: Move, options: Options) -> None:
    _phase("post_rel", move, options)
