"""Somebody else has his hands on the address: it is put back, yielded, or left alone, loudly."""

from collections.abc import Callable
from functools import partial

import pytest
from tests.hosts.faults import goes_to, stays_at
from tests.hosts.figures import Row
from tests.hosts.plays import LOOKS_MAX_NS, Play, Told

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing.lab import HOSTS, PUBLIC
from ipfo.testing.scene import PATIENCE_S, SERVICE, SERVICE_6, Scene

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(120)]

SOMEBODY = "somebody"
ALPHA, BETA = frozenset({"alpha"}), frozenset({"beta"})


def take_off(stage: Scene, host: str, address: str) -> None:
    """What an administrator does by mistake."""
    prefix = PUBLIC.prefix(6 if ":" in address else 4)
    line = ["ip", "addr", "del", f"{address}/{prefix}", "dev", PUBLIC.interface]
    # it may be gone already: the other address of the group was missed, and all were given up
    stage.lab.run(host, line, check=False)


def removed_once(stage: Scene, _: Told, *, address: str) -> None:
    take_off(stage, "alpha", address)
    stage.told("alpha", "anomaly", "web")
    goes_to(stage, "alpha")
    stays_at(stage, "alpha")


def removed_for_ever(stage: Scene, _: Told) -> None:
    """Until it is at the peer; nobody has the patience of a cron job."""
    deadline = clock.now() + int(PATIENCE_S * SECOND)
    while stage.watch.seen[SERVICE].holders != BETA:
        assert clock.now() < deadline, "it stays where it is taken off all the time"
        take_off(stage, "alpha", SERVICE)
        stage.rest(0.1)
    goes_to(stage, "beta")
    stage.told("alpha", "release", "web")
    stays_at(stage, "beta")


def card_of(stage: Scene, host: str) -> str:
    """The hardware address by which `host` answers on the public network."""
    path = f"/sys/class/net/{PUBLIC.interface}/address"
    return stage.lab.run(host, ["cat", path]).stdout.strip()


def answered_by_somebody(stage: Scene, told: Told, *, off: bool) -> None:
    """A third host answers for the address of a holder that is gone: the host, or only the daemon."""
    with stage.lab.guest(SOMEBODY, "100"):
        if off:
            stage.lab.power_off("alpha")
            stage.pair.end_of("alpha")
        else:
            stage.pair.kill("alpha")
        goes_to(stage)
        stays_at(stage)
        told.meanwhile = frozenset()
        headline = stage.told("beta", "contested", "web")
        answers = stage.status("beta")["groups"]["web"]["answered_by"]
        card = card_of(stage, SOMEBODY)
    assert card in headline, headline
    assert {answer["card"] for answer in answers} == {card}, answers
    assert "a third host" in headline, headline
    goes_to(stage, "beta")
    if off:
        stage.lab.power_on("alpha")
    stage.pair.start("alpha")


def answered_at_boot(stage: Scene, told: Told) -> None:
    """It answers already when the pair is started."""
    told.served = False
    with stage.lab.guest(SOMEBODY, "100"):
        stage.pair.start(*HOSTS)
        stage.told("alpha", "contested", "web")
        stays_at(stage)
        told.meanwhile = frozenset()


PLAYS = [
    *(
        Play(f"address taken off by hand, IPv{version}", partial(removed_once, address=address))
        for version, address in ((4, SERVICE), (6, SERVICE_6))
    ),
    Play("address taken off by hand again and again", removed_for_ever, BETA),
    Play("a third host answers, holder killed", partial(answered_by_somebody, off=False), BETA),
    Play("a third host answers, holder off", partial(answered_by_somebody, off=True), BETA),
    Play("a third host answers, pair booted", answered_at_boot, ALPHA | BETA, starts=True),
]


@pytest.mark.parametrize("play", PLAYS, ids=str)
def test_what_others_do_to_the_address_makes_no_second_holder_and_is_told(
    play: Play, played: Callable[[Play], Row]
) -> None:
    row = played(play)
    assert row.twice_ns == 0
    assert row.end <= play.ends
    assert row.pause_ns < LOOKS_MAX_NS
