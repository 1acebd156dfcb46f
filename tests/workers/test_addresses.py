"""The `addresses` worker as a real process, with a provider whose shelf a test can look at."""

import json
import os
import select
import signal
from collections.abc import Callable
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND, Epoch
from ipfo.workers import ledger
from ipfo.workers.worker import Worker

from .conftest import Caller, Site, turn

Start = Callable[..., Caller]


@pytest.fixture
def start(site: Site, calling: Callable[[Worker], Caller]) -> Start:
    """Start the worker with these groups; without any with one, `web`."""

    def begin(**groups: dict[str, Any]) -> Caller:
        setup = site.setup(**(groups or {"web": site.group()}))
        return calling(Worker("addresses", setup, queue_max=64, command=site.command("addresses")))

    return begin


def soon() -> int:
    return clock.now() + 10 * SECOND


def acquire(caller: Caller, group: str = "web", epoch: int = 5) -> dict[str, Any]:
    return caller.ok("acquire", group=group, epoch=epoch, lifetime_s=2, good_until=soon())


def test_acquire_puts_on_all_with_a_lease_and_announces(site: Site, start: Start) -> None:
    before = clock.now()
    answer = acquire(start())
    assert before <= answer["leased_from"] <= clock.now()
    assert site.calls() == ["acquire east0 2", "announce east0 192.0.2.100 2001:db8::100"]
    assert ledger.read(site.state).groups["web"] == ledger.GroupMemory(
        Epoch(5), held=True, leased=True
    )


@pytest.mark.parametrize("do", ["acquire", "renew"])
def test_what_is_late_touches_nothing(site: Site, start: Start, do: str) -> None:
    """Design 7.1: each renewal bears the instant until which it is good, and is dropped when late."""
    caller = start()
    acquire(caller)
    before = site.calls()
    late = clock.now() - 1
    if do == "acquire":
        outcome = caller.do(do, group="web", epoch=6, lifetime_s=2, good_until=late)
        assert "late by" in (outcome.failed or "")
    else:
        answer = caller.ok(do, groups=["web"], lifetime_s=2, good_until=late)
        assert answer["failed"] == ["web"]
    assert site.calls() == before


def test_a_worker_that_was_stopped_for_longer_than_it_was_good_for_renews_nothing(
    site: Site, start: Start
) -> None:
    """A thawed worker must not put back what the kernel has dropped."""
    caller = start()
    acquire(caller)
    pid = caller.worker._process.pid if caller.worker._process else 0
    os.kill(pid, signal.SIGSTOP)
    good_until = clock.now() + SECOND // 10
    number = caller.ask("renew", groups=["web"], lifetime_s=2, good_until=good_until)
    while clock.now() <= good_until:
        select.select([], [], [], 0.02)
    os.kill(pid, signal.SIGCONT)
    outcome = caller.answer(number)
    assert outcome.ok is not None
    assert outcome.ok["failed"] == ["web"]
    assert not any(call.startswith("renew") for call in site.calls())


def test_renew_touches_what_is_held_under_lease_and_nothing_else(site: Site, start: Start) -> None:
    caller = start(
        web=site.group(),
        mail=site.group(addresses=["192.0.2.101/24"]),
        news=site.group(addresses=["192.0.2.102/24"], traits=[]),
    )
    acquire(caller, "web")
    acquire(caller, "news")
    asked_at = clock.now()
    groups = ["web", "mail", "news"]
    answer = caller.ok("renew", groups=groups, lifetime_s=3, good_until=soon())
    assert answer["failed"] == ["mail", "news"], "not held here, or not under lease"
    assert asked_at <= answer["began"] <= clock.now()
    renewals = [call for call in site.calls() if call.startswith("renew")]
    assert renewals == ["renew east0 192.0.2.100 2001:db8::100 3"]
    assert "acquire east0 None" in site.calls()  # news: the provider has no leases


def test_renew_names_the_groups_it_could_not_renew(site: Site, start: Start) -> None:
    options = {"file": str(site.file), "fail": ["renew"]}
    caller = start(
        web=site.group(provider_options=options), mail=site.group(addresses=["192.0.2.101/24"])
    )
    acquire(caller, "web")
    acquire(caller, "mail")
    answer = caller.ok("renew", groups=["web", "mail"], lifetime_s=2, good_until=soon())
    assert answer["failed"] == ["web"]
    assert answer["remarks"] == ["renewing web failed: renew cannot be done"]


def test_release_takes_off_and_ends_the_renewals(site: Site, start: Start) -> None:
    caller = start()
    acquire(caller)
    caller.ok("release", group="web", epoch=5)
    caller.ok("renew", groups=["web"], lifetime_s=2, good_until=soon())
    assert site.shelf()["on"] == {}
    assert not any(call.startswith("renew") for call in site.calls())
    assert ledger.read(site.state).groups["web"] == ledger.GroupMemory(Epoch(5))


@pytest.mark.parametrize("do", ["acquire", "release"])
def test_after_a_kill_in_the_middle_the_next_worker_renews_nothing(
    site: Site, start: Start, do: str
) -> None:
    """Until `Release` is answered well no renewal may touch the group; nor one half acquired."""
    options = {"file": str(site.file), "hang": [do]}
    caller = start(web=site.group(provider_options=options))
    given: dict[str, Any] = {"group": "web", "epoch": 5, "lifetime_s": 2, "good_until": soon()}
    if do == "release":
        caller.ok("acquire", **given)
    turn([caller.worker], lambda: caller.worker.running)
    assert caller.do(do, within_ns=SECOND, **given).failed == "timed out"
    answer = caller.ok("renew", groups=["web"], lifetime_s=2, good_until=soon())
    assert answer["failed"] == ["web"]
    assert not any(call.startswith("renew") for call in site.calls())
    assert ledger.read(site.state).groups["web"].held


