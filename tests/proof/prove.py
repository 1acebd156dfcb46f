"""Explores every scope, then finds every rule that is taken out: ``make proof``.

No figure is kept, all are measured. ``python -m tests.proof.prove STATES`` looks further.

Exits with 1 if a promise is broken, or if a rule that was taken out is missed by whoever must find it.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

from tests.proof.finders import Hit, find
from tests.proof.scopes import SCOPES, prompt
from tests.proof.taken_out import ALL, RULES, TakenOut, instead

from ipfo import clock
from ipfo.model import SECOND
from ipfo.sim.explore import explore, story

T = TypeVar("T")

ONE_IN = 200
"""Of so many worlds one is left to run, until one node must hold the group (P3)."""

STATES = 12_000
"""Each exploration ends with the layer in which it has seen so many worlds, if not before."""

DEPTH_MAX = 5000
CORES = 2


@dataclass(frozen=True)
class Search:
    """One exploration: of a scope, whether all in it is prompt, and up to how many states."""

    scope: str
    is_prompt: bool
    states: int


def searches(states: int) -> Iterable[Search]:
    """All explorations: each scope to a long way with all prompt, and a shorter one with anything slow."""
    for name, scope in SCOPES.items():
        if not (scope.prompt or scope.any_order):
            yield Search(name, True, states)
        yield Search(name, False, states)


def looked_at(search: Search) -> tuple[str, str | None]:
    """A line about `search`, and the story of a broken promise."""
    scope = SCOPES[search.scope]
    began = time.process_time()
    done = explore(
        prompt(scope) if search.is_prompt else scope,
        depth=DEPTH_MAX,
        states=search.states,
        every=ONE_IN,
    )
    took_s = time.process_time() - began
    manner = "prompt" if search.is_prompt or scope.prompt else "slow"
    deep = f"all, {done.depth}" if done.whole else f"{done.depth}"
    line = (
        f"{search.scope:<48} {manner:<6} depth {deep:>8} {done.states:>8,} states"
        f" {done.choices:>8,} choices {done.left_to_run:>5,} left to run {took_s:6.1f} s"
    )
    return line, None if done.found is None else "\n".join(story(done.found))


def taken_out(number: int) -> tuple[str, str | None]:
    """How the rule `number` of the table was found; what is wrong where it was not."""
    taken = ALL[number]
    began = time.process_time()
    with instead(taken):
        hit = find(taken)
    took_s = time.process_time() - began
    if hit is None:
        return f"MISSED  {taken}", f"{taken}: not found by {taken.finder}"
    return _found(taken, hit, took_s), None


def _found(taken: TakenOut, hit: Hit, took_s: float) -> str:
    head = f"rule {taken.rule}, without: {taken.what}"
    by = f"    found by {hit.by}, in {took_s:.1f} s: {hit.why}"
    return "\n".join((head, by, *(f"        {line}" for line in hit.trace)))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _all(
    pool: ProcessPoolExecutor, do: Callable[[T], tuple[str, str | None]], what: Iterable[T]
) -> list[str]:
    """Do it for each of `what`, say the lines, and return what was wrong."""
    wrong = []
    for line, fault in pool.map(do, what):
        say(line)
        if fault is not None:
            say(fault)
            wrong.append(fault)
    return wrong


def main(states: int) -> int:
    began = clock.now()
    workers = min(CORES, len(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        say("The whole machine: every course of events, from each beginning")
        broken = _all(pool, looked_at, searches(states))
        say("")
        say("Each rule taken out, one by one")
        missed = _all(pool, taken_out, range(len(ALL)))
    untried = sorted(RULES - {taken.number for taken in ALL})
    say("")
    say(
        f"{len(SCOPES)} scopes, {len(broken)} promises broken; {len(ALL)} times a rule was taken out,"
        f" {len(missed)} times it was missed; {(clock.now() - began) / SECOND:.0f} s on {workers} cores"
    )
    if untried:
        say(f"rules of design 7 that nobody takes out: {untried}")
    return 1 if broken or missed or untried else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else STATES))
