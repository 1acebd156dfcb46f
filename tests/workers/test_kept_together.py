"""Units through the `addresses` worker: groups that stay together are put on all, or none of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ipfo.workers import ledger

from .addressing import Start, acquire, renew, soon
from .conftest import Caller, Site


def pair_of(site: Site, **of_db: Any) -> dict[str, dict[str, Any]]:
    """A unit `web` of two groups; keywords change the second, `db`."""
    return {
        "web": site.group(addresses=["192.0.2.100/24"]),
        "db": site.group(addresses=["192.0.2.101/24"], unit="web", **of_db),
    }


def at_fault(site: Site, *, fail: str) -> dict[str, Any]:
    return {"provider_options": {"file": str(site.file), "fail": [fail]}}


def leased(site: Site) -> dict[str, bool]:
    return {name: known.leased for name, known in ledger.read(site.state).groups.items()}


def test_all_members_are_put_on_then_announced(site: Site, start: Start) -> None:
    """Decision 1: `with` keeps groups together."""
    answer = acquire(start(**pair_of(site)))
    assert isinstance(answer["leased_from"], int)
    assert site.calls() == [
        "acquire east0 2",
        "acquire east0 2",
        "announce east0 192.0.2.100",
        "announce east0 192.0.2.101",
    ]
    assert leased(site) == {"web": True, "db": True}


def test_one_that_cannot_be_put_on_takes_the_others_off(site: Site, start: Start) -> None:
    """Decision 1: "all members or none"."""
    caller = start(**pair_of(site, **at_fault(site, fail="acquire")))
    outcome = caller.do("acquire", group="web", epoch=5, lifetime_s=2, good_until=soon())
    assert outcome.failed == "acquire cannot be done"
    assert site.shelf()["on"] == {}
    known = ledger.read(site.state).groups
    assert [(known[name].held, known[name].leased) for name in ("web", "db")] == [
        (False, False)
    ] * 2


def test_what_was_put_back_first_is_not_taken_off_because_another_cannot_be(
    site: Site, start: Start
) -> None:
    """It was held before: the machine decides what becomes of it, and releases all."""
    caller = start(**pair_of(site))
    acquire(caller)
    site.clear("192.0.2.101")
    again = start(**pair_of(site, **at_fault(site, fail="acquire")))
    outcome = again.do("acquire", group="web", epoch=5, lifetime_s=2, good_until=soon())
    assert outcome.failed == "acquire cannot be done"
    assert list(site.shelf()["on"]) == ["192.0.2.100"]
    assert all(known.held for known in ledger.read(site.state).groups.values())


@pytest.mark.parametrize("broken", ["web", "db"])
def test_release_tries_all_and_then_says_what_failed(site: Site, start: Start, broken: str) -> None:
    """Decision 1: "release all": one that will not go keeps no other."""
    groups = pair_of(site)
    groups[broken] |= at_fault(site, fail="release")
    caller = start(**groups)
    acquire(caller)
    assert caller.do("release", group="web", epoch=5).failed == "release cannot be done"
    assert list(site.shelf()["on"]) == [groups[broken]["addresses"][0].partition("/")[0]]
    assert leased(site) == {"web": False, "db": False}, "no renewal touches it any more"
    assert renew(caller)["failed"] == ["web"]


def test_release_goes_in_reverse(site: Site, start: Start) -> None:
    caller = start(**pair_of(site))
    acquire(caller)
    caller.ok("release", group="web", epoch=5)
    assert site.calls()[-2:] == ["release east0 192.0.2.101/24", "release east0 192.0.2.100/24"]


def test_a_unit_is_gone_as_soon_as_one_address_of_a_member_is(site: Site, start: Start) -> None:
    caller = start(**pair_of(site))
    acquire(caller)
    site.clear("192.0.2.101")
    answer = renew(caller)
    assert (answer["gone"], answer["failed"]) == (["web"], [])


def test_a_unit_of_a_leased_and_an_unleased_member_is_renewed_and_looked_for(
    site: Site, start: Start
) -> None:
    caller = start(**pair_of(site, traits=["wire"]))
    assert isinstance(acquire(caller)["leased_from"], int), "that of the one which has one"
    answer = renew(caller)
    assert (answer["gone"], answer["failed"]) == ([], [])
    site.clear("192.0.2.101")
    assert renew(caller)["gone"] == ["web"]


def test_announcing_and_probing_mean_all_members(site: Site, start: Start) -> None:
    caller = start(**pair_of(site))
    acquire(caller)
    caller.ok("announce", group="web", epoch=5)
    assert site.calls()[-2:] == ["announce east0 192.0.2.100", "announce east0 192.0.2.101"]
    answers = caller.ok("probe", groups=["web"], timeout_ns=70)["answers"]
    assert [answer[0] for answer in answers["web"]] == ["192.0.2.100", "192.0.2.101"]


@pytest.mark.parametrize("lost", ["web", "db"])
def test_a_unit_is_adopted_as_a_whole_or_swept(
    site: Site, start: Start, over: Callable[[Caller], None], lost: str
) -> None:
    """Decision 2: "if any member is not adoptable, all are swept"."""
    caller = start(**pair_of(site))
    acquire(caller)
    over(caller)
    path = ledger.path_of(site.state, ledger.ADDRESSES, lost)
    path.write_text(json.dumps({**json.loads(path.read_text()), "leased": False}))
    answer = start(**pair_of(site)).ok("sweep")
    assert (answer["adopted"], answer["swept"]) == ({}, ["web", "db"])
    assert site.shelf()["on"] == {}
    assert f"web was held by the earlier run and is not kept: {lost}" in answer["remarks"][0]


def test_a_unit_that_is_whole_is_adopted(
    site: Site, start: Start, over: Callable[[Caller], None]
) -> None:
    caller = start(**pair_of(site))
    acquire(caller)
    over(caller)
    answer = start(**pair_of(site)).ok("sweep")
    assert list(answer["adopted"]) == ["web"]
    assert answer["swept"] == []
    assert len(site.shelf()["on"]) == 2
    assert leased(site) == {"web": True, "db": True}
