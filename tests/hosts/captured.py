"""What a stranger on the switch can do: record every heartbeat, and send any of them again.

Frames are taken where a host's cable ends at the switch, and put into a cable as if the switch had
forwarded them: with the same source addresses, card and all.
"""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ipfo.testing.lab import HOSTS, NETWORKS, SWITCH, Lab
from ipfo.testing.netns import socket_in

PORT = 1694
OUTGOING = 4
"""PACKET_OUTGOING: the switch's own sending into the cable; linux/if_packet.h."""

ETH_P_ALL = 3
PAUSE_S = 0.002
"""Between two frames of a replay: some fifty times as many as a node at 100 ms sends."""

PATIENCE_S = 2.0

Place = tuple[str, str]
"""A host and a network: one cable."""

Frames = dict[Place, list[bytes]]
"""What each host has sent, by cable, in order."""


def _udp_at(frame: bytes) -> int:
    return 14 + (frame[14] & 0xF) * 4


def _summed(frame: bytes) -> bytes:
    """`frame` without a checksum of its UDP: on a virtual cable the sender's kernel left it half made."""
    at = _udp_at(frame) + 6
    return frame[:at] + bytes(2) + frame[at + 2 :]


def is_heartbeat(frame: bytes) -> bool:
    """Whether `frame` is UDP over IPv4 to the pair's port."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
        return False
    udp = _udp_at(frame)
    return frame[udp + 2 : udp + 4] == PORT.to_bytes(2)


class Stranger:
    """Has a packet socket at each cable's end. Open with `at`."""

    def __init__(self, cables: dict[Place, socket.socket]) -> None:
        self._cables = cables

    @contextmanager
    def recording(self) -> Iterator[Frames]:
        """All heartbeats that the hosts send until the block is left."""
        for cable in self._cables.values():
            _drain(cable)
        frames: Frames = {place: [] for place in self._cables}
        with _meanwhile(lambda: self._take(frames)):
            yield frames

    def record(self, least: int) -> Frames:
        """The next heartbeats, until each host has sent `least` on each cable."""
        for cable in self._cables.values():
            _drain(cable)
        frames: Frames = {place: [] for place in self._cables}
        while any(len(each) < least for each in frames.values()):
            assert self._take(frames), "no heartbeat is sent any more"
        return frames

    def _take(self, frames: Frames) -> bool:
        """Take what comes within a while, if anything."""
        ready = select.select(list(self._cables.values()), [], [], PATIENCE_S)[0]
        for place, cable in self._cables.items():
            if cable in ready:
                frame, (_, _, kind, *_) = cable.recvfrom(2048)
                if kind != OUTGOING and is_heartbeat(frame):
                    frames[place].append(_summed(frame))
        return bool(ready)

    def replay(self, frames: Frames) -> None:
        """Send all of it again, to who it was for and to who had sent it."""
        for (_, network), sent in frames.items():
            for frame in sent:
                for host in HOSTS:
                    self._cables[host, network].send(frame)
                select.select([], [], [], PAUSE_S)

    @contextmanager
    def replaying(self, frames: Frames) -> Iterator[None]:
        """The same again and again, until the block is left."""
        with _meanwhile(lambda: self.replay(frames)):
            yield


@contextmanager
def stranger(lab: Lab) -> Iterator[Stranger]:
    """Somebody who owns the switch of `lab`."""
    switch = Path("/run/netns") / lab.namespace(SWITCH)
    with ExitStack() as stack:
        cables: dict[Place, socket.socket] = {}
        for host in HOSTS:
            for network in NETWORKS:
                made = socket_in(switch, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
                stack.enter_context(made)
                made.bind((f"{host}-{network}", ETH_P_ALL))
                cables[host, network] = made
        yield Stranger(cables)


@contextmanager
def _meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """`work` is done again and again until the block is left."""
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            work()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _drain(cable: socket.socket) -> None:
    while select.select([cable], [], [], 0)[0]:
        cable.recv(2048)
