"""What the engine may rely on, whatever a worker does: real processes that misbehave."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.workers.worker import RESTART_FIRST_NS, RESTART_MAX_NS, Worker

from .conftest import UNRULY, Caller, turn

SOON = SECOND // 5


def is_alive(pid: int) -> bool:
    """Whether `pid` runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return False
    return status.split()[0] != "Z"


def test_an_answer_comes_back_as_it_was_given(unruly: Caller) -> None:
    assert unruly.ok("echo", text="zwölf \n \ud800")["text"] == "zwölf \n \ud800"


@pytest.mark.parametrize("hang", ["spin", "stop"])
def test_a_worker_that_overruns_its_deadline_is_killed_and_started_again(
    unruly: Caller, hang: str
) -> None:
    """Design 6: a call names its deadline; when it is over, the worker is killed."""
    first = unruly.ok("echo")["pid"]
    outcome = unruly.do(hang, within_ns=SOON)
    assert outcome.failed == "timed out"
    turn([unruly.worker], lambda: not is_alive(first))
    assert unruly.ok("echo")["pid"] != first
    assert unruly.worker.restarts == 1


def test_what_was_said_before_the_kill_is_kept(unruly: Caller) -> None:
    unruly.ok("echo")
    assert unruly.do("spin", within_ns=SECOND).said == ("begun",)


@pytest.mark.parametrize(
    ("do", "given"),
    [
        ("die", {}),
        ("close", {}),
        ("flood", {}),
        ("endless", {}),
        ("nonsense", {"line": "[1]"}),
        ("nonsense", {"line": "no json"}),
        ("nonsense", {"line": "[" * 200_000}),
        ("nonsense", {"line": '{"id": 77, "ok": {}}'}),
        ("nonsense", {"line": '{"id": 2, "neither": {}}'}),
    ],
)
def test_a_worker_that_breaks_the_channel_fails_its_call_and_no_other(
    unruly: Caller, do: str, given: dict[str, Any]
) -> None:
    first = unruly.ok("echo")["pid"]
    broken = unruly.ask(do, **given)
    queued = unruly.ask("echo", n=2)
    assert (unruly.answer(broken).failed or "").startswith("worker ended: ")
    outcome = unruly.answer(queued)
    assert outcome.ok is not None
    assert outcome.ok["pid"] != first
    turn([unruly.worker], lambda: not is_alive(first))
    assert sorted(n for n, _ in unruly.outcomes) == [0, 1, 2]


def test_what_a_worker_started_dies_with_it(unruly: Caller) -> None:
    unruly.ok("echo")
    (child,) = unruly.do("offspring", within_ns=2 * SECOND).said
    turn([unruly.worker], lambda: not is_alive(int(child)))


def test_strangers_cannot_speak_in_the_channel_by_printing(unruly: Caller) -> None:
    assert unruly.ok("loud") == {"quiet": True}


@pytest.mark.parametrize(
    ("do", "failed"),
    [
        ("leave", "SystemExit: as strangers do"),
        ("unheard", "this worker cannot 'unheard'"),
        ("unjson", "TypeError: Object of type set is not JSON serializable"),
        ("long", "ValueError: a message of"),
    ],
)
def test_what_strangers_code_raises_is_an_answer(unruly: Caller, do: str, failed: str) -> None:
    first = unruly.ok("echo")["pid"]
    assert (unruly.do(do).failed or "").startswith(failed)
    assert unruly.ok("echo")["pid"] == first


def test_a_full_queue_drops_the_oldest_and_tells_it(unruly: Caller) -> None:
    numbers = [unruly.ask("echo", n=n) for n in range(10)]  # room for 4; none has begun
    assert unruly.outcomes == []  # no answer from within `call`
    answers = [unruly.answer(number) for number in numbers]
    assert [a.failed for a in answers[:6]] == ["the queue is full"] * 6
    assert [a.ok["n"] for a in answers[6:] if a.ok is not None] == [6, 7, 8, 9]
    assert sorted(n for n, _ in unruly.outcomes) == numbers


