"""What is tried before a restart: whether the new run would go on holding what is held."""

import json
from pathlib import Path

import pytest

from ipfo.workers import ledger
from ipfo.workers.boot import Boot
from ipfo.workers.rehearsal import rehearse

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
