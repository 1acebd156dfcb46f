"""The files in docs/examples/service are what a service manager takes, and leave the daemon little."""

import plistlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.house.sources import ROOT

SERVICE = ROOT / "docs" / "examples" / "service"
EXPOSED_MAX = 3.0
"""What `systemd-analyze security` may say at the most, of ten."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there: the manager looks."""
    program = Path(sys.executable).with_name("ipfo")
    text = (SERVICE / "ipfo@.service").read_text()
    assert "/usr/local/bin/ipfo" in text
    copy = tmp_path / "ipfo@.service"
    copy.write_text(text.replace("/usr/local/bin/ipfo", str(program)))
    return copy


def said(*words: str | Path) -> str:
    """What the program says, once it is content."""
    path = shutil.which(words[0])
    if path is None:
        pytest.skip(f"needs {words[0]} (Debian: systemd)")
    done = subprocess.run([path, *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_systemd_takes_the_unit_without_a_word(unit: Path) -> None:
    assert said("systemd-analyze", "verify", unit) == ""


def test_what_the_unit_leaves_the_daemon_is_little(unit: Path) -> None:
    last = said("systemd-analyze", "security", "--offline=true", unit).splitlines()[-1]
    found = re.search(r"level for \S+: ([0-9.]+)", last)
    assert found is not None, last
    assert float(found[1]) < EXPOSED_MAX


@pytest.mark.parametrize(
    "words",
    [
        ("systemd-sysusers", "--dry-run", SERVICE / "sysusers.conf"),
        ("systemd-tmpfiles", "--create", "--prefix=/nowhere", SERVICE / "tmpfiles.conf"),
    ],
    ids=lambda words: str(words[0]),
)
def test_systemd_takes_the_user_and_the_folders(words: Sequence[str | Path]) -> None:
    assert "nvalid" not in said(*words)
    assert "nknown" not in said(*words)


def test_launchd_gets_a_property_list_that_can_be_read() -> None:
    told = plistlib.loads((SERVICE / "org.ipfo.www.plist").read_bytes())
    assert told["ProgramArguments"][-1] == "run"
    assert told["KeepAlive"] is True
