"""The demo as root on Linux: cables are pulled one after the other, and a client counts."""

from pathlib import Path

from ipfo.cli.demo import Teller
from ipfo.testing.lab import PRIVATE, PUBLIC, Lab
from ipfo.testing.scene import PATIENCE_S, SERVICE, Scene, links_up, pair_file, scene

RATE = 1000


def show(folder: Path, tell: Teller) -> None:
    """Show it; raises AssertionError where a step does not come about."""
    tell("Two hosts and a client as network namespaces; each host has two cables:")
    tell(f"{PUBLIC.interface} to the public network {PUBLIC.v4}, where the client is,")
    tell(f"{PRIVATE.interface} to the private network {PRIVATE.v4}.")
    with Lab.open("demo") as lab, scene(lab, folder, pair_file(), rate=RATE) as stage:
        steps = _Steps(stage, tell)
        steps.start()
        steps.pull_private()
        steps.pull_public()
        steps.plug()
        steps.failback()
        steps.stop()
    tell("The namespaces are gone; nothing is left.")


class _Steps:
    """What is done, in order; each step tells what happens and what was measured."""

    def __init__(self, stage: Scene, tell: Teller) -> None:
        self.stage = stage
        self.lab = stage.lab
        self.pair = stage.pair
        self.tell = tell

    def start(self) -> None:
        self.tell("ipfo starts on alpha and beta: a heartbeat a second on each network.")
        self.stage.begin()
        self.tell(
            f"alpha, the preferred one, holds {SERVICE}; the client asks it {RATE:,} times a second."
        )
        status = self.pair.wait_for("alpha", links_up, PATIENCE_S)
        times = ", ".join(
            f"{name} {link['rtt_ms']:.2f} ms" for name, link in status["links"].items()
        )
        self.tell(f"Each hears the other on both networks; round trip: {times}.")

    def pull_private(self) -> None:
        self.tell("Pull alpha's private cable.")
        self.lab.pull("alpha", "private")
        self.pair.wait_for("beta", lambda s: s["links"]["private"]["state"] == "silent", PATIENCE_S)
        self.tell(
            f"private is silent, public is not: people are told, nothing moves. {self.lost()}"
        )

    def pull_public(self) -> None:
        self.tell("Pull alpha's public cable, too: the client hears nobody any more.")
        self.lab.pull("alpha", "public")
        self.stage.answered_by("beta")
        self.tell(f"beta has taken {SERVICE} and told the neighbours. {self.lost()}")

    def plug(self) -> None:
        self.tell("Plug both cables in again.")
        self.lab.plug("alpha")
        self.stage.whole(holder="beta")
        self.tell(f"The pair is whole, and beta keeps the address until it is asked. {self.lost()}")

    def failback(self) -> None:
        self.tell("ipfo failback web")
        for line in self.pair.ask("beta", "failback", "web").splitlines():
            self.tell(f"  {line}")
        self.stage.answered_by("alpha")
        self.tell(f"alpha answers again. {self.lost()}")

    def stop(self) -> None:
        self.tell("SIGTERM to beta, then to alpha, the holder.")
        for node in ("beta", "alpha"):
            self.pair.stop(node)
        watch = self.stage.watch
        watch.wait_for(SERVICE, set(), PATIENCE_S)
        overlaps = len(watch.overlaps.get(SERVICE, []))
        self.tell("Both have ended, and the address is gone.")
        self.tell(
            f"Of {watch.looks:,} looks at both hosts, one every 20 ms, "
            f"{overlaps or 'none'} saw the address on both."
        )

    def lost(self) -> str:
        """What the client lost since it was last asked, in words."""
        report = self.stage.report()
        if not report["lost"]:
            return f"Lost: 0 of {report['sent']:,}."
        longest_s = report["longest_gap_ms"] / 1000
        return f"Lost: {report['lost']:,} of {report['sent']:,}; the longest gap was {longest_s:.3f} s."
