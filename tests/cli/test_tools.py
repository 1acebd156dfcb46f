"""``keygen``, ``plugins`` and ``schema``: what they print, and what they never do."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipfo.cli import main
from ipfo.config.schema import built_in

ROOT = Path(__file__).parents[2]


def ipfo(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_a_key_has_32_bytes_that_only_its_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "www.key"
    result = ipfo("keygen", path)
    assert result.exit_code == 0
    assert len(path.read_bytes()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_two_keys_are_alike(tmp_path: Path) -> None:
    ipfo("keygen", tmp_path / "one")
    ipfo("keygen", tmp_path / "two")
    assert (tmp_path / "one").read_bytes() != (tmp_path / "two").read_bytes()


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "www.key"
    path.write_bytes(b"precious")
    result = ipfo("keygen", path)
    assert result.exit_code == 1
    assert result.stderr == f"ipfo: {path}: exists already; choose another name or remove it\n"
    assert path.read_bytes() == b"precious"


def test_a_key_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    result = ipfo("keygen", tmp_path / "none" / "www.key")
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr


def test_plugins_lists_what_is_installed() -> None:
    result = ipfo("plugins")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert set(built_in()) <= {row[0] for row in rows}
    udp = next(row for row in rows if row[0] == "udp")
    assert udp[2:] == ["ipfo", "transport", "udp"]
    tcp = next(row for row in rows if row[0] == "witness-tcp")
    assert tcp[2:] == ["ipfo", "witness", "tcp"]
    scripts = next(line for line in result.stdout.splitlines() if line.startswith("scripts"))
    assert "ipfo_pre_acq" in scripts


def test_plugins_speaks_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = tmp_path / "bad-1.0.dist-info"
    info.mkdir()
    (tmp_path / "bad_plugin.py").write_text("1 / 0\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ipfo]\nbad = bad_plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    result = ipfo("plugins", "--json")

    assert result.exit_code == 2
    assert 'ipfo: plugin "bad" (bad 1.0) cannot be imported: ZeroDivisionError' in result.stderr
    answer = json.loads(result.stdout)
    assert list(answer["refused"]) == ["bad"]
    by_name = {each["entry_point"]: each for each in answer["plugins"]}
    assert by_name["smtp"]["offers"] == [["notifier", "smtp"]]
    assert by_name["smtp"]["distribution"] == "ipfo"


def test_schema_prints_what_is_committed() -> None:
    assert ipfo("schema").stdout == (ROOT / "config.schema.json").read_text()
    assert ipfo("schema", "--markdown").stdout == (ROOT / "docs/reference/config.md").read_text()


def test_schema_of_a_config_knows_its_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "pigeon-1.0.dist-info"
    info.mkdir()
    (tmp_path / "pigeon_plugin.py").write_text(
        "from ipfo.plugin import *\n@hookimpl\ndef ipfo_transports(): return [Offer('pigeon', int)]\n"
    )
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ipfo]\nbirds = pigeon_plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "pair.toml"
    path.write_text('plugins = ["birds"]\n')

    schema = json.loads(ipfo("--config", path, "schema").stdout)

    link = schema["properties"]["links"]["additionalProperties"]
    assert link["properties"]["transport"]["enum"] == ["multicast", "pigeon", "udp"]
    path.write_text('plugins = ["brids"]\n')
    wrong = ipfo("--config", path, "schema")
    assert wrong.exit_code == 2
    assert 'did you mean "birds"?' in wrong.stderr
