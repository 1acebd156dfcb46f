"""The phase scripts of the Mac original: same folders, names, order and arguments."""

import os
import re
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ipfo import clock
from ipfo.model import SECOND, Epoch, Move, Phase, Reason
from ipfo.plugin import Veto
from ipfo.plugin.registry import Registry

EAST, WEST = "192.0.2.100", "2001:db8::100"
MOVE = Move(
    group="web",
    epoch=Epoch(7),
    acquire=True,
    reason=Reason.TAKEOVER,
    node="alpha",
    peer="beta",
    pair="www",
    interface="en0",
    addresses=(EAST, WEST),
)


class Scripts:
    """A scripts folder whose scripts write down that they ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "IPFailover"
        self.folder.mkdir(mode=0o755)
        self.log = folder / "log"
        self.said: list[str] = []
        self._registry = Registry(["scripts"])

    def add(self, name: str, *lines: str, mode: int = 0o755) -> Path:
        """A script that logs its name and arguments, then does `lines`."""
        path = self.folder / name
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_text(
            "\n".join(["#!/bin/sh", f'echo "{name} $*" >> "{self.log}"', *lines]) + "\n"
        )
        path.chmod(mode)
        return path

    def run(self, phase: Phase, timeout_s: float = 20.0, move: Move = MOVE) -> None:
        """Run a phase as the worker does."""
        options = {"folder": str(self.folder)}
        self._registry.call_phase(
            phase, "scripts", move=move, options=options, timeout_s=timeout_s, say=self.said.append
        )

    def ran(self) -> list[str]:
        """What ran, in order, with its arguments."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def failures(self) -> list[str]:
        """What people are told."""
        return [line for line in self.said if line.startswith("failed: ")]


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    """An empty scripts folder."""
    return Scripts(tmp_path)


def wait_for(so: Callable[[], bool]) -> None:
    give_up_at = clock.now() + 20 * SECOND
    while not so():
        assert clock.now() < give_up_at
        os.sched_yield()


@pytest.mark.parametrize(
    ("phase", "prefix", "verb"),
    [
        (Phase.PRE_ACQ, "PreAcq", "acquire"),
        (Phase.POST_ACQ, "PostAcq", "acquire"),
        (Phase.PRE_REL, "PreRel", "release"),
        (Phase.POST_REL, "PostRel", "release"),
    ],
)
def test_scripts_run_in_byte_order_for_each_address_in_config_order(
    scripts: Scripts, phase: Phase, prefix: str, verb: str
) -> None:
    """ls(1) in the C locale: PreAcq10 comes before PreAcq2."""
    for name in ("2", "10.Stop", "_z", "Z", "a", "É"):
        scripts.add(f"{EAST}/{prefix}{name}")
    scripts.add(f"{WEST}/{prefix}")
    scripts.add(f"{EAST}/Other")
    scripts.add(f"192.0.2.9/{prefix}")
    scripts.run(phase)
    order = ["10.Stop", "2", "Z", "_z", "a", "É"]
    assert scripts.ran() == [
        *(f"{EAST}/{prefix}{name} {verb} {EAST}" for name in order),
        f"{WEST}/{prefix} {verb} {WEST}",
    ]
    assert scripts.said == []


@pytest.mark.parametrize("acquire", [True, False])
def test_test_is_asked_before_acquire_and_release(scripts: Scripts, acquire: bool) -> None:
    from dataclasses import replace

    scripts.add(f"{EAST}/Test")
    scripts.add(f"{EAST}/Testament")
    scripts.run(Phase.TEST, move=replace(MOVE, acquire=acquire))
    assert scripts.ran() == [f"{EAST}/Test {'acquire' if acquire else 'release'} {EAST}"]


def test_a_test_that_is_a_link_to_false_refuses(scripts: Scripts) -> None:
    """The classic: notification only."""
    (scripts.folder / EAST).mkdir(mode=0o755)
    (scripts.folder / EAST / "Test").symlink_to("/bin/false")
    with pytest.raises(Veto, match=rf"{EAST}/Test acquire {EAST}: exit code 1"):
        scripts.run(Phase.TEST)


def test_a_test_that_overruns_its_time_refuses(scripts: Scripts) -> None:
    scripts.add(f"{EAST}/Test", "exec sleep 1000")
    with pytest.raises(Veto, match="out of time"):
        scripts.run(Phase.TEST, timeout_s=0.4)


def test_a_test_that_others_could_have_written_refuses(scripts: Scripts) -> None:
    path = scripts.add(f"{EAST}/Test")
    path.chmod(0o777)
    with pytest.raises(Veto, match="others than its owner may write"):
        scripts.run(Phase.TEST)
    assert scripts.ran() == []


def test_a_test_that_cannot_be_run_refuses(scripts: Scripts) -> None:
    path = scripts.folder / EAST / "Test"
    path.parent.mkdir(mode=0o755)
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    with pytest.raises(Veto, match="cannot be run: No such file"):
        scripts.run(Phase.TEST)


