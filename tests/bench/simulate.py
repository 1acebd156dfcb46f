"""What a simulated day costs: ``make bench-sim``. Figures, not judgements; the machine meant is a quiet one."""

import sys
import time

from ipfo.model import SECOND
from ipfo.sim.plans import plan
from ipfo.sim.runs import run
from ipfo.sim.settings import Settings
from ipfo.sim.world import World

DAY_NS = 86_400 * SECOND
WORLDS = 200


def main() -> None:
    world = World(Settings(), seed=1)
    began = time.process_time()
    world.run(DAY_NS)
    took_s = time.process_time() - began
    assert world.holders("web") == ["alpha"]
    sys.stdout.write(f"a quiet day of a 1 s pair with two links: {took_s:.1f} s of one core\n")
    began = time.process_time()
    for seed in range(WORLDS):
        run(plan(seed))
    each_ms = (time.process_time() - began) * 1000 / WORLDS
    sys.stdout.write(f"a world with faults: {each_ms:.0f} ms, over {WORLDS} of them\n")


if __name__ == "__main__":
    main()