def test_a_call_that_goes_ahead_waits_only_for_the_one_that_has_begun(unruly: Caller) -> None:
    """A renewal must not wait for a long queue of probes and announcements: its lease would end."""
    unruly.ok("echo")
    asked = [unruly.ask("echo", n=n) for n in range(3)]
    renewal = unruly.ask("echo", ahead=True)
    for number in asked:
        unruly.answer(number)
    assert [number for number, _ in unruly.outcomes[1:]] == [asked[0], renewal, *asked[1:]]


def test_a_call_that_waited_too_long_fails_without_a_kill(unruly: Caller) -> None:
    pid = unruly.ok("echo")["pid"]
    unruly.ask("spin", within_ns=2 * SECOND)
    assert unruly.do("echo", within_ns=SOON).failed == "timed out"
    assert is_alive(pid)  # it is still within its own deadline
    assert unruly.worker.restarts == 0


def test_a_message_beyond_the_limit_fails_and_costs_nothing(unruly: Caller) -> None:
    assert "is the most" in (unruly.do("echo", text="x" * (1 << 20)).failed or "")
    assert unruly.worker.restarts == 0


def test_restarts_come_at_growing_delays_and_never_stop() -> None:
    """With a clock of our own: each end doubles the wait, from 0.1 s up to 30 s."""
    worker = Worker("unruly", {"die": 1}, queue_max=4, command=UNRULY)
    now, waits = 0, []
    worker.start(Instant(now))
    for n in range(1, 12):
        turn_still(worker, Instant(now), n)
        start_at = worker.next_deadline()
        assert start_at is not None
        waits.append(start_at - now)
        now = start_at
        worker.expire(Instant(now))
    worker.stop()
    turn([], lambda: worker.gone)
    assert waits[:3] == [RESTART_FIRST_NS, 2 * RESTART_FIRST_NS, 4 * RESTART_FIRST_NS]
    assert waits[-1] == RESTART_MAX_NS


def turn_still(worker: Worker, now: Instant, restarts: int) -> None:
    """Wait for the worker to end, with the worker's clock standing still."""
    give_up_at = clock.now() + 20 * SECOND
    while worker.restarts < restarts:
        assert clock.now() < give_up_at
        os.sched_yield()
        worker.ready(now)


def test_a_worker_that_was_well_for_a_minute_is_started_again_at_once(unruly: Caller) -> None:
    worker = unruly.worker
    for n in range(1, 4):
        unruly.do("die")
        assert worker.restarts == n
    unruly.ok("echo")
    later = Instant(clock.now() + 61 * SECOND)
    worker.call("die", {}, Instant(later + SECOND), lambda _: None)
    turn_still(worker, later, 4)
    assert worker.next_deadline() == later + RESTART_FIRST_NS


def test_a_worker_that_cannot_be_set_up_says_why(calling: Callable[[Worker], Caller]) -> None:
    caller = calling(Worker("unruly", {"raise": "no such\nplugin"}, queue_max=4, command=UNRULY))
    outcome = caller.do("echo", within_ns=SECOND)
    assert outcome.failed == ("timed out: worker cannot be set up: ValueError: no such plugin")


def test_a_command_that_is_not_there_is_tried_again(calling: Callable[[Worker], Caller]) -> None:
    caller = calling(Worker("absent", {}, queue_max=4, command=("/nowhere/python",)))
    assert "cannot be started" in (caller.do("echo", within_ns=SOON).failed or "")
    assert caller.worker.restarts >= 2


def test_a_worker_that_does_not_read_never_makes_the_engine_wait(
    calling: Callable[[Worker], Caller],
) -> None:
    """P6: the socket is full, the buffer bounded, and each call still answered exactly once."""
    worker = Worker("unruly", {}, queue_max=8, window=64, command=UNRULY)
    caller = calling(worker)
    pid = caller.ok("echo")["pid"]
    os.kill(pid, signal.SIGSTOP)
    for _ in range(40):
        caller.ask("echo", text="x" * 500_000)
    assert worker.wants_write
    os.kill(pid, signal.SIGCONT)
    turn([worker], lambda: len(caller.outcomes) == 41)
    kept = [out for _, out in caller.outcomes if out.ok is not None]
    dropped = [out for _, out in caller.outcomes if out.failed == "the queue is full"]
    assert len(kept) + len(dropped) == 41
    assert len(kept) >= 8
    assert dropped


