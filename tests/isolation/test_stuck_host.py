"""P6: whoever the engine talks to may be stuck: who reads its stderr, its disk, its journal, its callers."""

import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.daemon.looped import held_by

from ipfo import clock
from ipfo.model import SECOND

from .conftest import Abused
from .test_abuses import nobody_was_late, peer_hears

GROUP = """\
[groups.other]
addresses = ["192.0.2.101/24"]
interface = "lo"
provider = "mock"
"""

CALLERS = 1000


@pytest.fixture
def pair(make_abused: Callable[[str, str], Abused]) -> Abused:
    return make_abused("", GROUP)


def begin(pair: Abused) -> int:
    """Both are up, and alpha holds all; the epoch of `web`."""
    pair.gather("web", "other")
    report = pair.wait_for("beta", lambda r: held_by("alpha")(r) and peer_hears(r))
    return int(report["groups"]["web"]["epoch"])


def moves_go_on(pair: Abused, epoch: int) -> None:
    """`other` is handed over; `web` stays where it is."""
    assert pair.moves("other", "beta")
    web = pair.wait_for("beta", held_by("beta", "other"))["groups"]["web"]
    assert (web["holder"], web["epoch"]) == ("alpha", epoch)


def worker(pair: Abused, kind: str) -> int:
    """The process `kind` of alpha."""
    daemon = pair.daemons["alpha"].pid
    children = Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split()
    (pid,) = [
        int(pid)
        for pid in children
        if f"ipfo.workers.{kind}" in Path(f"/proc/{pid}/cmdline").read_text()
    ]
    return pid


def test_p6_a_journal_worker_that_stands_still_holds_up_no_move(pair: Abused) -> None:
    """P6: a disk that stalls stops `notices`, and nobody else."""
    pair.start("alpha", "beta")
    epoch = begin(pair)
    stopped = worker(pair, "notices")
    os.kill(stopped, signal.SIGSTOP)
    moves_go_on(pair, epoch)
    os.kill(stopped, signal.SIGCONT)
    pair.wait_for("alpha", pair.named("handover"))
    assert nobody_was_late(pair)


def test_p7_what_is_told_at_the_end_outlives_the_worker_that_was_to_store_it(
    pair: Abused,
) -> None:
    """P7: told at least once, also by a daemon that ends."""
    pair.start("alpha", "beta")
    begin(pair)
    stopped = worker(pair, "notices")
    os.kill(stopped, signal.SIGSTOP)
    daemon = pair.daemons["alpha"]
    daemon.send_signal(signal.SIGTERM)
    pair.wait_for("beta", held_by("beta"))
    with suppress(subprocess.TimeoutExpired):
        daemon.wait(1)  # one that did not wait for it would be gone by then
    os.kill(stopped, signal.SIGKILL)
    assert daemon.wait(30) == 0
    ended = [line for line in pair.lines("alpha") if line["rule"] == "stop"]
    assert {line["group"] for line in ended} == {"web", "other"}


@contextmanager
def nobody_reads() -> Iterator[int]:
    """A descriptor that takes nothing any more."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (4096, 1):
        with suppress(BlockingIOError):
            while True:
                os.write(writing, b"x" * size)
    os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


def test_p6_a_blocked_stderr_holds_up_no_move(pair: Abused) -> None:
    """P6: neither the engine's log, nor what its workers print, waits for a reader."""
    with nobody_reads() as descriptor:
        env = {**os.environ, **pair.env, "THIRD": "alpha"}
        pair.daemons["alpha"] = subprocess.Popen(
            pair.argv("alpha"), stderr=descriptor, text=True, env=env
        )
        pair.log("alpha").touch()
        pair.start("beta")
        moves_go_on(pair, begin(pair))
        assert nobody_was_late(pair)
        pair.end_all()


