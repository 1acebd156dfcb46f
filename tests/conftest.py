"""What may be left out, and when nothing may.

Tests marked ``root`` or ``hosts`` need network namespaces. Where there are none they are skipped and
say why; with CI=true they fail, and so does every other test that is skipped for whatever reason.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from functools import cache

import pytest
from hypothesis import settings

NOTHING_MAY_BE_LEFT_OUT = os.environ.get("CI") == "true"

# How long an example takes is a matter of who else uses this machine.
settings.register_profile("ipfo", deadline=None, derandomize=NOTHING_MAY_BE_LEFT_OUT)
settings.load_profile("ipfo")


@cache
def why_no_namespaces() -> str | None:
    """Why this machine cannot make a network namespace; None if it can."""
    if sys.platform != "linux":
        return "needs Linux"
    if os.geteuid() != 0:
        return "needs root on Linux"
    ip = shutil.which("ip")
    if ip is None:
        return "needs the ip command (Debian: iproute2)"
    name = f"ipfo-try-{os.getpid()}"
    added = subprocess.run([ip, "netns", "add", name], capture_output=True, text=True, check=False)
    if added.returncode != 0:
        return f"needs network namespaces: {added.stderr.strip()}"
    subprocess.run([ip, "netns", "delete", name], check=True)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") or item.get_closest_marker("hosts"):
        why = why_no_namespaces()
        if why is not None:
            pytest.skip(why)


def refuse_to_leave_out(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure where nothing may be left out."""
    if NOTHING_MAY_BE_LEFT_OUT and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"left out, where CI=true lets nothing be left out: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_to_leave_out(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_to_leave_out(report)
    return report
