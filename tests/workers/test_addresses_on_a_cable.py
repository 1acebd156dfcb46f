"""The `addresses` worker on a real interface, in namespaces of the test's own. Root on Linux."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ipfo.model import SECOND
from ipfo.testing.cable import Cable, Space, make_cable, until
from ipfo.workers import spawn
from ipfo.workers.worker import Worker

from .addressing import kill, soon
from .conftest import Caller, Site

pytestmark = pytest.mark.root

LEASE_S = 30
SERVICE = ("192.0.2.100/24", "2001:db8::100/64")
TRAITS = {
    "ip": ["lease", "probe", "wire"],
    "netlink": ["lease", "probe", "wire"],
    "ifconfig": ["probe", "wire"],
}
LEASING = [name for name, traits in TRAITS.items() if "lease" in traits]

StartIn = Callable[..., Caller]


@pytest.fixture
def cable() -> Iterator[Cable]:
    """Two hosts, ``192.0.2.1`` and ``.2``, ``2001:db8::1`` and ``::2``, on ``eth0`` of each."""
    with ExitStack() as stack:
        yield make_cable(stack)


@pytest.fixture
def start_in(site: Site, calling: Callable[[Worker], Caller]) -> StartIn:
    """Start a worker in a namespace, with a group `web` of `provider`; keywords change it."""
    ip = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert ip is not None
    site.links = {
        "public": {
            "transport": "udp",
            "port": 1694,
            "addresses": {"alpha": "192.0.2.1", "beta": "192.0.2.2"},
            "interfaces": {},
            "options": {},
        }
    }

    def begin(space: Space, provider: str, **changes: Any) -> Caller:
        group = site.group(
            provider=provider,
            provider_options={},
            traits=TRAITS[provider],
            addresses=list(SERVICE),
            interfaces={"alpha": "eth0", "beta": "eth0"},
            **changes,
        )
        command = (ip, "netns", "exec", space.name, *spawn.command("addresses"))
        return calling(Worker("addresses", site.setup(web=group), queue_max=64, command=command))

    return begin


def acquire(caller: Caller) -> dict[str, Any]:
    given = {"group": "web", "epoch": 5, "lifetime_s": LEASE_S, "good_until": soon()}
    return caller.ok("acquire", **given)


def renew(caller: Caller) -> dict[str, Any]:
    return caller.ok("renew", groups=["web"], lifetime_s=LEASE_S, good_until=soon())


def there(space: Space) -> dict[str, list[str]]:
    """The service addresses on the interface, each with its flags."""
    (link,) = json.loads(space.ip("-json address show dev eth0"))
    lifetimes = ("valid_life_time", "preferred_life_time")
    return {
        f"{entry['local']}/{entry['prefixlen']}": sorted(
            f"{key} {value}" for key, value in entry.items() if key not in lifetimes
        )
        for entry in link["addr_info"]
        if f"{entry['local']}/{entry['prefixlen']}" in SERVICE
    }


@contextmanager
def watched(space: Space, log: Path) -> Iterator[Callable[[], str]]:
    """What happens to the addresses of `space` while this lasts, up to the moment of the call."""
    marks = iter(range(1, 255))
    with log.open("wb") as out:
        monitor = subprocess.Popen(["ip", "-n", space.name, "monitor", "address"], stdout=out)

        def so_far() -> str:
            mark = f"203.0.113.{next(marks)}"
            space.ip(f"address add {mark}/32 dev lo")
            assert until(lambda: mark in log.read_text())
            return log.read_text()

        try:
            assert until(lambda: _hears(space, log))
            yield so_far
        finally:
            monitor.kill()
            monitor.wait()


def _hears(space: Space, log: Path) -> bool:
    """Whether the monitor is there: it says what is done to an address that nobody needs."""
    space.ip("address replace 198.51.100.77/32 dev lo")
    return "198.51.100.77" in log.read_text()


@pytest.mark.parametrize("provider", LEASING)
def test_p9_the_addresses_stay_on_over_the_kill_of_a_worker_and_the_start_of_the_next(
    cable: Cable, start_in: StartIn, over: Callable[[Caller], None], tmp_path: Path, provider: str
) -> None:
    """Design 7.6: "keeps the address, the epoch and the clients": not even for a moment off."""
    north, _ = cable
    caller = start_in(north, provider)
    caller.ok("sweep")
    acquire(caller)
    before = there(north)
    with watched(north, tmp_path / "monitor") as so_far:
        kill(caller)
        assert list(caller.ok("sweep")["adopted"]) == ["web"]
        over(caller)
        again = start_in(north, provider)
        assert list(again.ok("sweep")["adopted"]) == ["web"]
        assert renew(again)["failed"] == []
        said = so_far()
    assert "Deleted" not in said
    assert there(north) == before
    assert set(before) == set(SERVICE)


@pytest.mark.parametrize("provider", LEASING)
def test_p1_what_has_gone_meanwhile_is_not_put_back_by_a_start(
    cable: Cable, start_in: StartIn, over: Callable[[Caller], None], tmp_path: Path, provider: str
) -> None:
    """Its lease has ended, so the peer may have it: all of the unit goes."""
    north, _ = cable
    caller = start_in(north, provider)
    acquire(caller)
    over(caller)
    north.ip("address del 192.0.2.100/24 dev eth0")
    with watched(north, tmp_path / "monitor") as so_far:
        answer = start_in(north, provider).ok("sweep")
        said = so_far()
    assert (answer["adopted"], answer["swept"]) == ({}, ["web"])
    assert "192.0.2.100" not in said, "neither put back nor taken off again"
    assert there(north) == {}


@pytest.mark.parametrize("provider", TRAITS)
def test_what_somebody_takes_off_has_gone_and_can_be_put_back(
    cable: Cable, start_in: StartIn, provider: str
) -> None:
    """Decision 4, with a lease and without one."""
    north, _ = cable
    caller = start_in(north, provider)
    acquire(caller)
    assert renew(caller)["gone"] == []
    north.ip("address del 2001:db8::100/64 dev eth0")
    answer = renew(caller)
    assert (answer["gone"], answer["failed"]) == (["web"], [])
    assert set(there(north)) == {SERVICE[0]}
    acquire(caller)
    assert set(there(north)) == set(SERVICE)
    assert renew(caller)["gone"] == []


@pytest.mark.parametrize("provider", TRAITS)
def test_the_wire_says_that_it_is_the_peer_who_answers(
    cable: Cable, start_in: StartIn, provider: str
) -> None:
    """Design 7.3: "the peer's card, or a third host's"."""
    north, south = cable
    caller = start_in(north, provider)
    asked = {"groups": ["web"], "timeout_ns": SECOND // 5}
    assert caller.ok("probe", **asked)["answers"] == {"web": []}
    south.ip(f"address add {SERVICE[0]} dev eth0")
    card = json.loads(south.ip("-json link show dev eth0"))[0]["address"]
    # The peer has 20 ms to say that the card is its own: on a busy machine it may take more than one.
    for _ in range(20):
        [[address, its_card, whose]] = caller.ok("probe", **asked)["answers"]["web"]
        assert (address, its_card) == ("192.0.2.100", card)
        if whose:  # else nobody knows yet; a wrong name is never said
            break
    assert whose == "beta"


@pytest.mark.parametrize("provider", TRAITS)
def test_the_peers_host_answers_as_long_as_it_lives(
    cable: Cable, start_in: StartIn, provider: str
) -> None:
    """Design 7.3, `dead_after`; there is no daemon over there, only a kernel."""
    north, south = cable
    caller = start_in(north, provider)
    assert caller.ok("probe_peer", timeout_ns=10 * SECOND) == {"answered": True, "failed": None}
    south.ip("link set eth0 arp off")
    south.ip("address del 192.0.2.2/24 dev eth0")
    asked = caller.ok("probe_peer", timeout_ns=SECOND // 10)
    assert asked == {"answered": False, "failed": None}
    north.ip("link set eth0 down")
    asked = caller.ok("probe_peer", timeout_ns=SECOND // 10)
    assert asked["answered"] is False
    assert "eth0" in asked["failed"]
