"""``ipfo reload`` and SIGHUP with real daemons: whole or not at all, and no address is touched (P9)."""

import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.daemon.looped import PATIENCE_S, Looped, held_by
from tests.workers.conftest import Site

from ipfo.cli.client import Client
from ipfo.wire.seal import key_id

NOTIFY = "notify"
GROUP = 'provider = "mock"'
"""In the file; what is put after it stands in the group."""


def write_key(path: Path, key: bytes) -> str:
    """A key file; the id of its key."""
    path.touch(mode=0o600)
    path.write_bytes(key)
    return key_id(key).hex()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Looped, socket.socket]]:
    """Two nodes that run all the time, alpha holds; and the service manager that they tell."""
    folder = tmp_path_factory.mktemp("reload")
    (folder / "site").mkdir()
    site = Site(folder / "site")
    pair = Looped(folder)
    pair.env["PYTHONPATH"] = site.environment[1].partition("=")[2]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / NOTIFY))
        manager.settimeout(PATIENCE_S)
        pair.env["NOTIFY_SOCKET"] = str(folder / NOTIFY)
        pair.start("alpha")
        assert manager.recv(1000) == b"READY=1"
        del pair.env["NOTIFY_SOCKET"]
        pair.start("beta")
        pair.wait_for("alpha", held_by("alpha"))
        pair.wait_for("beta", held_by("alpha"))
        yield pair, manager
    pair.end_all()


@pytest.fixture
def pair(running: tuple[Looped, socket.socket]) -> Iterator[Looped]:
    """The pair; afterwards the file is as it was, and both nodes run by it."""
    made, manager = running
    before = made.config.read_text(), (made.folder / "pair.key").read_bytes()
    yield made
    changed = made.config.read_text() != before[0]
    made.config.write_text(before[0])
    write_key(made.folder / "pair.key", before[1])
    for node in ("alpha", "beta"):
        last = made.status(node)["reload"]
        if changed and last is not None and not last["refused"]:  # else it runs by that file
            reload(made, node)
    manager.setblocking(False)
    while _received(manager):
        pass
    manager.settimeout(PATIENCE_S)


def _received(manager: socket.socket) -> bytes:
    try:
        return manager.recv(1000)
    except BlockingIOError:
        return b""


def reload(pair: Looped, node: str) -> str:
    """What came of a reload of `node`, without a command's start; it went well."""
    client = Client(pair.state_dir(node))
    try:
        (answer,) = client.order({"do": "reload"}, PATIENCE_S)
    finally:
        client.close()
    assert answer["settled"]["done"], answer
    return str(answer["settled"]["why"])


def edit(pair: Looped, was: str, now: str) -> None:
    text = pair.config.read_text()
    assert was in text
    pair.config.write_text(text.replace(was, now))


def wait_for_line(pair: Looped, words: str) -> None:
    """Until alpha has said `words`."""
    pair.wait_for("alpha", lambda _: words in pair.log("alpha").read_text())


def untouched(pair: Looped) -> Any:
    """What a reload must leave as it is on alpha; its log has a line for each turn."""
    report = pair.status("alpha")
    web = report["groups"]["web"]
    turns = pair.log("alpha").read_text().count(" -> ")
    worker = report["workers"]["addresses"]["restarts"]
    return web["epoch"], web["holder"], report["boot"], turns, worker


def test_p9_the_file_is_taken_over_and_what_is_held_is_not_touched(pair: Looped) -> None:
    before = untouched(pair)
    edit(pair, GROUP, f'{GROUP}\nfailback = "never"\npreferred = "beta"')
    done = pair.ask("alpha", "reload")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "changed: groups.web.preferred; groups.web.failback\n"
    report = pair.status("alpha")
    assert untouched(pair) == before
    assert report["groups"]["web"]["preferred"] == "beta"
    assert report["reload"]["refused"] == []
    refused = pair.ask("alpha", "failback", "web")
    assert 'failback = "never" is set' in refused.stderr


def test_drift_is_told_from_the_first_reload_to_the_second(pair: Looped) -> None:
    """The peer hears of the other file with the next heartbeat, and of the end of that."""
    told = pair.log("alpha").read_text().count("drift: alpha and beta have different")
    edit(pair, GROUP, f"{GROUP}\nmax_moves = 5")
    reload(pair, "alpha")
    pair.wait_for("alpha", lambda report: report["peer"]["same_config"] is False)
    pair.wait_for("beta", lambda report: report["peer"]["same_config"] is False)
    log = pair.log("alpha")  # it is the one that changed, and says so itself
    pair.wait_for("alpha", lambda _: log.read_text().count("drift: alpha and beta have") > told)
    reload(pair, "beta")
    pair.wait_for("alpha", lambda report: report["peer"]["same_config"] is True)
    pair.wait_for("beta", lambda report: report["peer"]["same_config"] is True)


def test_a_bad_file_is_answered_with_all_its_faults_and_the_old_one_stays(pair: Looped) -> None:
    before = untouched(pair)
    edit(pair, GROUP, f'{GROUP}\nfailback = "sometimes"\nmax_moves = 0')
    refused = pair.ask("alpha", "reload")
    assert refused.returncode == 1
    first, *faults = refused.stderr.splitlines()
    assert first == "ipfo: not reloaded; the config in force stays:"
    assert len(faults) == 2
    assert all(f"{pair.config}:" in fault and "groups.web." in fault for fault in faults)
    report = pair.status("alpha")
    assert untouched(pair) == before
    assert [f"ipfo: {line}" for line in report["reload"]["refused"]] == faults
    log = pair.log("alpha").read_text()
    assert all(fault.removeprefix("ipfo: ") in log for fault in faults)


