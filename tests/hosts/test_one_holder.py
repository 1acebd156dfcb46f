"""P1 and P3 for every fault that a host, a daemon or a wire can have: one holder, and some holder.

Both families are looked at every 20 ms. What was measured is one table at the end of the run.
"""

from collections.abc import Callable
from functools import partial

import pytest
from tests.hosts import faults
from tests.hosts.faults import BOTH_WAYS, HEARTBEATS
from tests.hosts.figures import Row
from tests.hosts.plays import BOTH_FAMILIES, LOOKS_MAX_NS, Play, fast_pair, lay_scripts

from ipfo.testing.lab import PUBLIC
from ipfo.testing.scene import SERVICE, SERVICE_6

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(300)]

ALPHA, BETA = frozenset({"alpha"}), frozenset({"beta"})
EITHER = ALPHA | BETA
TO_BETA, FROM_BETA = (("alpha", "beta"),), (("beta", "alpha"),)

WITH_SCRIPTS = BOTH_FAMILIES + 'scripts = "@FOLDER@/scripts"\nphase_timeout = "2s"\n'
CROSSED = f"""\
[groups.web]
addresses = ["{SERVICE}/24"]
interface = "{PUBLIC.interface}"
provider = "ip"
preferred = "alpha"

[groups.mail]
addresses = ["{SERVICE_6}/64"]
interface = "{PUBLIC.interface}"
provider = "netlink"
preferred = "beta"
"""

DAEMONS = [
    Play("engine killed", partial(faults.killed, engine_only=True), BETA),
    Play("all processes killed", partial(faults.killed, engine_only=False), BETA),
    Play("engine frozen, then thawed", partial(faults.frozen, engine_only=True), BETA),
    Play("all processes frozen, then thawed", partial(faults.frozen, engine_only=False), BETA),
    Play("all processes frozen for half a second", faults.frozen_shortly),
    Play("worker addresses starved", partial(faults.starved, worker="addresses"), EITHER),
    Play("worker notices starved", partial(faults.starved, worker="notices")),
    Play(
        "worker phases starved, handover asked",
        faults.starved_handover,
        EITHER,
        fast_pair(groups=WITH_SCRIPTS),
        prepare=lay_scripts,
    ),
    *(
        Play(
            f"standby's worker {worker} starved, holder powered off",
            partial(faults.starved_standby, worker=worker),
            BETA,
            fast_pair(groups=WITH_SCRIPTS),
            prepare=lay_scripts,
        )
        for worker in ("addresses", "notices", "phases")
    ),
]
WIRES = [
    Play("private cable pulled", partial(faults.unplugged, networks=["private"], to="alpha")),
    Play("public cable pulled", partial(faults.unplugged, networks=["public"], to="beta"), BETA),
    Play("both cables pulled", partial(faults.unplugged, networks=[], to="beta"), BETA),
    Play("carrier flaps", faults.flapping, EITHER),
    *(
        Play(
            f"{network} link cut", partial(faults.cut, ways=BOTH_WAYS, network=network, to="alpha")
        )
        for network in ("public", "private")
    ),
    Play(
        "heartbeats to the standby filtered",
        partial(faults.cut, ways=TO_BETA, only=HEARTBEATS, to="alpha"),
    ),
    Play(
        "heartbeats to the holder filtered",
        partial(faults.cut, ways=FROM_BETA, only=HEARTBEATS, to="alpha"),
    ),
    Play("all to the standby lost", partial(faults.cut, ways=TO_BETA, to="beta"), BETA),
    Play("all to the holder lost", partial(faults.cut, ways=FROM_BETA, to="alpha"), EITHER),
    Play(
        "heartbeats filtered on both hosts",
        partial(faults.cut, ways=BOTH_WAYS, only=HEARTBEATS, to="alpha"),
    ),
]
BEGINNINGS = [
    Play("boot: alpha, then beta", partial(faults.booted, order=["alpha", "beta"]), starts=True),
    Play("boot: beta, then alpha", partial(faults.booted, order=["beta", "alpha"]), starts=True),
    Play("boot: both at once", faults.booted_at_once, starts=True),
    Play("holder's daemon stopped and started", faults.stopped_and_started, BETA),
    Play("holder's engine killed, started at once", partial(faults.revived, node="alpha"), EITHER),
    Play("standby's engine killed, started at once", partial(faults.revived, node="beta")),
    Play("holder's host powered off and on", partial(faults.powered_off, host="alpha"), BETA),
    Play("standby's host powered off and on", partial(faults.powered_off, host="beta")),
    Play(
        "crossed groups: alpha killed",
        faults.crossed_killed,
        BETA,
        fast_pair(groups=CROSSED),
        starts=True,
    ),
]


@pytest.mark.parametrize("play", DAEMONS + WIRES + BEGINNINGS, ids=str)
def test_p1_one_holder_at_most_and_p3_some_holder_in_the_end(
    play: Play, played: Callable[[Play], Row]
) -> None:
    row = played(play)
    assert row.twice_ns == 0
    assert row.end <= play.ends
    assert row.end
    assert row.pause_ns < LOOKS_MAX_NS
