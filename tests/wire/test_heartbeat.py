"""The layout: what goes in comes out, and nothing else comes out."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.paper import GROUPS, HEARTBEAT, KEY, heartbeats, node

from ipfo.model import ENTRIES_MAX as SENT_MAX
from ipfo.model import Echo, Epoch, GroupEntry, Health, Heartbeat, Instant, Role, Sign
from ipfo.wire import (
    DATAGRAM_MAX,
    ENTRIES_MAX,
    LINKS_MAX,
    Names,
    Reason,
    Rejected,
    decode,
    encode,
    make_datagram,
)
from ipfo.wire.heartbeat import HEADER_BYTES
from ipfo.wire.seal import Keyring

NAMES = node("beta").names


@given(heartbeats)
def test_what_is_encoded_is_decoded(heartbeat: Heartbeat) -> None:
    assert decode(encode(heartbeat, NAMES), NAMES) == heartbeat


@given(st.binary(max_size=300))
def test_what_is_decoded_is_encoded_to_the_same_bytes(tail: bytes) -> None:
    """There is one way to write each heartbeat, so a seal covers one meaning."""
    whole = encode(HEARTBEAT, NAMES)
    for body in (tail, whole[:24] + tail, whole[: HEADER_BYTES - len(tail)] + tail):
        heartbeat = decode(body, NAMES)
        if isinstance(heartbeat, Heartbeat) and len(heartbeat.hears) == body[6]:
            assert encode(heartbeat, NAMES)[12:] == body[12:]


def test_the_largest_heartbeat_fits_into_a_datagram() -> None:
    """Design 9: never over 1,400 bytes."""
    links = tuple(f"link{n}" for n in range(LINKS_MAX))
    names = Names("www", "alpha", "beta", links, GROUPS)
    full = tuple(GroupEntry(group, Role.HOLDER, Epoch(1)) for group in GROUPS[:ENTRIES_MAX])
    largest = replace(HEARTBEAT, link="link0", hears=links, entries=full)

    assert 1_380 < len(make_datagram(largest, names, Keyring.of(KEY))) <= DATAGRAM_MAX == 1_400
    assert decode(encode(largest, names), names) == largest


@pytest.mark.parametrize(
    "change",
    [
        {"entries": tuple(GroupEntry(g, Role.HOLDER, Epoch(1)) for g in GROUPS[: ENTRIES_MAX + 1])},
        {"hears": ("public",) * (LINKS_MAX + 1)},
    ],
    ids=["entries", "links"],
)
def test_more_than_fits_is_refused_before_it_is_sent(change: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="more than"):
        encode(replace(HEARTBEAT, **change), NAMES)  # type: ignore[arg-type]  # by name


def test_names_that_only_the_sender_knows_are_passed_over() -> None:
    """Configs may have drifted apart; the config digest says so."""
    drifted = Names("www", "alpha", "beta", ("private", "third"), ("new", "group0"))
    known = GroupEntry("group0", Role.STANDBY, Epoch(2))
    body = encode(
        replace(
            HEARTBEAT,
            hears=("private", "third"),
            entries=(GroupEntry("new", Role.HOLDER, Epoch(1)), known),
        ),
        drifted,
    )
    heard = decode(body, NAMES)

    assert isinstance(heard, Heartbeat)
    assert heard.hears == ("private",)
    assert heard.entries == (known,)


def altered(at: int, value: int) -> bytes:
    body = bytearray(encode(HEARTBEAT, NAMES))
    body[at] = value
    return bytes(body)


WHOLE = encode(HEARTBEAT, NAMES)
ENTRY_AT = HEADER_BYTES + 8
MANY_LINKS = (
    altered(6, LINKS_MAX + 1)[:HEADER_BYTES] + bytes(4 * (LINKS_MAX + 1)) + WHOLE[ENTRY_AT:]
)
TWICE = GroupEntry("group0", Role.HOLDER, Epoch(1))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(WHOLE[:-1], id="cut"),
        pytest.param(WHOLE + b"\0", id="longer"),
        pytest.param(WHOLE[: HEADER_BYTES - 1], id="half a header"),
        pytest.param(altered(0, 0), id="magic"),
        pytest.param(altered(4, 2), id="version"),
        pytest.param(altered(5, 0), id="an echo without its flag"),
        pytest.param(altered(5, 17), id="an unknown flag"),
        pytest.param(altered(6, 255), id="too many links"),
        pytest.param(MANY_LINKS, id="more links than a pair may have"),
        pytest.param(altered(7, 0), id="fewer entries than bytes"),
        pytest.param(altered(7, 255), id="more entries than bytes"),
        pytest.param(altered(12, 0xFF), id="pair"),
        pytest.param(altered(ENTRY_AT + 12, 5), id="role"),
        pytest.param(altered(ENTRY_AT + 13, len(Health)), id="health"),
        pytest.param(altered(ENTRY_AT + 14, len(Sign)), id="sign"),
        pytest.param(encode(replace(HEARTBEAT, entries=(TWICE, TWICE)), NAMES), id="group twice"),
    ],
)
def test_a_body_that_is_not_as_the_layout_says_is_malformed(body: bytes) -> None:
    assert decode(body, NAMES) == Rejected(Reason.MALFORMED)


def test_no_echo_is_not_an_echo_of_nothing() -> None:
    for echo in (None, Echo(0, 0, 0)):
        heard = decode(encode(replace(HEARTBEAT, echo=echo), NAMES), NAMES)
        assert isinstance(heard, Heartbeat)
        assert heard.echo == echo


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("health", Health)
@pytest.mark.parametrize("sign", Sign)
def test_every_word_has_its_number(role: Role, health: Health, sign: Sign) -> None:
    entry = GroupEntry("group0", role, Epoch(2**64 - 1), health, sign)
    heard = decode(encode(replace(HEARTBEAT, entries=(entry,)), NAMES), NAMES)
    assert isinstance(heard, Heartbeat)
    assert heard.entries == (entry,)


def test_what_the_machine_puts_into_a_heartbeat_fits() -> None:
    assert SENT_MAX <= ENTRIES_MAX


def test_instants_and_epochs_keep_all_their_bits() -> None:
    late = replace(HEARTBEAT, sent_at=Instant(2**64 - 1), boot=2**64 - 1, sequence=2**64 - 1)
    assert decode(encode(late, NAMES), NAMES) == late
