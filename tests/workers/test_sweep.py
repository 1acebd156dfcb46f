"""The start of the daemon as the `addresses` worker sees it: what is kept, and what is swept."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from ipfo import clock
from ipfo.config.model import Config
from ipfo.model import SECOND
from ipfo.workers import ledger
from ipfo.workers.addresses import Addresses
from ipfo.workers.boot import Boot
from ipfo.workers.parts import parts

from .addressing import Start, acquire, kill, pid_of, renew, soon, wait_until
from .conftest import Caller, Site, turn

Over = Callable[[Caller], None]


def change(site: Site, group: str = "web", **changes: Any) -> None:
    """Have the ledger of `group` say something else."""
    path = ledger.path_of(site.state, ledger.ADDRESSES, group)
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_an_earlier_run_held_under_lease_is_renewed_at_once_and_kept(
    site: Site, start: Start, over: Over
) -> None:
    """Design 7.6: an engine that is started again in time adopts them, and nobody notices."""
    caller = start()
    acquire(caller, epoch=7)
    over(caller)
    before, began = len(site.calls()), clock.now()
    again = start()
    answer = again.ok("sweep")
    assert list(answer["adopted"]) == ["web"]
    assert began <= answer["adopted"]["web"] <= clock.now()
    assert (answer["swept"], answer["remarks"]) == ([], [])
    assert site.calls()[before:] == ["renew east0 192.0.2.100 2001:db8::100 2"]
    memory = ledger.read(site.state).groups["web"]
    assert (memory.claim, memory.held, memory.leased) == (7, True, True)
    assert renew(again)["failed"] == [], "and is held from now on"


def test_many_are_adopted_by_one_renewal(site: Site, start: Start, over: Over) -> None:
    groups = {f"g{n}": site.group(addresses=[f"192.0.2.{100 + n}/24"]) for n in range(4)}
    caller = start(**groups)
    for name in groups:
        acquire(caller, name)
    over(caller)
    before = len(site.calls())
    assert list(start(**groups).ok("sweep")["adopted"]) == list(groups)
    assert len(site.calls()) == before + 1


def test_one_that_cannot_be_renewed_is_swept_and_the_others_are_kept(
    site: Site, start: Start, over: Over
) -> None:
    deaf = {"provider_options": {"file": str(site.file), "fail": ["renew"]}}
    groups = {"web": site.group(), "mail": site.group(addresses=["192.0.2.101/24"], **deaf)}
    caller = start(**groups)
    acquire(caller, "web")
    acquire(caller, "mail")
    over(caller)
    answer = start(**groups).ok("sweep")
    assert list(answer["adopted"]) == ["web"]
    assert answer["swept"] == ["mail"]
    assert answer["remarks"] == [
        "mail was held by the earlier run and is not kept: renew cannot be done"
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"boot_id": "another"}, "the host was started anew"),
        ({"slept_ns": Boot.now().slept_ns + SECOND}, "the host was suspended meanwhile"),
        ({"interface": "west0"}, "it was on west0, and belongs on east0 now"),
    ],
)
def test_what_may_not_be_kept_is_taken_off_and_people_hear_why(
    site: Site, start: Start, over: Over, changes: dict[str, Any], why: str
) -> None:
    """Design 7: "an address found on start that nobody may hold is swept"."""
    caller = start()
    acquire(caller)
    over(caller)
    change(site, **changes)
    answer = start().ok("sweep")
    assert (answer["adopted"], answer["swept"]) == ({}, ["web"])
    assert answer["remarks"] == [f"web was held by the earlier run and is not kept: web: {why}"]
    assert site.shelf()["on"] == {}
    assert not ledger.read(site.state).groups["web"].held


def test_what_was_being_given_up_is_not_kept(site: Site, start: Start, over: Over) -> None:
    caller = start()
    acquire(caller)
    over(caller)
    path = ledger.path_of(site.state, ledger.PHASES, "web")
    ledger.write(path, {"group": "web", "epoch": 5, "began": ["pre_acq"], "unwinding": True})
    assert start().ok("sweep")["adopted"] == {}
    assert site.shelf()["on"] == {}


@pytest.mark.parametrize("do", ["acquire", "release"])
def test_what_was_half_done_is_not_kept(site: Site, start: Start, do: str) -> None:
    """A worker killed within an acquire or a release: nobody knows what is there."""
    caller = start(web=site.group(provider_options={"file": str(site.file), "hang": [do]}))
    given: dict[str, Any] = {"group": "web", "epoch": 5, "lifetime_s": 2, "good_until": soon()}
    if do == "release":
        caller.ok("acquire", **given)
    turn([caller.worker], lambda: caller.worker.running)
    assert caller.do(do, within_ns=SECOND, **given).failed == "timed out"
    answer = caller.ok("sweep")
    assert answer["adopted"] == {}
    assert site.shelf()["on"] == {}


def test_a_worker_of_an_earlier_run_that_does_not_end_keeps_everything_from_being_adopted(
    site: Site, start: Start
) -> None:
    """It may be in the middle of a release: what it takes off must not be put back."""
    old = start()
    acquire(old)
    os.kill(pid_of(old), signal.SIGSTOP)
    answer = start().ok("sweep")
    os.kill(pid_of(old), signal.SIGCONT)
    assert answer["adopted"] == {}
    assert answer["swept"] == ["web"]
    assert "a worker of an earlier run has not ended" in answer["remarks"][0]
    assert site.shelf()["on"] == {}


def test_a_start_in_which_the_worker_dies_adopts_in_the_next(site: Site, start: Start) -> None:
    caller = start()
    acquire(caller)
    assert list(caller.ok("sweep")["adopted"]) == ["web"]
    kill(caller)
    assert list(caller.ok("sweep")["adopted"]) == ["web"]
    assert not any(call.startswith("release") for call in site.calls())


def test_what_was_stopped_within_the_renewal_of_a_start_is_swept(
    site: Site, start: Start, over: Over
) -> None:
    """P1: put back by a worker that was stopped, when the peer may have it."""
    caller = start()
    acquire(caller)
    over(caller)
    slow = start(web=site.group(provider_options={"file": str(site.file), "stop": ["renew"]}))
    turn([slow.worker], lambda: slow.worker.running)
    number = slow.ask("sweep")
    assert os.waitid(os.P_PID, pid_of(slow), os.WSTOPPED | os.WNOWAIT) is not None
    wait_until(clock.now() + 2 * SECOND)
    os.kill(pid_of(slow), signal.SIGCONT)
    outcome = slow.answer(number)
    assert outcome.ok is not None
    assert outcome.ok["adopted"] == {}
    assert site.shelf()["on"] == {}


def test_p9_addresses_that_stay_configured_are_not_touched_and_the_others_are(
    site: Site, start: Start, over: Over
) -> None:
    caller = start()
    acquire(caller)
    over(caller)
    before = len(site.calls())
    options = {"file": str(site.file), "cards": {}}
    changed = site.group(addresses=["192.0.2.100/24", "192.0.2.101/24"], provider_options=options)
    answer = start(web=changed).ok("sweep")
    assert list(answer["adopted"]) == ["web"]
    assert sorted(site.shelf()["on"]) == ["192.0.2.100", "192.0.2.101"]
    assert site.calls()[before:] == [
        "renew east0 192.0.2.100 2",
        "probe east0 200000000",
        "acquire east0 2",
        "release east0 2001:db8::100/64",
    ]
    kept = json.loads(ledger.path_of(site.state, ledger.ADDRESSES, "web").read_text())
    assert kept["addresses"] == ["192.0.2.100/24", "192.0.2.101/24"]


def test_an_adopted_group_whose_new_address_cannot_be_put_on_is_swept(
    site: Site, start: Start, over: Over
) -> None:
    caller = start()
    acquire(caller)
    over(caller)
    options = {"file": str(site.file), "fail": ["acquire"], "cards": {}}
    changed = site.group(addresses=["192.0.2.100/24", "192.0.2.9/24"], provider_options=options)
    answer = start(web=changed).ok("sweep")
    assert (answer["adopted"], answer["swept"]) == ({}, ["web"])
    assert site.shelf()["on"] == {}


def test_p1_an_adopted_group_is_not_given_an_address_that_somebody_else_has(
    site: Site, start: Start, over: Over
) -> None:
    """It may be of another group in the peer's file, and held there."""
    caller = start()
    acquire(caller)
    over(caller)
    before = len(site.calls())
    options = {"file": str(site.file), "cards": {"192.0.2.9": "02:00:5e:00:53:02"}}
    changed = site.group(addresses=["192.0.2.100/24", "192.0.2.9/24"], provider_options=options)
    answer = start(web=changed).ok("sweep")
    assert (answer["adopted"], answer["swept"]) == ({}, ["web"])
    assert "192.0.2.9 is new in it, and somebody has that: 02:00:5e:00:53:02" in str(answer)
    assert [call for call in site.calls()[before:] if call.startswith("acquire")] == []
    assert site.shelf()["on"] == {}


