"""``python -m ipfo.testing.echo NAME [PORT]``: answers datagrams and says which host answered.

Bound to the wildcard, it answers from the very address that was asked, so it serves a service
address wherever that is at the moment and never has to be told of a move. Linux only.
"""

import select
import socket
import struct
import sys

PORT = 7  # the echo service's own

IP_PKTINFO = 8  # linux/in.h; the socket module names it from Python 3.14 on
SO_RCVBUFFORCE = 33  # asm-generic/socket.h; takes root, and knows no limit
_QUEUE_BYTES = 1 << 22  # what waits while the scheduler has others to serve is no loss
_DATAGRAM_MAX = 2048
_BATCH = 64


def open_sockets(port: int) -> list[socket.socket]:
    """One socket for each family, both bound to the wildcard and telling which address was asked.

    :raises OSError: where the port is taken.
    """
    four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    four.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    four.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _QUEUE_BYTES)
    four.bind(("", port))
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    six.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _QUEUE_BYTES)
    six.bind(("::", port))
    return [four, six]


def answer(sock: socket.socket, name: bytes) -> None:
    """Answer what is there, at most `_BATCH` datagrams; what cannot be answered is lost."""
    for _ in range(_BATCH):
        try:
            body, control, _, source = sock.recvmsg(_DATAGRAM_MAX, 256)
        except OSError:
            return
        try:
            sock.sendmsg([body, b" ", name], [_from_asked(entry) for entry in control], 0, source)
        except OSError:
            continue  # the address has gone since, or there is no way back


def _from_asked(entry: tuple[int, int, bytes]) -> tuple[int, int, bytes]:
    level, kind, value = entry
    if level == socket.IPPROTO_IP:
        _, _, asked = struct.unpack("=I4s4s", value)
        return level, kind, struct.pack("=I4s4s", 0, asked, asked)
    return level, kind, value[:16] + struct.pack("=I", 0)


def main() -> None:
    """Answer until killed."""
    name = sys.argv[1].encode()
    sockets = open_sockets(int(sys.argv[2]) if len(sys.argv) > 2 else PORT)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for sock in select.select(sockets, [], [])[0]:
            answer(sock, name)


if __name__ == "__main__":
    main()
