"""The fence by an agent: Debian's own fence_dummy, and agents that fail, hang and lie."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ipfo.plugin import Fence
from ipfo.plugin.registry import Registry
from ipfo.testing import check_fence

PATIENCE_S = 30
FAILING = {"type": "fail", "power_timeout": 1}
"""What lets fence_dummy see no effect of what it does."""

PLUGS = {"alpha": "1", "beta": "2"}

OFF = 'case "$told" in *action=status*) echo "Status: OFF"; exit 2 ;; esac; exit 0'
"""What an agent does that has it off."""


def make(agent: str, **options: Any) -> Fence:
    """As ipfo builds it, on either node."""
    return Registry(["fence-agents"]).fences()["fence-agents"].build({"agent": agent, **options})


def agent(folder: Path, text: str) -> str:
    """An agent that notes what it is told, and then does as `text` says."""
    path = folder / "fence_test"
    noting = (
        f'told=$(cat); printf "%s\\n--\\n" "$told" >> {folder}/told; echo "$*" >> {folder}/argv'
    )
    path.write_text(f"#!/bin/sh\n{noting}\n{text}\n")
    path.chmod(0o755)
    return str(path)


def told(folder: Path) -> list[list[str]]:
    """The lines of each call so far."""
    calls = (folder / "told").read_text().split("--\n")[:-1]
    return [call.splitlines() for call in calls]


def secret(folder: Path, text: str) -> str:
    path = folder / "password"
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


def said(fence: Fence, timeout_s: float = PATIENCE_S) -> str:
    """Why beta cannot be shot; empty if it can."""
    try:
        fence.fence("beta", timeout_s)
    except OSError as error:
        return str(error)
    return ""


def needs_fence_dummy() -> str:
    """Its name; leaves the test out where there is none."""
    if shutil.which("fence_dummy", path="/usr/sbin") is None:
        pytest.skip("needs fence_dummy (Debian: fence-agents)")
    return "fence_dummy"


def status_files(folder: Path) -> Mapping[str, str]:
    """Where fence_dummy keeps whether each node is on."""
    return {node: str(folder / node) for node in PLUGS}


def test_debians_own_dummy_keeps_the_contract(tmp_path: Path) -> None:
    dummy, files = needs_fence_dummy(), status_files(tmp_path)
    check_fence(
        works=lambda: make(dummy, parameters={"status_file": files}),
        fails=lambda: make(dummy, parameters={"status_file": files, **FAILING}),
        hangs=lambda: make(dummy, parameters={"status_file": files, "delay": 50}),
        is_off=lambda node: (tmp_path / node).read_text() == "off",
        switch_on=lambda node: (tmp_path / node).write_text("on"),
    )


def test_debians_own_dummy_says_why_it_failed(tmp_path: Path) -> None:
    parameters = {"status_file": status_files(tmp_path), **FAILING}
    why = said(make(needs_fence_dummy(), parameters=parameters))
    assert why.startswith("fence_dummy, action off: ")
    assert why.endswith("Failed: Timed out waiting to power OFF (exit code 1)")


def test_debians_own_dummy_ignores_what_it_does_not_know_and_is_not_believed(
    tmp_path: Path,
) -> None:
    """It would shoot whatever its defaults name, and find that off."""
    parameters = {"status_file": status_files(tmp_path), "plugg": PLUGS}
    why = said(make(needs_fence_dummy(), parameters=parameters))
    assert why.startswith("fence_dummy: it may have shot something else: ")
    assert why.endswith("Ignoring unknown option 'plugg=2'")


def test_the_hint_at_the_manual_is_not_the_reason(tmp_path: Path) -> None:
    text = "echo 'ERROR: Ipmitool not found'; echo \"ERROR: Please use '-h' for usage\"; exit 1"
    assert said(make(agent(tmp_path, text), ports=PLUGS)).endswith(
        "Ipmitool not found (exit code 1)"
    )


def test_what_it_is_told_stands_on_its_input_and_nothing_on_its_command_line(
    tmp_path: Path,
) -> None:
    fence = make(
        agent(tmp_path, OFF),
        ports=PLUGS,
        parameters={"ip": {"alpha": "192.0.2.1", "beta": "192.0.2.2"}, "ssl": True, "retry-on": 3},
        secrets={"password": secret(tmp_path, "hunter2\n")},
    )
    fence.fence("beta", PATIENCE_S)
    parameters = ["ip=192.0.2.2", "ssl=1", "retry-on=3", "port=2", "password=hunter2"]
    assert told(tmp_path) == [["action=off", *parameters], ["action=status", *parameters]]
    assert (tmp_path / "argv").read_text() == "\n\n"
    fence.fence("alpha", PATIENCE_S)
    assert "port=1" in told(tmp_path)[-1]
    assert "ip=192.0.2.1" in told(tmp_path)[-1]


@pytest.mark.parametrize("odd", [" blanks around ", '"quoted"', "a=b#c", "ünïcode"])
def test_an_agent_of_debians_finds_every_value_as_it_was_meant(tmp_path: Path, odd: str) -> None:
    """fence_dummy's own reading of its input, seen by the name of the file that it writes."""
    path = tmp_path / odd
    path.write_text("on")
    files = {"alpha": str(tmp_path / "alpha"), "beta": f"{tmp_path}/{odd}"}
    make(needs_fence_dummy(), parameters={"status_file": files}).fence("beta", PATIENCE_S)
    assert path.read_text() == "off"


