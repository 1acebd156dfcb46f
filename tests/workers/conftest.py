"""Turning the handle of workers as the engine does, without an engine."""

import json
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.workers import spawn
from ipfo.workers.parts import parts
from ipfo.workers.worker import Outcome, Worker

UNRULY = (sys.executable, "-P", str(Path(__file__).with_name("unruly.py")))
PATIENCE_NS = 30 * SECOND

BOOK = """\
[ipfo]
shelf = shelf
second = second
third = third
"""
"""Entry points of the test plugins; `second` is the first again, as another plugin."""


def turn(workers: list[Worker], until: Callable[[], bool]) -> None:
    """Wait and serve, as the engine's loop does, until it is so; fail if it never is."""
    give_up_at = clock.now() + PATIENCE_NS
    while not until():
        assert clock.now() < give_up_at, [(w.kind, w.fault) for w in workers]
        alive = [w for w in workers if w.fileno() >= 0]
        deadlines = [at for w in workers if (at := w.next_deadline()) is not None]
        left_ns = min([*deadlines, clock.now() + SECOND // 20]) - clock.now()
        readable, writable, _ = select.select(
            alive, [w for w in alive if w.wants_write], [], max(0, left_ns) / SECOND
        )
        for worker in {*readable, *writable}:
            worker.ready(clock.now())
        for worker in workers:
            worker.expire(clock.now())


class Caller:
    """Calls one worker and keeps what came of it."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.outcomes: list[tuple[int, Outcome]] = []
        self.asked = 0

    def ask(
        self, do: str, within_ns: int = 15 * SECOND, *, ahead: bool = False, **given: Any
    ) -> int:
        """Put a call; its number."""
        number = self.asked
        self.asked += 1

        def then(outcome: Outcome) -> None:
            self.outcomes.append((number, outcome))

        deadline = Instant(clock.now() + within_ns)
        self.worker.call(do, given, deadline, then, ahead=ahead)
        return number

    def answer(self, number: int) -> Outcome:
        """What came of call `number`, exactly once."""
        turn([self.worker], lambda: any(n == number for n, _ in self.outcomes))
        (outcome,) = (out for n, out in self.outcomes if n == number)
        return outcome

    def do(self, do: str, within_ns: int = 15 * SECOND, **given: Any) -> Outcome:
        """Put a call and wait for what comes of it."""
        return self.answer(self.ask(do, within_ns, **given))

    def ok(self, do: str, **given: Any) -> dict[str, Any]:
        """Like `do`, for one that must go well."""
        outcome = self.do(do, **given)
        assert outcome.ok is not None, outcome.failed
        return dict(outcome.ok)


@pytest.fixture
def calling() -> Iterator[Callable[[Worker], Caller]]:
    """Make callers; their workers are started, and ended after the test."""
    made: list[Worker] = []

    def make(worker: Worker) -> Caller:
        made.append(worker)
        worker.start(clock.now())
        return Caller(worker)

    yield make
    for worker in made:
        worker.stop()
        for pid in worker._dying:  # a last round is for tests that wait for it themselves
            spawn.kill(pid)
    turn([], lambda: all(worker.gone for worker in made))


@pytest.fixture
def unruly(calling: Callable[[Worker], Caller]) -> Caller:
    """A worker that does all that a worker must not."""
    return calling(Worker("unruly", {}, queue_max=4, command=UNRULY))


class Site:
    """A state folder, a plugin folder, a shelf, and the documents of a pair that uses them."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir()
        self.file = folder / "shelf.json"
        packages = folder / "site"
        info = packages / "shelf-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(BOOK)
        text = Path(__file__).with_name("shelf.py").read_text()
        (packages / "shelf.py").write_text(text)
        (packages / "third.py").write_text(Path(__file__).with_name("third.py").read_text())
        (packages / "second.py").write_text(
            text.replace("@hookimpl\ndef ipfo_providers", "def no_providers").replace(
                "@hookimpl\ndef ipfo_notifiers", "def no_notifiers"
            )
        )
        self.links: dict[str, Any] = {}
        self.environment = ("/usr/bin/env", f"PYTHONPATH={packages}")

    def command(self, kind: str) -> tuple[str, ...]:
        """Start the worker `kind` with the test plugin installed."""
        return (*self.environment, *spawn.command(kind))

    def shelf(self) -> dict[str, Any]:
        """What lies on the shelf, and what was asked of it."""
        if not self.file.exists():
            return {"on": {}, "calls": []}
        content: dict[str, Any] = json.loads(self.file.read_text())
        return content

    def lay(self, address: str, interface: str, *flags: str) -> None:
        """Put an address there as an operating system would."""
        content = self.shelf()
        content["on"][address.partition("/")[0]] = [address, interface, None, list(flags)]
        self.file.write_text(json.dumps(content))

    def clear(self, *ips: str) -> None:
        """Take addresses off as somebody else would, or as the kernel does at their end."""
        content = self.shelf()
        content["on"] = {ip: kept for ip, kept in content["on"].items() if ip not in ips}
        self.file.write_text(json.dumps(content))

    def calls(self) -> list[str]:
        """What was asked, in order."""
        return list(self.shelf()["calls"])

    def group(self, **changes: Any) -> dict[str, Any]:
        """A group's part of the document."""
        return {
            "addresses": ["192.0.2.100/24", "2001:db8::100/64"],
            "interfaces": {"alpha": "east0", "beta": "west0"},
            "provider": "shelf",
            "provider_options": {"file": str(self.file)},
            "traits": ["lease", "probe", "wire"],
            "preferred": "alpha",
            "home": None,
            "contested": "wait",
            "announce_every_ns": 60 * SECOND,
            "failback": "manual",
            "failback_after_ns": 60 * SECOND,
            "handover": "strict",
            "max_moves": 3,
            "per_ns": 600 * SECOND,
            "checks": [],
            "phase_timeout_ns": 30 * SECOND,
            "phase_plugins": [],
            "hooks": {},
            **changes,
        }

    def setup(self, *notifiers: dict[str, Any], **groups: dict[str, Any]) -> dict[str, Any]:
        """What a worker is told first."""
        document: dict[str, Any] = {
            "path": "/nowhere/pair.toml",
            "pair": "www",
            "nodes": ["alpha", "beta"],
            "plugins": [],
            "interval_ns": SECOND,
            "takeover_after_ns": 3 * SECOND,
            "first_claim_after_ns": 60 * SECOND,
            "key_file": None,
            "accept_keys": [],
            "control_group": None,
            "dead_after_ns": None,
            "on_partition": "available",
            "witnesses": [],
            "fence": None,
            "realtime": False,
            "lock_memory": False,
            "links": self.links,
            "groups": {name: {"unit": name, **group} for name, group in groups.items()},
            "notifiers": list(notifiers),
            "digest": 1,
            "warnings": [],
        }
        part = parts(document["groups"])[0].to_json()
        return {"document": document, "node": "alpha", "state_dir": str(self.state), "part": part}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Where a test's workers live."""
    return Site(tmp_path)


@pytest.fixture
def start(site: Site, calling: Callable[[Worker], Caller]) -> Callable[..., Caller]:
    """Start the `addresses` worker with these groups; without any with one, `web`."""

    def begin(part: int = 0, **groups: dict[str, Any]) -> Caller:
        setup = site.setup(**(groups or {"web": site.group()}))
        setup["part"] = parts(setup["document"]["groups"])[part].to_json()
        return calling(Worker("addresses", setup, queue_max=64, command=site.command("addresses")))

    return begin


@pytest.fixture
def over() -> Callable[[Caller], None]:
    """End a worker as the end of its engine does, and wait until nothing of it is left."""

    def end(caller: Caller) -> None:
        caller.worker.stop()
        turn([], lambda: caller.worker.gone)

    return end