@pytest.mark.parametrize("phase", [Phase.PRE_ACQ, Phase.POST_ACQ, Phase.PRE_REL, Phase.POST_REL])
def test_other_scripts_that_fail_are_told_and_stop_nothing(scripts: Scripts, phase: Phase) -> None:
    """Only Test can refuse; nothing is raised, so PreAcq cannot either."""
    prefix = {"pre_acq": "PreAcq", "post_acq": "PostAcq", "pre_rel": "PreRel"}.get(
        phase.value, "PostRel"
    )
    scripts.add(f"{EAST}/{prefix}1", "exit 3")
    scripts.add(f"{EAST}/{prefix}2", "kill -9 $$")
    scripts.add(f"{EAST}/{prefix}3")
    scripts.run(phase)
    assert len(scripts.ran()) == 3
    assert [line.rpartition(": ")[2] for line in scripts.failures()] == [
        "exit code 3",
        "killed by SIGKILL",
    ]


def test_the_environment_is_clean_and_says_what_moves(scripts: Scripts) -> None:
    os.environ["IPFO_TEST_LEAK"] = "secret"
    try:
        scripts.add(f"{EAST}/PostAcq", "env", "pwd", "cat")
        scripts.run(Phase.POST_ACQ)
    finally:
        del os.environ["IPFO_TEST_LEAK"]
    lines = [line.removeprefix(f"{EAST}/PostAcq: ") for line in scripts.said]
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    for shell_made in ("PWD", "OLDPWD", "SHLVL", "_"):
        found.pop(shell_made, None)
    assert found == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": "/",
        "SCRIPTSDIR": str(scripts.folder),
        "TESTPROG": "Test",
        "IPFO_GROUP": "web",
        "IPFO_NODE": "alpha",
        "IPFO_PEER": "beta",
        "IPFO_PAIR": "www",
        "IPFO_INTERFACE": "en0",
        "IPFO_EPOCH": "7",
        "IPFO_REASON": "takeover",
        "IPFO_PHASE": "post_acq",
        "IPFO_ADDRESSES": f"{EAST} {WEST}",
    }
    assert lines[-1] == "/"  # cat found an empty stdin and ended


def test_output_is_said_line_by_line_and_bounded(scripts: Scripts) -> None:
    scripts.add(f"{EAST}/PreAcq", "echo out", "echo err >&2", r"printf 'odd \377 no end'")
    scripts.add(f"{EAST}/PreAcq2", "head -c 10000000 /dev/zero | tr '\\0' 'x'")
    scripts.run(Phase.PRE_ACQ)
    assert scripts.said[:3] == [f"{EAST}/PreAcq: {t}" for t in ("out", "err", "odd \ufffd no end")]
    assert len(scripts.said[3]) < 70_000
    assert scripts.said[4] == f"{EAST}/PreAcq2: ... (the rest of its output is left out)"
    assert len(scripts.said) == 5
    assert scripts.failures() == []


