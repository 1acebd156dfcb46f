"""The commands that talk to a daemon, against real ones; and the report as the page says it is."""

import json
import os
import pty
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from tests.cli.test_docs import section
from tests.daemon.looped import Looped, Report, held_by


def settled(report: Report) -> bool:
    links = report["links"].values()
    return held_by("alpha")(report) and all(
        link["peer_hears"] and link["rtt_ms"] is not None for link in links
    )


@pytest.fixture
def running(looped: Looped) -> Looped:
    """Both nodes run, and the preferred one holds."""
    looped.start("alpha", "beta")
    looped.wait_for("alpha", settled)
    looped.wait_for("beta", settled)
    return looped


OTHERS = ("witnesses", "voter", "fence")


def keys(value: Any, path: str = "") -> Iterator[str]:
    """The paths of a report as the page writes them."""
    if not isinstance(value, dict) or path in {
        "carrier",
        "outbox",
        "workers.NAME",
        "keys",
        "lateness",
        *OTHERS,
    }:
        yield path
    elif path in {"groups", "links", "workers"}:
        for each in value.values():
            yield from keys(each, f"{path}.NAME")
    elif path.endswith((".peer", ".rejected")):
        yield path
    else:
        for key, each in value.items():
            yield from keys(each, f"{path}.{key}" if path else key)


def test_the_report_has_exactly_the_keys_that_the_page_says(running: Looped) -> None:
    said = running.ask("alpha", "status", "--json")
    assert said.returncode == 0
    report = json.loads(said.stdout)
    rows = re.findall(r"^\| (`.+?`) \|", section("The report"), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert set(keys(report)) == documented


def test_the_report_keeps_the_contract_of_the_design(running: Looped) -> None:
    """Design 5: names, values and kinds that programs rely on."""
    report = running.wait_for("beta", lambda r: r["groups"]["web"]["health"] != "listening")
    web, one, peer = report["groups"]["web"], report["links"]["one"], report["peer"]
    assert (report["node"], report["pair"], report["version"]) == ("beta", "looped", "0.1.0")
    assert (web["role"], web["holder"], web["health"]) == ("standby", "alpha", "able")
    assert web["epoch"] > 0
    assert web["addresses"] == ["192.0.2.100/24", "2001:db8::100/64"]
    assert datetime.fromisoformat(web["since"]).tzinfo is not None
    assert (one["state"], one["peer_hears"]) == ("up", True)
    assert 0 <= one["loss"] <= 1
    assert one["rtt_ms"] > 0
    assert (peer["name"], peer["alive"]) == ("alpha", True)
    assert 0 <= peer["heard_ms_ago"] < 20_000


def test_a_handover_shows_how_it_goes_and_what_it_took(running: Looped) -> None:
    done = running.ask("alpha", "handover", "web")
    assert done.returncode == 0, done.stderr
    *steps, last = done.stdout.splitlines()
    assert any(step.startswith("web: holder -> yielder") for step in steps)
    assert re.fullmatch(r"done in \d+\.\d\d s: beta holds it", last)
    running.wait_for("beta", held_by("beta"))


def test_a_handover_may_be_asked_of_the_other_node_and_brought_back(running: Looped) -> None:
    done = running.ask("beta", "handover", "web", "--to", "beta")
    assert done.returncode == 0, done.stderr
    running.wait_for("alpha", held_by("beta"))
    back = running.ask("alpha", "failback", "web")
    assert back.returncode == 0, back.stderr
    assert back.stdout.splitlines()[-1].endswith("alpha holds it")
    running.wait_for("beta", held_by("alpha"))


def test_standby_and_resume(running: Looped) -> None:
    away = running.ask("alpha", "standby")
    assert away.returncode == 0, away.stderr
    assert running.status("alpha")["standby"]
    running.wait_for("beta", held_by("beta"))
    refused = running.ask("beta", "handover", "web", "--to", "alpha")
    assert refused.returncode == 1
    assert (
        "alpha cannot take it: outcast ('ipfo resume' on alpha lets it in again)" in refused.stderr
    )
    assert running.ask("alpha", "resume").returncode == 0
    assert not running.status("alpha")["standby"]
    said = running.log("alpha").read_text()
    assert "standby: an administrator wants it" in said
    assert "resume: an administrator wants it" in said


def test_maintenance_is_told_to_both_nodes_and_outlives_the_daemon(running: Looped) -> None:
    asked = running.ask("alpha", "maintenance")
    assert asked.returncode == 0, asked.stderr
    running.wait_for("beta", lambda report: bool(report["peer"]["maintenance"]))
    shown = " ".join(running.ask("beta", "status").stdout.split())
    assert "maintenance: nothing moves by itself; end it with 'ipfo resume' on alpha" in shown
    assert "no second node for web: the pair is under maintenance" in shown
    assert running.end("alpha") == 0
    running.start("alpha")
    running.wait_for("alpha", lambda report: bool(report["maintenance"]))
    assert running.ask("alpha", "resume").returncode == 0
    running.wait_for("beta", lambda report: not report["peer"]["maintenance"])


def test_a_restart_says_what_it_took(looped: Looped) -> None:
    looped.start("beta")  # which is not preferred, so alone it holds nothing for a minute
    looped.wait_for("beta", lambda report: report["groups"]["web"]["role"] == "standby")
    done = looped.ask("beta", "restart")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"done in \d+\.\d\d s: beta is a new run", done.stdout.splitlines()[-1])


