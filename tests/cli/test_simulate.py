"""``ipfo simulate`` with a pair's own timings, one world of it, and stories."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.house.pages import blocks
from tests.house.sources import ROOT

from ipfo.cli import main

TUTORIAL = ROOT / "docs/tutorial/first-pair.md"


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """The tutorial's pair.toml."""
    path = tmp_path / "pair.toml"
    path.write_text(next(each.text for each in blocks(TUTORIAL) if each.language == "toml"))
    key = tmp_path / "www.key"
    key.touch(mode=0o600)
    key.write_bytes(bytes(range(32)))
    return path


def simulate(*words: str, pair: Path | None = None) -> Result:
    config = [] if pair is None else ["--config", str(pair)]
    return CliRunner().invoke(main, [*config, "simulate", *words], standalone_mode=False)


def test_the_report_has_an_outage_for_each_kind_of_fault_and_a_picture(pair: Path) -> None:
    result = simulate("--worlds", "8", pair=pair)
    assert result.return_value == 0, result.output
    assert "interval 1s, takeover_after 3s, lease 2s, 2 links, 1 group" in result.output
    rows = {
        found[1]: found[2].split()
        for line in result.output.splitlines()
        if (found := re.fullmatch(r" (\S.*?\S)  +(\d.*)", line))
    }
    worlds, median, _, worst, _, moved, doubles, *_ = rows["power cut of the holder"]
    assert worlds == moved == "5"
    assert 2 < float(median) <= float(worst) < 3.6
    assert doubles == "0"
    assert rows["handover"][1] == "0.00"
    assert "0 broken promises" in result.output
    assert "alpha  web" in result.output


def test_the_same_report_comes_twice(pair: Path) -> None:
    assert (
        simulate("--worlds", "3", pair=pair).output == simulate("--worlds", "3", pair=pair).output
    )


def test_one_world_is_drawn_with_all_that_happened_in_it(pair: Path) -> None:
    result = simulate("--seed", "11", pair=pair)
    assert result.return_value == 0, result.output
    assert "seed 11: every promise was kept" in result.output
    assert "all is well" in result.output


def test_a_seed_needs_no_config() -> None:
    assert "every promise was kept" in simulate("--seed", "3").output


def test_a_story_that_comes_true_exits_with_0(pair: Path, tmp_path: Path) -> None:
    story = tmp_path / "cut.story"
    story.write_text("at 20 s  power off alpha\nby 24 s  expect beta holds web\n")
    result = simulate("--story", str(story), pair=pair)
    assert result.return_value == 0, result.output
    assert f"{story}: came true" in result.output


def test_a_story_that_does_not_says_where_and_exits_with_1(tmp_path: Path) -> None:
    story = tmp_path / "cut.story"
    story.write_text("at 20 s  power off alpha\nat 21 s  expect beta holds web\n")
    result = simulate("--story", str(story))
    assert result.return_value == 1
    assert "line 2: at 21 s not: beta holds web; nobody holds web" in result.output


def test_a_story_is_told_with_the_timings_of_the_pair(pair: Path, tmp_path: Path) -> None:
    pair.write_text(pair.read_text().replace('"3s"', '"8s"'))
    story = tmp_path / "cut.story"
    story.write_text("at 30 s  power off alpha\nfrom 31 s to 37 s  expect nobody holds web\n")
    assert simulate("--story", str(story), pair=pair).return_value == 0
    assert simulate("--story", str(story)).return_value == 1


def test_a_story_of_a_node_that_is_not_there_names_the_file(tmp_path: Path) -> None:
    story = tmp_path / "gamma.story"
    story.write_text("at 5 s  power off gamma\nat 9 s  expect alpha holds web\n")
    result = CliRunner().invoke(main, ["simulate", "--story", str(story)])
    assert result.exit_code == 2
    assert result.output.startswith(f"ipfo: {story}: ")
    assert "gamma" in result.output


def test_a_story_that_is_not_there_is_one_line_and_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["simulate", "--story", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "cannot be read" in result.output