def test_a_call_that_may_come_twice_survives_the_death_of_its_worker(
    calling: Callable[[Worker], Caller],
) -> None:
    """P7: what had been handed over, begun or not, goes to the next worker; not for ever."""
    again = frozenset({"echo", "die"})
    caller = calling(Worker("unruly", {}, queue_max=8, window=8, again=again, command=UNRULY))
    pid = caller.ok("echo")["pid"]
    os.kill(pid, signal.SIGSTOP)
    numbers = [caller.ask("echo", n=n) for n in range(5)]
    os.kill(pid, signal.SIGKILL)
    answers = [caller.answer(number) for number in numbers]
    assert [a.ok["n"] for a in answers if a.ok is not None] == [0, 1, 2, 3, 4]
    assert "worker ended" in (caller.do("die").failed or "")
    assert caller.worker.restarts == 4  # one by us, three tries of what kills it


def test_an_answer_that_is_here_counts_though_we_are_late(unruly: Caller) -> None:
    """An engine that was stopped for long kills nobody for what is its own lateness."""
    pid = unruly.ok("echo")["pid"]
    unruly.ask("echo", within_ns=SECOND)
    select_readable(unruly.worker)
    unruly.worker.expire(Instant(clock.now() + 60 * SECOND))
    assert unruly.outcomes[-1][1].ok is not None
    assert is_alive(pid)


def select_readable(worker: Worker) -> None:
    import select

    assert select.select([worker], [], [], 20)[0]


def test_a_worker_ends_when_its_engine_has_ended(tmp_path: Path) -> None:
    """Design 6: if the engine dies its workers end. Here the engine is killed, and had a busy one."""
    script = tmp_path / "engine.py"
    script.write_text(
        "import os, signal, sys\n"
        "from ipfo.workers.worker import Worker\n"
        "from ipfo import clock\n"
        "from ipfo.model import Instant\n"
        f"idle = Worker('u', {{}}, queue_max=4, command={UNRULY!r})\n"
        f"busy = Worker('u', {{}}, queue_max=4, command={UNRULY!r})\n"
        "for w in (idle, busy):\n"
        "    w.start(clock.now())\n"
        "    while not w.running: w.ready(clock.now())\n"
        "busy.call('spin', {}, Instant(clock.now() + 300_000_000), lambda o: None)\n"
        "while not busy._process.said: busy.ready(clock.now())\n"
        "print(idle._process.pid, busy._process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    import subprocess
    import sys

    engine = subprocess.run(
        [sys.executable, str(script)], stdout=subprocess.PIPE, timeout=30, check=False
    )
    assert engine.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in engine.stdout.split()]
    assert len(pids) == 2
    turn([], lambda: not any(is_alive(pid) for pid in pids))


def test_after_stop_nothing_is_left_open(unruly: Caller) -> None:
    unruly.ok("echo")
    numbers = [unruly.ask("spin"), unruly.ask("echo")]
    unruly.worker.stop()
    late = unruly.ask("echo")
    unruly.worker.expire(clock.now())
    assert [out.failed for n, out in unruly.outcomes if n in (*numbers, late)] == ["stopped"] * 3
    assert unruly.worker.fileno() == -1
    assert unruly.worker.next_deadline() is None
    turn([], lambda: unruly.worker.gone)


def test_signals_for_the_engine_do_not_end_a_worker(unruly: Caller) -> None:
    """systemd sends SIGTERM to each process of a service; the handover needs its workers."""
    pid = unruly.ok("echo")["pid"]
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)
    assert unruly.ok("echo")["pid"] == pid
