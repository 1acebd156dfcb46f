"""A node under forged heartbeats that only their seal tells from its peer's."""

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.arena import Trials, at_work
from tests.bench.costs import Row, Table, ran_s
from tests.bench.flood import PORT
from tests.bench.rivals import Ipfo, ipfo_text

from ipfo import clock
from ipfo.model import SECOND
from ipfo.testing.lab import PUBLIC, Lab
from ipfo.testing.netns import socket_in

SECONDS = 8
RATE = 50_000
ETH_P_IP = 0x0800
HEADERS_BYTES = 28  # IPv4 and UDP

SENT, GAP, LOST, MOVES, CPU = (
    "forged datagrams a second that were sent",
    "longest time between two heartbeats of its own, ms",
    "share of the peer's heartbeats that it lost, %",
    "moves",
    "% of a core of all of its processes",
)


def flood(lab: Lab, trials: Trials) -> Table:
    """Forged heartbeats in the peer's name at the standby, 100 ms / 600 ms: what it still does."""
    found: Row = {what: [] for what in (SENT, GAP, LOST, MOVES, CPU)}
    trials.times(3, 7).of(_flooded, lab, found)
    return {what: {"ipfo": figures} for what, figures in found.items()}


def _flooded(lab: Lab, found: Row) -> float:
    alpha, beta = PUBLIC.address("alpha"), PUBLIC.address("beta")
    text = ipfo_text("100ms", "600ms")
    with at_work(lab, lambda lab, at: Ipfo(lab, at, text), settle_s=3, interval_s=0.1) as trial:
        assert isinstance(trial.rival, Ipfo)
        copied = _heartbeat_of(lab, "alpha").hex()
        look = ["-m", "tests.bench.arrivals", beta, str(SECONDS)]
        pour = ["-m", "tests.bench.flood", alpha, beta, str(RATE), str(SECONDS), copied]
        began, before = clock.now(), ran_s(trial.rival.pids("beta"))
        with subprocess.Popen(_into(lab, "alpha", look), stdout=subprocess.PIPE, text=True) as gaps:
            poured = subprocess.run(
                _into(lab, "client", pour),
                check=True, capture_output=True, text=True, timeout=SECONDS + 10,
            )  # fmt: skip
            busy_s, took_s = (
                ran_s(trial.rival.pids("beta")) - before,
                (clock.now() - began) / SECOND,
            )
            link = json.loads(trial.rival.pair.ask("beta", "status", "--json"))["links"]["public"]
            gap_ms = float(gaps.communicate(timeout=SECONDS + 10)[0])
        assert link["rejected"].keys() == {"seal"}, f"not for the seal: {link['rejected']}"
        found[SENT].append(int(poured.stdout) / SECONDS)
        found[GAP].append(gap_ms)
        found[LOST].append(100 * link["loss"])
        found[MOVES].append(trial.moves(began))
        found[CPU].append(100 * busy_s / took_s)
    return gap_ms


def _heartbeat_of(lab: Lab, host: str) -> bytes:
    """One that `host` has just sent on the public network, as it is on the wire."""
    namespace = Path("/run/netns", lab.namespace(host))
    with socket_in(namespace, socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003)) as sock:
        sock.bind((PUBLIC.interface, 0x0003))
        sock.settimeout(10)
        while True:
            packet, (_, protocol, kind, *_) = sock.recvfrom(2048)
            is_heartbeat = packet[22:24] == PORT.to_bytes(2, "big")
            if protocol == ETH_P_IP and kind == socket.PACKET_OUTGOING and is_heartbeat:
                return packet[HEADERS_BYTES:]


def _into(lab: Lab, host: str, words: Sequence[str]) -> list[str]:
    return ["ip", "netns", "exec", lab.namespace(host), sys.executable, *words]
