"""One trial: a pair on loopback plays a move, a process of it is killed at a boundary, all is judged.

Both daemons are under a supervisor that starts again, at once, what does not end in order. A trial
has its own folder, ports and names: many run side by side.
"""

import json
import math
import os
import select
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.crash import boundaries
from tests.crash.strangers import table
from tests.daemon.looped import Looped, Report

from ipfo import clock
from ipfo.cli.client import Client
from ipfo.errors import IpfoError
from ipfo.model import SECOND
from ipfo.testing import processes
from ipfo.workers import journal

ROOT = Path(__file__).parents[2]
NODES = ("alpha", "beta")
ADDRESSES = {"192.0.2.100/24", "2001:db8::100/64"}

PATIENCE_S = 40.0
"""How long a pair may take, after the move and the kill, until nothing moves any more."""

STEADY_S = 0.5
"""And for so long nothing has moved then: ten intervals."""

LOOK_AGAIN_S = 0.05

MORE = """\
phase_timeout = "5s"

[groups.web.hooks.crash]
folder = "{folder}"

[[notifiers]]
plugin = "crash"
folder = "{folder}"
"""


class Crashed(Looped):
    """A pair whose processes can be killed at their boundaries."""

    def __init__(self, folder: Path, group: str, at: str) -> None:
        folder.mkdir(parents=True)
        super().__init__(folder, group, MORE.format(folder=folder))
        text = self.config.read_text().replace("plugins = []", 'plugins = ["crash"]')
        text = text.replace('provider = "mock"', 'provider = "crash"')
        text = text.replace('takeover_after = "300ms"', 'takeover_after = "500ms"')
        text = text.replace("[links.one]", 'first_claim_after = "3s"\n\n[links.one]')
        self.config.write_text(text)
        info = folder / "site" / "ipfo_crash-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ipfo-crash\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[ipfo]\ncrash = tests.crash.strangers\n")
        self.env["PYTHONPATH"] = f"{ROOT}:{info.parent}"
        self.env[boundaries.FOLDER] = str(folder)
        if at:
            self.env[boundaries.AT] = at
        self.supervised: set[str] = set()

    def argv(self, node: str, *arguments: str) -> list[str]:
        """As a daemon is started; commands come by the control socket here."""
        _, _, _, *rest = super().argv(node, *arguments)
        return [sys.executable, "-m", "tests.crash.boundaries", "ipfo", *rest]

    def run(self, *nodes: str) -> None:
        """From now on the daemons of `nodes` run, whatever happens to them."""
        for node in nodes:
            self.supervised.add(node)
            self.launch(node)

    def launch(self, node: str) -> None:
        """Start the daemon of `node` without waiting for it."""
        env = {**os.environ, **self.env, boundaries.NODE: node}
        with self.log(node).open("a") as log:
            command = self.argv(node, "run")
            self.daemons[node] = subprocess.Popen(command, stderr=log, text=True, env=env)

    def act(self) -> None:
        """From here on boundaries count."""
        (self.folder / boundaries.ACT).touch()

    def tend(self) -> None:
        """What has ended, and was not to, is started again."""
        for node in self.supervised:
            daemon = self.daemons[node]
            if daemon.poll() is not None:
                self.launch(node)

    def order(self, node: str, request: Mapping[str, str]) -> None:
        """`node` is asked for a move; it may be killed over it."""
        with suppress(IpfoError):
            client = Client(self.state_dir(node))
            with closing(client):
                for _ in client.order(request, 10.0):
                    pass

    def stop(self, node: str) -> None:
        """The daemon of `node` is to end in order; one that is killed meanwhile is started again."""
        self.supervised.discard(node)
        self.daemons[node].send_signal(signal.SIGTERM)
        assert self.until(lambda: self.daemons[node].poll() is None), f"{node} does not end"
        if self.daemons[node].returncode != 0:
            self.run(node)

    def power_off(self, node: str) -> None:
        """All of `node` is gone at once."""
        self.supervised.discard(node)
        daemon = self.daemons.pop(node)
        processes.kill_all(processes.tree(daemon.pid))
        daemon.wait()
        with table(self.folder, node) as has:
            has.clear()

    def kill(self, node: str) -> None:
        """All processes of `node` at once."""
        processes.kill_all(processes.tree(self.daemons[node].pid))
        self.daemons[node].wait()

    def until(self, lacks: Callable[[], object], timeout_s: float = PATIENCE_S) -> bool:
        """Whether `lacks` came to say that nothing is lacking, in time."""
        deadline = clock.now() + int(timeout_s * SECOND)
        while lacks():
            if clock.now() > deadline:
                return False
            self.tend()
            select.select([], [], [], LOOK_AGAIN_S)
        return True

    def settles(self, holder: str | None = None) -> str:
        """What is still lacking when all should long have been well, and have stayed so."""
        deadline = clock.now() + int(PATIENCE_S * SECOND)
        while clock.now() < deadline:
            self.until(lambda: self.unsettled(holder))
            if not self.until(lambda: not self.unsettled(holder), STEADY_S):
                return ""
        return self.unsettled(holder) or "it did not stay settled"

    def end_all(self) -> None:
        """Nothing of it runs any more, and nobody writes into its folder."""
        processes.kill_all(
            pid for each in self.daemons.values() for pid in processes.tree(each.pid)
        )
        super().end_all()

    def report(self, node: str) -> Report | None:
        """What `node` says, if it says anything."""
        try:
            return self.status(node)
        except IpfoError:
            return None

    def rows(self, name: str) -> list[Any]:
        """The lines of a file that the plugin or a boundary wrote."""
        path = self.folder / name
        return [json.loads(row) for row in path.read_text().splitlines()] if path.exists() else []

    def unsettled(self, holder: str | None = None) -> str:
        """What is still to come until all is well; empty if nothing. `holder`: that one has it."""
        reports = {node: self.report(node) for node in NODES}
        groups = {n: r["groups"]["web"] for n, r in reports.items() if r is not None}
        if len(groups) < len(NODES):
            return f"a daemon does not answer: {sorted(groups)} do"
        holders = {str(group["holder"]) for group in groups.values()}
        roles = sorted(group["role"] for group in groups.values())
        if len(holders) > 1 or roles != ["holder", "standby"]:
            return f"P1, P3: no one holder: {holders}, {roles}"
        [name] = holders
        if holder not in (None, name):
            return f"{holder} does not hold it"
        for node in NODES:
            with table(self.folder, node) as has:
                if set(has) != (ADDRESSES if node == name else set()):
                    return f"P1, P3: {name} holds, and {node} has {sorted(has)}"
            kept = self.ledger(node, "addresses")
            if (kept.get("held") is True) != (node == name):
                return f"ledger: {name} holds, and that of {node} says {kept}"
            opened = phases_open(self.rows("phases"), node)
            wanted = {"pre_acq", "post_acq"} if node == name else set()
            if opened != wanted and not self.cut_short(node, opened, wanted):
                return f"P5: {name} holds, and {node} has {sorted(opened)} open"
            began = set(self.ledger(node, "phases").get("began", []))
            if began != wanted and not self.cut_short(node, began, wanted):
                return f"ledger: {name} holds, and that of {node} has {sorted(began)} open"
        return self.untold()

    def cut_short(self, node: str, opened: set[str], wanted: set[str]) -> bool:
        """Whether only post_acq lacks, whose process was killed before it had begun.

        People are told, and it is not run a second time; what undoes it comes all the same.
        """
        killed = self.env.get(boundaries.AT, "").startswith(f"{node} phases ")
        told = any(row[1] == node and row[2] == "failure" for row in self.rows("notices"))
        return killed and told and wanted - opened == {"post_acq"} and opened <= wanted

    def ledger(self, node: str, kind: str) -> dict[str, Any]:
        """What the ledger of `node` says now; a file that cannot be read is broken."""
        path = self.state_dir(node) / f"{kind}-web.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def untold(self) -> str:
        """What has been decided to be told, and was not yet."""
        for node in NODES:
            with (
                suppress(sqlite3.Error),
                closing(
                    sqlite3.connect(f"file:{self.state_dir(node) / journal.FILE}?mode=ro", uri=True)
                ) as base,
            ):
                rows = base.execute("SELECT key FROM outbox WHERE state != 'done'").fetchall()
                if rows:
                    return f"P7: {node} has not told {rows}"
        told = {tuple(row) for row in self.rows("notices")}  # one may come twice, under one key
        missing = Counter(tuple(row) for row in self.rows(boundaries.DECIDED))
        missing -= Counter(row[1:] for row in told)
        return f"P7: never told: {dict(missing)}" if missing else ""

    def told_out_of_order(self) -> list[str]:
        """P7: notices of one node that came, for the first time, before an earlier one of its own."""
        broken = []
        for node in NODES:
            first = dict.fromkeys(tuple(row) for row in self.rows("notices") if row[1] == node)
            told = iter([what for _, *what in first])
            broken += [
                f"P7: {what} was not told after what was decided before it"
                for what in self.rows(boundaries.DECIDED)
                if what[0] == node and what not in told  # reads on, up to it
            ]
        return broken


