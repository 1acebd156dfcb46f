"""P6: what a worker may use of its host, and what becomes of one that uses it up."""

import fcntl
import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ipfo import clock
from ipfo.workers import confine, spawn
from ipfo.workers.lock import locked
from ipfo.workers.worker import Worker

from .conftest import UNRULY, Caller, Site, turn


def test_p6_a_worker_is_nicer_than_the_engine_and_has_so_much_memory(unruly: Caller) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0), resource.getrlimit(resource.RLIMIT_DATA)
    limits = unruly.ok("limits")
    assert limits["nice"] == max(before[0], confine.MOVES.nice)
    assert limits["memory"] == confine.MOVES.memory
    after = os.getpriority(os.PRIO_PROCESS, 0), resource.getrlimit(resource.RLIMIT_DATA)
    assert after == before  # of the engine neither


@pytest.mark.root
def test_p6_a_worker_of_an_engine_in_real_time_is_not(
    calling: Callable[[Worker], Caller],
) -> None:
    """P6: one that spins in the engine's class would not leave it a core."""
    command = (str(shutil.which("chrt")), "--rr", "1", *UNRULY)
    caller = calling(Worker("unruly", {}, queue_max=4, command=command))
    assert caller.ok("limits")["real time"] is False


@pytest.mark.parametrize(("do", "most"), [("leak", 1000), ("leak", 230), ("burst", 0)])
def test_p6_a_worker_that_runs_out_of_memory_is_ended_and_says_so(
    unruly: Caller, do: str, most: int
) -> None:
    """P6. Refused memory, or nearly: the next call finds a fresh process."""
    told: list[str] = []
    unruly.worker.plugins, unruly.worker.ended = ("leaky",), told.append
    pid = unruly.ok("echo")["pid"]
    unruly.do(do, most=most)
    turn([unruly.worker], lambda: unruly.worker.restarts == 1)
    assert "it ran out of memory: it may have 256 MiB, and has" in str(unruly.worker.fault)
    assert told == [f"unruly (runs leaky): {unruly.worker.fault}; it is started again in 0.1 s"]
    assert unruly.ok("echo")["pid"] != pid


def test_what_is_given_back_is_no_leak(unruly: Caller) -> None:
    pid = unruly.ok("echo")["pid"]
    assert unruly.ok("leak", most=100) == {"leaked": 100}
    assert unruly.ok("echo")["pid"] == pid


def test_many_threads_fit_into_a_worker(unruly: Caller) -> None:
    """A stack counts whole: with the usual 8 MiB the thirtieth thread could not be started."""
    unruly.ok("threads", threads=60)
    assert unruly.worker.restarts == 0


def test_the_workers_that_ipfo_comes_with_need_far_less(
    site: Site, start: Callable[..., Caller]
) -> None:
    caller = start(web=site.group())
    caller.ok("sweep")
    assert caller.worker._process is not None
    pages = Path(f"/proc/{caller.worker._process.pid}/statm").read_text().split()[5]
    assert int(pages) * resource.getpagesize() < confine.MOVES.memory / 4


def test_p6_the_end_of_a_worker_is_seen_though_it_has_forked(unruly: Caller) -> None:
    """P6: a child of it had the channel too, so a call waited for its deadline."""
    assert (unruly.do("orphan").failed or "").startswith("worker ended: ")
    assert unruly.worker.restarts == 1


def test_a_lock_is_not_kept_by_a_child_of_who_had_it(tmp_path: Path) -> None:
    """P6: a phase that forks would hold up all later phases of its group."""
    path = tmp_path / "lock"
    reading, writing = os.pipe()
    with locked(path, clock.now(), "taken"):
        if (child := os.fork()) == 0:
            os.write(writing, b"!")
            signal.pause()
            os._exit(0)
        os.read(reading, 1)
    try:
        with path.open("w") as again:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        spawn_ended(child)
    os.close(reading)
    os.close(writing)


def spawn_ended(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    while not spawn.reaped(pid):
        os.sched_yield()
