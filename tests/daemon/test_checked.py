"""Checks and witnesses of a real daemon, from the config to the status and back."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.daemon.looped import Looped, Report, held_by
from tests.workers.conftest import Site

CHECKED = """\
[[groups.web.checks]]
plugin = "third"
folder = "{folder}"
interval = "1s"
timeout = "900ms"
rise = 1
fall = 2
"""

WITNESSED = """\
[[witnesses]]
plugin = "third"
folder = "{folder}"
"""

Make = Callable[[str, str], Looped]


@pytest.fixture
def make(make_looped: Callable[..., Looped], tmp_path: Path) -> Make:
    """Make pairs that have the test plugin of the workers; `site.state` is its folder."""

    def begin(group: str, more: str) -> Looped:
        site = Site(tmp_path)
        folder = str(site.state)
        pair = make_looped(group.format(folder=folder), more.format(folder=folder))
        pair.env["PYTHONPATH"] = site.environment[1].partition("=")[2]
        return pair

    return begin


@pytest.fixture
def pair(make: Make) -> Looped:
    """A pair whose group is well as long as there is no file `ill` in the folder."""
    return make(CHECKED, "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the test plugin looks."""
    return tmp_path / "state"


def ill(report: Report) -> bool:
    return bool(report["groups"]["web"]["health"] == "ill")


def test_an_ill_group_is_named_until_it_is_well_again(pair: Looped, folder: Path) -> None:
    """Nobody else could hold it, so it stays where it is."""
    pair.start("alpha")
    pair.wait_for("alpha", held_by("alpha"))
    (folder / "ill").write_text("500")
    report = pair.wait_for("alpha", ill)
    assert report["groups"]["web"]["holder"] == "alpha"
    assert report["groups"]["web"]["ill"] == "third: 500"
    shown = " ".join(pair.ask("alpha", "status").stdout.split())
    assert "! web is ill on alpha: third: 500" in shown
    assert "Nothing is wrong." not in shown
    (folder / "ill").unlink()
    pair.wait_for("alpha", lambda report: not ill(report))


def test_an_ill_holder_hands_over_to_a_peer_that_is_well(pair: Looped, folder: Path) -> None:
    pair.start("alpha", "beta")
    pair.wait_for("alpha", held_by("alpha"))
    pair.wait_for("beta", lambda r: held_by("alpha")(r) and r["groups"]["web"]["health"] == "able")
    (folder / "ill.alpha").write_text("500")
    report = pair.wait_for("alpha", held_by("beta"))
    assert ill(report)
    shown = " ".join(pair.ask("beta", "status").stdout.split())
    assert "! web is ill on alpha" in shown


def test_where_both_are_ill_nothing_moves_and_both_say_so(pair: Looped, folder: Path) -> None:
    pair.start("alpha", "beta")
    pair.wait_for("alpha", held_by("alpha"))
    before = pair.wait_for("beta", held_by("alpha"))["groups"]["web"]["epoch"]
    (folder / "ill.beta").write_text("500")
    pair.wait_for("alpha", lambda report: report["groups"]["web"]["peer"]["health"] == "ill")
    (folder / "ill.alpha").write_text("500")
    pair.wait_for("alpha", ill)
    after = pair.wait_for("beta", lambda report: report["groups"]["web"]["peer"]["health"] == "ill")
    assert (after["groups"]["web"]["holder"], after["groups"]["web"]["epoch"]) == ("alpha", before)


def test_a_killed_checks_worker_changes_nobodys_mind(pair: Looped, folder: Path) -> None:
    (folder / "ill").touch()
    pair.start("alpha")
    pair.wait_for("alpha", ill)
    daemon = pair.daemons["alpha"].pid
    kill_worker(daemon, "checks")
    pair.wait_for("alpha", lambda report: bool(report["workers"]["checks"]["restarts"] == 1))
    pair.wait_for("alpha", lambda report: bool(report["workers"]["checks"]["running"]))
    assert ill(pair.status("alpha"))
    assert pair.log("alpha").read_text().count("web is well again") == 0


def kill_worker(daemon: int, kind: str) -> None:
    """End the worker `kind` of the process `daemon`."""
    for pid in Path(f"/proc/{daemon}/task/{daemon}/children").read_text().split():
        if f"ipfo.workers.{kind}" in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(int(pid), signal.SIGKILL)


def test_a_node_that_reaches_no_witness_is_the_isolated_one(make: Make, folder: Path) -> None:
    """Design 7.4: who cannot reach the witnesses does not take what the silent peer may have."""
    pair = make("", WITNESSED)
    (folder / "ill").write_text("no answer")
    pair.start("alpha")
    report = pair.wait_for("alpha", lambda report: report["witnesses"]["failed"] is not None)
    assert report["groups"]["web"]["holder"] is None
    assert report["witnesses"]["failed"] == "third: no answer"
    pair.wait_for("alpha", lambda report: report["groups"]["web"]["health"] == "isolated")
    shown = " ".join(pair.ask("alpha", "status").stdout.split())
    assert "no witness can be reached" in shown
    assert "it is the isolated one" in shown
    (folder / "ill").unlink()
    pair.wait_for("alpha", held_by("alpha"))
