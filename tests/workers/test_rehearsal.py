"""What is tried before a restart: whether the new run would go on holding what is held."""

import json
from pathlib import Path
from typing import Any

import pytest

from ipfo.config.load import load
from ipfo.workers import ledger
from ipfo.workers.boot import Boot
from ipfo.workers.rehearsal import compare, rehearse

BEFORE = """\
plugins = []
[pair]
name = "www"
nodes = ["alpha", "beta"]
[links.a]
addresses = { alpha = "203.0.113.1", beta = "203.0.113.2" }
[groups.web]
addresses = ["192.0.2.100/24"]
interface = "lo"
provider = "mock"
"""
DB = """\
[groups.db]
addresses = ["192.0.2.101/24"]
interface = "lo"
provider = "mock"
"""


def hold(state: Path, group: str, address: str) -> None:
    """Have the ledger say that `group` is held under a lease."""
    kept = {"version": ledger.VERSION, "group": group, "epoch": 3, "held": True, "leased": True}
    place = {"interface": "lo", "addresses": [address], "provider": "mock", "home": None}
    path = ledger.path_of(state, ledger.ADDRESSES, group)
    path.write_text(json.dumps({**kept, **place, **Boot.now().to_json()}))


def lost(state: Path, text: str) -> dict[str, str]:
    config = state / "pair.toml"
    config.write_text(text)
    before = {path: path.read_bytes() for path in state.iterdir()}
    answer = rehearse({"config": str(config), "node": "alpha", "state_dir": str(state)})
    assert {path: path.read_bytes() for path in state.iterdir()} == before
    found: dict[str, str] = answer["lost"]
    return found


WITH_DB = BEFORE.replace("[groups.web]", '[groups.web]\nwith = ["db"]') + DB


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BEFORE, {}),
        (BEFORE + DB, {}),
        (BEFORE.replace("groups.web", "groups.other"), {}),
        (WITH_DB, {"web": "db: it was not held"}),
        (BEFORE.replace(".100/24", ".9/24"), {"web": "web: all its addresses are others now"}),
        (BEFORE.replace(".100/24", ".100/25"), {"web": "web: all its addresses are others now"}),
        (
            BEFORE.replace('"lo"', '"east0"'),
            {"web": "web: it was on lo, and belongs on east0 now"},
        ),
    ],
    ids=["as it is", "one more", "no more", "a member", "an address", "a prefix", "an interface"],
)
def test_p9_what_a_new_run_would_let_go_is_known_before(
    tmp_path: Path, text: str, why: dict[str, str]
) -> None:
    """P9: a restart takes off no address that stays configured; one that would is refused."""
    hold(tmp_path, "web", "192.0.2.100/24")
    assert lost(tmp_path, text) == why


def test_p9_groups_that_are_held_both_may_be_put_together(tmp_path: Path) -> None:
    hold(tmp_path, "web", "192.0.2.100/24")
    hold(tmp_path, "db", "192.0.2.101/24")
    assert lost(tmp_path, WITH_DB) == {}


def test_what_is_not_held_keeps_nobody_from_restarting(tmp_path: Path) -> None:
    assert lost(tmp_path, WITH_DB) == {}


KEYED = BEFORE.replace(
    'name = "www"', 'name = "www"\nkey_file = "new.key"\naccept_keys = ["old.key"]'
)


def compared(folder: Path, old: str, new: str) -> dict[str, Any]:
    config = folder / "pair.toml"
    config.write_text(old)
    document = load(config, node="alpha")
    config.write_text(new)
    return compare({"config": str(config), "node": "alpha", "document": document})


def test_what_a_reload_would_change_is_said_with_the_new_document_and_its_keys(
    tmp_path: Path,
) -> None:
    for name, byte in (("new.key", b"n"), ("old.key", b"o")):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_bytes(byte * 32)
    answer = compared(tmp_path, BEFORE, KEYED)
    assert answer["faults"] == answer["restart"] == []
    assert answer["live"] == ["pair.key_file", "pair.accept_keys"]
    assert answer["keys"] == [(b"n" * 32).hex(), (b"o" * 32).hex()]
    assert answer["document"]["accept_keys"] == [str(tmp_path / "old.key")]


def test_faults_and_what_needs_a_new_run_come_without_a_document(tmp_path: Path) -> None:
    """Nothing of it is half taken over."""
    bad = compared(tmp_path, BEFORE, KEYED)
    assert len(bad["faults"]) == 2
    other = compared(tmp_path, BEFORE, BEFORE.replace('"www"', '"ftp"'))
    assert "it would be pair ftp, not www" in other["faults"][0]
    late = BEFORE.replace("[links.a]", 'interval = "500ms"\n[links.a]') + "failback = 'auto'\n"
    restart = compared(tmp_path, BEFORE, late)
    assert restart == {"faults": [], "live": ["groups.web.failback"], "restart": ["pair.interval"]}
