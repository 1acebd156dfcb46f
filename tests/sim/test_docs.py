"""The stories in the docs come true, and every word that the reader knows is used by somebody."""

import pytest
from tests.house.pages import Block, blocks, pages
from tests.house.sources import ROOT, named

from ipfo.sim.claims import CLAIMS
from ipfo.sim.happenings import VERBS
from ipfo.sim.plans import plan
from ipfo.sim.story import parse, read, tell

TOLD = [read(path) for path in sorted((ROOT / "tests/stories").glob("*.story"))]

SHOWN = [
    pytest.param(block, id=f"{named(page)}:{block.line}")
    for page in pages()
    for block in blocks(page)
    if block.language == "story"
]


@pytest.mark.parametrize("block", SHOWN)
def test_a_story_in_the_docs_comes_true(block: Block) -> None:
    assert tell(parse(block.text)).faults == ()


def test_the_docs_show_stories() -> None:
    assert len(SHOWN) >= 2


def test_everything_that_can_happen_happens_in_a_story_or_in_a_seeded_world() -> None:
    happened = {each.verb for story in TOLD for each in story.happenings}
    happened |= {each.verb for seed in range(400) for each in plan(seed).happenings}
    assert happened | {"put"} == set(VERBS)  # `put` is in test_text.py: the judge calls it a fault


def test_everything_that_can_be_expected_is_expected_somewhere() -> None:
    assert {each.claim.form for story in TOLD for each in story.expectations} == set(CLAIMS)
