"""Keys and configs that change under traffic, and what was recorded before: promises P8 and P9."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.hosts.captured import stranger

from ipfo.cli.client import Client
from ipfo.testing.lab import HOSTS, Lab
from ipfo.testing.scene import PATIENCE_S, Scene, pair_file, scene

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(120)]

RATE = 500
OF_KEYS = ("key", "seal")
"""For what a datagram is turned away that was sealed with a key which the other does not accept."""

TEXT = pair_file(interval="100ms", takeover_after="2s")


@pytest.fixture(scope="module")
def running(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A pair at work, and a client that asks."""
    with scene(lab, tmp_path_factory.mktemp("rotation"), TEXT, rate=RATE) as made:
        made.begin()
        yield made


@pytest.fixture
def stage(running: Scene) -> Scene:
    """The same: alpha holds, both hear each other; the client counts anew."""
    running.whole(holder="alpha")
    running.report()
    return running


def turns(stage: Scene) -> list[int]:
    """How many turns of role each node has told."""
    return [(stage.pair.folder / f"{node}.log").read_text().count(" -> ") for node in HOSTS]


def state(stage: Scene) -> Any:
    """What only a move changes, on both nodes."""
    reports = [stage.status(node) for node in HOSTS]
    groups = [report["groups"]["web"] for report in reports]
    addresses = [stage.lab.addresses_of(node) for node in HOSTS]
    return [(group["epoch"], group["holder"], group["role"]) for group in groups], addresses


def reload(stage: Scene, node: str) -> None:
    """`node` goes over to the file as it is now, and says that it did."""
    client = Client(stage.pair.state_dir(node))
    (answer,) = client.order({"do": "reload"}, PATIENCE_S)
    client.close()
    assert answer["settled"]["done"], answer


def edit(stage: Scene, was: str, now: str) -> None:
    text = stage.pair.config.read_text()
    assert was in text
    stage.pair.config.write_text(text.replace(was, now))


def missed(stage: Scene, *reasons: str) -> dict[str, Any]:
    """What either node did not hear of the other's last heartbeats, or turned away for `reasons`."""
    found: dict[str, Any] = {}
    for node in HOSTS:
        for name, link in stage.status(node)["links"].items():
            counted = {why: n for why, n in link["rejected"].items() if why in reasons}
            if link["loss"] or counted or link["unsent"]:
                found[f"{node} {name}"] = (link["loss"], counted, link["unsent"])
    return found


def write_key(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(secrets.token_bytes(32))


SWEEPS = (
    ('key_file = "pair.key"', 'key_file = "pair.key"\naccept_keys = ["new.key"]'),
    ('"pair.key"\naccept_keys = ["new.key"]', '"new.key"\naccept_keys = ["pair.key"]'),
    ('\naccept_keys = ["pair.key"]', ""),
)


def test_a_key_is_changed_under_traffic_and_no_heartbeat_is_missed(stage: Scene) -> None:
    """No datagram of the client is lost either, and no epoch is spent; nor by a bad file."""
    before, told = state(stage), turns(stage)
    write_key(stage.pair.folder / "new.key")
    with stranger(stage.lab) as somebody:
        old = somebody.record(2)
        for was, now in SWEEPS:
            edit(stage, was, now)
            for node in HOSTS:
                reload(stage, node)
            somebody.record(8)  # so that each has sent and heard by these keys
            assert missed(stage, *OF_KEYS) == {}
        edit(stage, 'takeover_after = "2s"', 'takeover_after = "2"')
        stage.pair.ask("alpha", "reload", check=False)
        stage.pair.wait_for_line("alpha", "(reload refused: .*pair.takeover_after)", PATIENCE_S)
        edit(stage, 'takeover_after = "2"', 'takeover_after = "2s"')
        assert missed(stage, *OF_KEYS) == {}
        assert (state(stage), turns(stage)) == (before, told)
        assert stage.report()["lost"] == 0
        somebody.replay(old)  # sealed with a key that was taken away
        for node in HOSTS:
            links = stage.pair.wait_for(node, lambda status: rejected(status, "key"), PATIENCE_S)
            assert links["keys"]["sends"] == links["keys"]["peer_sends"]
            assert len(links["keys"]["accepts"]) == 1


def rejected(status: dict[str, Any], why: str) -> bool:
    """Whether datagrams were turned away on every link for `why`."""
    return all(link["rejected"].get(why, 0) > 0 for link in status["links"].values())


def moved_there_and_back(stage: Scene) -> None:
    """Every role, epoch and sign that moves anything is said once."""
    for holder in ("beta", "alpha"):
        stage.pair.ask("alpha", "handover", "web", "--to", holder)
        stage.whole(holder=holder)


def test_what_was_recorded_yesterday_changes_nothing_before_and_after_a_restart(
    stage: Scene,
) -> None:
    """P8: replayed from the same addresses, to either node, a heartbeat is counted, and no more."""
    with stranger(stage.lab) as somebody:
        with somebody.recording() as old:
            moved_there_and_back(stage)
        assert all(old.values())
        stage.report()
        before, told = state(stage), turns(stage)
        with somebody.replaying(old):
            for node in HOSTS:
                stage.pair.wait_for(node, lambda status: rejected(status, "replayed"), PATIENCE_S)
            assert missed(stage) == {}
            assert (state(stage), turns(stage)) == (before, told)
            for node in HOSTS:
                stage.pair.ask(node, "restart")
                stage.whole(holder="alpha")
                somebody.record(10)
                stage.whole(holder="alpha")
            assert missed(stage) == {}
        assert state(stage) == before
        assert stage.report()["lost"] == 0
        assert turns(stage) == [told[0] + 1, told[1]]  # alpha's new run adopted web, and says so