def test_a_worker_that_is_started_again_goes_on_renewing(site: Site, start: Start) -> None:
    caller = start()
    acquire(caller)
    assert caller.worker._process is not None
    os.kill(caller.worker._process.pid, signal.SIGKILL)
    turn([caller.worker], lambda: caller.worker.restarts == 1)
    caller.ok("renew", groups=["web"], lifetime_s=2, good_until=soon())
    assert site.calls()[-1] == "renew east0 192.0.2.100 2001:db8::100 2"


def test_an_acquire_that_fails_is_not_held(site: Site, start: Start) -> None:
    options = {"file": str(site.file), "fail": ["acquire"]}
    caller = start(web=site.group(provider_options=options))
    outcome = caller.do("acquire", group="web", epoch=7, lifetime_s=2, good_until=soon())
    assert outcome.failed == "acquire cannot be done"
    assert ledger.read(site.state).groups["web"] == ledger.GroupMemory(Epoch(7))


def test_an_announcement_that_fails_does_not_undo_the_acquire(site: Site, start: Start) -> None:
    options = {"file": str(site.file), "fail": ["announce"]}
    caller = start(web=site.group(provider_options=options))
    answer = acquire(caller)
    assert answer["leased_from"] is not None
    assert answer["remarks"] == ["announcing failed: announce cannot be done"]


def test_only_what_is_held_is_announced(site: Site, start: Start) -> None:
    caller = start()
    caller.ok("announce", group="web", epoch=1)
    assert site.calls() == []
    acquire(caller)
    caller.ok("announce", group="web", epoch=5)
    assert site.calls()[1:] == ["announce east0 192.0.2.100 2001:db8::100"] * 2


CARD = "02:00:5e:00:53:01"


def test_probe_says_who_answered(site: Site, start: Start) -> None:
    answer = start().ok("probe", groups=["web"], timeout_ns=70)
    assert answer["answers"] == {"web": [["192.0.2.100", CARD], ["2001:db8::100", CARD]]}
    assert site.calls() == ["probe east0 70"]


def test_groups_on_one_wire_are_probed_together(site: Site, start: Start) -> None:
    other = site.group(addresses=["192.0.2.101/24"])
    elsewhere = site.group(addresses=["192.0.2.102/24"], interfaces={"alpha": "west0"})
    caller = start(web=site.group(), other=other, elsewhere=elsewhere)
    answer = caller.ok("probe", groups=["web", "other", "elsewhere"], timeout_ns=70)
    assert answer["answers"]["other"] == [["192.0.2.101", CARD]]
    assert site.calls() == ["probe east0 70", "probe west0 70"]


def test_a_wire_that_cannot_be_asked_is_said_of_its_groups_only(site: Site, start: Start) -> None:
    deaf = site.group(addresses=["192.0.2.101/24"], interfaces={"alpha": "deaf0"})
    answer = start(web=site.group(), deaf=deaf).ok("probe", groups=["web", "deaf"], timeout_ns=70)
    assert "deaf0" in answer["failed"]["deaf"]
    assert "web" in answer["answers"]


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


def test_a_ledger_that_cannot_be_written_is_told_and_stops_no_takeover(
    site: Site, start: Start
) -> None:
    caller = start()
    caller.ok("sweep")
    ledger.path_of(site.state, ledger.ADDRESSES, "web").unlink()
    ledger.path_of(site.state, ledger.ADDRESSES, "web").mkdir()  # root may write read-only folders
    answer = acquire(caller)
    assert answer["leased_from"] is not None
    assert any("the ledger cannot be written" in remark for remark in answer["remarks"])


def test_home_is_found_not_added_and_held_without_a_lease(site: Site, start: Start) -> None:
    """Design 7.11: the home node finds the address on whichever interface."""
    site.lay("192.0.2.100/24", "en7")
    caller = start(web=site.group(home="alpha", addresses=["192.0.2.100/24"]))
    swept = caller.ok("sweep")
    assert swept["interfaces"] == {"web": "en7"}, "so that the engine can watch its carrier"
    assert acquire(caller)["leased_from"] is None
    caller.ok("renew", groups=["web"], lifetime_s=2, good_until=soon())
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
    assert caller.ok("sweep_home", group="web") == {"found": False}, "held: not touched"
    assert len(site.shelf()["on"]) == 2


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
    caller = start(web=site.group(home="beta"))
    assert acquire(caller)["leased_from"] is not None
    assert caller.ok("sweep")["swept"] == ["web"]


def test_a_provider_that_is_not_installed_stops_the_worker_with_a_line(
    site: Site, start: Start
) -> None:
    caller = start(web=site.group(provider="nonesuch"))
    outcome = caller.do("sweep", within_ns=2 * SECOND)
    assert 'no plugin offers "nonesuch"' in (outcome.failed or "")


def test_a_broken_ledger_is_set_aside_and_named(site: Site, start: Start) -> None:
    path = ledger.path_of(site.state, ledger.ADDRESSES, "web")
    path.write_text('{"group": "web", "epo')
    answer = start().ok("sweep")
    aside = path.with_suffix(".json.broken")
    assert aside.read_text() == '{"group": "web", "epo'
    assert json.loads(path.read_text())["epoch"] == 0
    assert answer["swept"] == []
