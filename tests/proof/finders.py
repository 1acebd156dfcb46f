"""Who must find a rule that was taken out: an exploration of one scope, or the judge of one told story.

Each finder looks only where the table says: so a rule that is missed there is missed.
"""

from dataclasses import dataclass

from tests.house.sources import ROOT
from tests.proof.scopes import SCOPES, prompt
from tests.proof.taken_out import InScope, InStory, TakenOut

from ipfo.sim import explore, story

STATES_MAX = 60_000
"""An exploration that has found nothing in so many worlds has missed it."""

SEEDS = (1, 2, 3)
LINES_MAX = 9
"""So much of a trace is told: its end."""


@dataclass(frozen=True)
class Hit:
    """By whom, what is broken, and the end of the shortest way to it."""

    by: str
    why: str
    trace: tuple[str, ...]


def find(taken: TakenOut, *, states: int = STATES_MAX) -> Hit | None:
    """What is wrong with the machine as it is now, where `taken` would show; `instead` takes it out.

    :param states: an exploration of so many worlds is given up.
    """
    where = taken.finder
    return _explore(where, states) if isinstance(where, InScope) else _tell(where)


def _explore(where: InScope, states: int) -> Hit | None:
    scope = prompt(SCOPES[where.scope], where.slow)
    done = explore.explore(scope, depth=1000, states=states, every=int(where.left_to_run))
    found = done.found
    if found is None or not found.why.startswith(where.promise):
        return None
    by = f'exploration of "{where.scope}", {done.depth} choices deep, {done.states:,} states'
    lines = tuple(explore.story(found))
    cut = ("...",) if len(lines) > LINES_MAX else ()
    return Hit(by, found.why, (*cut, *lines[-LINES_MAX:]))


def _tell(where: InStory) -> Hit | None:
    path = ROOT / "tests" / "stories" / f"{where.story}.story"
    for seed in SEEDS:
        faults = story.tell(story.read(path), seed).faults
        if faults:
            return Hit(f'judge of the story "{where.story}", seed {seed}', faults[0], ())
    return None