def test_an_address_that_belongs_to_another_group_now_stays_with_that_one(
    site: Site, start: Start, over: Over
) -> None:
    before = {
        "web": site.group(addresses=["192.0.2.100/24"]),
        "mail": site.group(addresses=["192.0.2.101/24", "192.0.2.102/24"], traits=["wire"]),
    }
    caller = start(**before)
    acquire(caller, "web")
    acquire(caller, "mail")
    over(caller)
    after = {
        "web": site.group(
            addresses=["192.0.2.100/24", "192.0.2.102/24"],
            provider_options={"file": str(site.file), "cards": {}},
        ),
        "mail": site.group(addresses=["192.0.2.101/24"], traits=["wire"]),
    }
    answer = start(**after).ok("sweep")
    assert list(answer["adopted"]) == ["web"]
    assert sorted(site.shelf()["on"]) == ["192.0.2.100", "192.0.2.102"]


def test_p6_what_another_provider_had_put_on_is_left_to_its_worker(
    site: Site, start: Start, over: Over
) -> None:
    mock = {"provider": "mock", "provider_options": {}, "traits": ["lease"]}
    far = site.group(addresses=["192.0.2.101/24"], **mock)
    old = site.group(addresses=["192.0.2.102/24"], **mock)
    caller = start(part=1, web=site.group(), far=far, old=old)
    acquire(caller, "far")
    acquire(caller, "old")
    over(caller)
    swept = start(web=site.group(), far=far).ok("sweep")
    assert (swept["adopted"], swept["swept"]) == ({}, [])
    assert ledger.read(site.state).groups["far"].held
    swept = start(part=1, web=site.group(), far=far).ok("sweep")
    assert swept["swept"] == ["old"]
    assert not ledger.read(site.state).groups["far"].held, "the mock has forgotten it"


