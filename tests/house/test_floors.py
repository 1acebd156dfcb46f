"""Design 11: each room imports only from the floors below. import-linter judges, here as in `make lint`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.house.sources import ROOT

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"


def judged(house: Path) -> subprocess.CompletedProcess[str]:
    """What import-linter says of the code under `house`."""
    ours = os.pathsep.join(str(house / root) for root in ("core", "plugins"))
    return subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=house,
        env={**os.environ, "PYTHONPATH": ours},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_room_imports_only_from_the_floors_below() -> None:
    result = judged(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "breach"),
    [
        ("core/ipfo/model.py", "import ipfo.errors"),
        ("core/ipfo/wire/seal.py", "import os"),
        ("core/ipfo/machine/events.py", "import time"),
        ("core/ipfo/machine/effects.py", "import ipfo.wire"),
        ("core/ipfo/errors.py", "import ipfo_plugins"),
        ("plugins/ipfo_plugins/__init__.py", "import ipfo.model"),
        ("core/ipfo/daemon/__init__.py", "import sqlite3"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, module: str, breach: str) -> None:
    """The contracts name the right rooms: each breach is put in, and must be seen."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for root in ("core", "plugins"):
        shutil.copytree(ROOT / root, tmp_path / root, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / module).open("a") as file:
        file.write(f"\n{breach}\n")
    result = judged(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "BROKEN" in result.stdout
