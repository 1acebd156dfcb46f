"""Many groups put on at once by the `addresses` worker: all of them, or each by itself."""

from collections.abc import Mapping
from typing import Any

from ipfo.workers import ledger

from .addressing import Start, soon
from .conftest import Caller, Site

GROUPS = ("web", "db", "mail")


def three(site: Site, **of_db: Any) -> dict[str, dict[str, Any]]:
    """Three groups on one wire; keywords change the second."""
    groups = {
        name: site.group(addresses=[f"192.0.2.{100 + number}/24"], unit=name)
        for number, name in enumerate(GROUPS)
    }
    return {**groups, "db": {**groups["db"], **of_db}}


def acquire_all(caller: Caller, *units: str) -> Mapping[str, Any]:
    until = soon()
    wanted = [(unit, 5, until) for unit in units]
    return caller.ok("acquire_all", units=wanted, lifetime_s=2)


def test_groups_of_one_wire_are_one_order_and_one_announcement(site: Site, start: Start) -> None:
    answer = acquire_all(start(**three(site)), *GROUPS)
    assert set(answer["acquired"]) == set(GROUPS)
    assert len(set(answer["acquired"].values())) == 1
    assert [call.split()[0] for call in site.calls()] == ["acquire", "announce"]
    known = ledger.read(site.state).groups
    assert all(known[name].held and known[name].leased for name in GROUPS)


def test_where_one_cannot_be_put_on_the_others_are(site: Site, start: Start) -> None:
    """P1: its ledger says that it is not here, so no renewal can put it back."""
    answer = acquire_all(start(**three(site, addresses=["192.0.2.66/24"])), *GROUPS)
    assert set(answer["acquired"]) == {"web", "mail"}
    assert set(answer["failed"]) == {"db"}
    assert set(site.shelf()["on"]) == {"192.0.2.100", "192.0.2.102"}
    assert not ledger.read(site.state).groups["db"].held


def test_groups_of_other_providers_and_one_that_is_held_go_by_themselves(
    site: Site, start: Start
) -> None:
    caller = start(**three(site, provider_options={"file": str(site.file), "delay": "1ms"}))
    acquire_all(caller, "web")
    answer = acquire_all(caller, *GROUPS)
    assert set(answer["acquired"]) == set(GROUPS)
    assert answer["failed"] == {}
    acquired = [call for call in site.calls() if call.startswith("acquire")]
    assert len(acquired) == 1 + 3
