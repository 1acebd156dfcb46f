"""Phases balance: promise P5."""

from dataclasses import replace

import pytest
from tests.machine.scenes import PHASED, WEB, settled, until_held
from tests.machine.virtual_pair import Pair

from ipfo.machine.events import (
    CarrierChanged,
    HandoverAsked,
)
from ipfo.machine.step import Remembered
from ipfo.model import Epoch, Phase


def test_p5_phases_run_in_order_on_both_nodes() -> None:
    pair = settled(groups={"web": PHASED})
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(3_000)
    first = ["test", "pre_acq", "post_acq"]
    assert pair.phases("alpha") == [*first, "test", "pre_rel", "post_rel"]
    assert pair.phases("beta") == first


@pytest.mark.parametrize("phase", [Phase.TEST, Phase.PRE_ACQ])
def test_p5_a_veto_undoes_what_had_begun_and_waits_a_silence(phase: Phase) -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].veto[phase] = "no disk"
    pair.power_cut("alpha")
    pair.run(4_000)
    undone = ["test"] if phase is Phase.TEST else ["test", "pre_acq", "post_rel"]
    assert pair.phases("beta") == undone
    assert pair.told("beta").count("veto") == 1
    pair.run(30_000)
    assert pair.told("beta").count("veto") == 1, "told once"
    assert len(pair.phases("beta")) > len(undone), "tried again"
    pair.hosts["beta"].veto.clear()
    until_held(pair, "beta", 60_000)


def test_p5_an_acquire_that_fails_is_rolled_back() -> None:
    pair = settled(groups={"web": PHASED})
    pair.hosts["beta"].acquire_fails = "no such interface"
    pair.power_cut("alpha")
    pair.run(5_000)
    assert pair.phases("beta") == ["test", "pre_acq", "post_rel"]
    assert "failure" in pair.told("beta")
    pair.hosts["beta"].acquire_fails = None
    until_held(pair, "beta", 60_000)


def test_a_vetoed_orphan_goes_to_the_other_node() -> None:
    """P3: a node that can hold it does."""
    pair = Pair(groups={"web": PHASED})
    pair.hosts["alpha"].veto[Phase.PRE_ACQ] = "no disk"
    pair.run(6_000)
    assert pair.holders() == ["beta"]


def test_an_idle_preferred_node_is_not_waited_for_without_end() -> None:
    """P3: alpha believes that it is not preferred (different configs): beta claims in the end."""
    pair = Pair()
    mine = pair.hosts["alpha"].terms
    groups = {"web": replace(WEB, preferred="beta")}
    pair.hosts["alpha"].terms = replace(mine, groups=groups)
    pair.run(15_000)
    assert len(pair.holders()) == 1


def test_p5_a_forced_release_takes_the_address_off_before_pre_rel() -> None:
    pair = settled(groups={"web": PHASED})
    pair.feed("alpha", CarrierChanged("eth0", up=False))
    pair.run(5)
    assert "alpha" not in pair.holders()
    pair.run(1_000)
    assert pair.phases("alpha") == ["test", "pre_acq", "post_acq", "pre_rel", "post_rel"]


def test_p5_what_a_killed_run_left_open_is_undone_at_the_next_start() -> None:
    pair = Pair(start=("beta",), groups={"web": PHASED})
    pair.start("alpha", {"web": Remembered(Epoch(7), pre_acq=True, post_acq=True)})
    pair.run(1_000)
    assert pair.phases("alpha") == ["pre_rel", "post_rel"]
    assert pair.run(10_000).holders() == ["alpha"]


def test_a_release_that_fails_is_tried_again_and_told_once() -> None:
    pair = settled()
    pair.hosts["alpha"].release_fails = "busy"
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(1_500)
    assert pair.double_ns == 0
    pair.run(10_000)
    assert pair.told("alpha").count("failure") == 1
    assert pair.holders() == ["beta"], "the kernel dropped it"
    assert pair.double_ns == 0


def test_a_release_that_fails_without_a_lease_waits_until_it_works() -> None:
    home = replace(WEB, home="alpha")
    pair = settled(groups={"web": home})
    pair.hosts["alpha"].release_fails = "busy"
    pair.feed("alpha", HandoverAsked("web", "beta"))
    pair.run(10_000)
    assert pair.holders() == ["alpha"]
    pair.hosts["alpha"].release_fails = None
    until_held(pair, "beta", 3_000)
