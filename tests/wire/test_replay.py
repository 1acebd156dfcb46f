"""P8: a recorded heartbeat is worth nothing, whenever and in whatever order it comes again."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.wire.paper import HEARTBEAT, OWN_BOOT, PEER_BOOT, numbered

from ipfo.model import Echo, Heartbeat
from ipfo.wire import Verdict, Windows
from ipfo.wire.replay import ECHO_MAX, RETIRED_MAX, WINDOW, Window

PROVEN, UNPROVEN, REPLAYED = Verdict.PROVEN, Verdict.UNPROVEN, Verdict.REPLAYED


def believing(*boots: int) -> Windows:
    """Windows that have come to believe these boots, one after the other, at number 7 each."""
    windows = Windows(OWN_BOOT)
    for count, boot in enumerate(boots):
        echo = Echo(OWN_BOOT, 100 + count, 0)
        assert windows.accept(numbered(7, boot=boot, echo=echo), 100 + count) is PROVEN
    return windows


# --- the window -----------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2 * WINDOW + 50), max_size=200))
def test_a_window_says_what_a_set_would_say(numbers: list[int]) -> None:
    """Each number is new once, unless it is `WINDOW` or more behind the highest."""
    window, seen, top = Window(WINDOW), {WINDOW}, WINDOW
    for number in numbers:
        new = number not in seen and number > top - WINDOW
        assert window.is_new(number) is new
        if new:
            window.mark(number)
            seen.add(number)
            top = max(top, number)
    assert window.seen < 1 << WINDOW


@pytest.mark.parametrize("jump", [1, WINDOW - 1, WINDOW, WINDOW + 1, 2**64 - 8])
def test_a_window_survives_any_jump(jump: int) -> None:
    window = Window(7)
    window.mark(7 + jump)
    assert not window.is_new(7 + jump)
    assert not window.is_new(7)
    assert window.is_new(7 + jump - 1) is (jump > 1)
    assert window.seen < 1 << WINDOW


# --- one boot -------------------------------------------------------------------------------


def test_a_boot_is_unproven_until_it_echoes_us() -> None:
    windows = Windows(OWN_BOOT)
    assert windows.accept(numbered(1, echo=None), 100) is UNPROVEN
    assert windows.accept(numbered(2), 100) is PROVEN
    assert windows.accept(numbered(3, echo=None), 100) is PROVEN


@pytest.mark.parametrize(
    ("echo", "verdict"),
    [
        (Echo(OWN_BOOT, 100, 0), PROVEN),
        (Echo(OWN_BOOT, 100 - ECHO_MAX + 1, 0), PROVEN),
        (Echo(OWN_BOOT, 100 - ECHO_MAX, 0), UNPROVEN),
        (Echo(OWN_BOOT, 101, 0), UNPROVEN),  # we have not sent that one yet
        (Echo(OWN_BOOT - 1, 100, 0), UNPROVEN),  # said to our last boot: yesterday's capture
    ],
)
def test_only_an_echo_of_our_last_numbers_proves_a_boot(echo: Echo, verdict: Verdict) -> None:
    assert Windows(OWN_BOOT).accept(numbered(7, echo=echo), 100) is verdict


def test_late_is_not_replayed() -> None:
    windows = believing(PEER_BOOT)
    for number in (10, 8, 9, 12, 11):
        assert windows.accept(numbered(number), 100) is PROVEN
    for number in range(7, 13):
        assert windows.accept(numbered(number), 100) is REPLAYED


def test_too_old_to_tell_is_replayed() -> None:
    windows = believing(PEER_BOOT)
    assert windows.accept(numbered(8 + WINDOW), 100) is PROVEN
    assert windows.accept(numbered(8), 100) is REPLAYED
    assert windows.accept(numbered(9), 100) is PROVEN


def test_links_count_each_for_itself() -> None:
    windows = believing(PEER_BOOT)
    assert windows.accept(numbered(7, link="public"), 0) is PROVEN
    assert windows.accept(numbered(7, link="public"), 0) is REPLAYED
    assert windows.accept(numbered(8, link="public"), 0) is PROVEN
    assert windows.accept(numbered(8), 100) is PROVEN


def test_what_came_as_unproven_does_not_come_again_as_proven() -> None:
    """Heard on the other link before the boot was believed, so that no window knows of it."""
    windows = Windows(OWN_BOOT)
    early = numbered(1, link="public", echo=None)
    assert windows.accept(early, 100) is UNPROVEN
    assert windows.accept(numbered(7), 100) is PROVEN
    assert windows.accept(early, 100) is REPLAYED


# --- several boots --------------------------------------------------------------------------


def test_a_new_boot_ends_the_old_one_for_good() -> None:
    windows = believing(PEER_BOOT, 2)
    for number in (7, 8, 10**9):
        for echo in (None, Echo(OWN_BOOT, 110, 0)):
            assert windows.accept(numbered(number, boot=PEER_BOOT, echo=echo), 110) is REPLAYED
    assert windows.accept(numbered(8, boot=2), 110) is PROVEN


def test_an_unproven_boot_does_not_disturb_the_believed_one() -> None:
    windows = believing(PEER_BOOT)
    before = deepcopy(windows)
    for boot in range(1_000, 11_000):
        assert windows.accept(numbered(7, boot=boot, echo=None), 100) is UNPROVEN
    assert windows == before
    assert windows.accept(numbered(8), 100) is PROVEN


def test_a_capture_of_a_former_boot_within_our_own_boot_is_worth_nothing() -> None:
    windows = Windows(OWN_BOOT)
    capture = [numbered(n, echo=Echo(OWN_BOOT, n, 0)) for n in range(1, 50)]
    for sent, heartbeat in enumerate(capture, start=1):
        assert windows.accept(heartbeat, sent) is PROVEN
    assert windows.accept(numbered(1, boot=2, echo=Echo(OWN_BOOT, 50, 0)), 50) is PROVEN
    before = deepcopy(windows)
    for heartbeat in capture:
        assert windows.accept(heartbeat, 51) is REPLAYED
    assert windows == before


def test_the_last_words_of_a_boot_held_back_cannot_end_its_successor() -> None:
    """It echoes a number of ours that is young enough, but older than what its successor echoed."""
    windows = Windows(OWN_BOOT)
    held_back = numbered(1, boot=1, echo=Echo(OWN_BOOT, 95, 0))
    assert windows.accept(numbered(1, boot=2, echo=Echo(OWN_BOOT, 97, 0)), 100) is PROVEN
    assert windows.accept(held_back, 100) is UNPROVEN
    assert windows.accept(numbered(2, boot=2), 100) is PROVEN


def test_an_echo_of_what_we_never_sent_does_not_lock_the_next_boot_out() -> None:
    windows = believing(PEER_BOOT)
    assert windows.accept(numbered(8, echo=Echo(OWN_BOOT, 2**63, 0)), 100) is PROVEN
    assert windows.accept(numbered(1, boot=2, echo=Echo(OWN_BOOT, 101, 0)), 101) is PROVEN


def test_memory_is_bounded_over_any_number_of_boots() -> None:
    windows = Windows(OWN_BOOT)
    for count in range(3 * RETIRED_MAX):
        echo = Echo(OWN_BOOT, 100 + count, 0)
        heartbeat = numbered(7, boot=count, echo=echo)
        assert windows.accept(heartbeat, 100 + count) is PROVEN
    assert len(windows.retired) == RETIRED_MAX
    assert set(windows.windows) | set(windows.echoed) == {"private"}
    # The first of them are forgotten, and yet they cannot come back: their echo is too old.
    oldest = numbered(7, boot=0, echo=Echo(OWN_BOOT, 100, 0))
    assert windows.accept(oldest, 100 + 3 * RETIRED_MAX) is UNPROVEN


# --- an enemy who has recorded everything -----------------------------------------------------

LIVES = st.lists(st.integers(1, 6), min_size=1, max_size=6)
MOVES = st.lists(st.tuples(st.sampled_from(["deliver", "hold", "replay"]), st.integers(0, 200)))


@given(LIVES, MOVES)
def test_no_order_of_replays_is_believed_twice_or_revives_a_boot(
    lives: list[int], moves: list[tuple[str, int]]
) -> None:
    """The peer lives several boots; the enemy lets through, holds back, and sends again at will."""
    told = [
        (boot, number)
        for boot, beats in enumerate(lives, start=1)
        for number in range(1, beats + 1)
    ]
    windows, sent = Windows(OWN_BOOT), 100
    recorded: list[Heartbeat] = []
    believed: list[tuple[int, int]] = []
    for move, which in moves:
        if move == "replay" and recorded:
            heartbeat = recorded[which % len(recorded)]
        elif move != "replay" and told:
            boot, number = told.pop(0)
            sent += 1
            heartbeat = numbered(number, boot=boot, echo=Echo(OWN_BOOT, sent, 0))
            recorded.append(heartbeat)
            if move == "hold":
                continue
        else:
            continue
        before = deepcopy(windows)
        if windows.accept(heartbeat, sent) is PROVEN:
            believed.append((heartbeat.boot, heartbeat.sequence))
        else:
            assert windows == before
    assert len(believed) == len(set(believed))
    boots = [boot for boot, _ in believed]
    assert boots == sorted(boots)


def test_the_paper_heartbeat_proves_itself() -> None:
    """What the other tests of this room rest on."""
    assert Windows(OWN_BOOT).accept(HEARTBEAT, 100) is PROVEN
