"""Pairs at 20 ms on loopback, with a package of somebody else's that does what it must not."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.daemon.looped import Looped, Report, held_by

from ipfo.cli.client import Client
from ipfo.errors import IpfoError
from ipfo.workers import journal

LINES = 10_000

ORDER_S = 30.0


def all_held(report: Report) -> bool:
    return all(group["holder"] for group in report["groups"].values())


class Abused(Looped):
    """A pair with the abuser installed; `told` is its folder."""

    def __init__(self, folder: Path, group: str, more: str) -> None:
        self.told = folder / "told"
        self.told.mkdir()
        super().__init__(folder, group.format(told=self.told), more.format(told=self.told))
        text = self.config.read_text()
        text = text.replace("plugins = []", 'plugins = ["abuser"]')
        text = text.replace('interval = "50ms"', 'interval = "20ms"')
        text = text.replace('takeover_after = "300ms"', 'takeover_after = "1s"')
        self.config.write_text(text)
        packages = folder / "site"
        info = packages / "ipfo_abuser-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ipfo-abuser\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[ipfo]\nabuser = abuser\n")
        (packages / "abuser.py").write_text(Path(__file__).with_name("abuser.py").read_text())
        self.env["PYTHONPATH"] = str(packages)

    def moves(self, group: str, to: str) -> bool:
        """Order alpha to have `group` handed over to `to`; whether that was done."""
        client = Client(self.state_dir("alpha"))
        try:
            *_, last = client.order({"do": "handover", "group": group, "to": to}, ORDER_S)
        except IpfoError:
            return False
        finally:
            client.close()
        return bool(last["settled"]["done"])

    def gather(self, *groups: str) -> None:
        """Alpha holds all `groups`, wherever they were."""
        for group in groups:
            at_alpha = held_by("alpha", group)
            while not at_alpha(self.wait_for("alpha", all_held)):
                self.moves(group, "alpha")

    def abuse(self, way: str, *kinds: str) -> None:
        """From now on the plugins of `kinds` go wrong on alpha in that way."""
        for kind in kinds:
            (self.told / f"{kind}.alpha").write_text(way)

    def heal(self, *kinds: str) -> None:
        """And now they are well again."""
        for kind in kinds:
            (self.told / f"{kind}.alpha").unlink()

    def well(self, kind: str) -> int:
        """How often the plugin of `kind` was asked on alpha, and was well."""
        path = self.told / f"well.{kind}.alpha"
        return path.read_text().count("!") if path.exists() else 0

    def comes_back(self, kind: str) -> Callable[[Report], bool]:
        """Whether the plugin of `kind` has been asked since this, and was well."""
        before = self.well(kind)
        return lambda _: self.well(kind) > before

    def lines(self, node: str) -> list[dict[str, Any]]:
        """The journal of `node`."""
        return list(journal.lines(self.state_dir(node) / journal.FILE, LINES))

    def named(self, *words: str) -> Callable[[Report], bool]:
        """Whether a line of alpha's journal has all of `words`."""
        return lambda _: any(
            all(word in f"{line['what']}: {line['rule']}" for word in words)
            for line in self.lines("alpha")
        )


@pytest.fixture
def make_abused(tmp_path: Path) -> Iterator[Callable[[str, str], Abused]]:
    made: list[Abused] = []

    def make(group: str, more: str) -> Abused:
        made.append(Abused(tmp_path, group, more))
        return made[-1]

    yield make
    for pair in made:
        pair.end_all()


@pytest.fixture(autouse=True)
def untraced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemons run as on a real host: what is measured here is not the coverage tracer."""
    for name in [each for each in os.environ if each.startswith("COVERAGE_PROCESS")]:
        monkeypatch.delenv(name)
