"""A plugin of each kind that does what plugins must not, in the way that a file in its folder names.

``KIND.NODE`` holds the way, for the plugins of that kind on that node; without it all is well, and a
line in ``well.KIND.NODE`` says that it was asked.
"""

import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ipfo.plugin import (
    Check,
    Fence,
    Move,
    Notice,
    Notifier,
    Offer,
    Options,
    Provider,
    Say,
    Witness,
    hookimpl,
)
from ipfo_plugins.provider.mock import MockProvider

ANY = {"type": "object", "properties": {"folder": {"type": "string"}}}

CHANNEL_FD = 3
"""Where a worker talks to the engine; a plugin has no business there."""

leaked: list[bytearray] = []


def hang() -> None:
    threading.Event().wait()


def spin() -> None:
    while True:
        pass


def keep_the_interpreter() -> None:
    """A catastrophic expression: no other thread of this process runs until it has matched."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def leak() -> None:
    while True:
        leaked.append(bytearray(1 << 20))


def fork() -> None:
    """The child has all that this process had, and outlives it."""
    if os.fork() == 0:
        hang()
    os._exit(1)


def close_all() -> None:
    os.closerange(3, 256)


def end() -> None:
    os._exit(3)


def flood() -> None:
    """What print takes, and what the descriptor takes by itself."""
    while True:
        print("x" * 1000, file=sys.stderr)  # noqa: T201 - the fault under test
        print("x" * 1000)  # noqa: T201 - the fault under test


def babble() -> None:
    """Lines of JSON in the engine's ear, as fast as it reads."""
    while True:
        os.write(CHANNEL_FD, b'{"said":[' + b",".join([b"[]"] * 20_000) + b"]}\n")


WAYS: Mapping[str, Callable[[], None]] = {
    way.__name__: way
    for way in (*(hang, spin, keep_the_interpreter, leak, fork, close_all, end, flood, babble),)
}


def asked(options: Options, kind: str) -> None:
    """Do as the file says."""
    folder, mine = Path(options["folder"]), f"{kind}.{os.environ['THIRD']}"
    try:
        way = (folder / mine).read_text()
    except FileNotFoundError:
        with (folder / f"well.{mine}").open("a") as well:
            well.write("!\n")
    else:
        WAYS[way]()


class Abuser:
    def __init__(self, options: Options) -> None:
        self._options = options

    def check(self, timeout_s: float) -> None:
        assert timeout_s > 0
        asked(self._options, "check")

    def reach(self, timeout_s: float) -> None:
        assert timeout_s > 0
        asked(self._options, "witness")

    def fence(self, node: str, timeout_s: float) -> None:
        assert node
        assert timeout_s > 0
        asked(self._options, "fence")

    def notify(self, notice: Notice) -> None:
        assert notice.key
        asked(self._options, "notifier")


class AbusedProvider(MockProvider):
    """The mock, but for what each order may come to."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options

    def acquire(self, *given: Any, **more: Any) -> None:
        asked(self._options, "provider")
        super().acquire(*given, **more)

    def renew(self, *given: Any, **more: Any) -> None:
        asked(self._options, "provider")
        super().renew(*given, **more)

    def release(self, *given: Any, **more: Any) -> None:
        asked(self._options, "provider")
        super().release(*given, **more)


@hookimpl
def ipfo_providers() -> Sequence[Offer[Provider]]:
    return [Offer("abuser", AbusedProvider, ANY, traits=frozenset({"lease"}))]


@hookimpl
def ipfo_checks() -> Sequence[Offer[Check]]:
    return [Offer("abuser", Abuser, ANY)]


@hookimpl
def ipfo_witnesses() -> Sequence[Offer[Witness]]:
    return [Offer("abuser", Abuser, ANY)]


@hookimpl
def ipfo_fences() -> Sequence[Offer[Fence]]:
    return [Offer("abuser", Abuser, ANY)]


@hookimpl
def ipfo_notifiers() -> Sequence[Offer[Notifier]]:
    return [Offer("abuser", Abuser, ANY)]


@hookimpl
def ipfo_phase_options() -> Mapping[str, Any]:
    return ANY


@hookimpl
def ipfo_test(move: Move, options: Options, timeout_s: float, say: Say) -> None:
    assert timeout_s > 0
    if move.group == "abused":
        say("asked")
        asked(options, "phase")
