"""Files of pairs for the tests of the config."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

Write = Callable[..., Path]
Install = Callable[..., None]

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

MODULE = """
from ipfo.plugin import *

SCHEMA = {"type": "object", "properties": {
    "knock": {"type": "integer", "default": 3},
    "bell": {"type": "string", "format": "path"},
}}

def build(options):
    if options["knock"] > 9:
        raise ValueError("knock: nobody knocks so often")
    return options

@hookimpl
def {hook}():
    return [Offer("door", build, SCHEMA, frozenset({traits}))]
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


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Installs one distribution with a module behind each entry point."""
    folder = tmp_path / "site"
    info = folder / "doors-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: doors\nVersion: 1.0\n")
    modules: list[str] = []
    lines = ["[ipfo]"]

    def install(
        entry_point: str, hook: str, traits: Sequence[str] = (), *, source: str = ""
    ) -> None:
        module = f"{entry_point.replace('-', '_')}_{len(modules)}_{tmp_path.name}"
        text = source or MODULE.replace("{hook}", hook).replace("{traits}", repr(list(traits)))
        (folder / f"{module}.py").write_text(text)
        modules.append(module)
        lines.append(f"{entry_point} = {module}")
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")

    sys.path.insert(0, str(folder))
    yield install
    sys.path.remove(str(folder))
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def doors(install: Install) -> None:
    """A check, a witness and a fence of one name, of which only the fence's entry point has it."""
    install("check-door", "ipfo_checks")
    install("witness-door", "ipfo_witnesses")
    install("door", "ipfo_fences")
