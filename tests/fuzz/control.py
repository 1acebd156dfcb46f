"""The control socket: one client that says anything, beside a good one."""

import json
import select
import socket
import tempfile
from pathlib import Path

from tests.daemon.test_control import GROUPS, NOW

from ipfo.daemon.control import Control, listen

_FOLDER = tempfile.TemporaryDirectory(prefix="ipfo-fuzz-")
PATH = Path(_FOLDER.name) / "control.sock"
ROUNDS_MAX = 10_000


def seeds() -> list[bytes]:
    """Each request once, two in a row, and a report asked for without a line's end."""
    requests: list[dict[str, object]] = [
        {"do": "status"},
        {"do": "standby"},
        {"do": "maintenance"},
        {"do": "resume"},
        {"do": "restart"},
        {"do": "reload"},
        {"do": "failback", "group": "db"},
        {"do": "handover", "group": "web", "to": "beta"},
    ]
    lines = [json.dumps(each).encode() + b"\n" for each in requests]
    return [*lines, b"".join(lines), lines[0][:-1]]


def feed(data: bytes) -> None:
    """Every answer is an object a line, and the good client is still served."""
    control = Control(
        listen(PATH, group=None),
        status=lambda: {"node": "alpha"},
        rehearse=lambda: None,
        reload=lambda: None,
        groups=GROUPS,
        nodes=("alpha", "beta"),
    )
    with socket.socket(socket.AF_UNIX) as odd, socket.socket(socket.AF_UNIX) as good:
        for client in (odd, good):
            client.connect(str(PATH))
            _round(control)
            client.setblocking(False)
        _say(control, odd, data)
        _say(control, good, b'{"do": "status"}\n')
        assert _heard(control, good) == [{"status": {"node": "alpha"}}]
        assert all("error" in each or "status" in each for each in _heard(control, odd))
        control.close()


def _round(control: Control) -> None:
    ready, writable, _ = select.select(control.reading(), control.writing(), [], 0)
    control.ready({*ready, *writable}, NOW)


def _say(control: Control, client: socket.socket, data: bytes) -> None:
    """All of `data` is sent and taken, or the client is dropped."""
    left = memoryview(data)
    for _ in range(ROUNDS_MAX):
        try:
            left = left[client.send(left) :] if left else left
        except BlockingIOError:
            pass
        except OSError:
            return
        _round(control)
        if not left and control.next_deadline() != 0:
            return
    raise AssertionError("it is never done with what was said")


def _heard(control: Control, client: socket.socket) -> list[dict[str, object]]:
    said = bytearray()
    for _ in range(ROUNDS_MAX):
        try:
            portion = client.recv(1 << 20)
        except BlockingIOError:
            if not control.writing():
                break
            portion = b""
        except OSError:
            break  # dropped with something unread
        else:
            if not portion:
                break
        said += portion
        _round(control)
    return [json.loads(line) for line in said.splitlines()]
