"""What a client misses at each fault, and what a node costs: ``make bench-outages``, as root.

Real daemons in the lab, a client that asks 1,000 times a second; the median of five is what counts,
with the least and the most beside it. Nothing is asserted here: a figure is not a test.
"""

import argparse
import os
import re
import select
import socket
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ipfo import clock
from ipfo.model import SECOND, Instant
from ipfo.testing import processes
from ipfo.testing.lab import PUBLIC, Lab
from ipfo.testing.netns import socket_in
from ipfo.testing.pair import Pair
from ipfo.testing.scene import SERVICE, WEB, Scene, pair_file, scene, write_pair

TIMES = [("1s", "3s"), ("200ms", "1500ms")]
PORT = 1694
REST_S = 10.0

Fault = Callable[[Scene], None]


def power_cut(stage: Scene) -> None:
    stage.lab.power_off("alpha")


def both_cables(stage: Scene) -> None:
    stage.lab.pull("alpha")


def public_cable(stage: Scene) -> None:
    stage.lab.pull("alpha", "public")


def kill_engine(stage: Scene) -> None:
    stage.pair.kill("alpha", engine_only=True)


def kill_all(stage: Scene) -> None:
    stage.pair.kill("alpha")


def freeze_engine(stage: Scene) -> None:
    stage.pair.freeze("alpha", engine_only=True)


def freeze_all(stage: Scene) -> None:
    stage.pair.freeze("alpha")


def sigterm(stage: Scene) -> None:
    stage.pair.stop("alpha")


def handover(stage: Scene) -> None:
    stage.pair.ask("alpha", "handover", "web")


def started_again(stage: Scene) -> None:
    stage.pair.revive("alpha")


def restart(stage: Scene) -> None:
    stage.pair.ask("alpha", "restart")


FAULTS: dict[str, Fault] = {
    "power cut of the holder": power_cut,
    "both cables pulled": both_cables,
    "public cable pulled": public_cable,
    "engine killed (SIGKILL)": kill_engine,
    "all of its processes killed": kill_all,
    "engine frozen (SIGSTOP)": freeze_engine,
    "all of its processes frozen": freeze_all,
    "SIGTERM": sigterm,
    "ipfo handover": handover,
}

AGAIN: dict[str, Fault] = {
    "engine killed, started at once": started_again,
    "ipfo restart": restart,
}
"""What a client should not notice at all."""

DEAD_AFTER = "1.3s"
""" "A host without power is not waited for": at 1 s heartbeats, the median is to be under 1.2 s."""


def outages(
    lab: Lab, times: tuple[str, str], fault: Fault, runs: int, *, dead_after: str | None = None
) -> tuple[list[float], int]:
    """How long each run of `fault` left the client alone, in ms; and how often two held it."""
    gaps = []
    with tempfile.TemporaryDirectory() as folder:
        # each run moves the group twice, and a breaker would end that
        text = pair_file(interval=times[0], takeover_after=times[1], groups=WEB + "max_moves = 100")
        if dead_after is not None:
            text = text.replace("[pair]\n", f'[pair]\ndead_after = "{dead_after}"\n')
        with scene(lab, Path(folder), text) as stage:
            stage.begin()
            for run in range(runs):
                stage.whole(holder="alpha")
                stage.client.report()
                between_heartbeats(stage, (run + 0.5) / runs)
                fault(stage)
                stage.answered_by("beta")
                gaps.append(stage.report()["longest_gap_ms"])
                restore(stage)
            return gaps, sum(len(turns) for turns in stage.watch.overlaps.values())


def between_heartbeats(stage: Scene, share: float) -> None:
    """Wait until this share of the time from one heartbeat of alpha to the next is over.

    A fault comes at any time, and its outage depends on it: the median of few needs even shares.
    """
    status = stage.status("beta")
    waited_ms = status["peer"]["heard_ms_ago"]
    stage.rest((share * status["interval_ms"] - waited_ms) % status["interval_ms"] / 1000)


def outage(
    lab: Lab, times: tuple[str, str], fault: Fault, runs: int, *, dead_after: str | None = None
) -> str:
    """`outages` as a line."""
    gaps, overlaps = outages(lab, times, fault, runs, dead_after=dead_after)
    return figures(gaps) + (f"; two holders seen {overlaps} times" if overlaps else "")


def unnoticed(lab: Lab, times: tuple[str, str], again: Fault, runs: int) -> str:
    """What `again` costs the client, each time, and how many epochs all of them."""
    lost = []
    with tempfile.TemporaryDirectory() as folder:
        text = pair_file(interval=times[0], takeover_after=times[1])
        with scene(lab, Path(folder), text) as stage:
            stage.begin()
            stage.whole(holder="alpha")
            before = stage.status("beta")["groups"]["web"]["epoch"]
            for run in range(runs):
                stage.client.report()
                between_heartbeats(stage, (run + 0.5) / runs)
                again(stage)
                stage.agreed()
                lost.append(stage.report()["lost"])
            spent = stage.status("beta")["groups"]["web"]["epoch"] - before
    return f"lost {lost} datagrams, {spent} epochs spent"


