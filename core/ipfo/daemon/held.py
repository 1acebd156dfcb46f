"""What this host holds before the loop begins, and after an end out of order: asked of the workers alone.

Nobody hears of this node yet, or any more; only the `addresses` workers and signals are attended to.
"""

import select
from collections.abc import Mapping
from functools import partial
from typing import Any

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.paper import Paper
from ipfo.daemon.signals import Signals
from ipfo.errors import HostError
from ipfo.machine.events import Event
from ipfo.model import SECOND, Instant
from ipfo.workers.pool import Outcome, Pool

SWEEP_NS = 25 * SECOND
"""How long the `addresses` workers may take to start and to say what they found; longer than a set-up."""

RELEASE_NS = 5 * SECOND
"""How long an end out of order waits for the addresses to be taken off; then leases have to do it."""


def sweep(pool: Pool, signals: Signals, paper: Paper) -> tuple[dict[str, Any], list[Event]]:
    """What the `addresses` workers found and took off: `adopted` and `interfaces`, by unit.

    And what signals have asked for meanwhile: even to end in order, it must be known what is held.

    :raises HostError: if one of them cannot say.
    """
    outcomes: dict[str, Outcome] = {}
    orders: list[Event] = []
    until = Instant(clock.now() + SWEEP_NS)
    for worker in pool.address_workers:
        worker.call("sweep", {}, until, partial(outcomes.__setitem__, worker.kind))
    while len(outcomes) < len(pool.address_workers):
        orders += attend(pool, signals)
    found: dict[str, Any] = {"adopted": {}, "interfaces": {}}
    for worker in pool.address_workers:
        outcome = outcomes[worker.kind]
        if outcome.ok is None:
            why = worker.fault or outcome.failed
            raise HostError(f"the addresses of this host cannot be looked after: {why}")
        _write_down(paper, outcome.ok)
        found = {key: known | outcome.ok.get(key, {}) for key, known in found.items()}
    return found, orders


def _write_down(paper: Paper, swept: Mapping[str, Any]) -> None:
    for remark in swept.get("remarks", ()):
        paper.write("sweep", str(remark))
    for group in swept.get("swept", ()):
        paper.write("sweep", "addresses of an earlier run are taken off", group)
    for unit in swept.get("adopted", ()):
        paper.write("sweep", "held by an earlier run, and still under its lease: kept", unit)


def release_all(pool: Pool, config: Config) -> None:
    """An end out of order: whatever this node may hold is off, or its lease will see to it."""
    outcomes: list[Outcome] = []
    away = [unit for unit in config.units if config.groups[unit].home != config.node]
    until = Instant(clock.now() + RELEASE_NS)
    for unit in away:
        given = {"group": unit, "epoch": 0}
        pool.addresses[unit].call("release", given, until, outcomes.append)
    while len(outcomes) < len(away):
        attend(pool, None)


def attend(pool: Pool, signals: Signals | None) -> list[Event]:
    """One round with nobody but the workers; what signals have asked for in it.

    :raises EndNowError: at the second order to end.
    """
    watched = pool.watched()
    reading = [fileno for fileno, _, _ in watched]
    writing = [fileno for fileno, wants_write, _ in watched if wants_write]
    if signals is not None:
        reading.append(signals.fileno())
    due = pool.next_deadline()
    wait_s = None if due is None else max(0, due - clock.now()) / SECOND
    readable, writable, _ = select.select(reading, writing, [], wait_s)
    orders = []
    if signals is not None and signals.fileno() in readable:
        orders = signals.take()
    now = clock.now()
    for fileno, _, worker in watched:
        if fileno in readable or fileno in writable:
            worker.ready(now)
    pool.expire(now)
    return orders
