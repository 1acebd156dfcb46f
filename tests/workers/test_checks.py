"""The `checks` worker as a real process: it tells of turns, and of nothing else, by itself."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ipfo.model import SECOND
from ipfo.workers.worker import Worker

from .conftest import Caller, Site, turn

MS = 1_000_000


class Told:
    """The worker, and what it has told without being asked."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.worker = caller.worker
        self.messages: list[Mapping[str, Any]] = []
        self.worker.unasked = self.messages.append

    def health(self) -> list[Any]:
        return [message["health"] for message in self.messages if "health" in message]

    def until(self, *turns: list[str | None]) -> None:
        """Serve it until it has told these turns, all of them and no others."""
        wanted = [list(each) for each in turns]
        turn([self.worker], lambda: len(self.health()) >= len(wanted))
        assert self.health() == wanted


Start = Callable[..., Told]


@pytest.fixture
def start(site: Site, calling: Callable[[Worker], Caller]) -> Start:
    """Start the worker; each keyword is a group with a check, and its folder's name."""

    def begin(units: Mapping[str, str] | None = None, **changes: Mapping[str, Any]) -> Told:
        groups = {}
        for name, change in changes.items():
            folder = site.state / name
            folder.mkdir()
            check = {
                "plugin": "third",
                "interval_ns": 20 * MS,
                "timeout_ns": 10 * SECOND,
                "rise": 2,
                "fall": 2,
                "starts_ill": False,
                "when_holding": False,
                "options": {"folder": str(folder)},
                **change,
            }
            unit = (units or {}).get(name, name)
            groups[name] = site.group(unit=unit, checks=[check])
        setup = site.setup(**groups)
        again = frozenset({"roles"})
        command = site.command("checks")
        worker = Worker("checks", setup, queue_max=4, again=again, command=command)
        return Told(calling(worker))

    return begin


def asked(site: Site, name: str) -> list[str]:
    path = site.state / name / "asked"
    return path.read_text().splitlines() if path.exists() else []


def fall_ill(site: Site, name: str, why: str = "refused") -> Path:
    path = site.state / name / "ill"
    path.write_text(why)
    return path


def test_each_turn_is_told_once(site: Site, start: Start) -> None:
    told = start(web={})
    told.until(["web", None])
    ill = fall_ill(site, "web")
    told.until(["web", None], ["web", "third: refused"])
    runs = len(asked(site, "web"))
    turn([told.worker], lambda: len(asked(site, "web")) > runs + 5)
    ill.unlink()
    told.until(["web", None], ["web", "third: refused"], ["web", None])


def test_a_check_is_told_its_timeout(site: Site, start: Start) -> None:
    told = start(web={"timeout_ns": 1500 * MS})
    told.until(["web", None])
    assert set(asked(site, "web")) == {"check 1.5"}


def test_a_unit_is_ill_if_any_check_of_any_member_is_and_the_text_names_it(
    site: Site, start: Start
) -> None:
    told = start({"web": "db"}, db={}, web={})
    told.until(["db", None])
    fall_ill(site, "web", "500")
    told.until(["db", None], ["db", "web: third: 500"])


def test_a_check_for_holders_rests_until_the_unit_is_held(site: Site, start: Start) -> None:
    told = start(web={"when_holding": True}, db={})
    told.until(["web", None], ["db", None])  # nobody asks for the first, so nothing is wrong
    assert asked(site, "web") == []
    told.caller.ok("roles", held=["web"])
    fall_ill(site, "web")
    told.until(["web", None], ["db", None], ["web", "third: refused"])
    told.caller.ok("roles", held=[])
    told.until(["web", None], ["db", None], ["web", "third: refused"], ["web", None])


def test_after_its_own_end_it_says_nothing_until_it_knows(site: Site, start: Start) -> None:
    """The engine must not change its mind because a worker was started again."""
    told = start(web={})
    fall_ill(site, "web")
    told.until(["web", "third: refused"])
    assert told.worker._process is not None
    os.kill(told.worker._process.pid, signal.SIGKILL)
    turn([told.worker], lambda: told.worker.restarts == 1)
    told.until(["web", "third: refused"], ["web", "third: refused"])


def test_a_check_that_raises_system_exit_is_ill_and_ends_nothing(site: Site, start: Start) -> None:
    told = start(web={})
    (site.state / "web" / "exit").touch()
    told.until(["web", "third: SystemExit: as strangers do"])
    assert told.worker.restarts == 0


def test_a_check_that_hangs_is_named_counts_as_failed_and_costs_its_process(
    site: Site, start: Start
) -> None:
    """Two hangs in a row turn it, though each of them ends the process that counted."""
    told = start(web={"timeout_ns": 50 * MS})
    (site.state / "web" / "hang").touch()

    def hear(message: Mapping[str, Any]) -> None:
        """As the engine does: what has been counted goes with the next set-up."""
        told.messages.append(message)
        if "failed" in message:
            told.worker.prepare(**message)

    told.worker.unasked = hear
    told.until(["web", "third: did not come back"])
    turn([told.worker], lambda: told.worker.restarts == 2)
    assert told.worker.fault == "check web: third did not come back"
    assert asked(site, "web") == ["check 0.05"] * 2


def test_a_check_that_is_too_slow_has_failed(start: Start) -> None:
    told = start(web={"timeout_ns": 1})
    turn([told.worker], lambda: bool(told.health()))
    ((unit, why),) = told.health()
    assert unit == "web"
    assert why.endswith("which is too long")
    assert told.worker.restarts == 0


def test_a_check_that_keeps_the_interpreter_is_ended_by_the_kernel(
    site: Site, start: Start
) -> None:
    told = start(web={})
    spin = site.state / "web" / "spin"
    spin.touch()
    turn([told.worker], lambda: bool(asked(site, "web")))
    spin.unlink()
    turn([told.worker], lambda: told.worker.restarts == 1)
    told.until(["web", None])


def test_it_ends_with_the_engine_whatever_hangs(site: Site, start: Start) -> None:
    told = start(web={})
    (site.state / "web" / "hang").touch()
    turn([told.worker], lambda: bool(asked(site, "web")))
    told.worker.stop(drain=True)
    turn([], lambda: told.worker.gone)


def test_what_it_tells_over_the_years_never_counts_as_a_flood(start: Start) -> None:
    told = start(web={})
    told.until(["web", None])
    assert told.worker._process is not None
    assert told.worker._process.channel.taken == 0
