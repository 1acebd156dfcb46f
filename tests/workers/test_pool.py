"""The workers of one engine together: what stands by, what is taken for a move, what ends."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.workers import ledger, spawn
from ipfo.workers.pool import Outcome, Pool, Worker

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

    def make(more: dict[str, Any] | None = None, **groups: dict[str, Any]) -> Engine:
        setup = site.setup(**groups)
        setup["document"] |= more or {}
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


CHECK = {
    "plugin": "third",
    "interval_ns": SECOND,
    "timeout_ns": SECOND,
    "rise": 1,
    "fall": 1,
    "starts_ill": False,
    "when_holding": False,
}


def test_each_kind_is_started_only_where_the_config_has_something_for_it(
    site: Site, engine: Callable[..., Engine]
) -> None:
    options = {"folder": str(site.state)}
    made = engine(
        more={
            "plugins": ["third"],
            "witnesses": [{"plugin": "third-voter", "votes": True, "options": options}],
            "fence": {"plugin": "third", "timeout_ns": 1, "delay_ns": 0, "options": options},
        },
        web=site.group(checks=[{**CHECK, "options": options}]),
    )
    kinds = ["addresses", "notices", "checks", "witnesses", "fence"]
    assert sorted(made.pool.standing()) == sorted(kinds)
    made.turn(lambda: all(worker.running for worker in made.pool.standing().values()))
    assert made.pool.checks is not None
    assert Caller(made.pool.checks).ok("roles", held=["web"]) == {}


CONFIG = """\
plugins = []

[pair]
name = "www"
nodes = ["alpha", "beta"]
interval = "1s"
takeover_after = "3s"

[links.one]
transport = "udp"
addresses = { alpha = "127.0.1.1", beta = "127.0.1.2" }

[groups.web]
addresses = ["192.0.2.100/24"]
interface = "lo"
provider = "mock"
"""


def test_a_rehearsal_says_who_a_new_run_would_be_or_what_is_wrong_and_is_over_then(
    site: Site, engine: Callable[..., Engine]
) -> None:
    made = engine(web=site.group())
    config = site.state / "pair.toml"
    outcomes: list[Outcome] = []
    for text in (CONFIG, CONFIG.replace('"1s"', '"1"')):
        config.write_text(text)
        given = {"config": str(config), "node": "beta"}
        made.pool.rehearse("load", given, clock.now(), outcomes.append)
        count = len(outcomes)
        made.turn(lambda: len(outcomes) > count)  # noqa: B023 - called at once
    good, bad = outcomes
    assert good.ok == {"faults": [], "pair": "www", "node": "beta", "lost": {}}
    assert bad.ok is not None
    (fault,) = bad.ok["faults"]
    assert "pair.interval" in fault
    made.turn(lambda: len(made.pool._leaving) == 0)
    assert [worker.kind for _, _, worker in made.pool.watched()] == ["addresses", "notices"]


def test_a_restart_leaves_no_process_and_no_delivery_is_begun(
    site: Site, engine: Callable[..., Engine]
) -> None:
    """The next run comes at once, and delivers what is left."""
    made = engine(web=with_phases(site))
    made.turn(lambda: all(worker.running for worker in made.pool._all()))
    Caller(made.pool.notices).ok("keep", maintenance=True)
    made.pool.stop(clock.now(), restarting=True)
    turn([], made.pool.gone)
    assert ledger.read(site.state).maintenance


def test_a_worker_that_was_started_ahead_is_the_one_that_is_used() -> None:
    """Its interpreter comes up while the config is still being loaded."""
    spawn.start_ahead("addresses")
    pid, sock = spawn.spawn(spawn.command("addresses"))
    other, other_sock = spawn.spawn(spawn.command("addresses"))
    assert pid != other
    assert spawn._ahead == {}
    for each in (sock, other_sock):
        each.close()
    turn([], lambda: spawn.reaped(pid) and spawn.reaped(other))


def test_all_three_kinds_answer(site: Site, engine: Callable[..., Engine]) -> None:
    made = engine(web=with_phases(site))
    made.turn(lambda: all(worker.running for worker in made.pool._all()))
    assert Caller(made.pool.addresses["web"]).ok("sweep")["swept"] == []
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


def with_check(site: Site, fall: int, **options: Any) -> dict[str, Any]:
    options = {"folder": str(site.state), **options}
    return site.group(checks=[{**CHECK, "fall": fall, "options": options}])


def test_workers_of_a_new_config_come_up_beside_the_old_ones_and_then_replace_them(
    site: Site, engine: Callable[..., Engine]
) -> None:
    """P6: nobody waits for an interpreter to start."""
    made = engine(more={"plugins": ["third"]}, web=with_check(site, 1))
    pool, told = made.pool, list[str | None]()
    made.turn(lambda: all(worker.running for worker in pool.standing().values()))
    was, addresses = pool.checks, pool.addresses
    document = {
        **site.setup(web=with_check(site, 2))["document"],
        "plugins": ["third"],
        "fence": {
            "plugin": "third",
            "timeout_ns": 1,
            "delay_ns": 0,
            "options": {"folder": str(site.state)},
        },
    }
    pool.prepare(document, ["checks", "fence", "witnesses"], clock.now(), told.append)
    assert pool.checks is was
    made.turn(lambda: bool(told))
    assert told == [None]
    assert pool.checks is was
    assert was is not None
    assert was.running
    made.turn(lambda: pool._next is not None and bool(pool._next.told))
    heard = pool.take_over()
    assert heard == [{"health": ["web", None]}]  # what it has told before anybody listened
    assert pool.checks is not was
    assert pool.checks is not None
    assert pool.fence is not None
    assert pool.checks.running
    assert pool.fence.running
    assert pool.addresses is addresses
    made.turn(lambda: was.gone)


def test_p9_a_worker_has_the_same_units_after_a_reload_that_names_them_in_another_order(
    site: Site, engine: Callable[..., Engine]
) -> None:
    far = site.group(provider="mock", provider_options={}, traits=["lease"])
    made = engine(web=site.group(), far=far)
    pool = made.pool
    assert pool.addresses["web"] is not pool.addresses["far"]
    made.turn(lambda: all(worker.running for worker in pool.standing().values()))
    document = site.setup(far=far, web=site.group())["document"]
    pool.prepare(document, [], clock.now(), lambda _: None)
    pool.take_over()
    for worker in pool.address_workers:
        assert worker._process is not None
        spawn.kill(worker._process.pid)
    made.turn(lambda: all(each.restarts == 1 and each.running for each in pool.address_workers))
    for unit, worker in pool.addresses.items():
        Caller(worker).ok("release", group=unit, epoch=1)


def test_a_worker_that_cannot_be_set_up_leaves_the_old_ones_where_they_are(
    site: Site, engine: Callable[..., Engine]
) -> None:
    made = engine(more={"plugins": ["third"]}, web=with_check(site, 1))
    pool, told = made.pool, list[str | None]()
    made.turn(lambda: all(worker.running for worker in pool.standing().values()))
    was = pool.checks
    document = site.setup(web=with_check(site, 1, unknown=True))["document"]
    document["groups"]["web"]["checks"][0]["plugin"] = "nobody"
    pool.prepare(document, ["checks"], clock.now(), told.append)
    made.turn(lambda: bool(told))
    (why,) = told
    assert why is not None
    assert "checks" in why
    assert '"nobody"' in why
    pool.give_up()
    assert pool.checks is was
    assert was is not None
    assert was.running
    kinds = [worker.kind for _, _, worker in pool.watched()]
    assert sorted(kinds) == ["addresses", "checks", "notices"]
