"""P8: with a key set, what a stranger sends or alters is worth nothing."""

import itertools

import pytest
from tests.wire.paper import HEARTBEAT, KEY, OTHER_KEY, node

from ipfo.wire import DATAGRAM_MAX, KEY_MIN, Keyring, Reason, Rejected
from ipfo.wire.heartbeat import HEADER_BYTES, encode
from ipfo.wire.seal import SEAL_BYTES, key_id, open_sealed, seal

NAMES = node("beta").names
BODY = encode(HEARTBEAT, NAMES)


def opened(datagram: bytes, ring: Keyring) -> bytes | Rejected:
    return open_sealed(datagram, pair_id=NAMES.pair_id, ring=ring, least=HEADER_BYTES)


def test_what_is_sealed_with_a_key_is_opened_with_it() -> None:
    ring = Keyring.of(KEY)
    body = opened(seal(BODY, ring), ring)
    assert isinstance(body, bytes)
    assert body[:8] + body[12:] == BODY[:8] + BODY[12:]
    assert body[8:12] == key_id(KEY)


def test_every_single_bit_is_under_the_seal() -> None:
    ring = Keyring.of(KEY)
    datagram = seal(BODY, ring)
    for bit in range(len(datagram) * 8):
        bent = bytearray(datagram)
        bent[bit // 8] ^= 1 << bit % 8
        assert isinstance(opened(bytes(bent), ring), Rejected), bit


def test_a_key_can_be_changed_without_a_silence() -> None:
    """Accept both, send with the new one, forget the old one: at each step the other one hears."""
    old, both, new = Keyring.of(KEY), Keyring.of(KEY, OTHER_KEY), Keyring.of(OTHER_KEY, KEY)
    only_new = Keyring.of(OTHER_KEY)
    for sender, listener in [(old, both), (both, old), (both, new), (new, both), (only_new, new)]:
        assert isinstance(opened(seal(BODY, sender), listener), bytes)

    assert opened(seal(BODY, old), only_new) == Rejected(Reason.KEY)


def test_naming_the_right_key_is_not_having_it() -> None:
    forged = bytearray(seal(BODY, Keyring.of(OTHER_KEY)))
    forged[8:12] = key_id(KEY)
    assert opened(bytes(forged), Keyring.of(KEY)) == Rejected(Reason.SEAL)


def test_without_a_key_file_the_seal_is_a_checksum_that_tells_pairs_apart() -> None:
    www, mail = Keyring.without_key("www"), Keyring.without_key("mail")
    assert www == Keyring.without_key("www")
    assert isinstance(opened(seal(BODY, www), www), bytes)
    assert opened(seal(BODY, mail), www) == Rejected(Reason.KEY)
    assert opened(seal(BODY, www), Keyring.of(KEY)) == Rejected(Reason.KEY)


@pytest.mark.parametrize("length", [0, 1, KEY_MIN - 1])
def test_a_short_key_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"a key of {length} bytes; at least 32"):
        Keyring.of(KEY, bytes(length))


def test_one_key_twice_is_one_key() -> None:
    assert Keyring.of(KEY, KEY) == Keyring.of(KEY)


def test_two_keys_of_one_id_are_refused() -> None:
    seen: dict[bytes, bytes] = {}
    for number in itertools.count():  # some 80,000 keys until two of them meet
        key = number.to_bytes(KEY_MIN)
        other = seen.setdefault(key_id(key), key)
        if other != key:
            break
    with pytest.raises(ValueError, match="two keys have the same id"):
        Keyring.of(other, key)


def test_neither_ring_nor_datagram_shows_the_key() -> None:
    assert KEY not in seal(BODY, Keyring.of(KEY))
    assert repr(KEY)[2:20] not in repr(Keyring.of(KEY))


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", Reason.SHORT),
        (b"heartbeat", Reason.SHORT),  # what the original sends to the same port
        (bytes(HEADER_BYTES + SEAL_BYTES - 1), Reason.SHORT),
        (bytes(HEADER_BYTES + SEAL_BYTES), Reason.VERSION),
        (bytes(DATAGRAM_MAX), Reason.VERSION),
        (bytes(DATAGRAM_MAX + 1), Reason.LONG),
        (bytes(65_507), Reason.LONG),
    ],
)
def test_length_comes_first(datagram: bytes, reason: Reason) -> None:
    assert opened(datagram, Keyring.of(KEY)) == Rejected(reason)
