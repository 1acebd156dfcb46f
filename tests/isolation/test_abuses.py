"""P6: what plugins do wrong costs no heartbeat, no lease, no move of another group; and is named."""

import os
import signal
from collections.abc import Callable

import pytest
from tests.daemon.looped import Report, held_by
from tests.isolation.abuser import WAYS

from .conftest import Abused, all_held

ALL_KINDS = """\
[groups.other]
addresses = ["192.0.2.101/24"]
interface = "lo"
provider = "mock"

[groups.abused]
addresses = ["192.0.2.102/24"]
interface = "lo"
provider = "mock"
phase_timeout = "2s"

[groups.abused.hooks.abuser]
folder = "{told}"

[[groups.abused.checks]]
plugin = "abuser"
folder = "{told}"
interval = "200ms"
timeout = "150ms"
rise = 1
fall = 1000

[[notifiers]]
plugin = "abuser"
folder = "{told}"

[[witnesses]]
plugin = "abuser"
folder = "{told}"

[fence]
plugin = "abuser"
folder = "{told}"
timeout = "500ms"
"""

TWO_PROVIDERS = """\
[groups.other]
addresses = ["192.0.2.101/24"]
interface = "lo"
provider = "mock"

[groups.strange]
addresses = ["192.0.2.102/24"]
interface = "lo"
provider = "abuser"
options = {{ folder = "{told}" }}
"""

LASTING = ("hang", "spin", "keep_the_interpreter", "flood")
"""In these a call goes on until its time is over: 30 s for a notice (see tests/workers/test_outbox)."""

PATIENT = ("hang", "spin", "flood")
"""In these a witness is ended after a minute only, so as not to disturb the voter (see `Denier`)."""

SAMPLE = ("hang", "end")
"""Played in each run of the tests, for the time that they take; ``make abuses`` plays all."""

PLAYED = WAYS if "IPFO_ALL_PLAYS" in os.environ else SAMPLE

Make = Callable[[str, str], Abused]


def peer_hears(report: Report) -> bool:
    return all(link["peer_hears"] for link in report["links"].values())


def gathered(pair: Abused, abused: str) -> int:
    """Both run, and alpha holds all groups; the epoch of web."""
    pair.start("alpha", "beta")
    pair.gather("web", "other", abused)
    pair.wait_for("beta", lambda r: held_by("alpha", abused)(r) and peer_hears(r))
    epoch = pair.status("beta")["groups"]["web"]["epoch"]
    assert isinstance(epoch, int)
    return epoch


@pytest.mark.parametrize("way", PLAYED)
def test_p6_plugins_of_all_kinds_that_misbehave_cost_nobody_else_anything(
    make_abused: Make, way: str
) -> None:
    """P6: heartbeats go on each 20 ms, or beta would take all groups after one second of silence."""
    pair = make_abused("", ALL_KINDS)
    before = gathered(pair, "abused")
    kinds = ("check", "phase") if way in LASTING else ("check", "phase", "notifier")
    pair.abuse(way, *kinds)

    # its own move is refused, in time; another group's is not
    named = pair.named("MemoryError" if way == "leak" else "worker: phases (runs abuser)")
    pair.wait_for("alpha", lambda report: not pair.moves("abused", "beta") and named(report))
    assert pair.moves("other", "beta")
    pair.wait_for("alpha", lambda r: r["workers"]["checks"]["restarts"] > 0)
    pair.wait_for("alpha", pair.named("worker: checks (runs abuser): "))
    if "notifier" in kinds:
        pair.wait_for("alpha", pair.named("notice not delivered: abuser: "))

    come_back = [pair.comes_back(kind) for kind in kinds if kind != "phase"]
    pair.heal(*kinds)
    for back in come_back:
        pair.wait_for("alpha", back)
    assert pair.moves("abused", "beta")
    after = pair.wait_for("beta", held_by("beta", "abused"))["groups"]["web"]
    assert (after["holder"], after["epoch"]) == ("alpha", before)
    assert nobody_was_late(pair)

    third_parties_misbehave(pair, way)


def nobody_was_late(pair: Abused, *but: str) -> bool:
    """Nobody was thought silent since the start, and no lease could not be renewed `but` these."""
    said = [str(line["rule"]) for node in ("alpha", "beta") for line in pair.lines(node)]
    said = [each for each in said if not any(f"lease of {group} " in each for group in but)]
    return not [each for each in said if "lease of" in each or "is silent" in each]


@pytest.mark.parametrize("way", PLAYED)
def test_p6_a_provider_that_misbehaves_costs_only_its_own_groups_anything(
    make_abused: Make, way: str
) -> None:
    """P6: leases of another provider's groups are renewed in time, and their moves go on."""
    pair = make_abused("", TWO_PROVIDERS)
    before = gathered(pair, "strange")
    pair.abuse(way, "provider")

    pair.wait_for("alpha", lambda r: r["workers"]["addresses:abuser"]["restarts"] > 2)
    assert pair.moves("other", "beta")
    pair.wait_for("alpha", pair.named("worker: addresses:abuser (runs abuser): "))
    pair.wait_for("alpha", lambda r: r["groups"]["strange"]["role"] != "holder")
    well = pair.comes_back("provider")
    pair.heal("provider")
    pair.wait_for("alpha", all_held)
    pair.moves("strange", "alpha")
    pair.wait_for("alpha", well)
    report = pair.wait_for("beta", held_by("beta", "other"))
    assert report["groups"]["web"]["holder"] == "alpha"
    assert report["groups"]["web"]["epoch"] == before
    assert nobody_was_late(pair, "strange")
    assert pair.status("alpha")["workers"]["addresses"]["restarts"] == 0


def third_parties_misbehave(pair: Abused, way: str) -> None:
    """P6, and design 7.4: beta dies; nobody answers for it, so nothing of it is taken until one does."""
    kinds = ("fence",) if way in PATIENT else ("witness", "fence")
    pair.abuse(way, *kinds)
    pair.end("beta", signal.SIGKILL)
    if "witness" in kinds:
        report = pair.wait_for("alpha", lambda r: (r["witnesses"] or {})["failed"] is not None)
        assert report["groups"]["abused"]["holder"] != "alpha"
        assert report["groups"]["web"]["holder"] == "alpha"
        pair.heal("witness")
    report = pair.wait_for("alpha", lambda r: (r["fence"] or {})["failed"] is not None)
    assert report["groups"]["abused"]["holder"] != "alpha"
    pair.wait_for("alpha", pair.named("worker: fence (runs abuser): "))
    pair.heal("fence")
    report = pair.wait_for("alpha", held_by("alpha", "abused"))
    assert report["groups"]["web"]["holder"] == "alpha"
    assert pair.well("witness")
    assert pair.well("fence")
