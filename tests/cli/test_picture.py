"""The picture says in words whatever is wrong, and stays within its columns."""

from copy import deepcopy
from typing import Any

import click
import pytest

from ipfo.cli.picture import WIDTH, picture

REPORT: dict[str, Any] = {
    "node": "alpha",
    "pair": "www",
    "version": "0.1.0",
    "at": "2026-01-02T03:04:05.000Z",
    "standby": False,
    "maintenance": False,
    "restarting": False,
    "witnesses": None,
    "voter": None,
    "fence": None,
    "groups": {
        "web": {
            "role": "holder",
            "holder": "alpha",
            "epoch": 7,
            "held_since": "2026-01-01T03:04:05.000Z",
            "addresses": ["192.0.2.100/24", "2001:db8::100/64"],
            "health": "able",
            "health_why": None,
            "holder_known": True,
            "not_taken": None,
            "frozen_until": None,
            "ill": None,
            "phase": None,
            "split": False,
            "contested": False,
            "answered_by": [],
            "voted_until": None,
            "failures": [],
            "peer": {"role": "standby", "epoch": 7, "health": "able", "heard_ms_ago": 40.0},
        }
    },
    "links": {
        "public": {
            "state": "up",
            "peer_hears": True,
            "loss": 0.0,
            "rtt_ms": 0.3,
            "remote": "192.0.2.170",
            "unsent": 0,
            "rejected": {},
        }
    },
    "peer": {
        "name": "beta",
        "alive": True,
        "heard_ms_ago": 40.0,
        "same_config": True,
        "maintenance": False,
        "restarting": False,
    },
    "carrier": {"en0": True},
    "workers": {"addresses": {"running": True, "restarts": 0, "fault": None}},
    "keys": {"sends": "0a44d1e7", "accepts": ["0a44d1e7"], "peer_sends": "0a44d1e7"},
    "reload": None,
    "outbox": {"queued": 0, "dropped": 0},
    "warnings": [],
}


def shown(**changes: Any) -> str:
    """The picture, without colour, of a report in which `a__b` is changed."""
    report = deepcopy(REPORT)
    for path, value in changes.items():
        *above, last = path.split("__")
        place = report
        for step in above:
            place = place[step]
        place[last] = value
    lines = [click.unstyle(line) for line in picture(report)]
    assert all(len(line) <= WIDTH for line in lines), "\n".join(lines)
    return "\n".join(lines)


