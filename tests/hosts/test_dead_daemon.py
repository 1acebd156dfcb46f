"""P1 where only the daemon is gone: the kernel drops the address by itself, and then it moves.

The host lives on, its wire works, and nobody is left on it to give the address up. A look every
20 ms must never see two holders: not when the daemon is killed, frozen, or thawed again. The fast
pair with `ip` is in test_one_holder.py.
"""

from pathlib import Path

import pytest
from tests.hosts.plays import RATE

from ipfo.model import SECOND
from ipfo.testing.lab import PUBLIC, Lab
from ipfo.testing.scene import PATIENCE_S, SERVICE, SERVICE_6, Scene, pair_file, scene

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(120)]

LOOKS_MAX_NS = SECOND
"""The shortest lease: an address that is put back by mistake stays for one, and a watch that was
never kept away for longer than that has seen it."""

KINDS = pytest.mark.parametrize(
    ("provider", "fast"),
    [("ip", False), ("netlink", True)],
    ids=["ip 1s-3s", "netlink 200ms-1500ms"],
)
WHOM = pytest.mark.parametrize("engine_only", [True, False], ids=["engine", "everything"])


def file_of(provider: str, *, fast: bool) -> str:
    groups = f"""\
[groups.web]
addresses = ["{SERVICE}/24", "{SERVICE_6}/64"]
interface = "{PUBLIC.interface}"
provider = "{provider}"
"""
    if fast:
        return pair_file(interval="200ms", takeover_after="1500ms", groups=groups)
    return pair_file(groups=groups)


def moved_alone(stage: Scene) -> None:
    """Both addresses went from alpha to nobody to beta, and were never at two hosts."""
    for address in stage.addresses:
        stage.watch.wait_for(address, {"beta"}, PATIENCE_S)
        stage.answered_by("beta", address)
    assert stage.watch.overlaps == {}
    assert stage.watch.longest_pause_ns < LOOKS_MAX_NS
    for address in stage.addresses:
        assert [set(holders) for _, holders in stage.watch.seen[address].turns[-3:]] == [
            {"alpha"},
            set(),
            {"beta"},
        ]


@WHOM
@KINDS
def test_a_killed_holder_loses_the_address_before_the_standby_takes_it(
    lab: Lab, tmp_path: Path, provider: str, engine_only: bool, fast: bool
) -> None:
    text = file_of(provider, fast=fast)
    with scene(lab, tmp_path, text, SERVICE, SERVICE_6, rate=RATE) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        stage.pair.kill("alpha", engine_only=engine_only)
        moved_alone(stage)
        stage.pair.start("alpha")
        stage.whole(holder="beta")
        assert stage.watch.overlaps == {}


@WHOM
@KINDS
def test_a_frozen_holder_loses_the_address_and_does_not_take_it_back(
    lab: Lab, tmp_path: Path, provider: str, engine_only: bool, fast: bool
) -> None:
    """A renewal must never put back an address that has gone: a thawed daemon would."""
    text = file_of(provider, fast=fast)
    with scene(lab, tmp_path, text, SERVICE, SERVICE_6, rate=RATE) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        frozen = stage.pair.freeze("alpha", engine_only=engine_only)
        moved_alone(stage)
        stage.pair.thaw(frozen)
        stage.whole(holder="beta")
        assert stage.watch.overlaps == {}
        assert stage.watch.seen[SERVICE].holders == {"beta"}


def test_a_freeze_that_ends_before_the_silence_is_full_moves_nothing(
    lab: Lab, tmp_path: Path
) -> None:
    with scene(lab, tmp_path, file_of("ip", fast=False), SERVICE, SERVICE_6) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        stage.client.report()
        frozen = stage.pair.freeze("alpha")
        lab.run("alpha", ["sleep", "0.8"])
        stage.pair.thaw(frozen)
        stage.whole(holder="alpha")
        reports = stage.client.report()
        assert [report["lost"] for report in reports.values()] == [0, 0]
        assert stage.watch.overlaps == {}
