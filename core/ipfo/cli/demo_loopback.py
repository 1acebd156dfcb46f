"""The demo for everybody else: two real daemons on loopback, and an address that is pretended."""

import secrets
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ipfo import clock
from ipfo.cli.demo import Teller
from ipfo.errors import HostError
from ipfo.model import SECOND
from ipfo.testing.pair import Pair, Status

PATIENCE_S = 20.0

PORT = 16940
"""The links' port: not the default, so that a pair that runs here is left alone."""

CONFIG = f"""\
[pair]
name = "demo"
nodes = ["alpha", "beta"]
interval = "1s"
takeover_after = "3s"
key_file = "demo.key"

[links.public]
transport = "udp"
port = {PORT}
addresses = {{ alpha = "127.0.1.165", beta = "127.0.1.170" }}

[links.private]
transport = "udp"
port = {PORT}
addresses = {{ alpha = "127.0.2.165", beta = "127.0.2.170" }}

[groups.web]
addresses = ["192.0.2.100/24"]
interface = "lo"
provider = "mock"
"""


def show(folder: Path, tell: Teller) -> None:
    """Show it; raises AssertionError where a step does not come about."""
    tell("Two nodes on loopback, since namespaces and cables need root on Linux. Heartbeats, key,")
    tell(
        "epochs and journal are real; the address is pretended (provider mock), nobody can ask it."
    )
    (folder / "pair.toml").write_text(CONFIG)
    key = folder / "demo.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(32))
    pair = Pair(Here(), folder, folder / "pair.toml")
    try:
        _steps(pair, tell)
    finally:
        pair.end()
    tell("Nothing is left of it.")


def _steps(pair: Pair, tell: Teller) -> None:
    tell("ipfo starts on alpha and beta: a heartbeat a second on two links.")
    pair.start("alpha", "beta")
    pair.wait_for("beta", _held_by("alpha"), PATIENCE_S)
    tell("alpha, the preferred one, holds group web; beta stands by.")
    status = pair.wait_for("beta", _links_up, PATIENCE_S)
    times = ", ".join(f"{name} {link['rtt_ms']:.2f} ms" for name, link in status["links"].items())
    tell(f"Each hears the other on both links; round trip: {times}.")

    tell("Kill alpha: SIGKILL to its daemon and its workers, as if the power were cut.")
    killed = clock.now()
    pair.kill("alpha")
    status = pair.wait_for("beta", _held_by("beta"), PATIENCE_S)
    took_s = (clock.now() - killed) / SECOND
    epoch = status["groups"]["web"]["epoch"]
    tell(f"beta holds the group, {took_s:.1f} s after the kill, under epoch {epoch}.")

    tell("alpha starts again: it hears that beta holds the group, and leaves it there.")
    pair.start("alpha")
    pair.wait_for("alpha", lambda s: _links_up(s) and _held_by("beta")(s), PATIENCE_S)
    tell("Each hears the other again; beta still holds.")

    tell("ipfo failback web")
    for line in pair.ask("beta", "failback", "web").splitlines():
        tell(f"  {line}")
    status = pair.wait_for("beta", _held_by("alpha"), PATIENCE_S)
    tell(f"alpha holds the group again, under epoch {status['groups']['web']['epoch']}.")
    tell("SIGTERM to beta, then to alpha.")
    for node in ("beta", "alpha"):
        pair.stop(node)


def _held_by(node: str) -> Callable[[Status], bool]:
    return lambda status: bool(status["groups"]["web"]["holder"] == node)


def _links_up(status: Status) -> bool:
    links = status["links"].values()
    return all(
        link["state"] == "up" and link["peer_hears"] and link["rtt_ms"] is not None
        for link in links
    )


class Here:
    """This machine, as the place where both nodes run."""

    def start(
        self,
        host: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> subprocess.Popen[str]:
        """Start `argv` in a session of its own, so that Ctrl-C reaches the demo alone."""
        del host
        return subprocess.Popen(  # noqa: S603 - our own command
            argv, env=env, stdin=stdin, stdout=stdout, stderr=stderr, text=True,
            start_new_session=True,
        )  # fmt: skip

    def run(
        self, host: str, argv: Sequence[str], *, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `argv` to its end."""
        del host
        done = subprocess.run(  # noqa: S603 - our own command
            argv, input=stdin, capture_output=True, text=True, check=False
        )
        if check and done.returncode != 0:
            raise HostError(done.stderr.strip())
        return done
