"""The suite of ipfo says when a notifier is done."""

from pathlib import Path

from ipfo_pager import build

from ipfo.testing import check_notifier


def test_the_pager_keeps_the_contract_of_a_notifier(tmp_path: Path) -> None:
    file = tmp_path / "pages"
    file.touch()
    check_notifier(
        make=lambda: build({"file": str(file)}),
        received=lambda: file.read_text(encoding="utf-8").splitlines(),
    )
