"""Every world of a small pair that a few choices lead to; deeper ones are looked at by hand."""

import pytest
from tests.proof.scopes import SCOPES

from ipfo.sim.explore import explore, story

DEPTH = 3

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("name", SCOPES)
def test_p1_p4_p5_hold_in_every_world_of_a_few_choices(name: str) -> None:
    done = explore(SCOPES[name], depth=DEPTH, every=20)
    assert done.found is None, "\n".join(story(done.found))
    assert done.states > 1
