"""The engine's end of the way to a worker, fed in portions: objects, or a fault in words.

The first byte is the length of a portion, less one.
"""

import socket

from ipfo.workers.call import Channel, decode, encode


def seeds() -> list[bytes]:
    """What workers say."""
    lines = encode({"ready": True}) + encode({"id": 7, "done": {"gone": ["web"]}})
    return [
        b"\xff" + lines,
        b"\0" + lines,
        b"\x10" + encode({"said": "caf\u00e9 \ud800", "x": 1e9}),
        b"\0" + b"\n" * 1000,  # its first byte closes the channel
    ]


def feed(data: bytes) -> None:
    """A line that is no object closes the channel and is named; any other comes through as it is."""
    size, rest = (data[0] + 1, data[1:]) if data else (1, b"")
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    came = []
    with theirs:
        for at in range(0, len(rest), size):
            if channel.closed:
                break  # nobody reads any more, and the socket would fill up
            theirs.sendall(rest[at : at + size])
            came += channel.receive()
            while channel.holds:
                came += channel.receive()
        theirs.shutdown(socket.SHUT_WR)
        while not channel.closed:
            came += channel.receive()
    channel.close()
    assert all(type(message) is dict for message in came)
    for message in came:
        assert repr(decode(encode(message))) == repr(message)
    complete = rest.split(b"\n")[:-1]
    assert len(came) == len(complete) or channel.fault, "a line was lost, and nobody says so"
    assert "\n" not in (channel.fault or "")
