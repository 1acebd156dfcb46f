"""``ipfo import``: two old files become a pair's file that ``ipfo check`` accepts."""

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipfo.cli import main
from ipfo.config.load import examine

PRIMARY = (
    'FAILOVER_BCAST_IPS="192.168.254.170 10.0.0.170"\nFAILOVER_EMAIL_RECIPIENT=user@domain.com\n'
)
SECONDARY = (
    'FAILOVER_PEER_IP_PAIRS="en0:192.168.254.165"\nFAILOVER_PEER_IP="10.0.0.165"\n'
    "FAILOVER_EMAIL_RECIPIENT=user@domain.com\n"
)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "primary").write_text(PRIMARY)
    (tmp_path / "secondary").write_text(SECONDARY)
    return ["--primary", str(tmp_path / "primary"), "--secondary", str(tmp_path / "secondary")]


def ipfo(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_the_source_documents_files_give_a_pair_that_check_accepts(
    files: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "pair.toml"
    made = ipfo("import", "hostconfig", *files, "--output", str(output))
    assert made.exit_code == 0
    assert "our choice" in made.stderr

    checked = ipfo("--config", str(output), "check")
    assert checked.exit_code == 0, checked.output
    (warning,) = checked.stderr.splitlines()
    assert "NO KEY" in warning
    examined = examine(output, node="secondary")
    assert examined.document is not None
    assert examined.document["interval_ns"] == 10**9
    group = examined.document["groups"]["ip-192-168-254-165"]
    assert group["hooks"]["scripts"]["folder"] == "/Library/IPFailover"
    assert group["addresses"] == ["192.168.254.165/32"]
    assert examined.document["notifiers"][0]["options"]["to"] == ["user@domain.com"]


def test_without_output_it_is_printed_with_its_remarks_as_comments(files: list[str]) -> None:
    made = ipfo("import", "hostconfig", *files, "--nodes", "alpha, beta", "--pair", "www")
    assert made.exit_code == 0
    assert made.stdout.startswith("# Made from ")
    assert "# takeover_after" in made.stdout
    tables = tomllib.loads(made.stdout)
    assert tables["pair"]["nodes"] == ["alpha", "beta"]
    assert tables["pair"]["name"] == "www"


def test_options_fill_in_what_the_files_cannot_say(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "primary").write_text('FAILOVER_BCAST_IPS="192.168.254.255 10.0.0.170"\n')
    asked = ipfo("import", "hostconfig", *files)
    assert asked.exit_code == 2
    assert "--address secondary/public=ADDRESS" in asked.stderr

    given = ["--address", "secondary/public=192.168.254.170", "--interface", "en1"]
    made = ipfo("import", "hostconfig", *files, *given)
    tables = tomllib.loads(made.stdout)
    assert tables["links"]["public"]["broadcast"] == "192.168.254.255"
    (group,) = tables["groups"].values()
    assert group["interface"] == {"primary": "en1", "secondary": "en0"}


def test_it_never_writes_over_a_file(files: list[str], tmp_path: Path) -> None:
    output = tmp_path / "pair.toml"
    output.write_text("mine")
    made = ipfo("import", "hostconfig", *files, "--output", str(output))
    assert made.exit_code == 1
    assert f"{output}: exists already" in made.stderr
    assert output.read_text() == "mine"
    nowhere = ipfo("import", "hostconfig", *files, "--output", str(tmp_path / "no" / "pair.toml"))
    assert nowhere.exit_code == 1
    assert "cannot be written: No such file or directory" in nowhere.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nodes", "alpha"], "--nodes alpha: give two different names"),
        (["--nodes", "alpha,alpha"], "give two different names"),
        (["--address", "192.0.2.1"], "--address 192.0.2.1: write NODE/LINK=ADDRESS"),
        (["--address", "x=192.0.2.1"], "write NODE/LINK=ADDRESS"),
    ],
)
def test_a_wrong_option_is_one_line(files: list[str], arguments: list[str], words: str) -> None:
    made = ipfo("import", "hostconfig", *files, *arguments)
    assert made.exit_code == 2
    (line,) = made.stderr.splitlines()
    assert words in line


def test_a_fault_of_an_old_file_is_one_line_with_its_line(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "secondary").write_text("FAILOVER_PEER_IP=10.0.0.165\n")
    made = ipfo("import", "hostconfig", *files)
    assert made.exit_code == 2
    assert f"ipfo: {tmp_path}/secondary:1: FAILOVER_PEER_IP is set, but" in made.stderr
    (tmp_path / "secondary").unlink()
    gone = ipfo("import", "hostconfig", *files)
    assert gone.exit_code == 2
    assert f"{tmp_path}/secondary: cannot be read: No such file" in gone.stderr


def test_an_importer_that_is_none_is_named(files: list[str]) -> None:
    unknown = ipfo("import", "hostconfg", *files)
    assert unknown.exit_code == 2
    assert 'did you mean "hostconfig"?' in unknown.stderr
    other = ipfo("import", "udp", *files)
    assert other.exit_code == 2
    assert 'the plugin "udp" is no importer' in other.stderr
