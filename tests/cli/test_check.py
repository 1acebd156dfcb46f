"""``ipfo check``: every fault of the config at once, and with --host what this machine lacks."""

import grp
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipfo.cli import main
from ipfo.cli.host_checks import checks
from ipfo.config.load import load_config

Write = Callable[..., Path]

PAIR = '[pair]\nname = "www"\nnodes = ["alpha", "beta"]\nkey_file = "www.key"\n'
LINK = '[links.a]\nport = @PORT@\naddresses = { alpha = "127.0.0.1", beta = "203.0.113.2" }\n'
MOCK = '[groups.web]\naddresses = ["192.0.2.100/24"]\nprovider = "mock"\n'


def ipfo(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def port() -> int:
    """A UDP port of loopback that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    return found


@pytest.fixture
def write(tmp_path: Path, port: int) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "pair.toml"
        path.write_text(text.replace("@PORT@", str(port)))
        key = tmp_path / "www.key"
        key.write_bytes(bytes(32))
        key.chmod(0o600)
        return path

    return write


def test_a_good_file_is_well_and_says_who_this_host_is(write: Write) -> None:
    result = ipfo("--config", write(PAIR + LINK + MOCK), "check")
    assert result.exit_code == 0
    assert "the pair www is well: 1 link, 1 group; this host is alpha" in result.stdout
    assert result.stderr == ""


def test_a_good_file_may_be_checked_anywhere(write: Write) -> None:
    path = write(PAIR + LINK.replace("127.0.0.1", "203.0.113.1") + MOCK)
    result = ipfo("--config", path, "check")
    assert result.exit_code == 0
    assert "this host is neither node" in result.stdout


def test_warnings_go_to_stderr_and_change_nothing(write: Write) -> None:
    path = write(PAIR.replace('key_file = "www.key"\n', "") + LINK + MOCK)
    result = ipfo("--config", path, "check")
    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: {path}:1: pair: NO KEY")


def test_faults_are_told_one_a_line_with_exit_code_2(write: Write) -> None:
    path = write(PAIR + LINK + MOCK.replace("mock", "mok") + 'hoem = "alpha"\n')
    result = ipfo("--config", path, "check")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"ipfo: {path}:10: groups.web.provider: ")
    assert lines[1] == f'ipfo: {path}:11: groups.web.hoem: unknown key; did you mean "home"?'


def found(path: Path, state_dir: Path, node: str = "alpha") -> dict[str, str]:
    return {each.text: each.grade for each in checks(load_config(path, node), state_dir)}


def grades(found: dict[str, str], words: str) -> list[str]:
    return [grade for text, grade in found.items() if words in text]


def test_a_host_that_has_all_is_ready(write: Write, tmp_path: Path) -> None:
    path = write(PAIR + LINK + MOCK)
    result = ipfo("--config", path, "--state-dir", tmp_path / "state", "check", "--host")
    assert result.exit_code == 0, result.output
    assert "ok    link a: 127.0.0.1 port" in result.stdout
    assert "ok    group web: 192.0.2.100/24 is not on this host now" in result.stdout
    assert not (tmp_path / "state").exists()


def test_a_host_that_is_neither_node_is_not_looked_at(write: Write) -> None:
    path = write(PAIR + LINK.replace("127.0.0.1", "203.0.113.1") + MOCK)
    result = ipfo("--config", path, "check", "--host")
    assert result.exit_code == 2
    assert "say --node alpha or --node beta" in result.stderr


def test_a_host_that_lacks_something_ends_with_1(write: Write, tmp_path: Path) -> None:
    path = write(PAIR + LINK + MOCK + 'interface = "nosuch0"\n')
    result = ipfo("--config", path, "--state-dir", tmp_path, "check", "--host")
    assert result.exit_code == 1
    assert "no    interface nosuch0 is not on this host, which has lo" in result.stdout


def test_an_address_that_is_not_here_is_told(write: Write, tmp_path: Path) -> None:
    lines = found(write(PAIR + LINK + MOCK), tmp_path, node="beta")
    assert grades(lines, "link a: 203.0.113.2") == ["no"]


def test_a_taken_port_is_a_note_since_the_daemon_may_have_it(
    write: Write, tmp_path: Path, port: int
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", port))
        assert grades(found(write(PAIR + LINK + MOCK), tmp_path), "is taken") == ["note"]


def test_what_only_opening_shows_is_told(write: Write, tmp_path: Path) -> None:
    v6 = LINK.replace("127.0.0.1", "::1").replace("203.0.113.2", "2001:db8::2")
    lines = found(write(PAIR + v6 + 'broadcast = "192.0.2.255"\n' + MOCK), tmp_path)
    assert grades(lines, "IPv6 has no broadcast") == ["no"]


def test_rights_are_looked_at_where_they_are_needed(write: Write, tmp_path: Path) -> None:
    wire = MOCK.replace('"mock"', '"ip"') + 'interface = "lo"\n'
    lines = found(write(PAIR + LINK + wire), tmp_path)
    assert grades(lines, "interface lo is here") == ["ok"]
    assert len(grades(lines, "this user")) == 1
    assert grades(found(write(PAIR + LINK + MOCK), tmp_path), "this user") == []


def test_scripts_must_be_there_and_safe(write: Write, tmp_path: Path) -> None:
    path = write(PAIR + LINK + MOCK + 'scripts = "scripts"\n')
    assert grades(found(path, tmp_path), "is missing; make it") == ["no"]

    folder = tmp_path / "scripts" / "192.0.2.100"
    folder.mkdir(parents=True)
    (folder / "Test").write_text("#!/bin/sh\n")
    (folder / "Test").chmod(0o755)
    assert grades(found(path, tmp_path), "are safe") == ["ok"]

    (folder / "PreAcq").write_text("#!/bin/sh\n")
    (folder / "PreAcq").chmod(0o644)
    (folder / "PostAcq").symlink_to("nowhere")
    (folder / "Test").chmod(0o775)
    lines = found(path, tmp_path)
    assert grades(lines, "PreAcq is not executable") == ["note"]
    assert grades(lines, "PostAcq points nowhere") == ["note"]
    assert grades(lines, "Test can be written by others") == ["no"]
    assert grades(lines, "are safe") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_scripts_of_strangers_are_not_safe(write: Write, tmp_path: Path) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    os.chown(folder, 12345, 0)
    lines = found(write(PAIR + LINK + MOCK + 'scripts = "scripts"\n'), tmp_path)
    assert grades(lines, "belongs to user 12345") == ["no"]


def test_a_mail_server_is_tried(write: Write, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        mail_port = server.getsockname()[1]
        mail = (
            f'[[notifiers]]\nplugin = "smtp"\nto = ["user@example.com"]\nserver = "127.0.0.1"\n'
            f"port = {mail_port}\n"
            '[[notifiers]]\nplugin = "webhook"\nurl = "https://ops.example/hook"\n'
        )
        path = write(PAIR + LINK + MOCK + mail)
        assert grades(found(path, tmp_path), f"127.0.0.1 port {mail_port} answers") == ["ok"]
    assert grades(found(path, tmp_path), f"port {mail_port} does not answer") == ["no"]


def test_a_control_group_must_exist(write: Write, tmp_path: Path) -> None:
    text = PAIR + 'control_group = "no-such-group"\n' + LINK + MOCK
    assert grades(found(write(text), tmp_path), "no-such-group") == ["no"]
    existing = grp.getgrgid(os.getgid()).gr_name
    text = text.replace("no-such-group", existing)
    assert grades(found(write(text), tmp_path), "of control_group") == []


def test_a_state_folder_under_a_file_cannot_be_written(write: Write, tmp_path: Path) -> None:
    path = write(PAIR + LINK + MOCK)
    assert grades(found(path, tmp_path / "new" / "folder"), "can be written") == ["ok"]
    assert grades(found(path, path / "folder"), "cannot be written") == ["no"]


BROKEN_PROVIDER = """
from ipfo.plugin import *

class Broken:
    def find(self, address): raise OSError("no tool")

@hookimpl
def ipfo_providers(): return [Offer("broken", lambda options: Broken())]
"""


def test_a_provider_that_cannot_look_is_told(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "broken-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "broken_provider.py").write_text(BROKEN_PROVIDER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ipfo]\nbroken = broken_provider\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    lines = found(write(PAIR + LINK + MOCK.replace("mock", "broken")), tmp_path)
    assert grades(lines, "provider broken fails: OSError: no tool") == ["no"]


def test_two_cards_with_strict_filters_are_worth_a_note(write: Write, tmp_path: Path) -> None:
    setting = Path("/proc/sys/net/ipv4/conf/lo/rp_filter")
    if not setting.exists():
        pytest.skip("no Linux: there is no such filter")
    other = '[links.b]\nport = @PORT@\naddresses = { alpha = "127.0.0.9", beta = "203.0.113.9" }\n'
    text = PAIR + LINK + 'interface = "lo"\n' + other + 'interface = "lo"\n' + MOCK
    every = Path("/proc/sys/net/ipv4/conf/all/rp_filter")
    strict = max(int(setting.read_text()), int(every.read_text())) == 1
    assert grades(found(write(text), tmp_path), "rp_filter is strict") == ["note"] * strict
