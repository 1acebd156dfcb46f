"""Rules that are taken out are missed by nobody: those that are found in a moment; `make proof` has them all."""

import pytest
from tests.proof.finders import find
from tests.proof.taken_out import ALL, RULES, TakenOut, instead

QUICK = (
    "it ends after the peer has waited long enough",
    "silence on one link is enough",
    "the wire is not asked",
    "one that fails is believed",
    "equal ones are won by both",
    "nobody listens first",
    "nobody notices that it slept",
    "nothing is ever frozen",
    "the daemon ends at once",
    "a claimant does not look again",
)
"""Each is found in a few hundred worlds."""

pytestmark = pytest.mark.timeout(300)


def test_each_rule_of_design_7_is_taken_out() -> None:
    assert {taken.number for taken in ALL} - {None} == RULES


@pytest.mark.parametrize("taken", [each for each in ALL if each.what in QUICK], ids=str)
def test_a_rule_that_is_taken_out_is_found(taken: TakenOut) -> None:
    with instead(taken):
        hit = find(taken)
    assert hit is not None


def test_what_a_finder_finds_is_due_to_the_rule_that_is_missing() -> None:
    taken = next(each for each in ALL if each.what == QUICK[0])
    with instead(taken):
        assert find(taken) is not None
    assert find(taken, states=1000) is None
