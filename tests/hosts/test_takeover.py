"""The promise to clients, in the times of the original: 1 s between heartbeats, 3 s of silence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ipfo.testing.lab import PUBLIC, Lab
from ipfo.testing.scene import PATIENCE_S, SERVICE, SERVICE_6, WEB, pair_file, scene

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(120)]

BOTH_FAMILIES = f"""\
[groups.web]
addresses = ["{SERVICE}/24", "{SERVICE_6}/64"]
interface = "{PUBLIC.interface}"
provider = "ip"
"""

TAKEOVER_MS = 3_100
"""What the issue promises, counted from the last heartbeat that the standby heard."""

PLANNED_MAX = 50
"""What a handover or a SIGTERM may lose, in datagrams of 1 ms, as the issue promises."""

SLOW_MACHINE_MS = 900
"""How much later than promised a machine that does other things may be."""


def test_a_power_cut_of_the_holder_moves_both_addresses(
    lab: Lab, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    """P3: a healthy node holds the group within `takeover_after` + the acquire time."""
    text = pair_file(groups=BOTH_FAMILIES)
    with scene(lab, tmp_path, text, SERVICE, SERVICE_6) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        stage.client.report()
        lab.power_off("alpha")
        for address in stage.addresses:
            stage.answered_by("beta", address)
        reports = stage.client.report()
        assert stage.watch.overlaps == {}

    for address, report in reports.items():
        hosts = [stay["host"] for stay in report["hosts"]]
        assert hosts == ["alpha", "beta"], address
        (gap,) = [gap for gap in report["gaps"] if gap["lost"] > 5]
        measured(f"power cut, 1 s / 3 s: {address} was out for {gap['gap_ms']:.0f} ms")
        # the last heartbeat was heard before the cut, so the client's gap is shorter still
        assert gap["gap_ms"] < TAKEOVER_MS + SLOW_MACHINE_MS


def test_one_cable_of_two_moves_nothing_and_is_told(lab: Lab, tmp_path: Path) -> None:
    """Silence on some links is an anomaly: people are told, nothing moves."""
    with scene(lab, tmp_path, pair_file()) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        stage.client.report()
        epoch = stage.status("beta")["groups"]["web"]["epoch"]

        lab.pull("alpha", "private")
        for node in ("alpha", "beta"):
            stage.pair.wait_for(
                node, lambda status: status["links"]["private"]["state"] == "silent", PATIENCE_S
            )
            stage.told(node, "anomaly", "private")
        lab.plug("alpha", "private")
        stage.whole(holder="alpha")
        for node in ("alpha", "beta"):
            stage.told(node, "recovered", "private")

        report = stage.report()
        assert [stay["host"] for stay in report["hosts"]] == ["alpha"]
        assert report["lost"] == 0, report["gaps"]
        assert stage.status("beta")["groups"]["web"]["epoch"] == epoch
        assert stage.watch.overlaps == {}


def test_sigterm_hands_over_and_so_do_the_commands(
    lab: Lab, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    with scene(lab, tmp_path, pair_file()) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        stage.client.report()

        stage.pair.ask("alpha", "handover", "web")
        stage.answered_by("beta")
        lost = [stage.moved("alpha", "beta")]

        stage.pair.ask("alpha", "failback", "web")  # asked of the standby, this time
        stage.answered_by("alpha")
        lost.append(stage.moved("beta", "alpha"))

        assert stage.pair.stop("alpha") == 0
        stage.answered_by("beta")
        lost.append(stage.moved("alpha", "beta"))
        assert stage.watch.overlaps == {}

        stage.pair.start("alpha")  # back again, it leaves the address where it is
        stage.whole(holder="beta")
        assert stage.report()["lost"] == 0
    assert max(lost) < 4 * PLANNED_MAX, lost  # with room for a machine that is busy
    measured(f"handover, failback, SIGTERM lost {lost} datagrams, one a millisecond")


def test_a_node_in_standby_gives_its_groups_away_and_gets_none(lab: Lab, tmp_path: Path) -> None:
    with scene(lab, tmp_path, pair_file()) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        stage.pair.ask("alpha", "standby")
        stage.answered_by("beta")
        refused = lab.run("beta", stage.pair.words("beta", "handover", "web"), check=False)
        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1, refused.stderr
        stage.pair.ask("alpha", "resume")
        stage.pair.ask("beta", "failback", "web")
        stage.answered_by("alpha")
        assert stage.watch.overlaps == {}


def test_booting_in_the_wrong_order_steals_nothing(lab: Lab, tmp_path: Path) -> None:
    """Rule 7: having never heard its peer, a node that is not preferred waits for it."""
    with scene(lab, tmp_path, pair_file(interval="200ms", takeover_after="1500ms")) as stage:
        stage.pair.start("beta")
        stage.pair.wait_for("beta", lambda status: status["peer"]["alive"] is False, PATIENCE_S)
        lab.run("beta", ["sleep", "3"])  # twice as long as it needs to find itself alone
        assert lab.addresses_of("beta").isdisjoint({SERVICE})
        stage.begin("alpha", "alpha")
        stage.whole(holder="alpha")
        assert [set(holders) for _, holders in stage.watch.seen[SERVICE].turns] == [
            set(),
            {"alpha"},
        ]


def test_an_address_that_still_answers_on_the_wire_is_not_taken(lab: Lab, tmp_path: Path) -> None:
    """P1: while the old address still answers on the wire, no two nodes hold the group."""
    with scene(lab, tmp_path, pair_file(interval="200ms", takeover_after="1500ms")) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        stage.client.report()
        for source, target in (("alpha", "beta"), ("beta", "alpha")):
            lab.cut(source, target, only="udp dport 1694")
        stage.pair.wait_for("beta", lambda status: status["groups"]["web"]["contested"], PATIENCE_S)
        stage.told("beta", "contested", "web")
        lab.heal()
        stage.whole(holder="alpha")
        assert stage.report()["lost"] == 0
        assert stage.watch.overlaps == {}


def test_a_split_heals_itself(lab: Lab, tmp_path: Path) -> None:
    """P2: the lower epoch lets go, the winner announces again, both tell people, once."""
    with scene(lab, tmp_path, pair_file(interval="200ms", takeover_after="1500ms")) as stage:
        stage.begin()
        stage.whole(holder="alpha")
        for source, target in (("alpha", "beta"), ("beta", "alpha")):
            lab.cut(source, target)
        stage.watch.wait_for(SERVICE, {"alpha", "beta"}, PATIENCE_S)
        lab.heal()
        stage.watch.wait_for(SERVICE, {"beta"}, PATIENCE_S)
        stage.whole(holder="beta")
        stage.answered_by("beta")
        for node in ("alpha", "beta"):
            stage.told(node, "split", "web")


CROSSED = (
    WEB
    + f"""
preferred = "alpha"

[groups.mail]
addresses = ["{PUBLIC.numbered("101")}/24"]
interface = "{PUBLIC.interface}"
provider = "ip"
preferred = "beta"
"""
)


def test_two_groups_with_crossed_preferences_stand_in_for_each_other(
    lab: Lab, tmp_path: Path
) -> None:
    web, mail = SERVICE, PUBLIC.numbered("101")
    text = pair_file(interval="200ms", takeover_after="1500ms", groups=CROSSED)
    with scene(lab, tmp_path, text, web, mail) as stage:
        stage.pair.start("alpha", "beta")
        stage.answered_by("alpha", web)
        stage.answered_by("beta", mail)
        stage.pair.wait_for("alpha", lambda status: status["peer"]["alive"], PATIENCE_S)
        stage.client.report()
        lab.power_off("beta")
        stage.answered_by("alpha", mail)
        reports = stage.client.report()
        assert reports[web]["lost"] == 0  # what did not move was not touched
        lab.power_on("beta")
        stage.pair.start("beta")
        stage.whole(holder="alpha")
        stage.pair.ask("beta", "failback", "mail")
        stage.answered_by("beta", mail)
        assert stage.client.report()[web]["lost"] == 0
        assert stage.watch.overlaps == {}
