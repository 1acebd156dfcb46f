"""The `addresses` worker as a real process, with a provider whose shelf a test can look at."""

import os
import signal
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND, Epoch
from ipfo.workers import ledger

from .addressing import Start, acquire, kill, pid_of, renew, soon, wait_until
from .conftest import Site, turn


def test_acquire_puts_on_all_with_a_lease_and_announces(site: Site, start: Start) -> None:
    before = clock.now()
    answer = acquire(start())
    assert before <= answer["leased_from"] <= clock.now()
    assert site.calls() == ["acquire east0 2", "announce east0 192.0.2.100 2001:db8::100"]
    assert ledger.read(site.state).groups["web"] == ledger.GroupMemory(
        Epoch(5), Epoch(5), held=True, leased=True
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
    os.kill(pid_of(caller), signal.SIGSTOP)
    good_until = clock.now() + SECOND // 10
    number = caller.ask("renew", groups=["web"], lifetime_s=2, good_until=good_until)
    wait_until(good_until)
    os.kill(pid_of(caller), signal.SIGCONT)
    outcome = caller.answer(number)
    assert outcome.ok is not None
    assert outcome.ok["failed"] == ["web"]
    assert not any(call.startswith("renew") for call in site.calls())


@pytest.mark.parametrize("do", ["acquire", "renew"])
def test_p1_what_was_stopped_between_clock_and_change_is_undone_once_it_goes_on(
    site: Site, start: Start, do: str
) -> None:
    """Stopped for longer than a lease just before the change: the peer may have it by now."""
    caller = start(web=site.group(provider_options={"file": str(site.file), "stop": [do]}))
    if do == "renew":
        acquire(caller)
    given: dict[str, Any] = {"lifetime_s": 1, "good_until": soon()}
    given |= {"groups": ["web"]} if do == "renew" else {"group": "web", "epoch": 5}
    turn([caller.worker], lambda: caller.worker.running)
    number = caller.ask(do, **given)
    assert os.waitid(os.P_PID, pid_of(caller), os.WSTOPPED | os.WNOWAIT) is not None
    wait_until(clock.now() + SECOND)
    os.kill(pid_of(caller), signal.SIGCONT)
    outcome = caller.answer(number)
    if outcome.ok is None:
        assert (do, "longer than a lease" in (outcome.failed or "")) == ("acquire", True)
    else:
        assert (do, outcome.ok["failed"]) == ("renew", ["web"])
    assert site.shelf()["on"] == {}
    assert site.calls()[-2].startswith(do), "it was done, by one who knew no better"


def test_renew_touches_what_is_held_under_lease_and_nothing_else(site: Site, start: Start) -> None:
    caller = start(
        web=site.group(),
        mail=site.group(addresses=["192.0.2.101/24"]),
        news=site.group(addresses=["192.0.2.102/24"], traits=[]),
    )
    acquire(caller, "web")
    acquire(caller, "news")
    asked_at = clock.now()
    answer = renew(caller, "web", "mail", "news", lifetime_s=3)
    assert answer["failed"] == ["mail"], "not held here; news has no lease, and is there"
    assert answer["gone"] == []
    assert asked_at <= answer["began"] <= clock.now()
    renewals = [call for call in site.calls() if call.startswith("renew")]
    assert renewals == ["renew east0 192.0.2.100 2001:db8::100 3"]
    assert "acquire east0 None" in site.calls()  # news: the provider has no leases


def test_what_is_on_one_interface_is_renewed_together(site: Site, start: Start) -> None:
    """P6: a command for each group would take longer than a lease where there are many."""
    names = [f"g{number}" for number in range(5)]
    groups = {
        name: site.group(addresses=[f"192.0.2.{100 + at}/24"]) for at, name in enumerate(names)
    }
    groups["west"] = site.group(addresses=["192.0.2.200/24"], interfaces={"alpha": "west0"})
    caller = start(**groups)
    for name in groups:
        acquire(caller, name)
    before = len(site.calls())
    assert renew(caller, *groups)["failed"] == []
    assert [call.split()[:2] for call in site.calls()[before:]] == [
        ["renew", "east0"],
        ["renew", "west0"],
    ]


@pytest.mark.parametrize("leased", [True, False])
def test_what_has_gone_is_said_to_be_gone_and_not_put_back(
    site: Site, start: Start, leased: bool
) -> None:
    """Decision 4: in `gone`, not in `failed`; the others are renewed all the same."""
    traits = ["lease", "probe", "wire"] if leased else ["wire"]
    caller = start(
        web=site.group(traits=traits),
        mail=site.group(addresses=["192.0.2.101/24"], traits=traits),
    )
    acquire(caller, "web")
    acquire(caller, "mail")
    site.clear("2001:db8::100")
    answer = renew(caller, "web", "mail")
    assert (answer["gone"], answer["failed"]) == (["web"], [])
    assert any("2001:db8::100/64 is not on its interface" in text for text in answer["remarks"])
    assert "2001:db8::100" not in site.shelf()["on"]
    renewals = [call for call in site.calls() if call.startswith("renew")]
    assert renewals == (["renew east0 192.0.2.101 2"] if leased else [])


def test_what_has_gone_is_put_back_when_that_is_asked_under_the_same_epoch(
    site: Site, start: Start
) -> None:
    """Issue 3: "an address removed by somebody else is put back"."""
    caller = start()
    acquire(caller)
    site.clear("192.0.2.100")
    assert renew(caller)["gone"] == ["web"]
    assert acquire(caller)["leased_from"] is not None
    assert sorted(site.shelf()["on"]) == ["192.0.2.100", "2001:db8::100"]
    assert renew(caller)["gone"] == []
    memory = ledger.read(site.state).groups["web"]
    assert (memory.epoch, memory.held, memory.leased) == (5, True, True)


def test_what_cannot_be_put_back_is_still_to_be_taken_off(site: Site, start: Start) -> None:
    """One of two addresses may be there: only a release can say that none is."""
    broken = site.group(provider_options={"file": str(site.file), "fail": ["acquire"]})
    acquire(start())
    caller = start(web=broken)
    outcome = caller.do("acquire", group="web", epoch=5, lifetime_s=2, good_until=soon())
    assert outcome.failed == "acquire cannot be done"
    memory = ledger.read(site.state).groups["web"]
    assert (memory.held, memory.leased) == (True, False)
    assert renew(caller)["failed"] == ["web"]


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
    assert renew(caller)["failed"] == ["web"]
    assert site.shelf()["on"] == {}
    assert not any(call.startswith("renew") for call in site.calls())
    assert ledger.read(site.state).groups["web"] == ledger.GroupMemory(Epoch(5), Epoch(5))


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
    kill(caller)
    assert renew(caller)["failed"] == []
    assert site.calls()[-1] == "renew east0 192.0.2.100 2001:db8::100 2"


def test_an_acquire_that_fails_is_not_held(site: Site, start: Start) -> None:
    options = {"file": str(site.file), "fail": ["acquire"]}
    caller = start(web=site.group(provider_options=options))
    outcome = caller.do("acquire", group="web", epoch=7, lifetime_s=2, good_until=soon())
    assert outcome.failed == "acquire cannot be done"
    assert ledger.read(site.state).groups["web"] == ledger.GroupMemory(Epoch(7), Epoch(7))


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


def test_a_provider_that_is_not_installed_stops_the_worker_with_a_line(
    site: Site, start: Start
) -> None:
    caller = start(web=site.group(provider="nonesuch"))
    outcome = caller.do("sweep", within_ns=2 * SECOND)
    assert 'no plugin offers "nonesuch"' in (outcome.failed or "")
