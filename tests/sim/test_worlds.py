"""Seeded worlds, judged by P1 to P5 after every event. One world again: ``ipfo simulate --seed N``.

Run in a process of its own: the coverage tracer would double the time, and nothing in it is only
run there.
"""

import os
import subprocess
import sys

import pytest
from tests.house.sources import ROOT
from tests.sim.soak import WITHOUT_COVERAGE

from ipfo.sim.plans import plan
from ipfo.sim.runs import run

pytestmark = pytest.mark.timeout(300)  # a busy machine takes minutes for many worlds

WORLDS = 2000
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS), ids="part{}".format)
def test_p1_to_p5_hold_in_two_thousand_worlds(part: int) -> None:
    each = WORLDS // PARTS
    command = [sys.executable, "-m", "tests.sim.soak", str(part * each), str((part + 1) * each)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(WITHOUT_COVERAGE)}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{each} worlds" in ended.stdout


def test_one_seed_is_one_world_in_every_process() -> None:
    script = (
        "from ipfo.sim.plans import plan\nfrom ipfo.sim.runs import run\n"
        "for seed in (3, 8): print(run(plan(seed), noting=True).notes)"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": str(number)},
            capture_output=True,
            check=True,
        ).stdout
        for number in (0, 1, 2)
    }
    assert len(told) == 1


def test_worlds_have_what_the_judge_is_there_for() -> None:
    """Else two thousand worlds without a broken promise would say nothing."""
    seen = dict.fromkeys(("doubles", "takeovers", "adopted", "fences", "phases"), 0)
    seen |= dict.fromkeys(("drift", "units", "answers", "set up anew"), 0)
    for seed in range(150):
        world = run(plan(seed), noting=True)
        texts = [mark.text for mark in (*world.marks, *world.notes)]
        seen["doubles"] += len(world.judge.doubles)
        seen["takeovers"] += sum("-> claimant: takeover" in text for text in texts)
        seen["adopted"] += sum("adopted" in text for text in texts)
        seen["fences"] += sum("fences" in text for text in texts)
        seen["phases"] += sum("phase begins" in text for text in texts)
        seen["drift"] += sum("different configurations" in text for text in texts)
        seen["units"] += any(len(unit.parts) > 1 for unit in world.settings.groups)
        seen["answers"] += sum(len(host.settled) for host in world.hosts.values())
        seen["set up anew"] += sum("losing its disk" in text for text in texts)
        if min(seen.values()) > 0:
            return
    pytest.fail(f"of 150 worlds none had what is 0 here: {seen}")
