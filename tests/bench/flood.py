"""``python -m tests.bench.flood ADDRESS RATE SECONDS``: forged heartbeats, as many as were asked for.

They look like ipfo's up to the seal, which is nobody's; what cannot be sent in time is left out.
"""

import os
import socket
import sys
from contextlib import suppress

from ipfo import clock
from ipfo.model import SECOND

PORT = 1694
BATCH = 50


def main() -> None:
    """Send, and say how many were sent."""
    address, rate, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((address, PORT))
    forged = b"ipfo\x01" + os.urandom(200)
    began, sent = clock.now(), 0
    while (now := clock.now()) < began + seconds * SECOND:
        wanted = (now - began) * rate // SECOND
        for _ in range(min(BATCH, wanted - sent)):
            with suppress(OSError):
                sock.send(forged)
            sent += 1
    sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    main()
