"""P6: what plugins print costs nobody anything: not the engine, and not the worker that renews leases."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipfo.workers.worker import Worker

from .conftest import UNRULY, Caller

Ends = tuple[int, int]


def pipe() -> Ends:
    return os.pipe()


def unix_socket() -> Ends:
    """As systemd connects a service's stderr."""
    reading, writing = socket.socketpair()
    return reading.detach(), writing.detach()


@contextmanager
def stderr(ends: Ends) -> Iterator[int]:
    """Workers started in here print to the second of `ends`; gives the first."""
    kept = os.dup(2)
    os.dup2(ends[1], 2)
    os.close(ends[1])
    try:
        yield ends[0]
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(ends[0])


def fill(descriptor: int) -> None:
    """Nobody reads, and not one byte more goes in."""
    os.set_blocking(descriptor, False)
    for size in (4096, 1):
        while select.select([], [descriptor], [], 0)[1]:
            try:
                os.write(descriptor, b"x" * size)
            except BlockingIOError:
                break
    os.set_blocking(descriptor, True)


@pytest.mark.parametrize("kind", [pipe, unix_socket])
def test_p6_a_worker_that_prints_does_not_wait_for_a_blocked_journal(
    kind: Callable[[], Ends], calling: Callable[[Worker], Caller]
) -> None:
    """P6: "no log, hanging". The `addresses` worker would be killed for it, with each renewal."""
    with stderr(kind()):
        fill(2)
        caller = calling(Worker("unruly", {}, queue_max=4, command=UNRULY))
        pid = caller.ok("echo")["pid"]
        caller.ok("chatter", lines=1000)
        assert caller.ok("echo")["pid"] == pid


def test_a_line_is_under_the_name_of_its_worker_and_a_flood_is_cut(
    tmp_path: Path, calling: Callable[[Worker], Caller]
) -> None:
    log = tmp_path / "log"
    with stderr((os.open(log, os.O_RDWR | os.O_CREAT), os.open(log, os.O_RDWR | os.O_APPEND))):
        caller = calling(Worker("unruly", {}, queue_max=4, command=UNRULY))
        caller.ok("chatter", lines=10)
        lines = log.read_text().splitlines()
        assert [line[:16] for line in lines] == [f"ipfo unruly: {n} x" for n in range(10)]
        caller.ok("chatter", lines=20_000)
        assert len(log.read_text().splitlines()) < 20_000 / 4  # of one second of 200 each


def test_a_program_that_a_plugin_starts_prints_as_before() -> None:
    """Its stderr is the daemon's, also when the worker is long gone: no pipe breaks for a service."""
    script = (
        "import subprocess, sys; from ipfo.workers import printed; printed.take_over();"
        "print('ours'); subprocess.run(['echo', 'its'], stdout=sys.stdout)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, check=True, timeout=30
    )
    assert ran.stderr.splitlines() == ["ipfo -c: ours", "its"]
