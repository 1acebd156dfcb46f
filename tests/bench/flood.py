"""``python -m tests.bench.flood SOURCE TARGET RATE SECONDS HEARTBEAT``: forged heartbeats without end.

Each is HEARTBEAT, in hex, under a seal of nobody's, and says that it comes from SOURCE: what only
the seal can tell from the peer's own. What cannot be sent in time is left out; how many were sent
is printed.
"""

import os
import socket
import struct
import sys

from ipfo import clock
from ipfo.model import SECOND

PORT = 1694
SEAL_BYTES = 16
BATCH = 50


def packet(source: str, target: str, payload: bytes) -> bytes:
    """An IPv4 packet with `payload` in UDP; the kernel fills in length and checksum of the head."""
    udp = struct.pack("!HHHH", PORT, PORT, 8 + len(payload), 0)
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0,
        socket.inet_aton(source), socket.inet_aton(target),
    )  # fmt: skip
    return head + udp + payload


def main() -> None:
    """Send, and say how many were sent."""
    source, target, rate, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    heartbeat = bytes.fromhex(sys.argv[5])
    forged = packet(source, target, heartbeat[:-SEAL_BYTES] + os.urandom(SEAL_BYTES))
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    began, sent = clock.now(), 0
    while (now := clock.now()) < began + seconds * SECOND:
        wanted = int((now - began) * rate // SECOND)
        for _ in range(min(BATCH, wanted - sent)):
            try:
                sock.sendto(forged, (target, 0))
            except OSError:
                continue  # no room just now
            sent += 1
    sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    main()
