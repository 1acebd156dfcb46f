"""``ipfo check --host`` asks checks, witnesses and the fence of this node what they lack here."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.plugins.authority import Authority

from ipfo.cli import main
from ipfo.cli.host_checks import checks
from ipfo.config.load import load_config

Lines = Callable[..., list[str]]

PAIR = """\
[pair]
name = "www"
nodes = ["alpha", "beta"]
key_file = "www.key"

[links.a]
addresses = { alpha = "127.0.0.1", beta = "203.0.113.2" }

[groups.web]
addresses = ["192.0.2.100/24"]
provider = "mock"

"""
CHECK = "[[groups.web.checks]]\n"
WITNESS = "[[witnesses]]\n"
ETCD = f'{WITNESS}plugin = "etcd"\nendpoints = ["https://192.0.2.11:2379"]\n'
AGENT = """\
[fence]
plugin = "fence-agents"
agent = "@AGENT@"
ports = { alpha = "1", beta = "2" }

[fence.secrets]
password = { alpha = "of-alpha", beta = "of-beta" }
"""
TRUE = "/bin/true"

HAS_ALL = "all that it needs is here"


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    """Writes a config, and gives what is found of checks, witnesses and the fence on a node."""

    def lines(table: str, node: str = "alpha", first: str = "") -> list[str]:
        path = tmp_path / "pair.toml"
        path.write_text(first + PAIR + table)
        secret(tmp_path / "www.key", "x" * 32)
        found = checks(load_config(path, node), tmp_path / "state")
        ours = ("groups.web.checks[", "witnesses[", "fence (")
        return [each.line() for each in found if each.text.startswith(ours)]

    return lines


def secret(path: Path, text: str = "guess", mode: int = 0o600) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    path.chmod(mode)
    return path


def run_check(path: Path, state_dir: Path) -> Result:
    arguments = ["--config", str(path), "--state-dir", str(state_dir), "--node", "alpha"]
    return CliRunner().invoke(main, [*arguments, "check", "--host"])


COMMANDS = {
    "check": (
        '[[groups.web.checks]]\nplugin = "command"\ncommand = ["{}"]\n',
        "groups.web.checks[0]",
    ),
    "fence": ('[fence]\nplugin = "command"\ncommand = ["{}", "{{peer}}"]\n', "fence"),
}


@pytest.fixture
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a program would be run: others may not write on the way to it."""
    return tmp_path_factory.mktemp("trusted")


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_program_must_be_there_executable_and_nobody_elses(
    lines: Lines, trusted: Path, kind: str
) -> None:
    table, key = COMMANDS[kind]
    program = trusted / "program"
    where = f"{key} (command): {program}"

    def found() -> str:
        (line,) = lines(table.format(program))
        return line

    assert found() == f"no    {where} does not exist; install it, or mend its path"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)
    assert found() == f"no    {where} is not executable; chmod +x {program}"
    program.chmod(0o775)
    assert found().startswith(f"no    {where} would not be run: others than its owner may write")
    program.chmod(0o755)
    assert found() == f"ok    {key} (command): {HAS_ALL}"
    program.unlink()
    program.mkdir()
    assert found() == f"no    {where} is no file; mend its path"


def test_what_is_missing_ends_with_1_and_each_table_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    here, away = f'plugin = "command"\ncommand = ["{TRUE}"]\n', 'command = ["/nosuch/program"]\n'
    path.write_text(PAIR + CHECK + here + CHECK + f'plugin = "command"\n{away}')
    secret(tmp_path / "www.key", "x" * 32)
    result = run_check(path, tmp_path / "state")
    assert result.exit_code == 1
    assert f"ok    groups.web.checks[0] (command): {HAS_ALL}" in result.stdout
    assert "no    groups.web.checks[1] (command): /nosuch/program does not exist" in result.stdout


def test_an_interface_check_needs_the_interface_of_this_node(lines: Lines) -> None:
    table = f'{CHECK}plugin = "interface"\ninterface = {{ alpha = "lo", beta = "nosuch0" }}\n'
    assert lines(table, "alpha") == [f"ok    groups.web.checks[0] (interface): {HAS_ALL}"]
    (line,) = lines(table, "beta")
    assert line.startswith(
        "no    groups.web.checks[0] (interface): interface nosuch0 is not on this host, which has lo"
    )


def test_an_interface_check_needs_the_address_that_it_names(lines: Lines) -> None:
    table = f'{CHECK}plugin = "interface"\ninterface = "lo"\naddress = "192.0.2.7"\n'
    assert lines(table) == [
        (
            "no    groups.web.checks[0] (interface): interface lo does not have 192.0.2.7; put it there,"
            " or name one that it has"
        )
    ]
    assert lines(table.replace("192.0.2.7", "127.0.0.1"))[0].startswith("ok")


def test_authorities_of_a_check_must_be_there_and_be_some(lines: Lines, tmp_path: Path) -> None:
    table = f'{CHECK}plugin = "http"\nurl = "https://192.0.2.7/"\nca_file = "ca.pem"\n'
    where = f"no    groups.web.checks[0] (http): {tmp_path}/ca.pem"
    assert lines(table) == [f"{where} does not exist; put it there, or mend its path"]
    (tmp_path / "ca.pem").write_text("no certificate")
    assert lines(table)[0].startswith(f"{where}: ")
    Authority(tmp_path)
    assert lines(table)[0].startswith("ok")


