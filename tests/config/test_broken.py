"""Every broken file in broken/ gets exactly the lines that stand at its head: all faults at once."""

from pathlib import Path

import pytest

from ipfo.config.load import examine, load
from ipfo.errors import ConfigError

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.toml"))


def expected(path: Path) -> list[str]:
    """The comment that the file begins with, a fault each line."""
    head = path.read_text().split("\n\n", 1)[0]
    return [line.removeprefix("# ") for line in head.splitlines()]


def test_there_are_at_least_forty() -> None:
    assert len(BROKEN) >= 40


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_is_answered_with_line_key_and_what_would_be_right(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    examined = examine(Path(path.name))

    assert list(examined.faults) == expected(path)
    assert examined.document is None
    assert not examined.warnings


def test_what_cannot_be_loaded_raises_all_its_faults_with_the_exit_code_of_configs() -> None:
    path = next(path for path in BROKEN if path.stem == "many-at-once")
    with pytest.raises(ConfigError) as caught:
        load(path, node="alpha")
    assert len(caught.value.faults) == len(expected(path)) > 5
    assert caught.value.exit_code == 2
