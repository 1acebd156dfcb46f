"""The ledger: whole files or none, broken ones set aside, whatever a group is called."""

import json
from pathlib import Path

import pytest

from ipfo.model import Epoch, Phase
from ipfo.workers import ledger


def test_nothing_is_known_in_an_empty_folder_or_none(tmp_path: Path) -> None:
    assert ledger.read(tmp_path) == ledger.Memory()
    assert ledger.read(tmp_path / "absent") == ledger.Memory()


def test_the_highest_epoch_of_all_files_counts(tmp_path: Path) -> None:
    """P4: epochs only grow, over restarts of either node."""
    ledger.write(tmp_path / "node.json", {"epochs": {"web": 9, "odd": "x"}, "standby": True})
    ledger.write(
        ledger.path_of(tmp_path, ledger.ADDRESSES, "web"),
        {"group": "web", "epoch": 7, "held": True, "leased": False},
    )
    ledger.write(
        ledger.path_of(tmp_path, ledger.PHASES, "web"),
        {"group": "web", "epoch": 8, "acquire": True, "began": ["pre_acq", "nonsense"]},
    )
    memory = ledger.read(tmp_path)
    assert memory.groups["web"] == ledger.GroupMemory(
        Epoch(9), Epoch(7), held=True, open_phases=(Phase.PRE_ACQ,), acquire=True
    )
    assert "odd" not in memory.groups
    assert memory.standby
    assert "the epoch of odd is no number of one: 'x'" in memory.remarks[0]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff", "[" * 100_000, "1" * 5000])
def test_a_broken_file_is_set_aside_and_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "node.json"
    path.write_bytes(text.encode("latin-1"))
    memory = ledger.read(tmp_path)
    assert memory.groups == {}
    assert str(path) in memory.remarks[0]
    assert "node.json.broken" in memory.remarks[0]
    assert not path.exists()
    assert ledger.read(tmp_path).remarks == ()


@pytest.mark.parametrize("version", [2, 0, -1, "1", None, True, 1.5])
def test_a_file_of_another_version_is_set_aside_and_named(tmp_path: Path, version: object) -> None:
    """Issue 3: "a ledger that is corrupt or from the future": named, and no address moves by it."""
    path = ledger.path_of(tmp_path, ledger.ADDRESSES, "web")
    ledger.write(path, {"version": version, "group": "web", "epoch": 3, "held": True})
    memory = ledger.read(tmp_path)
    assert memory.groups == {}
    assert f"is from another ipfo (version {version!r}" in memory.remarks[0]
    assert path.with_suffix(".json.broken").exists()


@pytest.mark.parametrize("epoch", [-1, 2**48, 10**30, "7", True, None, 1.5, [], {}])
def test_an_epoch_that_cannot_be_one_is_not_believed(tmp_path: Path, epoch: object) -> None:
    """A claim after it would not fit into a heartbeat, or never be topped."""
    path = ledger.path_of(tmp_path, ledger.PHASES, "web")
    ledger.write(path, {"group": "web", "epoch": epoch, "began": ["pre_acq"]})
    ledger.write(tmp_path / "node.json", {"epochs": {"web": epoch, "mail": 4}})
    memory = ledger.read(tmp_path)
    assert set(memory.groups) == {"mail"}
    assert any("is broken (no epoch: " in remark for remark in memory.remarks)
    assert ledger.EPOCH_MAX + 1 < 2**64, "what the wire has room for"


def test_groups_of_any_name_have_files_of_their_own(tmp_path: Path) -> None:
    names = ["web", "../web", "we b", "web%2f", "wéb", "WEB", ""]
    paths = {ledger.path_of(tmp_path, ledger.PHASES, name) for name in names}
    assert len(paths) == len(names)
    assert {path.parent for path in paths} == {tmp_path}


@pytest.mark.parametrize("durable", [True, False])
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.json"
    ledger.write(path, {"n": 1}, durable=durable)
    with pytest.raises(TypeError):
        ledger.write(path, {"n": object()}, durable=durable)
    assert json.loads(path.read_text()) == {"n": 1}
    assert path.stat().st_mode & 0o077 == 0


def test_what_is_written_in_place_is_whole_whether_shorter_or_longer_than_before(
    tmp_path: Path,
) -> None:
    """P5: a ledger is the old one or the new one; beyond a page that takes a new file."""
    path = tmp_path / "addresses-web.json"
    for words in (["eth0"] * 40, ["eth0"], ["eth0"] * 2, ["eth0"] * 4000, ["eth1"]):
        before = path.stat().st_ino if path.exists() else None
        was_long = before is not None and path.stat().st_size > ledger.PAGE
        ledger.write(path, {"epoch": 1, "words": words}, durable=False, in_place=True)
        assert ledger.load(path, []) == {"epoch": 1, "words": words}
        anew = was_long or len(words) > 1000 or before is None
        assert (path.stat().st_ino == before) is not anew
