"""The state folder: private, locked, and refused in one line where it cannot be had."""

import os
from pathlib import Path

import pytest

from ipfo.daemon.state_dir import StateDir, explain, group_id
from ipfo.errors import ConfigError, HostError, IpfoError, NotAllowedError


def as_nobody(folder: Path) -> int:
    """The exit code that taking `folder` ends with for a user without rights."""
    child = os.fork()
    if child == 0:  # pragma: no cover - in another process
        code = 0
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            StateDir.take(folder, group=None)
        except IpfoError as error:
            code = error.exit_code
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    taken = StateDir.take(tmp_path / "a" / "b", group=None)
    assert taken.path.stat().st_mode & 0o777 == 0o700
    assert (taken.path / "lock").read_text() == f"{os.getpid()}\n"
    taken.close()


def test_members_of_the_control_group_may_pass_through(tmp_path: Path) -> None:
    taken = StateDir.take(tmp_path / "a", group=os.getegid())
    assert taken.path.stat().st_mode & 0o777 == 0o710
    taken.close()


def test_one_daemon_has_it_until_it_gives_it_back(tmp_path: Path) -> None:
    first = StateDir.take(tmp_path / "a", group=None)
    with pytest.raises(HostError, match=f"another ipfo runs for this pair .pid {os.getpid()}."):
        StateDir.take(tmp_path / "a", group=None)
    first.close()
    StateDir.take(tmp_path / "a", group=None).close()


def test_who_may_not_write_there_gets_77(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert as_nobody(locked / "state") == 77


def test_a_read_only_file_system_is_named(tmp_path: Path) -> None:
    error = explain(OSError(30, "Read-only file system"), tmp_path)
    assert isinstance(error, HostError)
    assert "read-only file system" in str(error)
    assert isinstance(explain(OSError(13, "Permission denied"), tmp_path), NotAllowedError)


def test_a_group_is_looked_up_by_name() -> None:
    assert group_id(None) is None
    with pytest.raises(ConfigError, match="no group 'nosuch'"):
        group_id("nosuch")