def phases_open(rows: list[Any], node: str) -> set[str]:
    """What has begun on `node` and was not undone."""
    opened: set[str] = set()
    for _, where, phase, _, what in rows:
        if where == node:
            if phase in ("pre_acq", "post_acq") and what == "begins":
                opened.add(phase)
            elif phase == "pre_rel" and what == "ends":
                opened.discard("post_acq")
            elif phase == "post_rel" and what == "ends":
                opened.clear()
    return opened


UNDONE = {"pre_rel": {"pre_acq", "post_acq"}, "post_rel": {"pre_acq"}}
NEEDED = {"pre_acq": set(), "post_acq": {"pre_acq"}, **UNDONE}


def out_of_order(rows: list[Any], victim: str) -> list[str]:
    """P5: phases that began with others open than they may. One that was under way at the kill, on
    `victim`, may be undone once more, or never have come to its first line.
    """
    broken = []
    spare = Counter({(victim, "pre_rel"): 1, (victim, "post_rel"): 1})
    opened: dict[str, set[str]] = {node: set() for node in NODES}
    for _, node, phase, epoch, what in rows:
        if what == "begins" and opened[node] != NEEDED[phase]:
            if not spare[node, phase]:
                broken.append(f"P5: {phase} on {node} (epoch {epoch}) with {opened[node]} open")
            spare[node, phase] -= 1
            opened[node] = set(NEEDED[phase])
        if what == "begins" and phase in ("pre_acq", "post_acq"):
            opened[node].add(phase)
        elif what == "ends" and phase in UNDONE:
            opened[node] = {"pre_acq"} if phase == "pre_rel" else set()
    return broken