def test_what_needs_a_new_run_is_named_and_nothing_else_of_the_file_is_taken(
    pair: Looped,
) -> None:
    """Whole or not at all: a mixture of two files is one that nobody has written."""
    edit(pair, GROUP, f'{GROUP}\nfailback = "never"')
    edit(pair, "192.0.2.100/24", "192.0.2.101/24")
    edit(pair, '"300ms"', '"400ms"')
    refused = pair.ask("alpha", "reload")
    assert refused.returncode == 1
    assert "pair.takeover_after, groups.web.addresses: not while the daemon runs" in refused.stderr
    assert "'ipfo restart'" in refused.stderr
    assert 'failback = "never"' not in pair.ask("alpha", "failback", "web").stderr
    assert "192.0.2.100/24" in pair.status("alpha")["groups"]["web"]["addresses"]


def test_sighup_is_a_reload_and_the_service_manager_hears_of_both_ends(
    running: tuple[Looped, socket.socket], pair: Looped
) -> None:
    _, manager = running
    for wanted, told in ((-1, "reload refused: "), (9, "reload: changed: groups.web.max_moves")):
        edit(pair, GROUP, f"{GROUP}\nmax_moves = {wanted}")
        pair.daemons["alpha"].send_signal(signal.SIGHUP)
        began = manager.recv(1000).decode().splitlines()
        assert began[0] == "RELOADING=1"
        assert began[1].startswith("MONOTONIC_USEC=")
        assert manager.recv(1000) == b"READY=1"  # also where it goes on by the old file
        wait_for_line(pair, told)
        edit(pair, f"{GROUP}\nmax_moves = {wanted}", GROUP)
    edit(pair, GROUP, f"{GROUP}\nmax_moves = 9")  # as it is in force


def test_notifiers_and_checks_are_others_from_then_on(pair: Looped, tmp_path: Path) -> None:
    """P7: what is decided after a reload is told by the new notifier."""
    check = f'[[groups.web.checks]]\nplugin = "third"\nfolder = "{tmp_path}"\nrise = 1\nfall = 1'
    timing = 'interval = "200ms"\ntimeout = "100ms"'
    hook = socket.create_server(("127.0.0.1", 0))
    hook.settimeout(PATIENCE_S)
    url = f"http://127.0.0.1:{hook.getsockname()[1]}/"
    notifier = f'[[notifiers]]\nplugin = "webhook"\nurl = "{url}"'
    edit(pair, GROUP, f"{GROUP}\n{check}\n{timing}\n{notifier}")
    (tmp_path / "ill").write_text("500")
    assert reload(pair, "alpha") == "changed: groups.web.checks; notifiers"
    pair.wait_for("alpha", lambda report: report["groups"]["web"]["health"] == "ill")
    pair.config.write_text(pair.config.read_text().replace(f"{check}\n{timing}", ""))
    assert reload(pair, "alpha") == "changed: groups.web.checks"
    pair.wait_for("alpha", lambda report: report["groups"]["web"]["health"] == "able")
    assert "checks" not in pair.status("alpha")["workers"]
    pair.ask("alpha", "handover", "web", "--to", "alpha")  # its illness had it moved
    pair.wait_for("beta", held_by("alpha"))
    caller, _ = hook.accept()
    hook.close()
    with caller:
        assert caller.recv(1000).startswith(b"POST / HTTP/1.1")


def test_who_takes_part_in_phases_does_not_change_under_a_group_that_is_held(
    pair: Looped, tmp_path: Path
) -> None:
    """P5: what ends with post_rel has begun with pre_acq."""
    edit(pair, GROUP, f'{GROUP}\nscripts = "{tmp_path}"')
    refused = pair.ask("alpha", "reload")
    assert "groups.web: who takes part in its phases cannot change" in refused.stderr
    assert reload(pair, "beta") == "changed: groups.web.hooks"  # it holds nothing
    assert pair.status("beta")["workers"]["addresses"]["restarts"] == 0


def test_a_sweep_that_is_left_out_is_refused_while_the_peer_is_heard(pair: Looped) -> None:
    """Else heartbeats were missed: nobody sends with what the other may not know."""
    new = write_key(pair.folder / "new.key", secrets.token_bytes(32))
    old = pair.status("alpha")["keys"]["sends"]
    edit(pair, 'key_file = "pair.key"', 'key_file = "new.key"')
    refused = pair.ask("alpha", "reload")
    assert refused.returncode == 1
    assert f"beta still sends with key {old}" in refused.stderr
    assert f"key {new} is to be sent with, and was not accepted here until now" in refused.stderr


def test_a_key_file_that_was_written_anew_is_seen_though_the_config_is_the_same(
    pair: Looped,
) -> None:
    assert reload(pair, "alpha") == "nothing: the file says what it said before"
    write_key(pair.folder / "pair.key", secrets.token_bytes(32))
    assert "beta still sends with key" in pair.ask("alpha", "reload").stderr


def test_what_decides_in_doubt_does_not_change_in_doubt(
    make_looped: Callable[..., Looped],
) -> None:
    alone = make_looped()
    alone.start("alpha")
    alone.wait_for("alpha", held_by("alpha"))
    edit(
        alone, "[links.one]", '[[witnesses]]\nplugin = "ping"\naddress = "203.0.113.9"\n[links.one]'
    )
    refused = alone.ask("alpha", "reload")
    assert "witnesses: not while beta is not heard" in refused.stderr
    edit(alone, '[[witnesses]]\nplugin = "ping"\naddress = "203.0.113.9"\n', "")
    write_key(alone.folder / "new.key", secrets.token_bytes(32))
    edit(alone, '"pair.key"', '"new.key"')  # nobody is there who would miss a heartbeat
    reload(alone, "alpha")
