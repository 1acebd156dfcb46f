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
        ({"groups__web__health": "frozen"}, "web is frozen on alpha: 'ipfo resume'"),
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
            "worker addresses: it ended",
        ),
        ({"outbox__queued": 5}, "5 notices are not delivered yet"),
        ({"outbox__dropped": 5}, "5 notices were dropped"),
        ({"warnings": ["pair.key_file: there is none"]}, "pair.key_file: there is none"),
    ],
)
def test_each_problem_is_named(changes: dict[str, Any], words: str) -> None:
    text = " ".join(shown(**changes).split())
    assert words in text
    assert "Nothing is wrong." not in text


def test_third_parties_that_are_well_are_no_problem() -> None:
    well = {"asked": "2026-01-02T03:04:05.000Z", "failed": None}
    never = {"asked": None, "failed": None}
    assert "Nothing is wrong." in shown(witnesses=well, voter=well, fence=never)


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
