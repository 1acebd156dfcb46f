"""Who must find a rule that was taken out: the judge, in the exploration of one scope.

Each finder looks only where the table says: so a rule that is missed there is missed.
"""

from dataclasses import dataclass

from tests.proof.scopes import SCOPES, prompt
from tests.proof.taken_out import TakenOut

from ipfo.sim import explore

STATES_MAX = 60_000
"""An exploration that has found nothing in so many worlds has missed it."""

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
    scope = prompt(SCOPES[where.scope], where.slow)
    done = explore.explore(scope, depth=1000, states=states, every=int(where.left_to_run))
    found = done.found
    if found is None or not found.why.startswith(where.promise):
        return None
    by = f'exploration of "{where.scope}", {done.depth} choices deep, {done.states:,} states'
    lines = tuple(explore.story(found))
    cut = ("...",) if len(lines) > LINES_MAX else ()
    return Hit(by, found.why, (*cut, *lines[-LINES_MAX:]))
