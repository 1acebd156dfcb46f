"""The two files differ in what a group is: each node is named, and no address is moved by it."""

from collections.abc import Callable

import pytest
from tests.hosts.faults import goes_to, stays_at
from tests.hosts.figures import Row
from tests.hosts.plays import LOOKS_MAX_NS, Play, Told, fast_pair

from ipfo.testing.lab import PUBLIC
from ipfo.testing.scene import SERVICE, Scene

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(120)]

OTHER = PUBLIC.numbered("101")

GROUPS = f"""\
[groups.web]
addresses = ["{SERVICE}/24"]
interface = "{PUBLIC.interface}"
provider = "ip"
@TOGETHER@
[groups.db]
addresses = ["{OTHER}/24"]
interface = "{PUBLIC.interface}"
provider = "ip"
"""


def kept_together_node_by_node(stage: Scene, _: Told) -> None:
    """A rolling change, standby first: until both have it, what one node means nobody else does."""
    path = stage.pair.folder / "pair.toml"
    path.write_text(path.read_text().replace("#together", 'with = ["db"]'))
    stage.pair.ask("beta", "restart")
    stage.told("alpha", "drift", "configurations")
    line = stage.pair.words("alpha", "handover", "web", "--to", "beta")
    refused = stage.lab.run("alpha", line, check=False)
    assert refused.returncode == 1
    assert "beta does not know web as it is here" in refused.stderr
    stays_at(stage, "alpha")
    stage.pair.ask("alpha", "restart")
    stage.whole(holder="alpha")
    stage.pair.ask("alpha", "handover", "web", "--to", "beta")
    goes_to(stage, "beta")


PLAYS = [
    Play(
        "groups kept together, node by node",
        kept_together_node_by_node,
        frozenset({"beta"}),
        fast_pair(groups=GROUPS.replace("@TOGETHER@", "#together")),
        (SERVICE, OTHER),
    )
]


@pytest.mark.parametrize("play", PLAYS, ids=str)
def test_p1_while_the_files_differ_no_address_is_on_both_nodes(
    play: Play, played: Callable[[Play], Row]
) -> None:
    row = played(play)
    assert row.twice_ns == 0
    assert row.end == play.ends
    assert row.pause_ns < LOOKS_MAX_NS
