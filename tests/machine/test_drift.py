"""Each node means something else by a group's name: nothing is moved on the other's word."""

from tests.machine.scenes import settled, until_held
from tests.machine.virtual_pair import Pair

from ipfo.machine.events import CarrierChanged, HandoverAsked
from ipfo.machine.step import Remembered
from ipfo.model import Epoch

WHY = "beta does not know web as it is here: the two configurations differ"


def drifted() -> Pair:
    """A pair of which beta was started anew with another file."""
    pair = settled()
    pair.drift = True
    pair.start("beta", {"web": Remembered(Epoch(1))})
    return pair.run(10_000)


def test_p1_a_group_that_the_peer_does_not_know_is_neither_claimed_nor_given() -> None:
    pair = drifted()
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.feed("beta", HandoverAsked("web", "beta"))
    pair.run(200_000)
    assert pair.holders() == ["alpha"]
    assert pair.double_ns == 0
    assert pair.told("alpha").count("drift") == 1
    assert [(answer.done, answer.why) for answer in pair.settled("alpha")] == [(False, WHY)]


def test_p3_it_is_taken_from_a_peer_that_is_silent() -> None:
    pair = drifted()
    pair.power_cut("alpha")
    assert until_held(pair, "beta") < 3_300


def test_p2_two_holders_that_do_not_know_each_other_find_out_by_the_wire() -> None:
    pair = drifted()
    pair.partition()
    pair.run(10_000)
    assert sorted(pair.holders()) == ["alpha", "beta"]
    pair.heal()
    pair.run(12_000)
    assert pair.holders() == ["alpha"], "while they differ the names decide, which both have"


def test_p10_what_nobody_may_claim_before_the_files_agree_is_refused_with_that_reason() -> None:
    pair = drifted()
    pair.feed("alpha", CarrierChanged("eth0", up=False))
    pair.run(10_000)
    pair.feed("alpha", CarrierChanged("eth0", up=True))
    pair.run(10_000)
    pair.feed("alpha", HandoverAsked("web", "alpha"))
    assert pair.holders() == []
    assert [answer.why for answer in pair.settled("alpha")] == [WHY]
    pair.drift = False
    pair.run(10_000)
    assert pair.holders() == ["alpha"]