@pytest.mark.parametrize("password", [" p w ", '"p"', "p"])
def test_a_secret_is_quoted_only_where_an_agent_would_cut_it(tmp_path: Path, password: str) -> None:
    """Not all agents know quotes; those that do would take away what is around a value."""
    path = secret(tmp_path, password + "\n")
    fence = make(agent(tmp_path, OFF), ports=PLUGS, secrets={"password": path})
    fence.fence("beta", PATIENCE_S)
    expected = "p" if password == "p" else f'"{password}"'
    assert told(tmp_path)[0][-1] == f"password={expected}"


def test_secrets_may_differ_by_node_and_are_read_anew_at_each_shot(tmp_path: Path) -> None:
    path = secret(tmp_path, "old\n")
    nobodys = str(tmp_path / "nobody")
    by_node = {"alpha": nobodys, "beta": path}
    fence = make(agent(tmp_path, OFF), ports=PLUGS, secrets={"password": by_node})
    fence.fence("beta", PATIENCE_S)
    Path(path).write_text("new\n")
    fence.fence("beta", PATIENCE_S)
    assert [call[-1] for call in told(tmp_path)] == ["password=old"] * 2 + ["password=new"] * 2


def test_a_secret_that_others_may_read_shoots_nobody(tmp_path: Path) -> None:
    path = secret(tmp_path, "hunter2\n")
    Path(path).chmod(0o644)
    fence = make(agent(tmp_path, OFF), ports=PLUGS, secrets={"password": path})
    assert "chmod 600" in said(fence)
    assert not (tmp_path / "told").exists()


def test_a_secret_that_cannot_stand_on_a_line_shoots_nobody(tmp_path: Path) -> None:
    path = secret(tmp_path, "hunter2\0action=on\n")
    fence = make(agent(tmp_path, OFF), ports=PLUGS, secrets={"password": path})
    why = said(fence)
    assert why == f"{path}: what is not printable cannot be told to an agent"
    assert not (tmp_path / "told").exists()


def test_an_agent_that_says_well_done_and_lies_is_found_out(tmp_path: Path) -> None:
    fence = make(agent(tmp_path, "exit 0"), ports=PLUGS)
    assert said(fence) == "fence_test: it said well done, and beta is still on"


