"""Home groups on their home node: found, held without a lease, remembered, put back as they were."""

from typing import Any

from ipfo import clock
from ipfo.workers import ledger

from .addressing import Start, acquire, renew, soon
from .conftest import Site


def test_home_is_found_not_added_and_held_without_a_lease(site: Site, start: Start) -> None:
    """Design 7.11: the home node finds the address on whichever interface."""
    site.lay("192.0.2.100/24", "en7")
    caller = start(web=site.group(home="alpha", addresses=["192.0.2.100/24"]))
    swept = caller.ok("sweep")
    assert swept["interfaces"] == {"web": "en7"}, "so that the engine can watch its carrier"
    assert acquire(caller)["leased_from"] is None
    assert renew(caller)["gone"] == []
    assert site.calls() == ["announce en7 192.0.2.100"]
    assert caller.ok("probe", groups=["web"], timeout_ns=1)
    assert site.calls()[-1] == "probe en7 1"


def test_home_comes_back_as_it_was_also_after_a_restart(site: Site, start: Start) -> None:
    """Design 7.11: it remembers how it was (prefix, flags), and gets it back by a failback."""
    site.lay("192.0.2.100/26", "en7", "noprefixroute")
    group = site.group(home="alpha", addresses=["192.0.2.100/24"], interfaces={})
    first = start(web=group)
    acquire(first)
    first.ok("release", group="web", epoch=6)
    assert site.shelf()["on"] == {}
    again = start(web=group)
    again.ok("sweep")
    acquire(again, epoch=7)
    assert site.shelf()["on"]["192.0.2.100"] == ["192.0.2.100/26", "en7", None, ["noprefixroute"]]
    assert "restore en7 192.0.2.100/26 default via x" in site.calls()


def test_home_that_appears_though_the_peer_claims_it_is_taken_off(site: Site, start: Start) -> None:
    """Design 7.11: the operating system may set it late, and only a part of it."""
    group = site.group(home="alpha", addresses=["192.0.2.100/24", "2001:db8::100/64"])
    caller = start(web=group)
    caller.ok("sweep")
    assert caller.ok("sweep_home", group="web") == {"found": False}
    site.lay("192.0.2.100/24", "en7")
    assert caller.ok("sweep_home", group="web")["found"] is True
    assert site.shelf()["on"] == {}
    acquire(caller, epoch=7)
    assert site.shelf()["on"]["192.0.2.100"][1] == "en7", "and remembered"
    assert len(site.shelf()["on"]) == 2


def test_p1_home_that_a_run_left_where_it_was_is_taken_off_when_the_peer_has_it(
    site: Site, start: Start
) -> None:
    """Its daemon ended without a peer that could take it: the ledger says that it is held."""
    group = site.group(home="alpha", addresses=["192.0.2.100/24"])
    first = start(web=group)
    site.lay("192.0.2.100/24", "en7")
    acquire(first, epoch=7)
    first.worker.stop()
    again = start(web=group)
    again.ok("sweep")
    assert again.ok("sweep_home", group="web")["found"] is True
    assert site.shelf()["on"] == {}
    assert not ledger.read(site.state).groups["web"].held


def test_home_that_nobody_remembers_goes_where_the_config_says(site: Site, start: Start) -> None:
    caller = start(web=site.group(home="alpha", addresses=["192.0.2.100/24"]))
    acquire(caller)
    assert site.calls()[0] == "acquire east0 None"
    nowhere = start(web=site.group(home="alpha", addresses=["192.0.2.1/24"], interfaces={}))
    given: dict[str, Any] = {"group": "web", "epoch": 5, "lifetime_s": 2, "good_until": soon()}
    assert "name the interface of the home node" in (nowhere.do("acquire", **given).failed or "")


def test_home_that_is_late_puts_nothing_back(site: Site, start: Start) -> None:
    caller = start(web=site.group(home="alpha"))
    late: dict[str, Any] = {
        "group": "web",
        "epoch": 5,
        "lifetime_s": 2,
        "good_until": clock.now() - 1,
    }
    assert "late by" in (caller.do("acquire", **late).failed or "")
    assert site.calls() == []


def test_on_the_other_node_a_home_group_is_an_ordinary_one(site: Site, start: Start) -> None:
    assert acquire(start(web=site.group(home="beta")))["leased_from"] is not None
    assert list(start(web=site.group(home="beta")).ok("sweep")["adopted"]) == []
    assert site.shelf()["on"] == {}, "the first worker has not ended, so nothing is adopted"


def test_home_that_somebody_takes_off_is_said_to_be_gone_and_not_put_back(
    site: Site, start: Start
) -> None:
    """Decision 4: held without a lease, it is only looked for."""
    site.lay("192.0.2.100/26", "en7")
    caller = start(web=site.group(home="alpha", addresses=["192.0.2.100/24"]))
    acquire(caller)
    site.clear("192.0.2.100")
    answer = renew(caller)
    assert (answer["gone"], answer["failed"]) == (["web"], [])
    assert site.shelf()["on"] == {}
    acquire(caller)
    assert site.shelf()["on"]["192.0.2.100"][:2] == ["192.0.2.100/26", "en7"], "as it was"
