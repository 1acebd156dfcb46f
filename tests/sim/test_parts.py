"""The parts of a world, each by itself: clocks, links, disks."""

from random import Random  # noqa: TID251 - seeded

from hypothesis import given
from hypothesis import strategies as st

from ipfo.model import SECOND, Phase
from ipfo.sim.clocks import HostClock
from ipfo.sim.disk import Disk, Line, Open
from ipfo.sim.network import Burst, Network
from ipfo.sim.settings import MS, Character, Settings


@given(st.integers(0, 10**18), st.integers(-500, 500), st.integers(0, 10**14))
def test_a_deadline_of_a_host_is_reached_when_the_world_says_so_and_not_before(
    offset: int, ppm: int, world: int
) -> None:
    clock = HostClock(offset, ppm)
    steady = clock.steady(world)
    at = clock.world(steady + 5 * SECOND)
    assert clock.steady(at) >= steady + 5 * SECOND
    assert clock.steady(at - 2) < steady + 5 * SECOND


def test_a_fast_clock_is_ahead_after_a_while() -> None:
    assert HostClock(0, 100).steady(10_000 * SECOND) == 10_001 * SECOND


def test_a_paused_host_sees_no_time_pass_and_a_suspended_one_does() -> None:
    paused, suspended = HostClock(0, 0), HostClock(0, 0)
    for clock in (paused, suspended):
        clock.stop(5 * SECOND)
        assert clock.steady(9 * SECOND) == 5 * SECOND
    paused.resume(15 * SECOND, was_suspended=False)
    suspended.resume(15 * SECOND, was_suspended=True)
    assert paused.steady(16 * SECOND) == paused.kernel(16 * SECOND) == 6 * SECOND
    assert suspended.steady(16 * SECOND) == 16 * SECOND
    assert suspended.kernel(16 * SECOND) == 6 * SECOND


def arrivals(network: Network, source: str = "alpha", times: int = 400) -> list[tuple[int, ...]]:
    chance = Random(5)
    return [network.ways["public", source].arrivals(n * 100 * MS, chance) for n in range(times)]


def test_a_link_delays_within_its_bounds_and_overtaking_is_possible() -> None:
    wide = Settings(character=Character(delay_ns=(1 * MS, 250 * MS)))
    came = [at for (at,) in arrivals(Network(wide))]
    assert all(n * 100 * MS + MS <= at <= n * 100 * MS + 250 * MS for n, at in enumerate(came))
    assert came != sorted(came)


def test_losses_doubles_and_cuts_are_those_asked_for_and_of_one_direction_only() -> None:
    network = Network(Settings(character=Character(loss=0.25, doubled=0.25)))
    counts = [len(each) for each in arrivals(network)]
    assert 60 < counts.count(0) < 140
    assert 50 < counts.count(2) < 110
    network.ways["public", "alpha"].cut = True
    assert not any(arrivals(network))
    assert any(arrivals(network, "beta"))


def test_bursts_lose_in_a_row_and_leave_the_rest_alone() -> None:
    network = Network(Settings())
    network.ways["public", "alpha"].burst = Burst(1.0, lasts_ns=SECOND, every_ns=8 * SECOND)
    lost = "".join(".x"[not each] for each in arrivals(network, times=3000))
    assert "x" * 8 in lost
    assert 0.05 < lost.count("x") / len(lost) < 0.2


def test_the_wire_and_the_heartbeats_are_filtered_one_without_the_other() -> None:
    network = Network(Settings())
    for way in network.chosen(None):
        way.filtered = True
    assert not network.works()
    assert network.wire_answers("public", "alpha", "beta")
    for way in network.chosen("public", "beta"):
        way.arp_filtered = True
    assert not network.wire_answers("public", "alpha", "beta")
    assert network.wire_answers("private", "alpha", "beta")


def test_no_carrier_silences_the_first_link_and_its_wire() -> None:
    network = Network(Settings())
    network.no_carrier.add("beta")
    assert not network.carries(network.ways["public", "alpha"])
    assert network.carries(network.ways["private", "alpha"])
    assert not network.wire_answers("public", "alpha", "beta")


def test_a_disk_may_lose_its_last_record_and_only_that() -> None:
    disk = Disk()
    disk.write(disk.addresses, "web", Line(1, held=True))
    disk.write(disk.phases, "web", Open((Phase.PRE_ACQ,)))
    assert disk.lose_last() == "web"
    assert disk.phases == {}
    assert disk.addresses["web"] == Line(1, held=True)
    assert disk.lose_last() is None
