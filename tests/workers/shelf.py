"""A test plugin: a provider whose addresses lie in a file, a notifier and phases that write there.

What they were asked to do is in ``calls`` of the same file, so a test sees it from outside.
"""

import json
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    Say,
    Veto,
    check_not_late,
    hookimpl,
)

CARD = "02:00:5e:00:53:01"
CHANGING = threading.Lock()
ANY = {"type": "object", "properties": {}}

NO_PLACE = ".66"
"""Addresses that end so cannot be put on."""


class Shelf:
    """A JSON file, rewritten as a whole."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def read(self) -> dict[str, Any]:
        if not self.path.exists():
            return {"on": {}, "calls": []}
        content: dict[str, Any] = json.loads(self.path.read_text())
        return content

    def change(self, call: str, on: dict[str, Any] | None = None) -> None:
        with CHANGING:
            content = self.read()
            content["calls"].append(call)
            if on is not None:
                content["on"] = on
            fresh = self.path.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(content))
            fresh.replace(self.path)


class ShelfProvider:
    """See `Provider`. `hang` names calls that never end, `fail` those that cannot.

    In those of `stop` the process stops just before the change, after the clock was asked. `cards`:
    who answers on the wire, by address; without it, one and the same card for all.
    """

    def __init__(self, options: Options) -> None:
        self._shelf = Shelf(options["file"])
        self._hang = options.get("hang", ())
        self._fail = options.get("fail", ())
        self._stop = options.get("stop", ())
        self._cards = options.get("cards")

    def _note(self, do: str, text: str, on: dict[str, Any] | None = None) -> None:
        if do in self._fail:
            raise OSError(5, f"{do} cannot be done")
        self._shelf.change(f"{do} {text}".strip(), on)
        if do in self._hang:
            signal.pause()

    def _may_stop(self, do: str) -> None:
        if do in self._stop:
            os.kill(os.getpid(), signal.SIGSTOP)

    def acquire(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int | None,
        good_until: Instant | None = None,
    ) -> None:
        check_not_late(good_until)
        self._may_stop("acquire")
        if any(address.ip.endswith(NO_PLACE) for address in addresses):
            raise OSError("there is no place for it")
        on = self._shelf.read()["on"]
        on |= {a.ip: [str(a), interface, lifetime_s, []] for a in addresses}
        self._note("acquire", f"{interface} {lifetime_s}", on)

    def renew(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int,
        good_until: Instant | None = None,
    ) -> None:
        check_not_late(good_until)
        on = self._shelf.read()["on"]
        if any(a.ip not in on for a in addresses):
            raise OSError("somebody took it off the shelf")
        self._may_stop("renew")
        on |= {a.ip: [str(a), interface, lifetime_s, []] for a in addresses}
        self._note("renew", f"{interface} {' '.join(a.ip for a in addresses)} {lifetime_s}", on)

    def release(self, interface: str, addresses: Sequence[Address]) -> None:
        on = self._shelf.read()["on"]
        for address in addresses:
            if address.ip in on and on[address.ip][1] == interface:
                del on[address.ip]
        self._note("release", f"{interface} {' '.join(map(str, addresses))}", on)

    def held(self) -> Sequence[Found]:
        return [
            Found(Address.parse(kept[0]), kept[1], kept[2], tuple(kept[3]))
            for kept in self._shelf.read()["on"].values()
        ]

    def find(self, address: Address) -> Found | None:
        kept = self._shelf.read()["on"].get(address.ip)
        if kept is None:
            return None
        return Found(Address.parse(kept[0]), kept[1], kept[2], tuple(kept[3]), ("default via x",))

    def restore(self, found: Found) -> None:
        on = self._shelf.read()["on"]
        on[found.address.ip] = [str(found.address), found.interface, None, list(found.flags)]
        self._note("restore", f"{found.interface} {found.address} {' '.join(found.routes)}", on)

    def announce(self, interface: str, addresses: Sequence[Address]) -> None:
        self._note("announce", f"{interface} {' '.join(a.ip for a in addresses)}")

    def probe(
        self, interface: str, addresses: Sequence[Address], timeout_ns: int
    ) -> Sequence[Answer]:
        if interface.startswith("deaf"):
            raise OSError(f"{interface} has no carrier")
        self._note("probe", f"{interface} {timeout_ns}")
        everybody = self._cards if self._cards is not None else {a.ip: CARD for a in addresses}
        return [Answer(a.ip, everybody[a.ip]) for a in addresses if a.ip in everybody]


class ShelfNotifier:
    """Writes the keys; `hang` is a key at which it never ends; `fail` a file that must be there."""

    def __init__(self, options: Options) -> None:
        self._shelf = Shelf(options["file"])
        self._hang = options.get("hang")
        self._needs = options.get("needs")

    def notify(self, notice: Notice) -> None:
        if self._needs is not None and not Path(self._needs).exists():
            self._shelf.change(f"refused {notice.key}")
            raise OSError("nobody there")
        self._shelf.change(notice.key)
        if notice.key == self._hang:
            signal.pause()


@hookimpl
def ipfo_providers() -> Sequence[Offer[Provider]]:
    return [Offer("shelf", ShelfProvider, ANY, frozenset({"lease", "probe"}))]


@hookimpl
def ipfo_notifiers() -> Sequence[Offer[Notifier]]:
    return [Offer("shelf", ShelfNotifier, ANY)]


def _take_part(phase: str, move: Move, options: Options, say: Say) -> None:
    call = f"{options.get('name', 'shelf')} {phase} {move.epoch}"
    again = call in Shelf(options["file"]).read()["calls"]
    Shelf(options["file"]).change(call)
    if phase == options.get("die") or (phase == options.get("die_once") and not again):
        os._exit(1)
    if phase == options.get("exit"):
        raise SystemExit(4)
    if phase == options.get("hang"):
        say("I hang")
        signal.pause()
    if phase == options.get("veto"):
        raise Veto(f"not\nnow, {move.group}")
    if phase == options.get("raise"):
        raise RuntimeError("broken")
    if phase == options.get("complain"):
        say("failed: half of it")
    if phase == options.get("talk"):
        for n in range(3000):
            say(f"line {n}")


@hookimpl
def ipfo_phase_options() -> dict[str, Any]:
    return ANY


@hookimpl
def ipfo_test(move: Move, options: Options, say: Say) -> None:
    _take_part("test", move, options, say)


@hookimpl
def ipfo_pre_acq(move: Move, options: Options, say: Say) -> None:
    _take_part("pre_acq", move, options, say)


@hookimpl
def ipfo_post_acq(move: Move, options: Options, say: Say) -> None:
    _take_part("post_acq", move, options, say)


@hookimpl
def ipfo_pre_rel(move: Move, options: Options, say: Say) -> None:
    _take_part("pre_rel", move, options, say)


@hookimpl
def ipfo_post_rel(move: Move, options: Options, say: Say) -> None:
    _take_part("post_rel", move, options, say)


@hookimpl
def ipfo_reassert(move: Move, options: Options, say: Say) -> None:
    _take_part("reassert", move, options, say)
