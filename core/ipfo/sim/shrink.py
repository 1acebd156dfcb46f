"""Makes a plan that breaks a promise as small as it still breaks it: fewest faults, plainest pair.

Delta debugging (Zeller's ddmin) over what happens; each candidate is a whole world run anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from ipfo.sim.judge import Broken
from ipfo.sim.plans import Plan
from ipfo.sim.runs import verdict
from ipfo.sim.settings import Character, Settings

T = TypeVar("T")

RUNS_MAX = 400
"""Worlds that one shrinking may cost."""


def shrink(plan: Plan, broken: Broken) -> Plan:
    """`plan` without whatever it does not need to break the same promise."""
    runs = 0

    def still(candidate: Plan) -> bool:
        nonlocal runs
        runs += 1
        found = verdict(candidate) if runs <= RUNS_MAX else None
        return found is not None and found.promise == broken.promise

    for simpler in _simpler(plan.settings):
        settings = simpler(plan.settings)
        groups = {group.name for group in settings.groups}
        concerned = tuple(h for h in plan.happenings if h.told.get("group", "") in {*groups, ""})
        candidate = replace(plan, settings=settings, happenings=concerned)
        if candidate != plan and still(candidate):
            plan = candidate
    faults = [each for each in plan.happenings if each.verb != "all well"]
    ends = [each for each in plan.happenings if each.verb == "all well"]

    def with_faults(some: Sequence[object]) -> Plan:
        kept = tuple(each for each in faults if each in some)
        return replace(plan, happenings=(*kept, *ends))

    return with_faults(minimal(faults, lambda some: still(with_faults(some))))


def minimal(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of `items` that still fails, and does not without any single one of its items.

    `items` as a whole fails. If `fails` stops saying yes for want of runs, what was found by then.
    """
    left = list(items)
    parts = 2
    while len(left) > 1:
        size = -(-len(left) // parts)
        for start in range(0, len(left), size):
            rest = left[:start] + left[start + size :]
            if fails(rest):
                left = rest
                parts = max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(left), 2 * parts)
    if len(left) == 1 and fails([]):
        return []
    return left


def _simpler(settings: Settings) -> list[Callable[[Settings], Settings]]:
    """Ways to make a pair plainer, each tried by itself."""

    def only(name: str) -> Callable[[Settings], Settings]:
        return lambda was: replace(was, groups=tuple(g for g in was.groups if g.name == name))

    def calmer(**usual: object) -> Callable[[Settings], Settings]:
        return lambda was: replace(was, character=replace(was.character, **usual))  # type: ignore[arg-type]  # of Character

    plain = Character()
    ways: list[Callable[[Settings], Settings]] = [
        lambda was: replace(was, character=plain),
        calmer(loss=0.0, doubled=0.0, slow=0.0),
        calmer(offset_ns={}, ppm={}),
        calmer(delay_ns=plain.delay_ns),
    ]
    if len(settings.groups) > 1:
        ways = [*(only(group.name) for group in settings.groups), *ways]
    return ways
