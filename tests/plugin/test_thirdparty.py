"""Issue 2: somebody else's plugin works after `pip install` alone, and is missed when it is gone.

ipfo and the plugin are built and installed by pip into an environment of their own, not from the
checkout's folders. Only what ipfo depends on is borrowed from the environment of the tests.
"""

import json
import os
import select
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGER = ROOT / "tests/thirdparty/ipfo-pager"

CONFIG = """\
plugins = ["pager"]

[pair]
name = "www"
nodes = ["alpha", "beta"]
interval = "50ms"
takeover_after = "200ms"

[links.only]
transport = "udp"
port = {port}
addresses = {{ alpha = "127.0.7.1", beta = "127.0.7.2" }}

[groups.web]
addresses = ["192.0.2.100/24"]
interface = "lo"
provider = "mock"
hooks.pager = {{ file = "{file}", refuse = "{refuse}" }}

[[notifiers]]
plugin = "pager"
file = "{file}"
"""

PATIENCE_S = 30.0


@dataclass(frozen=True)
class Site:
    """An environment as a user has it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the tests' own environment but where to find the host's commands."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder)}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """`command` of this environment's ``bin``, in this environment and no other."""
        return subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    def pip(self, *arguments: str) -> None:
        """The tests' own pip, at work in this environment."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "-q", *arguments]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def install(self, project: Path) -> None:
        # The build's one requirement is here already, so nothing is asked of the network.
        self.pip("install", "--no-deps", "--no-build-isolation", "--no-index", str(project))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site") / "venv"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    made = Site(folder)
    made.install(ROOT)
    made.install(PAGER)
    return made


def written(folder: Path, *, port: int = 16947, file: str = "pages", refuse: str = "") -> str:
    """A pair.toml that names the plugin in both of its parts."""
    config = folder / "pair.toml"
    config.write_text(CONFIG.format(port=port, file=folder / file, refuse=refuse))
    return str(config)


def test_ipfo_and_the_plugin_are_those_that_pip_has_installed(site: Site) -> None:
    where = "import ipfo, ipfo_pager; print(ipfo.__file__, ipfo_pager.__file__)"
    for path in site.run("python", "-c", where).stdout.split():
        assert Path(path).is_relative_to(site.folder)


def test_ipfo_plugins_shows_what_it_brings(site: Site) -> None:
    shown = site.run("ipfo", "plugins", "--json")
    (pager,) = [p for p in json.loads(shown.stdout)["plugins"] if p["entry_point"] == "pager"]
    assert pager["distribution"] == "ipfo-pager"
    assert pager["version"] == "1.2.3"
    assert pager["offers"] == [["notifier", "pager"]]
    assert {"ipfo_test", "ipfo_post_acq"} <= set(pager["hooks"])


def test_the_config_names_it_and_nothing_else_is_needed(site: Site, tmp_path: Path) -> None:
    checked = site.run("ipfo", "--config", written(tmp_path), "check")
    assert checked.returncode == 0, checked.stderr


def test_its_options_are_held_against_its_own_schemas(site: Site, tmp_path: Path) -> None:
    config = Path(written(tmp_path))
    text = config.read_text()
    config.write_text(text.replace("refuse =", "refuze =") + "filee = 3\n")
    checked = site.run("ipfo", "--config", str(config), "check")
    assert checked.returncode == 2
    refuze, filee = (line for line in checked.stderr.splitlines() if "unknown" in line)
    assert "groups.web.hooks.pager" in refuze
    assert '"refuse"' in refuze
    assert "notifiers" in filee
    assert '"file"' in filee


def lines_of(fifo: int) -> Iterator[dict[str, object]]:
    """What the plugin writes, line by line, as it comes."""
    rest = b""
    while True:
        assert select.select([fifo], [], [], PATIENCE_S)[0], "the plugin has nothing more to say"
        *lines, rest = (rest + os.read(fifo, 65_536)).split(b"\n")
        yield from map(json.loads, lines)


@pytest.mark.parametrize("refuse", ["", "not today"])
def test_a_daemon_calls_it(site: Site, tmp_path: Path, refuse: str) -> None:
    """It hears of the move in its phase and is told of it as a notifier; or it refuses the move."""
    os.mkfifo(tmp_path / "pages")
    fifo = os.open(tmp_path / "pages", os.O_RDWR)  # both ends, so that it never ends
    command = [str(site.folder / "bin/ipfo"), "--config", written(tmp_path, refuse=refuse)]
    options = ["--node", "alpha", "--state-dir", str(tmp_path / "state"), "run"]
    with subprocess.Popen([*command, *options], env=site.environment) as daemon:
        try:
            seen: dict[object, dict[str, object]] = {}
            wanted = {"veto"} if refuse else {"phase", "takeover"}
            for line in lines_of(fifo):
                seen[line.get("event", "phase")] = line
                if wanted <= set(seen):
                    break
        finally:
            daemon.terminate()
            daemon.wait(PATIENCE_S)
            os.close(fifo)
    if refuse:
        assert "phase" not in seen
        assert "not today" in str(seen["veto"])
    else:
        assert seen["phase"]["here"] == ["192.0.2.100"]
        assert seen["phase"]["epoch"] == seen["takeover"]["epoch"] == 1


def test_removing_it_gives_one_clear_line(site: Site, tmp_path: Path) -> None:
    config = written(tmp_path)
    site.pip("uninstall", "-y", "ipfo-pager")
    try:
        for command in (["check"], ["--node", "alpha", "--state-dir", str(tmp_path), "run"]):
            refused = site.run("ipfo", "--config", config, *command)
            assert refused.returncode == 2
            (line,) = refused.stderr.splitlines()
            assert '"pager" is not installed' in line
            assert "pip install" in line
        assert "pager" not in site.run("ipfo", "plugins").stdout
    finally:
        site.install(PAGER)
