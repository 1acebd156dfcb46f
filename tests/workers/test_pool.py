"""The workers of one engine together: what stands by, what is taken for a move, what ends."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.workers.pool import Pool, Worker

from .conftest import Caller, Site, turn


class Engine:
    """A pool, and a loop for it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def turn(self, until: Callable[[], bool]) -> None:
        give_up_at = clock.now() + 20 * SECOND
        while not until():
            assert clock.now() < give_up_at
            turn([worker for _, _, worker in self.pool.watched()], lambda: True)
            for _, _, worker in self.pool.watched():
                worker.ready(clock.now())
            self.pool.expire(clock.now())
            os.sched_yield()


@pytest.fixture
def engine(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Engine]]:
    """Make a pool for these groups. Its workers inherit where the test plugin is installed."""
    monkeypatch.setenv("PYTHONPATH", site.environment[1].partition("=")[2])
    made: list[Engine] = []

    def make(**groups: dict[str, Any]) -> Engine:
        setup = site.setup(**groups)
        pool = Pool(setup["document"], setup["node"], setup["state_dir"])
        made.append(Engine(pool))
        pool.start(clock.now())
        return made[-1]

    yield make
    for each in made:
        workers = each.pool._all()
        each.pool.stop(clock.now())
        turn([], lambda: all(worker.gone for worker in (*workers, *each.pool._leaving)))  # noqa: B023 - called at once


def with_phases(site: Site) -> dict[str, Any]:
    hooks = {"shelf": {"file": str(site.file)}}
    return site.group(phase_plugins=["shelf"], hooks=hooks)


def test_without_phase_plugins_no_phases_worker_stands_by(
    site: Site, engine: Callable[..., Engine]
) -> None:
    made = engine(web=site.group())
    assert [worker.kind for _, _, worker in made.pool.watched()] == ["addresses", "notices"]


def test_a_move_gets_the_warm_worker_and_keeps_it_to_its_end(
    site: Site, engine: Callable[..., Engine]
) -> None:
    made = engine(web=with_phases(site), mail=with_phases(site))
    made.turn(lambda: all(worker.running for worker in made.pool._all()))
    warm = made.pool.phases("web")
    assert warm.running
    assert made.pool.phases("web") is warm
    other = made.pool.phases("mail")
    assert other is not warm
    assert made.pool.next_deadline() == 0  # it is to be started
    made.turn(lambda: other.running)
    assert [w.kind for _, _, w in made.pool.watched()].count("phases") == 2
    made.pool.phases_done("web")
    made.pool.phases_done("mail")
    made.pool.phases_done("mail")  # a second time changes nothing
    assert warm.fileno() == other.fileno() == -1
    made.turn(lambda: warm.gone and other.gone)
    made.turn(lambda: [w.kind for _, _, w in made.pool.watched()].count("phases") == 1)
    fresh = made.pool.phases("web")
    assert fresh not in (warm, other)


def test_calls_of_a_move_that_is_over_have_failed(
    site: Site, engine: Callable[..., Engine]
) -> None:
    made = engine(web=with_phases(site))
    caller = Caller(made.pool.phases("web"))
    number = caller.ask("run")
    made.pool.phases_done("web")
    assert [(n, out.failed) for n, out in caller.outcomes] == [(number, "stopped")]


def test_all_three_kinds_answer(site: Site, engine: Callable[..., Engine]) -> None:
    made = engine(web=with_phases(site))
    made.turn(lambda: all(worker.running for worker in made.pool._all()))
    assert Caller(made.pool.addresses).ok("sweep")["swept"] == []
    assert Caller(made.pool.notices).ok("state")["queued"] == 0


def test_the_engine_side_loads_nothing_heavy() -> None:
    """Design 6 and 11: the engine imports no plugin, no database, no schema library."""
    code = (
        "import sys, ipfo.workers.pool, ipfo.workers.ledger;"
        "print(*sorted({'sqlite3', 'jsonschema', 'pluggy', 'smtplib', 'asyncio', 'click',"
        " 'subprocess', 'importlib.metadata'} & set(sys.modules)))"
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    argv = [sys.executable, "-c", code]  # coverage, where it measures, would bring its database
    run = subprocess.run(argv, capture_output=True, text=True, check=True, env=bare)
    assert run.stdout.strip() == ""


def test_a_worker_is_a_worker_under_the_name_that_the_engine_uses() -> None:
    worker = Worker("addresses", {}, queue_max=1)
    assert worker.next_deadline() is None
    assert worker.idle
    worker.expire(Instant(0))
    assert worker.fileno() == -1
