"""The door: whatever comes, it gives a heartbeat or a reason, and only a good one leaves a trace.

P8: with a key set, a forged, replayed, reflected or truncated datagram changes nothing but a
counter. The flood below is 2,000 inputs of each kind where somebody waits for it, and over 10,000
of each, more than 100,000 in all, where CI=true.
"""

import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from random import Random  # noqa: TID251 - hypothesis seeds it, and prints the seed

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.paper import (
    HEARTBEAT,
    KEY,
    OTHER_KEY,
    OWN_BOOT,
    PEER_BOOT,
    Node,
    heartbeats,
    node,
    numbered,
)

from ipfo.model import Heartbeat
from ipfo.wire import DATAGRAM_MAX, Reason, Rejected
from ipfo.wire.seal import SEAL_BYTES, VERSION_AT
from ipfo.wire.seal import seal as put_seal

EXAMPLES, EACH = (210, 50) if os.environ.get("CI") == "true" else (40, 50)


def believing() -> Node:
    """Beta, which has heard `HEARTBEAT` on both links and believes alpha."""
    beta = node("beta")
    for link in ("private", "public"):
        heartbeat = replace(HEARTBEAT, link=link)
        assert beta.hear(node("alpha").write(heartbeat), link) == (heartbeat, True)
    return beta


# --- one fault, one reason -------------------------------------------------------------------


def test_a_proven_heartbeat_comes_through(alpha: Node, beta: Node) -> None:
    assert beta.hear(alpha.write(HEARTBEAT)) == (HEARTBEAT, True)


def test_an_unproven_heartbeat_comes_through_and_says_so(alpha: Node, beta: Node) -> None:
    unproven = replace(HEARTBEAT, echo=None)
    before = deepcopy(beta.windows)
    assert beta.hear(alpha.write(unproven)) == (unproven, False)
    assert beta.windows == before


def test_a_heartbeat_of_another_pair_is_told_apart(beta: Node) -> None:
    assert beta.hear(node("alpha", pair="mail").write(HEARTBEAT)) == Rejected(Reason.PAIR)


def test_a_heartbeat_under_another_key_is_told_apart(beta: Node) -> None:
    assert beta.hear(node("alpha", key=OTHER_KEY).write(HEARTBEAT)) == Rejected(Reason.KEY)


def test_a_reflected_heartbeat_is_our_own(beta: Node) -> None:
    own = beta.write(replace(HEARTBEAT, sender="beta", boot=beta.windows.own_boot))
    assert beta.hear(own) == Rejected(Reason.REFLECTED)


def test_another_run_under_our_own_name_is_told_apart(beta: Node) -> None:
    """Issue 3: both nodes configured as the same node, named, and nothing moves."""
    twin = beta.write(replace(HEARTBEAT, sender="beta", boot=beta.windows.own_boot + 1))
    assert beta.hear(twin) == Rejected(Reason.SAME_NODE)


def test_a_third_node_with_the_key_is_foreign(alpha: Node, beta: Node) -> None:
    """Somebody has copied the file to a third host, and changed a name."""
    third = replace(alpha.names, node="gamma", peer="alpha")
    stranger = Node(third, alpha.ring, alpha.windows)
    datagram = stranger.write(replace(HEARTBEAT, sender="gamma"))
    assert beta.hear(datagram) == Rejected(Reason.SENDER)


def test_a_heartbeat_counts_on_the_link_it_was_sent_on(alpha: Node, beta: Node) -> None:
    """Cables crossed, or one segment under two links: the other link must not look alive."""
    assert beta.hear(alpha.write(HEARTBEAT), "public") == Rejected(Reason.LINK)


def test_a_heartbeat_on_a_link_that_we_do_not_have_is_refused(alpha: Node, beta: Node) -> None:
    more = Node(replace(alpha.names, links=("third",)), alpha.ring, alpha.windows)
    datagram = more.write(replace(HEARTBEAT, link="third", hears=()))
    assert beta.hear(datagram) == Rejected(Reason.LINK)


def test_a_sealed_body_that_makes_no_sense_is_malformed(alpha: Node, beta: Node) -> None:
    body = alpha.write(HEARTBEAT)[:-SEAL_BYTES] + b"\0"
    assert beta.hear(put_seal(body, alpha.ring)) == Rejected(Reason.MALFORMED)


def test_the_same_heartbeat_twice_is_a_replay(alpha: Node, beta: Node) -> None:
    datagram = alpha.write(HEARTBEAT)
    assert beta.hear(datagram) == (HEARTBEAT, True)
    assert beta.hear(datagram) == Rejected(Reason.REPLAYED)


def test_a_capture_of_our_last_run_is_never_proven(alpha: Node) -> None:
    """Yesterday's datagrams, rightly sealed, after we were started anew."""
    beta = node("beta")
    beta.windows.own_boot = OWN_BOOT + 1
    for number in range(1, 200):
        heard = beta.hear(alpha.write(numbered(number)))
        assert heard == (numbered(number), False)
    assert beta.windows.boot is None