def test_a_pair_that_is_well() -> None:
    text = shown()
    assert "Nothing is wrong." in text
    assert "web: held by alpha since 2026-01-01T03:04:05Z (24 h), epoch 7" in text
    assert "<---" in text
    assert "--->" in text
    assert "public rtt 0.3 ms" in text
    assert "heard 40 ms ago" in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peer__alive": False, "peer__heard_ms_ago": 9000.0}, "beta is silent on every link"),
        ({"peer__heard_ms_ago": None, "peer__alive": False}, "has not been heard since"),
        ({"peer__same_config": False}, "configurations of alpha and beta differ"),
        ({"standby": True}, "'ipfo resume' lets it hold"),
        ({"links__public__state": "silent"}, "link public is silent"),
        ({"links__public__state": "late"}, "link public is late"),
        ({"links__public__peer_hears": False}, "link public is one-way"),
        (
            {"links__public__rejected": {"seal": 3, "pair": 1}},
            "4 datagrams were rejected within a minute (3 seal",
        ),
        ({"links__public__unsent": 2}, "2 heartbeats could not be sent"),
        ({"groups__web__holder": None, "groups__web__held_since": None}, "nobody holds web"),
        ({"groups__web__split": True}, "web has two holders"),
        ({"groups__web__contested": True}, "web is contested"),
        (
            {
                "groups__web__contested": True,
                "groups__web__answered_by": [
                    {"address": "192.0.2.100", "card": "02:00:5e:00:53:01", "whose": None}
                ],
            },
            "192.0.2.100 is answered by 02:00:5e:00:53:01 (nobody knows whose it is)",
        ),
        (
            {"groups__web__ill": "http: refused", "groups__web__health": "ill"},
            "web is ill on alpha: http",
        ),
        ({"groups__web__ill": "http: refused"}, "web is ill on alpha: http: refused"),
        (
            {
                "groups__web__health": "frozen",
                "groups__web__frozen_until": "2026-01-02T03:14:05.0Z",
            },
            "web is frozen on alpha until 2026-01-02T03:14:05Z: nobody else takes it, even",
        ),
        ({"groups__web__peer__health": "ill"}, "web is ill on beta"),
        (
            {"groups__web__health": "isolated", "groups__web__health_why": "ping: no answer"},
            "as far as it can tell (ping: no answer)",
        ),
        (
            {"groups__web__failures": [{"what": "lease", "why": "late", "at": "T"}]},
            "web: its lease failed at T: late",
        ),
        ({"maintenance": True}, "end it with 'ipfo resume' on alpha"),
        ({"peer__maintenance": True}, "end it with 'ipfo resume' on beta"),
        ({"witnesses": {"asked": "T", "failed": "ping: no answer"}}, "no witness can be reached"),
        (
            {"voter": {"asked": "T", "failed": "refused"}},
            "the voter cannot be asked, at T: refused",
        ),
        ({"fence": {"asked": "T", "failed": "timed out"}}, "the fence failed, at T: timed out"),
        ({"carrier__en0": False}, "interface en0 is not there or has no carrier"),
        (
            {"workers__addresses": {"running": False, "restarts": 2, "fault": "it ended"}},
            "worker addresses: it ended (started again 2 times)",
        ),
        (
            {"workers__addresses": {"running": True, "restarts": 1, "fault": "it ended"}},
            "(started again once)",
        ),
        ({"outbox__queued": 5}, "5 notices are not delivered yet"),
        ({"outbox__dropped": 5}, "5 notices were dropped"),
    ],
)
def test_each_problem_is_named(changes: dict[str, Any], words: str) -> None:
    text = " ".join(shown(**changes).split())
    assert words in text
    assert "Nothing is wrong." not in text


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ("outcast", "beta is set aside ('ipfo resume' on beta)"),
        ("listening", "beta still listens"),
        ("carrier", "beta has no carrier there"),
        ("stopping", "beta is stopping"),
        ("vetoed", "a test or pre_acq on beta refused its last claim"),
        ("failed", "the last claim of beta failed"),
        ("frozen", "it is frozen on beta"),
        ("isolated", "beta reaches no witness"),
    ],
)
def test_p10_a_holder_without_a_second_node_is_not_well(health: str, words: str) -> None:
    text = " ".join(shown(groups__web__peer__health=health).split())
    assert f"! no second node for web: {words}" in text
    assert "Nothing is wrong." not in text


def test_groups_without_a_second_node_for_one_reason_stand_in_one_line() -> None:
    web = deepcopy(REPORT["groups"]["web"])
    web["peer"]["health"] = "outcast"
    text = " ".join(shown(groups={"web": web, "db": web}).split())
    assert text.count("no second node") == 1
    assert "no second node for web, db: beta is set aside" in text


def test_p10_the_standby_says_itself_why_it_would_not_take_a_group() -> None:
    why = "alpha is set aside, until 'ipfo resume' there"
    text = " ".join(shown(groups__web__holder="beta", groups__web__not_taken=why).split())
    assert f"! no second node for web: {why}" in text
    assert "Nothing is wrong." not in text


def unheld(**changes: Any) -> str:
    nobody: dict[str, Any] = {
        "groups__web__holder": None,
        "groups__web__held_since": None,
        "groups__web__role": "standby",
    }
    return " ".join(shown(**nobody, **changes).split())


def test_the_last_word_of_a_silent_peer_is_not_shown_as_now() -> None:
    said = {"role": "holder", "epoch": 7, "health": "able", "heard_ms_ago": 12000.0}
    text = unheld(
        groups__web__holder_known=False,
        groups__web__peer=said,
        peer__alive=False,
        peer__heard_ms_ago=12000.0,
    )
    assert "web: held by not known" not in text
    assert "web: holder not known, epoch 7" in text
    assert "who holds web is not known: beta is not heard; its last word, 12.0 s ago" in text
    assert "was that it holds it" in text
    assert "beta: holder, able, epoch 7, its last word, 12.0 s ago" in text
    assert "nobody" not in text