def epochs_that_shrank(rows: list[Any], wire: list[Any], *, unheard: bool = False) -> list[str]:
    """P4: what a node has taken, it has under an epoch that nobody had it under before.

    A claim that was given up before any address was on does not count: no two had it. Where a node
    may have begun `unheard`, it cannot know what the other had meanwhile: each is judged by itself.
    """
    broken, used = [], Counter[str]()
    for place, (at, node, phase, epoch, what) in enumerate(rows):
        if (phase, what) != ("pre_acq", "begins"):
            continue
        undone = [row[0] for row in rows[place:] if row[1:3] == [node, "post_rel"]]
        until = min(undone, default=math.inf)
        if any(at <= then <= until and where == node and has for then, where, has in wire):
            whose = node if unheard else ""
            if epoch <= used[whose]:
                broken.append(f"P4: {node} takes it under epoch {epoch}, after {used[whose]}")
            used[whose] = max(used[whose], epoch)
    return broken


def on_both(rows: list[Any], end: int) -> int:
    """P1: for how long in all, in ns, any address was on both nodes, until `end`."""
    has: dict[str, dict[str, int | None]] = {node: {} for node in NODES}
    both = 0
    rows = sorted(rows, key=lambda row: row[0])  # the files of two nodes have a lock each
    for (at, node, table_now), nxt in zip(rows, [*rows[1:], [end]], strict=True):
        has[node] = table_now
        for address in has["alpha"].keys() & has["beta"].keys():
            ends = [each[address] for each in has.values()]
            until = min([nxt[0], *(each for each in ends if each is not None)])
            both = max(both, both + until - at) if until > at else both
    return both
