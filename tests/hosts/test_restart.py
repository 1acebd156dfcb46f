"""A daemon that is started again within its lease is noticed by nobody: rule 7.6, promise P9.

Killed, with a supervisor that starts it again at once, or replaced in order by ``ipfo restart``:
the client at 1,000 datagrams a second loses none, and no epoch is spent.
"""

import signal
from collections.abc import Callable

import pytest
from tests.hosts.figures import Row
from tests.hosts.plays import LOOKS_MAX_NS, Play, Told

from ipfo.cli.client import Client
from ipfo.testing import processes
from ipfo.testing.lab import PUBLIC
from ipfo.testing.scene import PATIENCE_S, SERVICE, SERVICE_6, Scene, pair_file
from ipfo.workers import ledger

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(120)]

AT_ONCE = 2
"""Plays side by side: a client at this rate takes a core's fifth."""

ROUNDS = 2
SILENCE_S = 8
"""A lease of 7 s, of which 6 are left at the least: a busy machine starts a daemon in that."""


def file_of(provider: str) -> str:
    return pair_file(
        takeover_after=f"{SILENCE_S}s",
        groups=f"""\
[groups.web]
addresses = ["{SERVICE}/24", "{SERVICE_6}/64"]
interface = "{PUBLIC.interface}"
provider = "{provider}"
""",
    )


def killed(stage: Scene, _: Told) -> None:
    for _time in range(ROUNDS):
        stage.pair.revive("alpha")
        stage.whole(holder="alpha")
    stage.rest(SILENCE_S)  # a peer that was going to take it would have done so


def restarted(stage: Scene, _: Told) -> None:
    before = stage.pair.daemons["alpha"].pid
    for _time in range(ROUNDS):
        stage.pair.ask("alpha", "restart")
        stage.whole(holder="alpha")
    assert stage.pair.processes("alpha")[0] == before
    stage.rest(SILENCE_S)


def stopped(stage: Scene, _: Told) -> None:
    """SIGTERM comes when the old run has gone, and the new one does not listen yet."""
    daemon = stage.pair.daemons.pop("alpha")
    client = Client(stage.pair.state_dir("alpha"))
    assert list(client.order({"do": "restart"}, PATIENCE_S))[-1] == {"restarting": True}
    daemon.send_signal(signal.SIGTERM)
    client.close()
    assert processes.wait(daemon, PATIENCE_S)
    assert not ledger.read(stage.pair.state_dir("alpha")).groups["web"].held
    stage.answered_by("beta")
    stage.pair.start("alpha")
    stage.whole(holder="beta")


PLAYS = [
    Play(f"{fault}, {provider}", act, text=file_of(provider), rate=1000)
    for fault, act in (
        ("engine killed, started at once", killed),
        ("ipfo restart", restarted),
    )
    for provider in ("ip", "netlink")
]
STOPPED = Play("ipfo restart, SIGTERM", stopped, text=file_of("ip"))


@pytest.mark.parametrize("play", PLAYS, ids=str)
def test_a_daemon_that_is_started_again_loses_no_packet_and_spends_no_epoch(
    play: Play, played: Callable[[Play], Row]
) -> None:
    row = played(play)
    assert row.lost == 0
    assert row.epochs == 0
    assert row.twice_ns == 0
    assert row.end == {"alpha"}
    assert row.pause_ns < LOOKS_MAX_NS


@pytest.mark.parametrize("play", [STOPPED], ids=str)
def test_a_restart_in_which_the_daemon_is_stopped_leaves_no_address_behind(
    play: Play, played: Callable[[Play], Row]
) -> None:
    """Design 7.10: it hands over, whenever it is told to; no peer has to wait for a lease."""
    row = played(play)
    assert row.end == {"beta"}
    assert row.twice_ns == 0
    assert row.epochs == 1
