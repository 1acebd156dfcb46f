"""What the engine asks of its host for itself, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

TRIES = """\
import json, os, subprocess, sys
from types import SimpleNamespace
from ipfo.daemon import favour

refused = list(favour.ask(SimpleNamespace(realtime=True, lock_memory=True)))
child = [sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"]
locked = [line for line in open("/proc/self/status") if line.startswith("VmLck")]
print(json.dumps({
    "refused": refused,
    "class": os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK,
    "of a child": int(subprocess.run(child, capture_output=True, check=True).stdout),
    "locked": int(locked[0].split()[1]),
}))
"""


def asked(*before: str) -> Any:
    argv: Sequence[str] = [*before, sys.executable, "-c", TRIES]
    ended = subprocess.run(argv, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout)


@pytest.mark.root
def test_p6_the_engine_goes_before_others_and_what_it_starts_does_not() -> None:
    """P6: "No heartbeat is late"; a plugin in a real-time class would make it so."""
    had = asked()
    assert had["refused"] == []
    assert had["class"] == os.SCHED_RR
    assert had["of a child"] == os.SCHED_OTHER
    assert had["locked"] > 0


@pytest.mark.root
def test_what_the_host_does_not_allow_is_said_with_what_it_needs() -> None:
    limits = ("prlimit", "--rtprio=0", "--memlock=0")
    refused = asked(*limits, "setpriv", "--bounding-set=-sys_nice,-ipc_lock")["refused"]
    assert len(refused) == 2
    assert "LimitRTPRIO=1" in refused[0]
    assert "LimitMEMLOCK=infinity" in refused[1]