def test_one_that_cannot_say_whether_it_is_off_has_fenced_nobody(tmp_path: Path) -> None:
    text = 'case "$told" in *action=status*) echo "lost the session"; exit 1 ;; esac'
    fence = make(agent(tmp_path, text), ports=PLUGS)
    assert said(fence) == "fence_test, action status: lost the session (exit code 1)"


def test_an_agent_that_fails_says_why_by_its_last_line_and_is_asked_no_more(
    tmp_path: Path,
) -> None:
    """Exit code 2 is off only as an answer to status: agents end with it for other reasons, too."""
    fence = make(agent(tmp_path, "echo connecting; echo no route >&2; exit 2"), ports=PLUGS)
    assert said(fence) == "fence_test, action off: no route (exit code 2)"
    assert len(told(tmp_path)) == 1


def test_a_reboot_is_believed(tmp_path: Path) -> None:
    make(agent(tmp_path, "exit 0"), ports=PLUGS, action="reboot").fence("beta", PATIENCE_S)
    assert told(tmp_path) == [["action=reboot", "port=2"]]


def test_both_questions_share_one_time(tmp_path: Path) -> None:
    """Either would have time enough if it were alone."""
    text = 'case "$told" in *action=status*) sleep 1.4; exit 2 ;; esac; sleep 1.2'
    assert said(make(agent(tmp_path, text), ports=PLUGS), 2).endswith("has been killed")


def test_one_that_hangs_is_killed_and_told_by_what_it_was_asked(tmp_path: Path) -> None:
    why = said(make(agent(tmp_path, "exec sleep 60"), ports=PLUGS), 0.3)
    assert why == "fence_test, action off: it was out of time and has been killed"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("login hunter2 refused", "login *** refused"),
        ("x" * 295 + "hunter2", "x" * 295),
        ("y" * 296 + "hunter2 hunter2", "y" * 296),
    ],
)
def test_a_secret_that_an_agent_repeats_is_not_told(tmp_path: Path, line: str, kept: str) -> None:
    """Not even the half of it that stands where a long line is cut."""
    path = secret(tmp_path, "hunter2\n")
    fence = make(agent(tmp_path, f"echo '{line}'; exit 1"), ports=PLUGS, secrets={"password": path})
    assert said(fence) == f"fence_test, action off: {kept} (exit code 1)"


def test_an_agent_that_is_not_installed_is_named() -> None:
    why = said(make("fence_of_nobody", ports=PLUGS))
    assert why == "fence_of_nobody, action off: No such file or directory"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "both nodes are the same to the agent"),
        ({"ports": "1"}, "both nodes are the same"),
        ({"ports": {"alpha": "1", "beta": "1"}}, "both nodes are the same"),
        ({"ports": PLUGS, "parameters": {"ip": "192.0.2.1\naction=on"}}, "parameters.ip: a line"),
        ({"ports": {"alpha": "1", "beta": "2\n"}}, "ports.beta: a line"),
        ({"parameters": {"ip": {"alpha": "1", "beta": "\r"}}}, "parameters.ip.beta: a line"),
        ({"parameters": {"action": "on"}}, "parameters.action: say that with action"),
        ({"parameters": {"option": "on"}}, "parameters.option: say that with action"),
        ({"secrets": {"plug": "x"}}, "secrets.plug: say that with ports"),
        ({"parameters": {"password": "p"}}, "parameters.password: write secrets = "),
        ({"parameters": {"snmp-priv-passwd": "p"}}, "parameters.snmp-priv-passwd: write secrets"),
        (
            {"parameters": {"community": "p"}, "secrets": {"community": "x"}},
            "secrets.community: the parameters say community, too",
        ),
    ],
)
def test_what_no_agent_can_or_should_be_told_is_refused_at_the_start(
    options: Mapping[str, Any], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        make("fence_test", **options)


def test_two_power_switches_may_have_a_plug_of_the_same_name() -> None:
    ip = {"alpha": "192.0.2.1", "beta": "192.0.2.2"}
    make("fence_test", ports="1", parameters={"ip": ip, "password_script": "/etc/ipfo/password"})