def test_who_holds_what_is_not_known_of_a_peer_that_was_never_heard() -> None:
    text = unheld(groups__web__holder_known=False, groups__web__peer=None, peer__alive=False)
    assert "who holds web is not known: beta has not been heard" in text


def test_a_frozen_group_that_nobody_holds_says_that_this_is_why_and_when_it_ends() -> None:
    text = unheld(
        groups__web__not_taken="it is frozen: it moved by itself 3 times within 600 s",
        groups__web__health="frozen",
        groups__web__frozen_until="2026-01-02T03:14:05.000Z",
    )
    assert "nobody holds web; alpha does not take it: it is frozen: it moved by itself 3" in text
    assert "until 2026-01-02T03:14:05Z, 'ipfo resume' or 'ipfo handover web --to alpha'" in text


def test_nobody_holds_it_since_the_peer_is_set_aside() -> None:
    said = {"role": "outcast", "epoch": 7, "health": "outcast", "heard_ms_ago": 40.0}
    text = unheld(groups__web__peer=said, groups__web__not_taken="no luck")
    assert "nobody holds web; alpha does not take it: no luck; beta is set aside" in text
    assert "beta: outcast, epoch 7, 40 ms ago" in text


def test_warnings_of_the_config_are_notes_and_no_trouble() -> None:
    text = shown(warnings=["pair.key_file: there is none"])
    assert "- config: pair.key_file: there is none" in text
    assert "Nothing is wrong." in text
    assert "! " not in text


def test_a_key_that_is_being_changed_is_shown_by_its_id_until_the_change_is_over() -> None:
    assert "key" not in shown()
    text = shown(keys__accepts=["0a44d1e7", "5f1c09ab"], keys__peer_sends="5f1c09ab")
    assert "- sends with key 0a44d1e7, and accepts 5f1c09ab, too" in text
    assert "- beta sends with key 5f1c09ab" in text
    assert "Nothing is wrong." in text


def test_a_config_that_was_refused_is_shown_with_its_first_fault() -> None:
    refused = {"at": "2026-01-02T03:03:05.000Z", "refused": ["pair.toml:3: no", "pair.toml:4: no"]}
    text = shown(reload=refused)
    assert "- the config was not reloaded at 2026-01-02T03:03:05Z (60.0 s): pair.toml:3: no" in text
    assert "(and 1 more: see 'ipfo check')" in text
    assert "config was not" not in shown(reload={**refused, "refused": []})


def test_a_fence_that_worked_is_shown_with_when_and_whom() -> None:
    text = shown(fence={"asked": "2026-01-02T03:03:05.000Z", "failed": None})
    assert "- beta was fenced by this node at 2026-01-02T03:03:05Z (60.0 s)" in text


def test_third_parties_that_are_well_are_no_problem() -> None:
    well = {"asked": "2026-01-02T03:04:05.000Z", "failed": None}
    never = {"asked": None, "failed": None}
    text = shown(witnesses=well, voter=well, fence=never)
    assert "Nothing is wrong." in text
    assert "fenced" not in text


def test_what_is_restarting_says_so() -> None:
    assert "here, restarting" in shown(restarting=True)
    assert "| restarting  " in shown(peer__restarting=True)


def test_who_has_the_vote_is_shown_with_its_end() -> None:
    assert "keeps it for alpha until T" in shown(groups__web__voted_until="T")


def test_long_names_many_groups_and_many_links_stay_in_their_columns() -> None:
    group, link = REPORT["groups"]["web"], REPORT["links"]["public"]
    long = "a-name-that-is-longer-than-any-box-of-this-picture"
    many = {f"{long}-{n}": {**group, "addresses": ["2001:db8::1/64"] * 9} for n in range(9)}
    text = shown(
        pair=long,
        node=long,
        groups=many,
        links={f"{long}-{n}": {**link, "loss": 0.25} for n in range(4)},
    )
    assert "nobody" not in text
    assert "more" in shown(groups={f"g{n}": group for n in range(9)})


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [(40.0, "40 ms"), (1500.0, "1.5 s"), (600_000.0, "10 min"), (2e8, "2 d")],
)
def test_ages_are_told_in_a_unit_that_fits(milliseconds: float, words: str) -> None:
    assert f"heard {words} ago" in shown(peer__heard_ms_ago=milliseconds)
