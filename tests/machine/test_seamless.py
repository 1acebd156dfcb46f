"""Seamless handovers: acquire, announce, then release; and every way in which that can end."""

from dataclasses import replace

from tests.machine.scenes import PHASED, WEB, settled, until_held
from tests.machine.virtual_pair import Pair

from ipfo.machine.effects import Probe, Record, Release
from ipfo.machine.events import HandoverAsked, HealthChanged, StopAsked
from ipfo.machine.step import Remembered
from ipfo.model import SECOND, Epoch, Sign

SEAMLESS = {"web": replace(WEB, seamless=True)}


def gap_and_overlap(pair: Pair) -> tuple[int, int]:
    """How many of the next 2,000 ms nobody held it, and how many both did."""
    gap = both = 0
    for _ in range(2_000):
        pair.run(1)
        gap += not pair.holders()
        both += len(pair.holders()) == 2
    return gap, both


def test_somebody_holds_it_all_the_time_and_both_only_for_a_moment() -> None:
    pair = settled(groups=SEAMLESS)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    gap, both = gap_and_overlap(pair)
    assert (gap, pair.holders()) == (0, ["beta"])
    assert 0 < both < 50
    assert [s.done for s in pair.settled("alpha")] == [True]
    assert "split" not in pair.told("alpha") + pair.told("beta")


def test_the_overlap_is_in_the_journal_and_the_wire_was_asked() -> None:
    pair = settled(groups=SEAMLESS)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(2_000)
    effects = [e for _, e in pair.hosts["alpha"].effects]
    (record,) = [e for e in effects if isinstance(e, Record) and e.rule == "the peer has it"]
    assert dict(record.inputs)["seen_on_the_wire"] == "true"
    probed = next(i for i, e in enumerate(effects) if isinstance(e, Probe))
    assert probed < next(i for i, e in enumerate(effects) if isinstance(e, Release))


def test_p5_phases_balance_and_the_giver_releases_before_it_stops_serving() -> None:
    pair = settled(groups={"web": replace(PHASED, seamless=True)})
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(3_000)
    assert pair.phases("alpha")[-3:] == ["test", "pre_rel", "post_rel"]
    assert pair.phases("beta") == ["test", "pre_acq", "post_acq"]


def test_an_orderly_stop_is_seamless_too() -> None:
    pair = settled(groups=SEAMLESS)
    pair.feed("alpha", StopAsked())
    gap, _ = gap_and_overlap(pair)
    assert gap == 0
    assert pair.holders() == ["beta"]
    assert pair.ended("alpha")


def test_a_peer_that_cannot_acquire_leaves_it_where_it_was() -> None:
    pair = settled(groups=SEAMLESS)
    pair.hosts["beta"].acquire_fails = "no such device"
    pair.feed("alpha", HandoverAsked("web", "beta"))
    gap, both = gap_and_overlap(pair)
    assert (gap, both, pair.holders()) == (0, 0, ["alpha"])
    assert [s.done for s in pair.settled("alpha")] == [False]


def test_a_peer_that_dies_in_the_overlap_leaves_it_where_it_was() -> None:
    pair = settled(groups=SEAMLESS)
    pair.feed("alpha", HandoverAsked("web", "beta"))
    while len(pair.holders()) < 2:
        pair.run(1)
    pair.cut = {("beta", "public"), ("beta", "private")}
    pair.power_cut("beta")
    pair.run(10_000)
    assert pair.holders() == ["alpha"]


def test_p1_an_overlap_has_an_end_though_the_wire_never_tells() -> None:
    pair = settled(groups=SEAMLESS)
    pair.deaf_wire = True
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(5_000)
    assert pair.holders() == ["beta"]
    assert pair.double_ns < 2 * SECOND


def test_failback_by_itself_brings_back_what_a_taker_that_was_started_anew_took_over() -> None:
    """It finds the group shared, and cannot know whether an administrator wanted that."""
    web = replace(SEAMLESS["web"], failback_after_ns=8 * SECOND)
    pair = settled(groups={"web": web})
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    while pair.hosts["alpha"].node.groups["web"].sign is not Sign.SHARE:
        pair.run(1)
    pair.kill("beta")
    pair.feed("alpha", HealthChanged("web", None))
    pair.start("beta", {"web": Remembered(Epoch(2))})
    until_held(pair, "beta")
    pair.run(20_000)
    assert pair.holders() == ["alpha"]
