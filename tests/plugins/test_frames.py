"""Frames for neighbours, as bytes: what is built can be read, and nothing off the wire is an error."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from ipfo.plugin import Answer
from ipfo_plugins.provider import _arp, _nd

OURS = bytes.fromhex("02005e005301")
THEIRS = bytes.fromhex("02005e005302")
V4 = IPv4Address("192.0.2.100")
V6 = IPv6Address("2001:db8::100")


def advertisement(**changes: bytes) -> bytes:
    """An answer of theirs; `changes` put bytes at ``at_N``."""
    frame = bytearray(_nd.announcement(THEIRS, V6))
    for where, what in changes.items():
        at = int(where.removeprefix("at_"))
        frame[at : at + len(what)] = what
    return bytes(frame)


def test_a_gratuitous_arp_goes_out_as_request_and_as_reply_to_everybody() -> None:
    """Design 7: "gratuitous ARP in request and reply form"."""
    request, reply = _arp.announcements(OURS, V4)
    assert (
        request.hex(" ", 2) == "ffff ffff ffff 0200 5e00 5301 0806 0001 0800 0604 0001"
        " 0200 5e00 5301 c000 0264 0000 0000 0000 c000 0264" + " 0000" * 9
    )
    assert reply[20:22] == b"\x00\x02"
    assert reply[32:38] == b"\xff" * 6
    assert len(request) == len(reply) == 60, "the least that Ethernet carries"


def test_an_arp_probe_tells_nobody_anything() -> None:
    """RFC 5227, 1.1: "an 'all-zeroes' sender IP address", so that no cache is polluted."""
    frame = _arp.probe(OURS, V4)
    assert frame[28:32] == bytes(4)
    assert frame[38:42] == V4.packed


def test_whoever_announces_or_answers_is_heard_by_his_card() -> None:
    for frame in _arp.announcements(THEIRS, V4):
        assert _arp.read(frame, {OURS}, {V4}) == Answer("192.0.2.100", "02:00:5e:00:53:02")
    assert _nd.read(advertisement(), {OURS}, {V6}) == Answer("2001:db8::100", "02:00:5e:00:53:02")


def test_our_own_card_is_nobody_else() -> None:
    for frame in _arp.announcements(OURS, V4):
        assert _arp.read(frame, {OURS}, {V4}) is None
    assert _nd.read(_nd.announcement(OURS, V6), {OURS}, {V6}) is None


def test_somebody_elses_address_is_no_answer() -> None:
    for frame in _arp.announcements(THEIRS, V4):
        assert _arp.read(frame, {OURS}, {IPv4Address("192.0.2.99")}) is None
    assert _nd.read(advertisement(), {OURS}, {IPv6Address("2001:db8::99")}) is None


def test_a_question_is_no_answer() -> None:
    assert _arp.read(_arp.probe(THEIRS, V4), {OURS}, {V4}) is None
    assert _nd.read(_nd.probe(THEIRS, V6), {OURS}, {V6}) is None


def test_an_arp_packet_of_another_kind_is_no_answer() -> None:
    reply = _arp.announcements(THEIRS, V4)[1]
    for at, what in ((12, b"\x08\x00"), (14, b"\x00\x06"), (18, b"\x08"), (20, b"\x00\x09")):
        broken = reply[:at] + what + reply[at + len(what) :]
        assert _arp.read(broken, {OURS}, {V4}) is None, at


def test_an_advertisement_that_a_router_passed_on_is_not_believed() -> None:
    """RFC 4861, 7.1.2: a node must silently discard one whose hop limit is not 255."""
    assert _nd.read(advertisement(at_21=b"\xfe"), {OURS}, {V6}) is None


def test_an_advertisement_with_a_wrong_sum_or_length_is_not_believed() -> None:
    assert _nd.read(advertisement(at_56=b"\x00\x00"), {OURS}, {V6}) is None
    assert _nd.read(advertisement(at_18=b"\x00\xff"), {OURS}, {V6}) is None
    assert _nd.read(advertisement(at_18=b"\x00\x04"), {OURS}, {V6}) is None


def test_the_unsolicited_advertisement_overrides_and_says_who_is_a_router() -> None:
    """RFC 4861, 7.2.6: to the all-nodes address, with the Override flag."""
    for router, flags in ((False, 0x20), (True, 0xA0)):
        frame = _nd.announcement(OURS, V6, router=router)
        assert frame[:6] == bytes.fromhex("333300000001")
        assert frame[22:38] == V6.packed
        assert frame[38:54] == IPv6Address("ff02::1").packed
        assert frame[54:56] == b"\x88\x00"
        assert frame[58] == flags
        assert frame[78:] == b"\x02\x01" + OURS


def test_duplicate_detection_asks_from_nobody_at_the_solicited_node_address() -> None:
    """RFC 4862, 5.4.2: unspecified source, and no source link-layer option."""
    frame = _nd.probe(OURS, V6)
    assert frame[:6] == bytes.fromhex("3333ff000100")
    assert frame[22:38] == bytes(16)
    assert frame[38:54] == IPv6Address("ff02::1:ff00:100").packed
    assert frame[62:] == V6.packed


def test_without_the_option_the_frames_own_sender_is_the_card() -> None:
    bare = _nd.announcement(THEIRS, V6)[:78]
    body = bytearray(bare[54:])
    body[2:4] = bytes(2)
    total = _nd._checksum(V6.packed, _nd.ALL_NODES.packed, bytes(body))
    body[2:4] = total.to_bytes(2, "big")
    frame = bare[:18] + (24).to_bytes(2, "big") + bare[20:54] + bytes(body)
    assert _nd.read(frame, {OURS}, {V6}) == Answer("2001:db8::100", "02:00:5e:00:53:02")


def test_options_without_end_are_left_alone() -> None:
    assert _nd._target_card(b"\x02\x00" + OURS) is None
    assert _nd._target_card(b"\x01\x01" + OURS + b"\x02\x01" + THEIRS) == THEIRS
    assert _nd._target_card(b"\x0e\x01" + OURS) is None


@given(st.binary(max_size=200))
def test_random_bytes_are_no_answer_and_no_error(frame: bytes) -> None:
    assert _arp.read(frame, {OURS}, {V4}) is None
    assert _nd.read(frame, {OURS}, {V6}) is None


FRAMES = [*_arp.announcements(THEIRS, V4), advertisement(), _nd.probe(THEIRS, V6)]


@given(st.sampled_from(FRAMES), st.integers(0, 100), st.binary(max_size=8), st.integers(0, 100))
def test_a_damaged_frame_is_an_answer_or_nothing(
    frame: bytes, at: int, damage: bytes, length: int
) -> None:
    broken = (frame[:at] + damage + frame[at + len(damage) :])[:length]
    for answer in (_arp.read(broken, {OURS}, {V4}), _nd.read(broken, {OURS}, {V6})):
        assert answer is None or answer.address in ("192.0.2.100", "2001:db8::100")
