"""Runs worlds by seed and tells of each broken promise: how to see it again, and the shrunk story.

``python -m tests.sim.soak FIRST END`` exits with 1 if there is one. One process, no coverage.
"""

import sys
import time

from ipfo.sim.plans import plan
from ipfo.sim.runs import run
from ipfo.sim.shrink import shrink
from ipfo.sim.text import story_of

WITHOUT_COVERAGE = ("COVERAGE_", "COV_CORE_")
"""Variables that make a child process count its lines."""


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(first: int, end: int) -> int:
    began = time.perf_counter()
    broken = doubles = virtual_ns = 0
    for seed in range(first, end):
        made = plan(seed)
        world = run(made)
        virtual_ns += world.now
        doubles += len(world.judge.doubles)
        if world.judge.broken is not None:
            broken += 1
            say(f"seed {seed}: {world.judge.broken}")
            say(f"see it again: ipfo simulate --seed {seed}")
            say(story_of(shrink(made, world.judge.broken)))
    took_s = time.perf_counter() - began
    say(
        f"{end - first} worlds, seeds {first} to {end - 1}, {virtual_ns / 3.6e12:.1f} hours in"
        f" {took_s:.1f} s: {broken} broken, {doubles} times two holders with an excuse"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