def test_p9_what_a_provider_had_put_on_that_is_used_no_more_is_taken_off_by_the_first(
    site: Site, start: Start, over: Over
) -> None:
    old = site.group(addresses=["192.0.2.102/24"], provider="mock", provider_options={})
    caller = start(old=old)
    acquire(caller, "old")
    over(caller)
    assert start().ok("sweep")["swept"] == ["old"]


def test_what_was_put_on_for_a_group_that_is_not_configured_any_more_is_taken_off(
    site: Site, start: Start, over: Over
) -> None:
    """Without a lease it would stay there for good."""
    caller = start(
        web=site.group(addresses=["192.0.2.100/24"]),
        old=site.group(addresses=["192.0.2.101/24", "192.0.2.102/24"], traits=["wire"]),
    )
    acquire(caller, "old")
    over(caller)
    site.lay("192.0.2.102/24", "other0")  # somebody has it elsewhere now
    only_web = {"web": site.group(addresses=["192.0.2.100/24"])}
    again = start(**only_web)
    assert again.ok("sweep")["swept"] == ["old"]
    assert list(site.shelf()["on"]) == ["192.0.2.102"]
    over(again)
    assert start(**only_web).ok("sweep")["swept"] == [], "once"


def test_sweep_takes_off_what_an_earlier_run_left_under_an_older_config_too(
    site: Site, start: Start, over: Over
) -> None:
    caller = start(web=site.group(addresses=["192.0.2.99/24"]))
    acquire(caller)
    over(caller)
    site.lay("192.0.2.100/32", "other0")  # a stray, with another prefix, on another interface
    again = start()
    answer = again.ok("sweep")
    assert answer["swept"] == ["web"]
    assert site.shelf()["on"] == {}
    assert "release other0 192.0.2.100/32" in site.calls()
    over(again)
    assert start().ok("sweep")["swept"] == []


