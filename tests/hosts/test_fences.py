"""Rule 5: with a fence the peer is *off* before anything is taken; one that fails stops the takeover.

The fence of these tests really cuts the other host's power: its processes are gone, its cables dead.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.hosts.faults import BOTH_WAYS, goes_to, stays_at
from tests.hosts.figures import Row
from tests.hosts.plays import LOOKS_MAX_NS, Play, Told, fast_pair
from tests.hosts.test_partitions import PAGE

from ipfo import clock
from ipfo.testing.lab import NETWORKS, Lab
from ipfo.testing.scene import PATIENCE_S, Scene

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(200)]

ALPHA, BETA = frozenset({"alpha"}), frozenset({"beta"})
OTHER = {"alpha": "beta", "beta": "alpha"}

POWER = """\
#!/bin/sh
# cuts the power of a host of the lab; the switch that it asks for that may be broken, or slow
test ! -e @FOLDER@/broken || { echo "the power switch does not answer"; exit 1; }
test ! -e @FOLDER@/slow || sleep 60
for network in @NETWORKS@; do ip -n @LAB@-switch link set "$1-$network" down; done
ip netns pids "@LAB@-$1" | xargs -r kill -9
for interface in @INTERFACES@; do ip -n "@LAB@-$1" addr flush dev "$interface"; done
echo "$1" >> @FOLDER@/shot
"""
COMMAND = """\
[fence]
plugin = "command"
command = ["@FOLDER@/power-off", "{peer}"]
timeout = "2s"
"""
AGENT = """\
[fence]
plugin = "fence-agents"
agent = "fence_dummy"
timeout = "20s"

[fence.parameters]
type = "file"
status_file = { alpha = "@FOLDER@/power-of-alpha", beta = "@FOLDER@/power-of-beta" }
"""


def lay_power(lab: Lab, folder: Path) -> None:
    """What `COMMAND` and `AGENT` name: each host has power, and a switch for it."""
    parts = {
        "FOLDER": str(folder),
        "LAB": lab.name,
        "NETWORKS": " ".join(NETWORKS),
        "INTERFACES": " ".join(network.interface for network in NETWORKS.values()),
    }
    text = POWER
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    script = folder / "power-off"
    script.write_text(text)
    script.chmod(0o755)
    for host in OTHER:
        (folder / f"power-of-{host}").write_text("on")


def shot(stage: Scene) -> list[str]:
    """Who has been shot so far, in order."""
    path = stage.pair.folder / "shot"
    return path.read_text().split() if path.exists() else []


def back(stage: Scene, host: str) -> None:
    """`host`, which was shot, has power again, and its daemon is started."""
    stage.pair.end_of(host)
    stage.lab.power_on(host)
    stage.pair.start(host)


def frozen(stage: Scene, _: Told) -> None:
    stage.pair.freeze("alpha")
    goes_to(stage, "beta")
    assert shot(stage) == ["alpha"]
    back(stage, "alpha")


def split(stage: Scene, told: Told, *, survivor: str) -> None:
    """The hosts lose each other; one of them is off before the other takes the address."""
    for source, target in BOTH_WAYS:
        stage.lab.cut(source, target)
    stage.pair.wait_for(survivor, lambda _: bool(shot(stage)), PATIENCE_S)
    goes_to(stage, survivor)
    stage.pair.end_of(OTHER[survivor])
    stays_at(stage, survivor)
    assert shot(stage) == [OTHER[survivor]]
    told.meanwhile = frozenset({survivor})
    stage.lab.heal()
    told.healed_at = clock.now()
    back(stage, OTHER[survivor])


def fails(stage: Scene, told: Told, *, how: str, says: str) -> None:
    """Nothing is taken while the fence does not do its work, and people are told; then it does."""
    fault = stage.pair.folder / how
    fault.touch()
    stage.lab.power_off("alpha")
    stage.pair.end_of("alpha")
    headline = stage.told("beta", "failure", "fenced")
    assert "alpha" in headline, headline
    assert says in stage.pair.log("beta"), stage.pair.log("beta")
    stays_at(stage)
    told.meanwhile = frozenset()
    fault.unlink()
    goes_to(stage, "beta")
    assert shot(stage) == ["alpha"]
    back(stage, "alpha")


def by_agent(stage: Scene, _: Told) -> None:
    stage.lab.power_off("alpha")
    stage.pair.end_of("alpha")
    goes_to(stage, "beta")
    powers = {host: (stage.pair.folder / f"power-of-{host}").read_text() for host in OTHER}
    assert powers == {"alpha": "off", "beta": "on"}
    back(stage, "alpha")


PLAYS = [
    Play("frozen, with a fence", frozen, BETA, fast_pair(more=COMMAND), prepare=lay_power),
    *(
        Play(
            f"partition, {policy}: a fence alone",
            partial(split, survivor=survivor),
            frozenset({survivor}),
            fast_pair(policy=policy, more=COMMAND),
            prepare=lay_power,
        )
        for policy, survivor in (("available", "beta"), ("consistent", "alpha"))
    ),
    *(
        Play(
            f"powered off, with a fence that {what}",
            partial(fails, how=how, says=says),
            BETA,
            fast_pair(more=COMMAND),
            prepare=lay_power,
        )
        for what, how, says in (
            ("fails", "broken", "the power switch does not answer"),
            ("is late", "slow", "power-off"),
        )
    ),
    Play("powered off, with fence_dummy", by_agent, BETA, fast_pair(more=AGENT), prepare=lay_power),
]


@pytest.mark.parametrize("play", PLAYS, ids=str)
def test_with_a_fence_the_peer_is_off_before_anything_is_taken(
    play: Play, played: Callable[[Play], Row]
) -> None:
    if "partition" in play.fault:
        assert f"\n| {play.fault.partition(': ')[2]} |" in PAGE.read_text()
    row = played(play)
    assert row.twice_ns == 0
    assert row.end <= play.ends
    assert row.pause_ns < LOOKS_MAX_NS
