"""Files of pairs for the tests of the config."""

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]

GOOD = """\
[pair]
name = "www"
nodes = ["alpha", "beta"]
key_file = "www.key"

[links.public]
addresses = { alpha = "203.0.113.1", beta = "203.0.113.2" }

[links.private]
transport = "multicast"
group = "239.192.16.94"
addresses = { alpha = "198.51.100.1", beta = "198.51.100.2" }

[groups.web]
addresses = ["192.0.2.100/24", "2001:db8::100/64"]
interface = "eth0"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes pair.toml and its key, and gives the path back."""

    def write(text: str = GOOD, *, key: bytes = bytes(range(32)), mode: int = 0o600) -> Path:
        path = tmp_path / "pair.toml"
        path.write_text(text)
        key_file = tmp_path / "www.key"
        key_file.write_bytes(key)
        key_file.chmod(mode)
        return path

    return write