def test_a_broken_ledger_is_set_aside_and_named(site: Site, start: Start) -> None:
    path = ledger.path_of(site.state, ledger.ADDRESSES, "web")
    path.write_text('{"group": "web", "epo')
    answer = start().ok("sweep")
    aside = path.with_suffix(".json.broken")
    assert aside.read_text() == '{"group": "web", "epo'
    assert json.loads(path.read_text())["epoch"] == 0
    assert answer["swept"] == []


def test_what_outlived_a_suspension_may_be_adopted_after_it(site: Site) -> None:
    """Its lease was renewed since, so the kernel's timer has run steadily from there on."""
    setup = site.setup(web=site.group(provider="mock", provider_options={}))
    config = Config.from_document({**setup["document"], "node": "alpha"})
    addresses = Addresses(config, site.state, parts(setup["document"]["groups"])[0])
    addresses.acquire({"group": "web", "epoch": 5, "lifetime_s": 60, "good_until": soon()})
    now = Boot.now()
    addresses._boot = earlier = Boot(now.id, now.slept_ns - SECOND)  # so it was before the sleep
    change(site, **earlier.to_json())
    addresses.renew({"groups": ["web"], "lifetime_s": 60, "good_until": soon()})
    assert list(addresses.sweep({})["adopted"]) == ["web"]


def test_a_home_address_that_was_held_and_is_still_on_is_held_on(
    site: Site, start: Start, over: Over
) -> None:
    """Design 7.11: nobody else can have taken it, and nothing of it is touched."""
    home = site.group(addresses=["192.0.2.100/24"], home="alpha", interfaces={"beta": "west0"})
    site.lay("192.0.2.100/24", "east0")
    caller = start(web=home)
    acquire(caller, epoch=7)
    over(caller)
    before = len(site.calls())
    assert list(start(web=home).ok("sweep")["adopted"]) == ["web"]
    assert site.calls()[before:] == []
    assert ledger.read(site.state).groups["web"].held


@pytest.mark.parametrize("why", ["another kernel", "not held", "gone"])
def test_a_home_address_of_which_that_is_not_sure_is_claimed_anew(
    site: Site, start: Start, over: Over, why: str
) -> None:
    home = site.group(addresses=["192.0.2.100/24"], home="alpha", interfaces={"beta": "west0"})
    site.lay("192.0.2.100/24", "east0")
    caller = start(web=home)
    acquire(caller, epoch=7)
    over(caller)
    if why == "another kernel":
        change(site, boot_id="0")
    elif why == "not held":
        change(site, held=False)
    else:
        site.file.write_text(json.dumps({"on": {}, "calls": []}))
    assert start(web=home).ok("sweep")["adopted"] == {}
    assert not ledger.read(site.state).groups["web"].held