def handovers(lab: Lab, times: tuple[str, str], kind: str, runs: int) -> str:
    """What each of `runs` handovers costs the client, and how long all of them had two holders."""
    lost, gaps = [], []
    with tempfile.TemporaryDirectory() as folder:
        groups = WEB + f'handover = "{kind}"'
        text = pair_file(interval=times[0], takeover_after=times[1], groups=groups)
        with scene(lab, Path(folder), text) as stage:
            stage.begin()
            stage.whole(holder="alpha")
            for run in range(runs):
                source, target = ("alpha", "beta")[:: 1 if run % 2 == 0 else -1]
                stage.client.report()
                stage.pair.ask(source, "handover", "web")
                stage.answered_by(target)
                stage.whole(holder=target)
                report = stage.report()
                lost.append(report["lost"])
                gaps.append(report["longest_gap_ms"])
            twice_ns = stage.watch.seen[SERVICE].twice_ns(Instant(0), clock.now())
    overlap_ms = 1000 * twice_ns / SECOND / runs
    return f"{figures(gaps)}; lost {lost} datagrams; overlap {overlap_ms:.0f} ms each"


def restore(stage: Scene) -> None:
    """The pair is as it was before the fault: alpha runs and holds."""
    if "alpha" in stage.pair.daemons:
        pids = stage.pair.processes("alpha")
        stage.pair.thaw(pids)
    if stage.lab.pids("alpha") == []:
        stage.pair.end_of("alpha")
        stage.lab.power_on("alpha")
    stage.lab.plug("alpha")
    if "alpha" not in stage.pair.daemons:
        stage.pair.start("alpha")
    stage.whole(holder="beta")
    # whose lease has run out is trusted again only after a while
    stage.pair.wait_for("alpha", lambda s: s["groups"]["web"]["health"] == "able", 60)
    stage.pair.ask("beta", "failback", "web")
    stage.answered_by("alpha")


def at_rest(lab: Lab, times: tuple[str, str]) -> list[str]:
    """CPU and memory of each node while nothing happens."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        write_pair(Path(folder), pair_file(interval=times[0], takeover_after=times[1]))
        pair = Pair(lab, Path(folder), Path(folder, "pair.toml"))
        pair.start("alpha", "beta")
        pair.wait_for("beta", lambda s: s["groups"]["web"]["holder"] == "alpha", 30)
        processes.wait(pair.daemons["beta"], 3.0)
        before = {node: cpu_s(pair.processes(node)) for node in ("alpha", "beta")}
        processes.wait(pair.daemons["beta"], REST_S)
        for node, role in (("alpha", "holder"), ("beta", "standby")):
            pids = pair.processes(node)
            percent = 100 * (cpu_s(pids) - before[node]) / REST_S
            engine, everything = pss_mb(pids[:1]), pss_mb(pids)
            lines.append(
                f"{role:8} {percent:5.2f} % of a core, {everything:5.1f} MB in"
                f" {len(pids)} processes (the engine {engine:.1f} MB), PSS"
            )
        pair.end()
    return lines


def cpu_s(pids: Sequence[int]) -> float:
    """User and system time of `pids` so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_mb(pids: Sequence[int]) -> float:
    """What `pids` take of the machine's memory: what is shared is counted by share."""
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(found[1]) for text in texts if (found := re.search(r"Pss: +(\d+)", text))) / 1024


def first_heartbeats(lab: Lab, runs: int) -> list[float]:
    """From exec of ``ipfo`` to its first datagram at the peer's address, in ms."""
    took = []
    namespace = Path("/run/netns", lab.namespace("beta"))
    for _ in range(runs):
        with (
            tempfile.TemporaryDirectory() as folder,
            socket_in(namespace, socket.AF_INET, socket.SOCK_DGRAM) as here,
        ):
            write_pair(Path(folder), pair_file())
            pair = Pair(lab, Path(folder), Path(folder, "pair.toml"))
            here.bind((PUBLIC.address("beta"), PORT))
            began = clock.now()
            pair.start("alpha")
            assert select.select([here], [], [], 30)[0], pair.log("alpha")
            took.append((clock.now() - began) * 1000 / SECOND)
            pair.end()
    return took


def figures(values: Sequence[float]) -> str:
    return f"{statistics.median(values):7.0f} ms  ({min(values):.0f} to {max(values):.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="faults whose name matches this")
    given = parser.parse_args()

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def wanted(*names: str) -> list[str]:
        return [name for name in names if re.search(given.only, name)]

    with Lab.open("bench") as lab:
        if wanted("first heartbeat"):
            took = first_heartbeats(lab, given.runs)
            say(f"from exec to the first heartbeat: {figures(took)}")
        for times in TIMES:
            say(f"\ninterval {times[0]}, takeover after {times[1]}")
            for line in at_rest(lab, times) if wanted("at rest") else []:
                say(f"  at rest, {line}")
            for name in wanted(*FAULTS):
                say(f"  {name:32} {outage(lab, times, FAULTS[name], given.runs)}")
            for name in wanted(*AGAIN):
                say(f"  {name:32} {unnoticed(lab, times, AGAIN[name], given.runs)}")
            for kind in ("seamless", "strict"):
                for name in wanted(f"{kind} handover"):
                    say(f"  {name:32} {handovers(lab, times, kind, 2 * given.runs)}")
        for name in wanted("power cut, dead_after"):
            said = outage(lab, TIMES[0], power_cut, given.runs, dead_after=DEAD_AFTER)
            say(f"\ninterval {TIMES[0][0]}, dead_after {DEAD_AFTER}\n  {name:32} {said}")


if __name__ == "__main__":
    main()