def test_an_agent_must_be_installed(lines: Lines, tmp_path: Path) -> None:
    secret(tmp_path / "of-beta")
    assert lines(AGENT.replace("@AGENT@", "fence_nosuch")) == [
        (
            "no    fence (fence-agents): /usr/sbin/fence_nosuch is not installed: Debian has agents in"
            " the package fence-agents"
        )
    ]
    assert lines(AGENT.replace("@AGENT@", "/nosuch/fence_own")) == [
        "no    fence (fence-agents): /nosuch/fence_own does not exist; install it, or mend its path"
    ]


def test_a_node_needs_the_secret_of_its_peer_not_its_own(
    lines: Lines, trusted: Path, tmp_path: Path
) -> None:
    agent = trusted / "fence_own"
    agent.write_text("#!/bin/sh\n")
    agent.chmod(0o755)
    table = AGENT.replace("@AGENT@", str(agent))
    where = "no    fence (fence-agents): "
    assert lines(table, "alpha") == [
        f"{where}{tmp_path}/of-beta does not exist; put it there, or mend its path"
    ]
    secret(tmp_path / "of-beta", mode=0o644)
    assert lines(table, "alpha") == [
        f"{where}{tmp_path}/of-beta: others than its owner may read it: chmod 600 {tmp_path}/of-beta"
    ]
    secret(tmp_path / "of-beta")
    assert lines(table, "alpha") == [f"ok    fence (fence-agents): {HAS_ALL}"]
    assert lines(table, "beta") == [
        f"{where}{tmp_path}/of-alpha does not exist; put it there, or mend its path"
    ]


def test_etcd_needs_its_files(lines: Lines, tmp_path: Path) -> None:
    files = 'ca_file = "ca.pem"\ncert_file = "alpha.pem"\nkey_file = "alpha.key"\n'
    table = f'{ETCD}{files}user = "ipfo"\npassword_file = "password"\n'
    missing = "does not exist; put it there, or mend its path"
    assert lines(table) == [
        f"no    witnesses[0] (etcd): {tmp_path}/{name} {missing}"
        for name in ("ca.pem", "alpha.pem", "alpha.key", "password")
    ]
    authority = Authority(tmp_path)
    authority.sign("alpha")
    secret(tmp_path / "password")
    assert lines(table) == [f"ok    witnesses[0] (etcd): {HAS_ALL}"]
    (tmp_path / "alpha.key").chmod(0o640)
    assert lines(table) == [
        (
            f"no    witnesses[0] (etcd): {tmp_path}/alpha.key: others than its owner may read it:"
            f" chmod 600 {tmp_path}/alpha.key"
        )
    ]
    assert len(lines(table.replace("alpha.pem", "nosuch.pem"))) == 2
    _, other = authority.sign("other")
    secret(tmp_path / "alpha.key", other.read_text())
    (line,) = lines(table)
    assert line.startswith("no    witnesses[0] (etcd): ")
    assert "KEY_VALUES_MISMATCH" in line


def test_a_ping_needs_its_interface_and_its_source(lines: Lines) -> None:
    ping = f'{WITNESS}plugin = "ping"\naddress = "192.0.2.254"\n'
    assert lines(f'{ping}interface = "nosuch0"\n') == [
        "no    witnesses[0] (ping): 192.0.2.254 cannot be asked: interface nosuch0: No such device"
    ]
    assert lines(f'{ping}source = "192.0.2.7"\n') == [
        (
            "no    witnesses[0] (ping): 192.0.2.254 cannot be asked from 192.0.2.7: Cannot assign"
            " requested address"
        )
    ]


STRANGER = """
from ipfo.plugin import *

def lacks(options):
    if options["tool"] == "raises":
        raise RuntimeError("who\\nknows")
    return [] if options["tool"] == "hammer" else [f"no {options['tool']}\\nis here", "nor a nail"]

SCHEMA = {"type": "object", "properties": {"tool": {"type": "string", "x-by-node": True}}}

@hookimpl
def ipfo_checks():
    return [Offer("smith", lambda options: None, SCHEMA, lacks=lacks), Offer("quiet", lambda o: None)]
"""


def test_a_strangers_plugin_is_asked_for_its_own_words(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "smith-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "smith_check.py").write_text(STRANGER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: smith\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ipfo]\nsmith = smith_check\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def found(options: str, node: str = "alpha") -> list[str]:
        table = f'{CHECK}plugin = "smith"\ntool = {options}'
        return lines(table, node, first='plugins = ["smith"]\n')

    by_node = '{ alpha = "anvil", beta = "raises" }\n'
    where = "groups.web.checks[0] (smith): "
    assert found('"hammer"\n') == [f"ok    {where}{HAS_ALL}"]
    assert found(by_node) == [f"no    {where}no anvil is here", f"no    {where}nor a nail"]
    assert found(by_node, "beta") == [
        f"no    {where}its plugin cannot say what it lacks: RuntimeError: who knows"
    ]
    assert found(f'"hammer"\n{CHECK}plugin = "quiet"\n') == [f"ok    {where}{HAS_ALL}"]


@pytest.mark.root
@pytest.mark.skipif(sys.platform != "linux", reason="a namespace gives it an address")
def test_a_witness_that_is_this_host_by_another_address_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(f'{PAIR}{WITNESS}plugin = "tcp"\naddress = "192.0.2.254"\nport = 22\n')
    secret(tmp_path / "www.key", "x" * 32)
    arguments = ["--config", path, "--state-dir", tmp_path / "state", "--node", "alpha"]
    ipfo = " ".join(map(str, [sys.executable, "-m", "ipfo", *arguments, "check", "--host"]))
    script = f"ip link set lo up; ip address add 192.0.2.254/32 dev lo; {ipfo}"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert (
        "no    witnesses[0] (tcp): 192.0.2.254 is on this host, which always reaches itself; name a"
        " third host that both nodes need, such as the gateway" in done.stdout
    )