@given(heartbeats, st.integers(0, 2**64 - 1))
def test_every_heartbeat_that_alpha_can_send_is_understood(heartbeat: Heartbeat, sent: int) -> None:
    datagram = node("alpha").write(heartbeat)
    heard = node("beta").hear(datagram, heartbeat.link, sent)
    assert len(datagram) <= DATAGRAM_MAX
    assert isinstance(heard, tuple)
    assert heard[0] == heartbeat


# --- the flood ---------------------------------------------------------------------------------


def random(_good: bytes, dice: Random) -> bytes:
    return dice.randbytes(dice.choice((dice.randrange(200), dice.randrange(2_000))))


def random_behind_a_right_header(good: bytes, dice: Random) -> bytes:
    return good[: dice.choice((5, 8, 12, 20))] + random(good, dice)


def truncated(good: bytes, dice: Random) -> bytes:
    return good[: dice.randrange(len(good))]


def oversized(good: bytes, dice: Random) -> bytes:
    return good + dice.randbytes(dice.randrange(1, 3_000))


def bit_flipped(good: bytes, dice: Random) -> bytes:
    bits = dice.sample(range(len(good) * 8), dice.randrange(1, 9))
    bent = bytearray(good)
    for bit in bits:
        bent[bit // 8] ^= 1 << bit % 8
    return bytes(bent)


def of_another_version(good: bytes, dice: Random) -> bytes:
    version = dice.choice([n for n in range(256) if n != good[VERSION_AT]])
    other = good[:VERSION_AT] + bytes([version]) + good[VERSION_AT + 1 : -SEAL_BYTES]
    return put_seal(other, node("alpha").ring)


def of_another_pair(good: bytes, dice: Random) -> bytes:
    return put_seal(good[:12] + dice.randbytes(8) + good[20:-SEAL_BYTES], node("alpha").ring)


def badly_sealed(good: bytes, dice: Random) -> bytes:
    return good[:-SEAL_BYTES] + dice.randbytes(SEAL_BYTES)


def sealed_nonsense(good: bytes, dice: Random) -> bytes:
    """By somebody who has the key, and a bug: right in front, any bytes behind."""
    body = good[:4] + bytes([1, 2 + dice.randrange(254)]) + good[6:20]
    return put_seal(body + dice.randbytes(dice.randrange(72, 1_300)), node("alpha").ring)


def replayed(_good: bytes, dice: Random) -> bytes:
    link = dice.choice(("private", "public"))
    return node("alpha").write(replace(HEARTBEAT, link=link))


def reflected(_good: bytes, dice: Random) -> bytes:
    own = replace(HEARTBEAT, sender="beta", boot=OWN_BOOT, sequence=dice.getrandbits(64))
    return node("beta").write(own)


def of_the_same_node(_good: bytes, dice: Random) -> bytes:
    return node("beta").write(replace(HEARTBEAT, sender="beta", sequence=dice.getrandbits(64)))


KINDS: dict[Callable[[bytes, Random], bytes], set[Reason]] = {
    random: {Reason.SHORT, Reason.LONG, Reason.VERSION},
    random_behind_a_right_header: set(Reason) - {Reason.MALFORMED, Reason.REPLAYED},
    truncated: {Reason.SHORT, Reason.SEAL},
    oversized: {Reason.LONG, Reason.SEAL},
    bit_flipped: {Reason.VERSION, Reason.PAIR, Reason.KEY, Reason.SEAL},
    of_another_version: {Reason.VERSION},
    of_another_pair: {Reason.PAIR},
    badly_sealed: {Reason.SEAL},
    sealed_nonsense: {Reason.MALFORMED},
    replayed: {Reason.REPLAYED, Reason.LINK},
    reflected: {Reason.REFLECTED},
    of_the_same_node: {Reason.SAME_NODE},
}
"""Each kind of wrong datagram, and what may be said of it."""


def test_the_flood_is_as_large_as_is_promised() -> None:
    promised = 100_000 if os.environ.get("CI") == "true" else 5_000
    assert len(KINDS) * EXAMPLES * EACH >= promised


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_flood_of_wrong_datagrams_changes_nothing(
    kind: Callable[[bytes, Random], bytes],
) -> None:
    beta = believing()
    believed = deepcopy(beta.windows)

    @settings(max_examples=EXAMPLES)
    @given(heartbeat=heartbeats, dice=st.randoms(use_true_random=True))
    def flood(heartbeat: Heartbeat, dice: Random) -> None:
        fresh = replace(heartbeat, boot=PEER_BOOT, sequence=heartbeat.sequence | 1 << 40)
        good = node("alpha").write(fresh)
        for _ in range(EACH):
            heard = beta.hear(kind(good, dice), dice.choice(("private", "public")))
            assert isinstance(heard, Rejected)
            assert heard.reason in KINDS[kind]
        assert beta.windows == believed

    flood()
    assert beta.ring == node("beta", key=KEY).ring
    assert beta.hear(node("alpha").write(numbered(8))) == (numbered(8), True)
