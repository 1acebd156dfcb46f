"""The pair's file: whatever bytes stand in it, the answer is lines or a document."""

import tempfile
from pathlib import Path
from typing import Any

import tomli_w

from ipfo.config.load import examine
from ipfo.config.model import Config

_FOLDER = tempfile.TemporaryDirectory(prefix="ipfo-fuzz-")
FILE = Path(_FOLDER.name) / "pair.toml"

PAIR: dict[str, Any] = {
    "pair": {"name": "www", "nodes": ["alpha", "beta"], "interval": "1s", "takeover_after": "3s"},
    "links": {
        "private": {"addresses": {"alpha": "192.0.2.1", "beta": "192.0.2.2"}},
        "public": {"addresses": {"alpha": "198.51.100.1", "beta": "198.51.100.2"}, "port": 1700},
    },
    "groups": {"web": {"addresses": ["203.0.113.7/24"], "interface": "eth0"}},
}
CHECK = {"plugin": "tcp", "address": "192.0.2.9:80", "interval": "2s", "timeout": "1s"}


def seeds() -> list[bytes]:
    """A small file, one with all sorts of tables, and TOML's own oddities."""
    more = {
        **PAIR,
        "groups": {"web": {**PAIR["groups"]["web"], "checks": [CHECK], "failback": "auto"}},
        "notifiers": [{"plugin": "smtp", "to": ["root@localhost"]}],
        "fence": {"plugin": "command", "command": ["/bin/true"]},
    }
    odd = "a.\"b\\\"\" = '''\n''''\n[[x]]\ny = {z = [1, 0x2, 1e3, inf], w = 1979-05-27T07:32:00Z}\n"
    return [tomli_w.dumps(PAIR).encode(), tomli_w.dumps(more).encode(), odd.encode()]


def feed(data: bytes) -> None:
    """ "raises nothing": each fault is one line that begins with the file."""
    FILE.write_bytes(data)
    examined = examine(FILE, node="alpha")
    if examined.document is not None:
        Config.from_document(examined.document).terms(boot=1)
        return
    assert examined.faults
    for fault in examined.faults:
        assert fault.startswith(f"{FILE}:"), fault
        assert fault.isprintable(), f"more than a line, or a terminal's codes: {fault!r}"