def test_a_script_out_of_time_is_killed_with_all_that_it_started(
    scripts: Scripts, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    scripts.add(
        f"{EAST}/PreAcq1", "trap '' TERM", "sleep 1000 &", f"echo $$ $! > {pids}", "wait", "wait"
    )
    scripts.add(f"{EAST}/PreAcq2")
    scripts.run(Phase.PRE_ACQ, timeout_s=1.0)
    assert "out of time and has been killed" in scripts.failures()[0]
    assert "no time was left" in scripts.failures()[1]
    assert len(scripts.ran()) == 1
    for pid in map(int, pids.read_text().split()):
        wait_for(partial(_is_gone, pid))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _is_gone(pid: int) -> bool:
    return not _runs(pid)


def test_a_script_out_of_time_may_tidy_up_at_sigterm(scripts: Scripts) -> None:
    scripts.add(f"{EAST}/PreRel", "trap 'echo tidied; exit 1' TERM", "sleep 1000 & wait")
    scripts.run(Phase.PRE_REL, timeout_s=2.0)
    assert f"{EAST}/PreRel: tidied" in scripts.said


def test_what_a_script_leaves_in_the_background_holds_up_nothing(
    scripts: Scripts, tmp_path: Path
) -> None:
    """PostAcq20.StartApache: the daemon keeps the pipe open, and lives on."""
    pid_file = tmp_path / "pid"
    scripts.add(f"{EAST}/PostAcq", f"sleep 1000 & echo $! > {pid_file}", "echo started")
    before = clock.now()
    scripts.run(Phase.POST_ACQ, timeout_s=60)
    assert clock.now() - before < 30 * SECOND  # not until the deadline
    assert scripts.said == [f"{EAST}/PostAcq: started"]
    pid = int(pid_file.read_text())
    assert _runs(pid)
    os.kill(pid, signal.SIGKILL)


def test_what_is_not_executable_is_said_and_dot_files_are_not(scripts: Scripts) -> None:
    scripts.add(f"{EAST}/PreAcq.txt", mode=0o644)
    scripts.add(f"{EAST}/.PreAcq")
    (scripts.folder / EAST / "PreAcqDir").mkdir()
    (scripts.folder / EAST / "PreAcqGone").symlink_to("nowhere")
    scripts.run(Phase.PRE_ACQ)
    assert scripts.ran() == []
    assert scripts.said == [
        f"{EAST}/PreAcq.txt: it is not executable: chmod +x, if it is to run",
        f"{EAST}/PreAcqDir: it is a folder",
        f"{EAST}/PreAcqGone: it cannot be looked at: No such file or directory",
        f"failed: {EAST}/PreAcqGone is not run: it cannot be looked at: No such file or directory",
    ]


def test_the_layout_of_the_article_runs_with_a_warning(scripts: Scripts) -> None:
    scripts.add("PreAcq/b")
    scripts.add("PreAcq/a")
    scripts.run(Phase.PRE_ACQ)
    assert scripts.ran() == [f"PreAcq/{n} acquire {ip}" for ip in (EAST, WEST) for n in "ab"]
    assert scripts.said[0] == (
        f"PreAcq/: the scripts in PreAcq/ are run, but belong in {EAST}/ as PreAcq*"
    )


def test_the_documented_layout_goes_before_that_of_the_article(scripts: Scripts) -> None:
    scripts.add("PreAcq/a")
    scripts.add(f"{EAST}/PreAcq")
    scripts.add(f"{WEST}/PreAcq")
    scripts.run(Phase.PRE_ACQ)
    assert scripts.ran() == [f"{ip}/PreAcq acquire {ip}" for ip in (EAST, WEST)]


def test_a_missing_folder_is_said_once(scripts: Scripts) -> None:
    scripts.folder.rmdir()
    for phase in Phase:
        scripts.run(phase)
    assert scripts.said == [f"there is no folder {scripts.folder}: nothing to run"]


def _file_writable(path: Path) -> None:
    path.chmod(0o775)


def _folder_writable(path: Path) -> None:
    path.parent.chmod(0o777)


def _root_writable(path: Path) -> None:
    path.parent.parent.chmod(0o775)


def _sticky_folder(path: Path) -> None:
    path.parent.chmod(0o1777)


def _strangers_file(path: Path) -> None:
    os.chown(path, 12345, 12345)


def _strangers_folder(path: Path) -> None:
    os.chown(path.parent, 12345, 12345)


def _link_into_strangers_folder(path: Path) -> None:
    lair = path.parent.parent.parent / "lair"
    lair.mkdir()
    path.rename(lair / "real")
    path.symlink_to(lair / "real")
    os.chown(lair, 12345, 12345)


def _link_by_way_of_a_strangers_link(path: Path) -> None:
    """Both ends are safe; the link between them is not."""
    lair = path.parent.parent.parent / "lair"
    lair.mkdir()
    real = path.with_name("real")
    path.rename(real)
    (lair / "between").symlink_to(real)
    path.symlink_to(lair / "between")
    lair.chmod(0o777)


@pytest.mark.root
@pytest.mark.parametrize(
    "spoil",
    [
        _file_writable,
        _folder_writable,
        _root_writable,
        _sticky_folder,
        _strangers_file,
        _strangers_folder,
        _link_into_strangers_folder,
        _link_by_way_of_a_strangers_link,
    ],
)
def test_nothing_runs_that_others_could_change(
    scripts: Scripts, spoil: Callable[[Path], None]
) -> None:
    path = scripts.add(f"{EAST}/PostAcq")
    scripts.run(Phase.POST_ACQ)
    assert len(scripts.ran()) == 1
    spoil(path)
    scripts.run(Phase.POST_ACQ)
    assert len(scripts.ran()) == 1
    assert re.search("belongs to another user|others than its owner", scripts.failures()[0])


def test_links_in_a_ring_are_no_script(scripts: Scripts) -> None:
    (scripts.folder / EAST).mkdir(mode=0o755)
    (scripts.folder / EAST / "Test").symlink_to("Test")
    with pytest.raises(Veto, match="cannot be looked at"):
        scripts.run(Phase.TEST)


def test_no_shell_reads_the_names(scripts: Scripts, tmp_path: Path) -> None:
    target = tmp_path / "pwned"
    name = f"PreAcq; touch {target}".replace("/", "|")
    path = scripts.folder / EAST / name
    path.parent.mkdir(mode=0o755)
    path.symlink_to("/bin/true")
    scripts.run(Phase.PRE_ACQ)
    assert scripts.failures() == []
    assert not target.exists()


def test_the_folder_is_the_only_option() -> None:
    schema = Registry(["scripts"]).phase_options("scripts")
    assert list(schema["properties"]) == ["folder"]
    assert schema["required"] == ["folder"]
