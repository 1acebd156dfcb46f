"""The witnesses that can only deny: reached or not, by either kind of socket, and why not."""

import os
import socket
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipfo.plugin import Witness
from ipfo.plugin.registry import Registry
from ipfo.testing import check_witness
from ipfo.testing.cable import Cable, Space, run, until
from ipfo_plugins.witness._icmp import Echo

ADDRESSES = {4: "192.0.2.2", 6: "2001:db8::2"}
NOBODYS = {4: "192.0.2.99", 6: "2001:db8::99"}
PING_GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")

TOKEN = b"0123456789abcdef"


def make(name: str, **options: Any) -> Witness:
    """As ipfo builds it."""
    entry_point = "witness-tcp" if name == "tcp" else name
    built = Registry([entry_point]).witnesses()[name].build(options)
    return cast("Witness", built)  # no trait, no voter


def answered(space: Space, witness: Witness, timeout_s: float = 1) -> str:
    """Why `witness` was not reached from `space`; empty if it was."""
    with space.inside():
        try:
            witness.reach(timeout_s)
        except OSError as error:
            return str(error)
    return ""


@pytest.mark.root
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("kind", ["unprivileged", "raw"])
def test_ping_keeps_the_contract(cable: Cable, family: int, kind: str) -> None:
    north, _ = cable
    with north.inside():
        groups = "0\t2147483647" if kind == "unprivileged" else "1\t0"
        set_groups(groups)
        check_witness(
            lambda: make("ping", address=ADDRESSES[family]),
            lambda: make("ping", address=NOBODYS[family]),
        )


def set_groups(groups: str) -> None:
    """Who may have the unprivileged kind of socket, in this thread's namespace."""
    PING_GROUPS.write_text(groups)


@pytest.mark.root
@pytest.mark.parametrize("family", [4, 6])
def test_of_three_pings_two_may_be_lost(cable: Cable, family: int) -> None:
    north, south = cable
    echo = "icmp type echo-request" if family == 4 else "icmpv6 type echo-request"
    south_drops(south, f"{echo} numgen inc mod 3 < 2 drop")
    assert answered(north, make("ping", address=ADDRESSES[family]), 1.5) == ""


@pytest.mark.root
def test_a_ping_into_the_void_says_so(cable: Cable) -> None:
    north, south = cable
    south_drops(south, "icmp type echo-request drop")
    why = answered(north, make("ping", address="192.0.2.2"), 0.3)
    assert why == "192.0.2.2: none of 3 pings was answered within 0.3 s"


def south_drops(space: Space, rule: str) -> None:
    for line in (
        "add table inet t",
        "add chain inet t c { type filter hook input priority 0 ; }",
        f"add rule inet t c {rule}",
    ):
        run(f"ip netns exec {space.name} nft {line}")


@pytest.mark.root
def test_where_no_route_leads_the_error_says_so(cable: Cable) -> None:
    north, _ = cable
    for witness in (
        make("ping", address="203.0.113.1"),
        make("tcp", address="203.0.113.1", port=9),
    ):
        assert "203.0.113.1" in answered(north, witness, 0.2)
        assert "unreachable" in answered(north, witness, 0.2)


@pytest.mark.root
def test_a_ping_goes_by_its_interface_and_from_its_source(cable: Cable) -> None:
    north, south = cable
    north.ip("addr add 192.0.2.50/32 dev eth0")
    south_drops(south, "ip saddr 192.0.2.50 icmp type echo-request drop")
    assert answered(north, make("ping", address="192.0.2.2", interface="eth0")) == ""
    assert "answered" in answered(
        north, make("ping", address="192.0.2.2", source="192.0.2.50"), 0.2
    )
    assert answered(north, make("ping", address="192.0.2.2", interface="lo"), 0.2)
    gone = answered(north, make("ping", address="192.0.2.2", interface="eth7"), 0.2)
    assert gone == "192.0.2.2: interface eth7: No such device"
    nobodys = answered(north, make("ping", address="192.0.2.2", source="192.0.2.77"), 0.2)
    assert "Cannot assign" in nobodys


@pytest.mark.root
def test_a_link_local_address_is_asked_on_its_interface(cable: Cable) -> None:
    north, south = cable
    local = "fe80::2"
    south.ip(f"addr add {local}/64 dev eth0 nodad")
    assert until(lambda: "tentative" not in north.ip("-6 addr show dev eth0"))
    assert answered(north, make("ping", address=f"{local}%eth0")) == ""
    assert answered(north, make("ping", address=local, interface="eth0")) == ""
    assert "no interface" in answered(north, make("ping", address=f"{local}%eth7"), 0.2)


@pytest.mark.root
def test_a_user_who_may_not_ping_is_told_what_to_do(cable: Cable) -> None:
    north, _ = cable
    witness = make("ping", address="192.0.2.2")  # that user need not be able to read this checkout
    reading, writing = os.pipe()
    with north.inside():
        set_groups("1\t0")
        pid = os.fork()
        if pid == 0:  # a child of its own, since rights that are dropped are gone
            try:
                os.setgid(65534)
                os.setuid(65534)
                witness.reach(0.2)
            except OSError as error:
                os.write(writing, str(error).encode())
            finally:
                os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading) as said:
        assert "net.ipv4.ping_group_range" in said.read()