def test_p6_callers_that_never_read_never_write_and_come_by_the_thousand_hold_up_no_move(
    pair: Abused,
) -> None:
    """P6: a caller in the way of the others is turned away, or dropped; no heartbeat waits for it."""
    pair.start("alpha", "beta")
    epoch = begin(pair)
    path = str(pair.state_dir("alpha") / "control.sock")
    deaf, silent = (socket.socket(socket.AF_UNIX) for _ in range(2))
    for caller in (deaf, silent):
        caller.connect(path)
    deaf.setblocking(False)
    asked = memoryview(b'{"do":"status"}\n' * 100_000)
    came = 0
    give_up_at = clock.now() + 30 * SECOND
    while came < CALLERS and clock.now() < give_up_at:
        with suppress(BlockingIOError, ConnectionError):
            asked = asked[deaf.send(asked[: 1 << 16]) :]
        with socket.socket(socket.AF_UNIX) as caller:
            caller.setblocking(False)
            try:
                caller.connect(path)
            except BlockingIOError:  # there is a queue at the door
                select.select([], [], [], 0.001)
                continue
            came += 1
    assert came == CALLERS
    pair.wait_for("alpha", held_by("alpha", "other"))  # when the queue at the door is over
    moves_go_on(pair, epoch)
    deaf.close()
    silent.close()
    assert nobody_was_late(pair)


@contextmanager
def own_disk(folder: Path) -> Iterator[None]:
    """`folder` is a small disk of its own."""
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "ipfo-own", str(folder)], check=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.root
def test_p6_a_full_disk_holds_up_no_move(pair: Abused) -> None:
    """P6, P9: what cannot be written down is said; addresses are put on and taken off all the same."""
    folder = pair.state_dir("alpha")
    with own_disk(folder):
        pair.start("alpha", "beta")
        epoch = begin(pair)
        with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(4096))
        moves_go_on(pair, epoch)
        assert pair.moves("other", "alpha")
        pair.wait_for("alpha", lambda r: "full" in str((r["outbox"] or {}).get("fault")))
        (folder / "ballast").unlink()
        pair.wait_for("alpha", lambda r: (r["outbox"] or {}).get("fault") is None)
        assert nobody_was_late(pair)
        pair.end_all()


@pytest.mark.root
def test_p6_a_state_folder_that_has_become_read_only_holds_up_no_move(pair: Abused) -> None:
    """P6, P9: likewise; it is named as soon as something cannot be written."""
    folder = pair.state_dir("alpha")
    pair.start("alpha", "beta")
    epoch = begin(pair)
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        moves_go_on(pair, epoch)
        assert pair.moves("other", "alpha")
        pair.wait_for("alpha", pair.named("the ledger cannot be written", "Read-only"))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    moves_go_on(pair, epoch)
    assert nobody_was_late(pair)


WEBHOOK = """\
[[notifiers]]
plugin = "webhook"
url = "http://hooks.example/"
"""

OWN_RESOLVER = 'mount --bind "$1" "$(readlink -f /etc/resolv.conf)" && shift && exec "$@"'


@pytest.mark.root
def test_p6_a_name_server_that_never_answers_holds_up_no_move(
    make_abused: Callable[[str, str], Abused], monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6: only who has to say something to a name waits for it."""
    pair = make_abused("", GROUP + WEBHOOK)
    resolver = pair.folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.3.53\noptions timeout:30\n")
    as_it_was = pair.argv

    def argv(node: str, *arguments: str) -> list[str]:
        started = as_it_was(node, *arguments)
        if arguments:
            return started
        return ["unshare", "--mount", "sh", "-c", OWN_RESOLVER, "sh", str(resolver), *started]

    monkeypatch.setattr(pair, "argv", argv)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.3.53", 53))
        silent.settimeout(30)
        pair.start("alpha", "beta")
        epoch = begin(pair)
        assert b"hooks" in silent.recv(512), "somebody has asked"
        moves_go_on(pair, epoch)
        assert pair.moves("other", "alpha")
        assert nobody_was_late(pair)
