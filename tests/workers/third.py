"""A test plugin: a check, a witness, a voter and a fence that do what files in a folder say.

Each appends a line to ``asked`` there when it begins, so a test sees it from outside. Where the
environment names a node in ``THIRD``, ``ill.NODE`` is for the plugins of that node alone.
"""

import ctypes
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ipfo.plugin import Behind, Check, Claim, Fence, Offer, Options, Voter, Witness, hookimpl

ANY = {"type": "object", "properties": {"folder": {"type": "string"}}}


class Third:
    """What all of them share. A file named `ill`, `hang` or `spin` says how it goes."""

    def __init__(self, options: Options) -> None:
        self.folder = Path(options["folder"])

    def ask(self, what: str) -> None:
        """Note that it was asked; then hang, hold the interpreter, fail, or go well."""
        hangs, spins = ((self.folder / name).exists() for name in ("hang", "spin"))
        with (self.folder / "asked").open("a") as asked:  # the test takes them away after that
            asked.write(f"{what}\n")
        if hangs:
            threading.Event().wait()
        if spins:
            ctypes.PyDLL(None).sleep(600)  # keeps the interpreter's lock
        if (self.folder / "exit").exists():
            raise SystemExit("as strangers do")
        for name in ("ill", f"ill.{os.environ.get('THIRD')}"):
            if (self.folder / name).exists():
                raise OSError((self.folder / name).read_text())


class ThirdCheck(Third):
    def check(self, timeout_s: float) -> None:
        self.ask(f"check {timeout_s:g}")


class ThirdWitness(Third):
    def reach(self, timeout_s: float) -> None:
        assert timeout_s > 0
        self.ask("reach")


class ThirdVoter(Third):
    """Keeps what it granted in ``votes``; who is named in ``other`` has the group."""

    def vote(
        self, claims: Sequence[Claim], ttl_s: int, timeout_s: float
    ) -> Mapping[str, str | Behind]:
        assert timeout_s > 0
        self.ask(f"vote {ttl_s}")
        other = self.folder / "other"
        taken = other.read_text().split() if other.exists() else []
        kept = {c.group: [c.pair, c.node, c.epoch] for c in claims if c.group not in taken}
        (self.folder / "votes").write_text(json.dumps(kept))
        highest = self.folder / "highest"
        least = int(highest.read_text()) if highest.exists() else 0
        behind = {c.group: Behind(least) for c in claims if c.epoch < least}
        return {**behind, **{c.group: "beta has it" for c in claims if c.group in taken}}

    def withdraw(self, claim: Claim, timeout_s: float) -> None:
        assert timeout_s > 0
        self.ask(f"withdraw {claim.group} {claim.epoch}")


class ThirdFence(Third):
    def fence(self, node: str, timeout_s: float) -> None:
        self.ask(f"fence {node} {timeout_s:g}")


@hookimpl
def ipfo_checks() -> Sequence[Offer[Check]]:
    return [Offer("third", ThirdCheck, ANY)]


@hookimpl
def ipfo_witnesses() -> Sequence[Offer[Witness | Voter]]:
    def build(options: Options) -> Any:
        return ThirdVoter(options)

    voter = Offer("third-voter", build, ANY, frozenset({"vote"}))
    return [Offer("third", ThirdWitness, ANY), voter]


@hookimpl
def ipfo_fences() -> Sequence[Offer[Fence]]:
    return [Offer("third", ThirdFence, ANY)]
