"""A script and the worker that runs it end together."""

import os
import select
import signal
import subprocess
import sys

import pytest

RUNNER = """
from ipfo.plugin import now
from ipfo_plugins._run import run
late = now() + 60 * 10**9
run(["/bin/sh", "-c", "echo $$; exec sleep 60"], {}, until=late, kill_at=late, say=lambda line: print(line, flush=True))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the signal of a parent's death is Linux's")
def test_p5_a_script_does_not_outlive_the_worker_that_is_killed() -> None:
    """Else the phase that undoes it would run beside it."""
    with subprocess.Popen([sys.executable, "-c", RUNNER], stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        script = os.pidfd_open(int(worker.stdout.readline()))
        worker.kill()
        try:
            assert select.select([script], [], [], 20)[0], "it still runs"
        except AssertionError:
            signal.pidfd_send_signal(script, signal.SIGKILL)
            raise
        finally:
            os.close(script)
