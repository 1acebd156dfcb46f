"""Two hosts on one cable, as network namespaces of the caller's own. Linux, root, iproute2.

For tests of what touches the wire. The calling thread goes into a namespace and comes back, so
what it calls there is measured for coverage like anything else; what it starts there stays there.
"""

import itertools
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ipfo.clock import now
from ipfo.model import SECOND
from ipfo.testing.netns import set_namespace

_COUNT = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Space:
    """A network namespace with one interface, ``eth0``."""

    name: str

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The calling thread is in the namespace until the block is left."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            set_namespace(Path("/run/netns") / self.name)
            yield
        finally:
            set_namespace(Path(f"/proc/self/fd/{home}"))
            os.close(home)

    def ip(self, command: str) -> str:
        """Run ``ip COMMAND`` here; its output."""
        return run(f"ip -n {self.name} {command}")

    def sysctl(self, name: str, value: int) -> None:
        """Set a sysctl of the namespace, by its path below /proc/sys/net."""
        with self.inside():
            (Path("/proc/sys/net") / name).write_text(str(value))


def run(command: str) -> str:
    """Run `command`, words split at spaces; its output, or a failed test with what it said."""
    done = subprocess.run(command.split(), capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - no shell, a test's own words
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def until(true: Callable[[], bool], timeout_s: float = 8.0) -> bool:
    """Whether `true` comes about in time, asked every 20 ms."""
    deadline = now() + int(timeout_s * SECOND)
    while not true():
        if now() > deadline:
            return False
        select.select([], [], [], 0.02)
    return True


Cable = tuple[Space, Space]


def make_cable(stack: ExitStack) -> tuple[Space, Space]:
    """See `cable`; the namespaces end with `stack`."""
    north, south = (Space(f"ipfo-{os.getpid()}-{next(_COUNT)}") for _ in range(2))
    for space in (north, south):
        run(f"ip netns add {space.name}")
        stack.callback(run, f"ip netns del {space.name}")
    run(
        f"ip link add eth0 netns {north.name} type veth peer name eth0 netns {south.name}",
    )
    for number, space in enumerate((north, south), 1):
        space.ip("link set lo up")
        space.ip("link set eth0 up")
        space.ip(f"addr add 192.0.2.{number}/24 brd + dev eth0")
        space.ip(f"addr add 2001:db8::{number}/64 dev eth0 nodad")
    return north, south
