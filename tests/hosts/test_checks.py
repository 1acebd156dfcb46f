"""Checks of real services: a holder that cannot serve hands over to a peer that can, and to no other.

Each host of these tests has a web server on its loopback; what is done to that, or to another cable
than the one with the address, is what the pair does not see by itself.
"""

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from tests.hosts.faults import goes_to, stays_at
from tests.hosts.figures import Row
from tests.hosts.plays import BOTH_FAMILIES, LOOKS_MAX_NS, Play, Told, fast_pair

from ipfo.testing import processes
from ipfo.testing.lab import HOSTS, PRIVATE, Lab
from ipfo.testing.scene import PATIENCE_S, Scene

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(120)]

PORT = 8080
SERVER = [sys.executable, "-m", "http.server", str(PORT), "--bind", "127.0.0.1", "--directory"]
HEALTH = "health"
"""What its web server answers on each host: a file in a folder of the host's own."""
TIMES = 'interval = "500ms"\ntimeout = "400ms"\nfall = 3\nrise = 2\n'

CHECKS = {
    "http": f'plugin = "http"\nurl = "http://127.0.0.1:{PORT}/health"\ncontains = "all is well"',
    "tcp": f'plugin = "tcp"\nport = {PORT}',
    "command": f'plugin = "command"\ncommand = ["@FOLDER@/look", "{PORT}"]',
    "interface": f'plugin = "interface"\ninterface = "{PRIVATE.interface}"\n'
    f'address = {{ alpha = "{PRIVATE.address("alpha")}", beta = "{PRIVATE.address("beta")}" }}',
}
LOOK = """\
#!/bin/sh
ss -Hltn "sport = :$1" | grep -q LISTEN || { echo "nobody listens on $1"; exit 1; }
"""


def checked(check: str) -> str:
    """A pair whose group has this check."""
    return fast_pair(groups=f"{BOTH_FAMILIES}\n[[groups.web.checks]]\n{CHECKS[check]}\n{TIMES}")


def serve(lab: Lab, folder: Path, *hosts: str) -> None:
    """A web server on each of `hosts`."""
    (folder / "look").write_text(LOOK)
    (folder / "look").chmod(0o755)
    for host in hosts:
        served = folder / f"served-by-{host}"
        served.mkdir(exist_ok=True)
        (served / HEALTH).write_text("all is well\n")
        lab.start(
            host, [*SERVER, str(served)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def servers(stage: Scene, host: str) -> list[int]:
    """The processes of the web server of `host`."""
    found = []
    for pid in stage.lab.pids(host):
        with suppress(OSError):  # a check's program may have ended since
            if b"http.server" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def ends(stage: Scene, host: str) -> None:
    processes.kill_all(servers(stage, host))


def ill(stage: Scene, host: str) -> str:
    """Wait until `host` says that the group is ill on it; why."""
    found = stage.pair.wait_for(host, lambda s: bool(s["groups"]["web"]["ill"]), PATIENCE_S)
    why: str = found["groups"]["web"]["ill"]
    return why


def server_ends_here_and_there(stage: Scene, _: Told, *, says: str) -> None:
    ends(stage, "alpha")
    assert says in ill(stage, "alpha")
    goes_to(stage, "beta")
    serve(stage.lab, stage.pair.folder, "alpha")
    stage.pair.wait_for("alpha", lambda s: not s["groups"]["web"]["ill"], PATIENCE_S)
    stays_at(stage, "beta")  # failback is manual
    ends(stage, "beta")
    goes_to(stage, "alpha")


def server_hangs(stage: Scene, _: Told) -> None:
    processes.signal_all(servers(stage, "alpha"), signal.SIGSTOP)
    assert "no whole answer within 0.4 s" in ill(stage, "alpha")
    goes_to(stage, "beta")


def server_tells_nonsense(stage: Scene, _: Told) -> None:
    """The standby's first: a holder that is ill before it would be right to hand over."""
    for host in ("beta", "alpha"):
        (stage.pair.folder / f"served-by-{host}" / HEALTH).write_text("not at all\n")
        assert '"all is well" is not in it' in ill(stage, host)
    stays_at(stage, "alpha")


def both_servers_end(stage: Scene, _: Told) -> None:
    """Nothing moves where nobody is better; who is well again first has it."""
    for host in ("beta", "alpha"):  # in this order, as above
        ends(stage, host)
        ill(stage, host)
    stage.told("alpha", "anomaly", "ill")
    stays_at(stage, "alpha")
    serve(stage.lab, stage.pair.folder, "beta")
    goes_to(stage, "beta")


def standby_is_ill(stage: Scene, _: Told) -> None:
    """Better than nobody: it takes over from one that is silent."""
    ends(stage, "beta")
    ill(stage, "beta")
    stays_at(stage, "alpha")
    stage.pair.kill("alpha")
    goes_to(stage, "beta")
    stage.pair.start("alpha")
    goes_to(stage, "alpha")  # whose server runs


def other_cable_is_pulled(stage: Scene, _: Told) -> None:
    stage.lab.pull("alpha", PRIVATE.name)
    assert f"interface {PRIVATE.interface} has no carrier" in ill(stage, "alpha")
    goes_to(stage, "beta")
    stage.lab.plug("alpha", PRIVATE.name)
    stage.pair.wait_for("alpha", lambda s: not s["groups"]["web"]["ill"], PATIENCE_S)


def on_both(lab: Lab, folder: Path) -> None:
    serve(lab, folder, *HOSTS)


ALPHA, BETA = frozenset({"alpha"}), frozenset({"beta"})

PLAYS = [
    *(
        Play(
            f"web server ended here, then there: {check}",
            partial(server_ends_here_and_there, says=says),
            ALPHA,
            checked(check),
            prepare=on_both,
        )
        for check, says in (
            ("http", "Connection refused"),
            ("tcp", "Connection refused"),
            ("command", f"look: nobody listens on {PORT} (exit code 1)"),
        )
    ),
    Play("web server hangs: http", server_hangs, BETA, checked("http"), prepare=on_both),
    Play(
        "web servers tell nonsense", server_tells_nonsense, ALPHA, checked("http"), prepare=on_both
    ),
    Play("both web servers ended", both_servers_end, BETA, checked("http"), prepare=on_both),
    Play("holder killed, standby ill", standby_is_ill, ALPHA, checked("http"), prepare=on_both),
    Play("another cable pulled: interface", other_cable_is_pulled, BETA, checked("interface")),
]


@pytest.mark.parametrize("play", PLAYS, ids=str)
def test_who_cannot_serve_hands_over_to_who_can(play: Play, played: Callable[[Play], Row]) -> None:
    row = played(play)
    assert row.twice_ns == 0
    assert row.end <= play.ends
    assert row.pause_ns < LOOKS_MAX_NS
