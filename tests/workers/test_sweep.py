"""The start of the daemon as the `addresses` worker sees it: what is kept, and what is swept."""

import json

from ipfo.workers import ledger

from .addressing import Start, acquire
from .conftest import Site


def test_sweep_takes_off_what_an_earlier_run_left_under_an_older_config_too(
    site: Site, start: Start
) -> None:
    acquire(start(web=site.group(addresses=["192.0.2.99/24"])))
    site.lay("192.0.2.100/32", "other0")  # a stray, with another prefix, on another interface
    answer = start().ok("sweep")
    assert answer["swept"] == ["web"]
    assert answer["memory"]["web"] == {
        "epoch": 5,
        "held": True,
        "leased": True,
        "open_phases": [],
        "acquire": False,
    }
    assert site.shelf()["on"] == {}
    assert "release other0 192.0.2.100/32" in site.calls()
    assert start().ok("sweep")["swept"] == []


def test_a_broken_ledger_is_set_aside_and_named(site: Site, start: Start) -> None:
    path = ledger.path_of(site.state, ledger.ADDRESSES, "web")
    path.write_text('{"group": "web", "epo')
    answer = start().ok("sweep")
    aside = path.with_suffix(".json.broken")
    assert aside.read_text() == '{"group": "web", "epo'
    assert json.loads(path.read_text())["epoch"] == 0
    assert answer["swept"] == []
