"""Issue 2: elsewhere `make test` says what was left out and why; with CI=true nothing may be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.house.sources import ROOT

SKIPS = "import pytest\ndef test_it() -> None:\n    pytest.skip('no time')\n"
NEEDS_HOSTS = "import pytest\n@pytest.mark.hosts\ndef test_it() -> None: ...\n"
NEEDS_A_MODULE = "import pytest\npytest.importorskip('no_such_module')\n"
FAILS_AS_EXPECTED = (
    "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_it() -> None:\n    assert 0\n"
)


def run(folder: Path, test: str, *, ci: bool) -> subprocess.CompletedProcess[str]:
    """Run `test` beside the house's own conftest, on a machine that has no `ip` command."""
    shutil.copy(ROOT / "tests/conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    hosts: x\n    root: x\n")
    (folder / "test_it.py").write_text(test)
    empty = folder / "bin"
    empty.mkdir()
    given = {**os.environ, "PATH": str(empty), "CI": "true" if ci else "false"}
    given.pop("PYTEST_ADDOPTS", None)  # said to the run that we are part of, not to this one
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(
        command, cwd=folder, env=given, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("test", [SKIPS, NEEDS_HOSTS, NEEDS_A_MODULE])
def test_what_is_left_out_fails_only_where_nothing_may_be(tmp_path: Path, test: str) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "ci").mkdir()
    here, ci = (
        run(tmp_path / "here", test, ci=False),
        run(tmp_path / "ci", test, ci=True),
    )
    assert "1 skipped" in here.stdout
    assert here.returncode in (0, 5), here.stdout  # 5: pytest found no tests at all
    assert ci.returncode in (1, 2), ci.stdout
    assert "left out, where CI=true lets nothing be left out" in ci.stdout


def test_the_reason_is_told(tmp_path: Path) -> None:
    assert "SKIPPED [1] " in run(tmp_path, NEEDS_HOSTS, ci=False).stdout
    why = "needs the ip command" if os.geteuid() == 0 else "needs "
    (tmp_path / "ci").mkdir()
    assert why in run(tmp_path / "ci", NEEDS_HOSTS, ci=True).stdout


def test_a_failure_that_is_expected_is_not_left_out(tmp_path: Path) -> None:
    assert run(tmp_path, FAILS_AS_EXPECTED, ci=True).returncode == 0