def test_a_restart_that_loses_a_group_is_no_success(looped: Looped) -> None:
    """The addresses of the provider mock live and die with its process."""
    looped.start("alpha")
    looped.wait_for("alpha", held_by("alpha"))
    done = looped.ask("alpha", "restart")
    assert done.returncode == 1
    assert done.stderr == "ipfo: not kept: web; see 'ipfo status'\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["handover", "wbe"], "no group is called wbe"),
        (["failback", "wbe"], "no group is called wbe"),
        (["handover", "web", "--to", "gamma"], "no node is called gamma"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    looped: Looped, arguments: list[str], word: str
) -> None:
    looped.start("alpha")
    refused = looped.ask("alpha", *arguments)
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert word in line


def test_a_handover_to_a_peer_that_is_not_there_is_refused_with_the_reason(looped: Looped) -> None:
    looped.start("alpha")
    looped.wait_for("alpha", held_by("alpha"))
    for arguments in (["handover", "web"], ["standby"]):
        refused = looped.ask("alpha", *arguments)
        assert refused.returncode == 1
        assert "beta is silent" in refused.stderr
    assert looped.status("alpha")["groups"]["web"]["holder"] == "alpha"


def test_the_picture_is_plain_in_a_pipe_and_fits_80_columns(running: Looped) -> None:
    shown = running.ask("beta", "status").stdout
    assert "\x1b" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "web: held by alpha since 20" in shown
    assert "holds web" in shown


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colour_is_for_terminals_that_want_it(running: Looped, no_color: str) -> None:
    ours, theirs = pty.openpty()
    env = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm"}
    shown = subprocess.Popen(running.argv("alpha", "status"), stdout=theirs, env=env)
    os.close(theirs)
    text = b""
    while select.select([ours], [], [], 20)[0]:
        try:
            text += os.read(ours, 65536)
        except OSError:
            break  # the other end is closed
    os.close(ours)
    assert shown.wait(20) == 0
    assert (b"\x1b[" in text) is (no_color == "")


def test_p10_who_looks_at_the_healthy_node_hears_that_there_is_no_second_one(
    running: Looped,
) -> None:
    assert running.ask("beta", "standby").returncode == 0
    running.wait_for("alpha", lambda r: r["groups"]["web"]["peer"]["health"] == "outcast")
    shown = " ".join(running.ask("alpha", "status").stdout.split())
    assert "! no second node for web: beta is set aside ('ipfo resume' on beta)" in shown
    assert "Nothing is wrong." not in shown
    shown = " ".join(running.ask("beta", "status").stdout.split())
    assert "! no second node for web: beta is set aside, until 'ipfo resume' there" in shown


def test_p10_the_last_word_of_a_killed_holder_is_its_last_word(running: Looped) -> None:
    """Set aside, beta cannot know who holds web, and says that it does not take it, and why."""
    assert running.ask("beta", "standby").returncode == 0
    running.end("alpha", signal.SIGKILL)
    report = running.wait_for("beta", held_by(None))
    web = report["groups"]["web"]
    assert (web["holder_known"], web["peer"]["role"]) == (False, "holder")
    shown = " ".join(running.ask("beta", "status").stdout.split())
    assert "who holds web is not known: alpha is not heard; its last word," in shown
    assert "beta does not take it: beta is set aside" in shown
    refused = running.ask("beta", "handover", "web")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "who holds web is not known, alpha is silent: say --to NODE" in refused.stderr
