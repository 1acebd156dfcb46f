"""``python -m tests.bench.arrivals SOURCE SECONDS``: the longest time between two datagrams of a source.

Seen on the wire, before any daemon takes them; printed in ms.
"""

import select
import socket
import struct
import sys

from ipfo import clock
from ipfo.model import SECOND

ETH_P_IP = 0x0800
PORT = 1694


def main() -> None:
    """Look, and say it."""
    source, seconds = socket.inet_aton(sys.argv[1]), float(sys.argv[2])
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
    sock.bind(("en0", ETH_P_IP))
    end = clock.now() + int(seconds * SECOND)
    last, longest = None, 0
    while (now := clock.now()) < end:
        if not select.select([sock], [], [], (end - now) / SECOND)[0]:
            break
        packet = sock.recv(2048)
        if packet[12:16] == source and struct.unpack("!H", packet[22:24])[0] == PORT:
            now = clock.now()
            longest = max(longest, now - last) if last is not None else 0
            last = now
    sys.stdout.write(f"{longest * 1000 / SECOND}\n")


if __name__ == "__main__":
    main()
