"""Seeded worlds: a pair to which everything happens by chance, judged by P1, P3 and P5.

The simulator proper comes later; this is the net under the rules until then. One world again:
``pytest -k seed7``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random  # noqa: TID251 - seeded: a world is its seed

import pytest
from tests.machine.virtual_pair import Pair

from ipfo.machine import claim, evidence
from ipfo.machine.effects import RunPhase
from ipfo.machine.events import (
    CarrierChanged,
    HandoverAsked,
    ResumeAsked,
    StandbyAsked,
    StopAsked,
)
from ipfo.machine.evidence import Verdict
from ipfo.machine.group import Around, Group
from ipfo.machine.step import Remembered
from ipfo.model import SECOND, GroupTerms, Phase, Role

NODES = ("alpha", "beta")
LINKS = ("public", "private")
FAULTS = (
    "kill", "power", "start", "start", "to alpha", "to beta", "cut", "cut", "heal", "stop",
    "mute", "mute", "mute both", "no carrier", "standby", "resume", "sleep", "veto",
)  # fmt: skip


def world(seed: int) -> Pair:
    """A pair to which up to a dozen things happened. The wire is never cut together with all links."""
    chance = Random(seed)
    group = GroupTerms(
        "web",
        preferred="alpha",
        phases=chance.random() < 0.5,
        interfaces=("eth0",),
        phase_timeout_ns=2 * SECOND,
    )
    pair = Pair(groups={"web": group})
    pair.run(chance.randrange(9_000))
    for _ in range(chance.randrange(3, 13)):
        happen(pair, chance.choice(FAULTS), chance.choice(NODES), chance.choice(LINKS))
        pair.run(chance.randrange(6_000))
    return pair


def happen(pair: Pair, fault: str, name: str, link: str) -> None:
    host = pair.hosts[name]
    match fault:
        case "kill":
            pair.kill(name)
        case "power":
            pair.power_cut(name)
        case "start":
            start_again(pair, name)
        case "to alpha" | "to beta":
            pair.feed(name, HandoverAsked("web", fault.removeprefix("to ")))
        case "cut":
            pair.cut.add((name, link))
        case "mute":
            pair.cut |= {(name, one) for one in LINKS}
        case "mute both":
            pair.cut |= {(one, on) for one in NODES for on in LINKS}
        case "heal":
            pair.cut.clear()
        case "stop":
            pair.feed(name, StopAsked())
        case "no carrier":
            pair.feed(name, CarrierChanged("eth0", up=False))
        case "standby":
            pair.feed(name, StandbyAsked())
        case "resume":
            pair.feed(name, ResumeAsked())
            pair.feed(name, CarrierChanged("eth0", up=True))
            host.veto.clear()
        case "veto":
            host.veto[Phase.PRE_ACQ] = "no"
        case "sleep" if host.alive:
            host.alive = False
            pair.at(4 * SECOND, lambda: setattr(pair.hosts[name], "alive", host.powered))


def start_again(pair: Pair, name: str) -> None:
    host = pair.hosts[name]
    if host.alive and not pair.ended(name):
        return
    group = host.node.groups["web"]
    host.powered = True
    host.addresses.clear()
    pair.start(name, {"web": Remembered(group.known, group.pre_acq, group.post_acq)})


def heal(pair: Pair) -> None:
    """Everything is well again, and stays so for longer than anything waits."""
    pair.run(5_000)
    pair.cut.clear()
    for name in NODES:
        start_again(pair, name)
        happen(pair, "resume", name, "")
    pair.run(90_000)


@pytest.mark.parametrize("seed", range(120), ids="seed{}".format)
def test_p1_p3_never_two_holders_and_one_in_the_end(seed: int) -> None:
    pair = world(seed)
    heal(pair)
    assert pair.double_ns == 0
    assert len(pair.holders()) == 1


@pytest.mark.parametrize("seed", range(40), ids="seed{}".format)
def test_p5_phases_of_one_run_balance_and_never_run_out_of_order(seed: int) -> None:
    pair = world(seed)
    heal(pair)
    follows = {
        None: {"test", "pre_rel", "post_rel"},  # the latter two: left from the run before
        "test": {"test", "pre_acq", "pre_rel", "post_rel"},
        "pre_acq": {"post_acq", "post_rel"},
        "post_acq": {"pre_rel", "test"},
        "pre_rel": {"post_rel"},
        "post_rel": {"test"},
    }
    for name in NODES:
        last: str | None = None
        for _, effect in pair.hosts[name].effects:
            if isinstance(effect, RunPhase) and effect.phase is not Phase.REASSERT:
                assert effect.phase.value in follows[last], pair.phases(name)
                last = effect.phase.value


def test_one_seed_is_one_world() -> None:
    assert len({tuple(str(world(11).hosts[name].effects) for name in NODES) for _ in range(3)}) == 1


@contextmanager
def without(owner: object, name: str, put: object) -> Iterator[None]:
    was = getattr(owner, name)
    setattr(owner, name, put)
    try:
        yield
    finally:
        setattr(owner, name, was)


def double_holders(seeds: range) -> int:
    return sum(world(seed).double_ns > 0 for seed in seeds)


def test_the_judge_finds_evidence_taken_out() -> None:
    with without(evidence, "verdict", lambda *_: Verdict.SILENT):
        assert double_holders(range(60)) > 0


def test_the_judge_finds_claimants_that_do_not_ask_twice() -> None:
    def at_once(group: Group, a: Around) -> bool:
        return group.role is Role.CLAIMANT and a.now > 0

    with without(claim, "may_acquire", at_once):
        assert double_holders(range(60)) > 0
