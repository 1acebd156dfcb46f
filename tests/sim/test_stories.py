"""The golden stories: each rule of design 7, and what users of other daemons suffer from, told and judged."""

import re
from pathlib import Path

import pytest
from tests.house.sources import ROOT

from ipfo.errors import StoryError
from ipfo.sim.story import parse, read, tell

pytestmark = pytest.mark.timeout(300)  # a busy machine takes minutes for many worlds

STORIES = sorted((ROOT / "tests" / "stories").glob("*.story"))
RULES = set(range(1, 12))
PAINS = {1, 2, 3, 7, *range(13, 18), *range(22, 29), 45}
SEEDS = (None, 2)
"""None: its own, under which something was once found, or 1."""

POWER_CUT = """
# What a power cut looks like
pair interval=1s takeover_after=3s
at 20 s  power off alpha
"""


def named(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("seed", SEEDS, ids="seed{}".format)
@pytest.mark.parametrize("path", STORIES, ids=named)
def test_the_story_comes_true(path: Path, seed: int | None) -> None:
    assert tell(read(path), seed).faults == ()


def test_each_rule_and_each_pain_has_a_story() -> None:
    titles = [read(path).title for path in STORIES]
    told = {
        word: {
            int(number) for title in titles for number in re.findall(rf"(?i){word} (\d+)", title)
        }
        for word in ("rule", "pain")
    }
    assert told["rule"] >= RULES, f"rules without a story: {RULES - told['rule']}"
    assert told["pain"] >= PAINS, f"pains without a story: {PAINS - told['pain']}"


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ("at 30 s  expect alpha holds web", "not: alpha holds web; beta holds web"),
        ("by 21 s  expect beta holds web", "at 21 s not: beta holds web; nobody holds web"),
        ("from 5 s to 40 s  expect alpha holds web", "at 20 s not: alpha holds web"),
        ("at 30 s  expect nobody holds web", "beta holds web"),
        ("at 30 s  expect beta is standby for web", "beta is holder"),
        ("at 30 s  expect told beta: split", "0 times"),
        ("at 30 s  expect told beta: takeover 2 times", "1 times"),
        ("at 30 s  expect not told beta: takeover", "told at 22."),
        ("at 30 s  expect phases of web on beta: pre_acq", "test pre_acq post_acq"),
        ("at 30 s  expect epoch of web is 7", "it is 2"),
        ("at 30 s  expect neighbours believe alpha has web", "believe beta has it"),
        ("at 30 s  expect beta answered yes", "has answered nothing"),
        ("at 30 s  expect alpha runs", "it does not run"),
        ("at 30 s  expect beta is ill to hold web", "it is able"),
    ],
)
def test_what_is_not_so_is_found(expected: str, fault: str) -> None:
    (found,) = tell(parse(POWER_CUT + expected)).faults
    assert fault in found


def test_two_holders_that_the_judge_excuses_fail_a_story_that_says_never() -> None:
    partition = "at 20 s  cut everything\nat 30 s  heal everything\n"
    assert tell(parse(partition)).faults == ()
    (found,) = tell(parse(partition + "never two holders for more than 1 s")).faults
    assert "web had two holders" in found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("at 5 s  power of alpha", "is no happening"),
        ("at 5 s  expect alpha has web", "is nothing to expect"),
        ("sometimes two holders", "is no line of a story"),
        ("pair intervall=1s", "is none of name="),
        ("pair interval=1", "is not a duration"),
        ("hosts loss=0.5", "is no share"),
        ("group web phases=perhaps", "neither yes nor no"),
    ],
)
def test_a_line_that_says_nothing_is_named_with_its_number(text: str, fault: str) -> None:
    with pytest.raises(StoryError, match=r"web\.story:2: ") as raised:
        parse(f"# A story\n{text}\n", "web.story")
    assert fault in str(raised.value)


@pytest.mark.parametrize(
    "line", ["at 5 s  kill gamma", "at 5 s  cut purple", "at 5 s  remove x from beta"]
)
def test_a_story_that_names_what_is_not_there_is_refused(line: str) -> None:
    with pytest.raises(StoryError, match="there is no"):
        tell(parse(line))
