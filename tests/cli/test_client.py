"""The client against daemons that are slow, rude, or not daemons at all."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ipfo.cli.client import Client
from ipfo.errors import HostError, IpfoError, NoDaemonError, RefusedError

Daemon = Callable[[socket.socket], None]


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Callable[[Daemon], Client]]:
    """A client whose daemon is played by a function."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "control.sock"))
    listener.listen()
    listener.settimeout(10)
    threads: list[threading.Thread] = []
    clients: list[Client] = []

    def play(daemon: Daemon) -> Client:
        def serve() -> None:
            asked, _ = listener.accept()
            with asked:
                asked.settimeout(10)
                daemon(asked)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        clients.append(Client(tmp_path))
        return clients[-1]

    yield play
    for client in clients:
        client.close()
    for thread in threads:
        thread.join(10)
    listener.close()


def answering(*lines: bytes) -> Daemon:
    def daemon(asked: socket.socket) -> None:
        asked.recv(1000)
        asked.sendall(b"".join(lines))

    return daemon


def until_gone(asked: socket.socket) -> None:
    while asked.recv(1000):
        pass


def test_progress_comes_before_the_outcome(played: Callable[[Daemon], Client]) -> None:
    answers: list[dict[str, object]] = [
        {"progress": {"what": "turn"}},
        {"settled": {"done": True, "why": "well", "ms": 3}},
        {"progress": {"what": "never read"}},
    ]
    client = played(answering(*(json.dumps(each).encode() + b"\n" for each in answers)))
    assert list(client.order({"do": "standby"}, 10)) == answers[:2]


def test_an_order_that_is_not_settled_in_time_says_that_it_may_go_on(
    played: Callable[[Daemon], Client],
) -> None:
    client = played(until_gone)
    with pytest.raises(RefusedError, match=r"not settled after 0.05 s; it may still be"):
        list(client.order({"do": "standby"}, 0.05))


@pytest.mark.parametrize(
    ("line", "kind", "word"),
    [
        (b'{"error": "a move is under way"}\n', RefusedError, "a move is under way"),
        (b"", NoDaemonError, "went away before it had answered"),
        (b'{"status": ', NoDaemonError, "went away before it had answered"),
        (b"[1]\n", HostError, "is that an ipfo"),
        (b"hello\n", HostError, "is that an ipfo"),
    ],
)
def test_bad_answers_are_one_line(
    played: Callable[[Daemon], Client], line: bytes, kind: type[IpfoError], word: str
) -> None:
    client = played(answering(line))
    with pytest.raises(kind, match=word):
        client.status()


def test_who_may_not_connect_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "control.sock").touch(mode=0o600)
    if os.geteuid() == 0:
        child = os.fork()
        if child == 0:  # pragma: no cover - in another process
            os.setgid(65534)
            os.setuid(65534)
            os._exit(_connects(tmp_path))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 77
    else:
        tmp_path.chmod(0o000)
        assert _connects(tmp_path) == 77
        tmp_path.chmod(0o700)


def _connects(folder: Path) -> int:
    try:
        Client(folder).close()
    except IpfoError as error:
        return error.exit_code
    return 0
