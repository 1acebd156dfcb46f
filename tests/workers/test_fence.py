"""The `fence` worker as a real process: one shot for each order, and none that is late."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ipfo import clock
from ipfo.model import SECOND
from ipfo.workers.worker import Worker

from .conftest import Caller, Site


@pytest.fixture
def fence(site: Site, calling: Callable[[Worker], Caller]) -> Caller:
    """The worker, with the test plugin's fence."""
    setup = site.setup(web=site.group())
    options = {"folder": str(site.state)}
    setup["document"]["fence"] = {
        "plugin": "third",
        "timeout_ns": 7 * SECOND,
        "delay_ns": 0,
        "options": options,
    }
    return calling(Worker("fence", setup, queue_max=4, command=site.command("fence")))


def shots(site: Site) -> list[str]:
    path = site.state / "asked"
    return path.read_text().splitlines() if path.exists() else []


def test_the_peer_is_shot_once_and_by_its_name(fence: Caller, site: Site) -> None:
    assert fence.do("fence", good_until=clock.now() + 60 * SECOND).ok == {}
    assert shots(site) == ["fence beta 7"]


def test_a_fence_that_fails_says_why(fence: Caller, site: Site) -> None:
    Path(site.state / "ill").write_text("the power switch does not answer")
    outcome = fence.do("fence", good_until=clock.now() + 60 * SECOND)
    assert outcome.failed == "the power switch does not answer"


def test_a_late_order_shoots_nobody(fence: Caller, site: Site) -> None:
    """A node that was frozen and thawed: by then the peer may be back and hold the addresses."""
    outcome = fence.do("fence", good_until=clock.now() - 1)
    assert (outcome.failed or "").startswith("late by ")
    assert shots(site) == []


def test_a_fence_that_hangs_is_killed_and_not_tried_again_by_itself(
    fence: Caller, site: Site
) -> None:
    Path(site.state / "hang").touch()
    outcome = fence.do("fence", within_ns=3 * SECOND, good_until=clock.now() + 60 * SECOND)
    assert outcome.failed == "timed out"
    Path(site.state / "hang").unlink()
    assert fence.do("fence", good_until=clock.now() + 60 * SECOND).ok == {}
    assert shots(site) == ["fence beta 7"] * 2
