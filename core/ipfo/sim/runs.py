"""Runs a plan to its end: until all has been well for long enough that one node must hold each group."""

from ipfo.sim.judge import Broken
from ipfo.sim.plans import Plan
from ipfo.sim.world import World

PATIENCE_NS = 240_000_000_000
"""In so long after the last fault everything that waits has come to its end: retries, failback, doubts."""

STEPS = 48


def run(plan: Plan, *, noting: bool = False) -> World:
    """The world of `plan` as it is in the end; `judge.broken` says whether it kept its promises."""
    world = World(plan.settings, plan.happenings, seed=plan.seed, noting=noting)
    try:
        _run(world, plan)
    except AssertionError as error:
        world.judge.breaks("the machine", "", f"a bug: {error}")
    return world


def _run(world: World, plan: Plan) -> None:
    calm_ns = 2 * plan.settings.takeover_after_ns
    world.run(plan.healed_ns + calm_ns // 2)
    until_ns = world.now
    settled_at: int | None = None
    for _ in range(STEPS):
        if world.judge.broken is not None:
            return
        if world.judge.unsettled() is not None:
            settled_at = None
        elif settled_at is None:
            settled_at = world.now
        elif world.now >= settled_at + calm_ns:
            return
        until_ns += PATIENCE_NS // STEPS
        world.run(until_ns)
    why = world.judge.unsettled()
    if why is not None:
        world.judge.breaks("P3", why.split(":")[0], f"long after all is well: {why}")


def verdict(plan: Plan) -> Broken | None:
    """The first promise that the world of `plan` breaks."""
    return run(plan).judge.broken
