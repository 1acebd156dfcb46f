"""The loader is a process of its own: one JSON object on stdout, whatever plugins print."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

GOOD = """\
[pair]
name = "www"
nodes = ["alpha", "beta"]
[links.a]
addresses = { alpha = "203.0.113.1", beta = "203.0.113.2" }
[groups.web]
addresses = ["192.0.2.100/24"]
provider = "@PROVIDER@"
"""
NOISY = """
import os
from ipfo.plugin import *
print("hello from a plugin")
os.write(1, b"and from its C library\\n")

@hookimpl
def ipfo_providers(): return [Offer("noisy", lambda options: None)]
"""


def load(path: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "ipfo.workers.loader", str(path), *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(path.parent), *sys.path])}
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=30
    )
    return ended.returncode, json.loads(ended.stdout), ended.stderr


def write(folder: Path, provider: str) -> Path:
    path = folder / "pair.toml"
    path.write_text(GOOD.replace("@PROVIDER@", provider))
    return path


def test_a_good_config_is_one_document(tmp_path: Path) -> None:
    code, answer, _ = load(write(tmp_path, "mock"), "--node", "beta")
    assert code == 0
    assert list(answer) == ["document"]
    assert answer["document"]["node"] == "beta"


def test_a_broken_config_is_all_its_faults(tmp_path: Path) -> None:
    path = write(tmp_path, "mokc")
    code, answer, _ = load(path, "--node", "gamma")
    assert code == answer["exit_code"] == 2
    assert len(answer["faults"]) == 2
    assert all(fault.startswith(f"{path}:") for fault in answer["faults"])


def test_a_plugin_that_prints_does_not_break_the_answer(tmp_path: Path) -> None:
    info = tmp_path / "noisy-1.0.dist-info"
    info.mkdir()
    (tmp_path / "noisy_provider.py").write_text(NOISY)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noisy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ipfo]\nnoisy = noisy_provider\n")
    code, answer, errors = load(write(tmp_path, "noisy"), "--node", "alpha")
    assert code == 0
    assert answer["document"]["groups"]["web"]["provider"] == "noisy"
    assert "hello from a plugin" in errors
    assert "and from its C library" in errors


def test_a_loader_whose_daemon_was_ended_meanwhile_says_nothing(tmp_path: Path) -> None:
    """ "A traceback is a bug": nobody is left to read the answer."""
    command = [sys.executable, "-m", "ipfo.workers.loader", str(write(tmp_path, "mock"))]
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=30)
    os.close(writer)
    assert ended.stderr == b""
