"""A script and the worker that runs it end together."""

import os
import resource
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


BOUND = """
import resource
resource.setrlimit(resource.RLIMIT_DATA, (256 << 20, resource.getrlimit(resource.RLIMIT_DATA)[1]))
from ipfo.plugin import now
from ipfo_plugins._run import run
late = now() + 60 * 10**9
run(["/bin/bash", "-c", "ulimit -S -d"], {}, until=late, kill_at=late, say=print)
print(resource.getrlimit(resource.RLIMIT_DATA)[0] >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has that limit, and bash shows it")
def test_the_bound_on_a_workers_memory_is_not_for_what_a_script_starts() -> None:
    """A phase script may start the service itself, which outlives the move."""
    told = subprocess.run([sys.executable, "-c", BOUND], capture_output=True, text=True, check=True)
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = "unlimited" if most == resource.RLIM_INFINITY else str(most >> 10)
    assert told.stdout.split() == [wanted, "256"]