@pytest.mark.parametrize("version", [4, 6])
def test_only_the_reply_to_what_was_asked_is_one(version: int) -> None:
    echo = Echo(version, 0x1234, TOKEN)
    reply = {4: 0, 6: 129}[version]

    def packet(code: int, ident: int, sequence: int, token: bytes) -> bytes:
        return struct.pack("!BBHHH", code, 0, 0, ident, sequence) + token

    asked = range(1, 3)
    assert echo.is_answered_by(packet(reply, 0x1234, 2, TOKEN), asked)
    assert not echo.is_answered_by(packet(reply, 0x1234, 3, TOKEN), asked), "not asked yet"
    assert not echo.is_answered_by(packet(reply, 0x1235, 2, TOKEN), asked), "another's"
    assert not echo.is_answered_by(packet(reply, 0x1234, 2, TOKEN[:-1]), asked), "cut"
    assert not echo.is_answered_by(packet(reply, 0x1234, 2, TOKEN[::-1]), asked), "of before"
    assert not echo.is_answered_by(echo.request(2), asked), "our own, heard on loopback"
    header = bytes([0x45]) + bytes(19)
    assert (version == 4) is echo.is_answered_by(header + packet(reply, 0x1234, 1, TOKEN), asked), (
        "a raw socket of IPv4 gives the header, too"
    )


@given(packet=st.binary(max_size=80), version=st.sampled_from([4, 6]))
def test_whatever_comes_off_the_wire_is_an_answer_or_none(packet: bytes, version: int) -> None:
    assert not Echo(version, 0x1234, TOKEN).is_answered_by(packet, range(1, 4))


@given(token=st.binary(max_size=40), ident=st.integers(0, 0xFFFF), sequence=st.integers(1, 3))
def test_a_request_sums_up_to_nothing(token: bytes, ident: int, sequence: int) -> None:
    """RFC 1071: over a message with its checksum in place the sum is all ones."""
    request = Echo(4, ident, token).request(sequence)
    padded = request + b"\0" * (len(request) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


@pytest.mark.root
@pytest.mark.parametrize("family", [4, 6])
def test_tcp_keeps_the_contract(cable: Cable, family: int) -> None:
    north, south = cable
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    with south.inside():
        server = socket.create_server((ADDRESSES[family], 7777), family=kind)
    with server, north.inside():
        check_witness(
            lambda: make("tcp", address=ADDRESSES[family], port=7777),
            lambda: make("tcp", address=NOBODYS[family], port=7777),
        )


def test_a_refused_connection_is_an_answer() -> None:
    """The path works, which is what is asked."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        make("tcp", address="127.0.0.1", port=taken.getsockname()[1]).reach(5)


def test_a_listener_that_never_accepts_is_an_answer_and_a_full_one_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        witness = make("tcp", address="127.0.0.1", port=server.getsockname()[1])
        witness.reach(5)
        # the queue is as long as the kernel says; fill it, and the next one gets no answer
        waiting = []
        try:
            for _ in range(4):
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(server.getsockname())
                waiting.append(sock)
            with pytest.raises(OSError, match=r"127\.0\.0\.1 port \d+: no answer within 0.2 s"):
                witness.reach(0.2)
        finally:
            for sock in waiting:
                sock.close()


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("ping", {"address": "router.example"}, "is no IP address"),
        ("ping", {"address": "192.0.2"}, "is no IP address"),
        ("ping", {"address": "224.0.0.1"}, "not the address of one host"),
        ("ping", {"address": "255.255.255.255"}, "not the address of one host"),
        ("ping", {"address": "::"}, "not the address of one host"),
        ("ping", {"address": "fe80::1"}, "on every link"),
        ("ping", {"address": "192.0.2.1", "source": "2001:db8::1"}, "not of the family"),
        ("ping", {"address": "192.0.2.1", "source": "me"}, "source: "),
        ("tcp", {"address": "db.example", "port": 5432}, "is no IP address"),
        ("tcp", {"address": "ff02::1", "port": 5432}, "not the address of one host"),
    ],
)
def test_what_can_be_no_witness_is_refused_at_the_start(
    name: str, options: Mapping[str, Any], why: str
) -> None:
    """No names: resolving one can hang just when the network is in trouble."""
    with pytest.raises(ValueError, match=why):
        make(name, **options)


@pytest.mark.root
def test_many_who_ping_at_once_do_not_take_each_others_answers(cable: Cable) -> None:
    """Raw sockets hear everybody's: beside one that is answered, one that is not stays so."""
    north, _ = cable
    over = threading.Event()

    def busy() -> None:
        with north.inside():
            while not over.is_set():
                make("ping", address="192.0.2.2").reach(5)

    with north.inside():
        set_groups("1\t0")
    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(3):
            assert "192.0.2.99" in answered(north, make("ping", address="192.0.2.99"), 0.3)
    finally:
        over.set()
        thread.join()
