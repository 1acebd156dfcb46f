"""How commands end: one line, an exit code, no traceback; and what is imported for them."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ipfo.cli.app import STATE_ROOT, App, pair_name
from ipfo.errors import ConfigError

PATIENCE_S = 30


def ipfo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command, as in a shell without any IPFO_ variable."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("IPFO_")}
    return subprocess.run(
        [sys.executable, "-m", "ipfo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={**env, **environment},
    )


def one_line(ended: subprocess.CompletedProcess[str]) -> str:
    (line,) = ended.stderr.splitlines()
    assert line.startswith("ipfo: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["status", "--nosuch"], "No such option '--nosuch'"),
        (["--config"], "requires an argument"),
        (["handover"], "Missing argument 'GROUP'"),
        (["status", "--config", "x"], "--config goes before the command's name"),
        (["--config", "/dev/null/x", "status"], "cannot be read"),
        (["status"], "say --config FILE before the command"),
        (["handover", "web", "--timeout", "0"], "--timeout"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exits_2(arguments: list[str], word: str) -> None:
    ended = ipfo(*arguments)
    assert ended.returncode == 2
    assert word in one_line(ended)


def test_without_arguments_it_shows_its_help_and_exits_2() -> None:
    ended = ipfo()
    assert ended.returncode == 2
    assert ended.stderr.startswith("Usage: ipfo ")
    assert ended.stdout == ""


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert ipfo("--version").stdout == f"ipfo {version('ipfo')}\n"


@pytest.mark.parametrize("command", ["status", "standby", "resume", "handover web", "failback web"])
def test_without_a_daemon_it_exits_69(command: str, tmp_path: Path) -> None:
    ended = ipfo("--state-dir", str(tmp_path), *command.split())
    assert ended.returncode == 69
    assert "no daemon answers" in one_line(ended)


def test_a_socket_that_a_dead_daemon_left_is_no_daemon(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "control.sock"))
    assert ipfo("--state-dir", str(tmp_path), "status").returncode == 69


def test_a_bare_ipfo_with_a_config_runs(tmp_path: Path) -> None:
    config = tmp_path / "pair.toml"
    config.write_text("[pair]\nname = 'www'\n")
    ended = ipfo(IPFO_CONFIG=str(config))
    assert ended.returncode == 2
    assert all(line.startswith("ipfo: ") for line in ended.stderr.splitlines())
    assert str(config) in ended.stderr


def test_a_reader_that_goes_away_leaves_no_traceback(tmp_path: Path) -> None:
    with (tmp_path / "err").open("w+") as err:
        schema = subprocess.Popen(
            [sys.executable, "-m", "ipfo", "schema"], stdout=subprocess.PIPE, stderr=err
        )
        assert schema.stdout is not None
        schema.stdout.close()
        assert schema.wait(PATIENCE_S) == 1
        err.seek(0)
        assert err.read() == ""


def _mind_ctrl_c() -> None:
    """A suite that runs in the background ignores Ctrl-C, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_leaves_no_traceback(tmp_path: Path) -> None:
    """A handover that waits for a daemon which never answers is left by Ctrl-C."""
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(str(tmp_path / "control.sock"))
        daemon.listen()
        daemon.settimeout(PATIENCE_S)
        waiting = subprocess.Popen(
            [sys.executable, "-m", "ipfo", "--state-dir", str(tmp_path), "standby"],
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_mind_ctrl_c,  # noqa: PLW1509 - this process has one thread
        )
        try:
            asked, _ = daemon.accept()
            with asked:
                assert asked.recv(100) == b'{"do": "standby"}\n'
                waiting.send_signal(signal.SIGINT)
                _, err = waiting.communicate(timeout=PATIENCE_S)
        finally:
            waiting.kill()
    assert waiting.returncode == 130
    assert err.strip() == ""


def test_status_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    program = (
        "import sys\nbefore = set(sys.modules)\nimport ipfo.cli\n"
        f"sys.argv = ['ipfo', '--state-dir', {str(tmp_path)!r}, 'status']\n"
        "try: ipfo.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'jsonschema', 'rich', 'sqlite3', 'asyncio', 'pluggy', 'ipfo.daemon'}\n"
        "print(sorted(heavy & sys.modules.keys() - before))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"


def test_the_engine_imports_nothing_heavy() -> None:
    """Design 6: the engine loads transports and nothing else of strangers."""
    program = (
        "import sys\nbefore = set(sys.modules)\nimport ipfo.daemon.life\n"
        "heavy = {'jsonschema', 'rich', 'sqlite3', 'asyncio', 'click', 'tomllib', 'tomli_w'}\n"
        "print(sorted(heavy & sys.modules.keys() - before), 'ipfo_plugins' in sys.modules)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[] False\n"


def test_the_state_folder_is_where_it_was_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "pair.toml"
    config.write_text("[pair]\nname = 'www'\n")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert App(config).quick_state_dir() == STATE_ROOT / "www"
    assert App(config, state_dir=tmp_path).quick_state_dir() == tmp_path
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/ipfo/a:/var/lib/ipfo/b")
    assert App(config).quick_state_dir() == Path("/var/lib/ipfo/a")


@pytest.mark.parametrize(
    "text", ["[pair", "[links]\n", "pair = 3\n", "[pair]\nname = 7\n", "[pair]\nname = '../x'\n"]
)
def test_a_file_that_names_no_pair_is_a_wrong_config(tmp_path: Path, text: str) -> None:
    config = tmp_path / "pair.toml"
    config.write_text(text)
    with pytest.raises(ConfigError, match=r"ipfo check"):
        pair_name(config)
