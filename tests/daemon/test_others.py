"""Third parties: each question gets one answer, and what nobody answered counts as no."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.daemon.paper import document
from tests.daemon.rig import FIVE, Rig

from ipfo import clock
from ipfo.config.model import Config
from ipfo.daemon.others import ABSENT, FENCE_BEGIN_NS, STARTING_NS
from ipfo.machine import effects as ask
from ipfo.machine.events import Event, Fenced, Voted, WitnessesAsked
from ipfo.model import SECOND, Epoch, Instant

AT = Instant(7)
WITNESSES: list[dict[str, Any]] = [
    {"plugin": "third", "votes": votes, "options": {}} for votes in (False, True)
]
FENCE = {"plugin": "third", "timeout_ns": 30 * SECOND, "delay_ns": 0, "options": {}}
CONFIG = Config.from_document(document(witnesses=WITNESSES, fence=FENCE, groups={"web": {}}))

REACH = ask.AskWitnesses(AT, SECOND)
VOTE = ask.Vote(AT, (("web", FIVE),), SECOND)
SHOOT = ask.Fence(AT)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, CONFIG)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("effect", "ok", "failed", "event"),
    [
        (REACH, {"reached": True, "why": ""}, None, WitnessesAsked(AT, reached=True)),
        (
            REACH,
            {"reached": False, "why": "ping: no answer"},
            None,
            WitnessesAsked(AT, reached=False, why="ping: no answer"),
        ),
        (REACH, None, "timed out", WitnessesAsked(AT, reached=False, why="timed out")),
        (REACH, {"reached": "yes"}, None, WitnessesAsked(AT, reached=False)),
        (VOTE, {"granted": ["web"], "denied": {}}, None, Voted(AT, ("web",))),
        (
            VOTE,
            {"granted": [], "denied": {"web": "beta has it"}},
            None,
            Voted(AT, (), (("web", "beta has it"),)),
        ),
        (
            VOTE,
            {"granted": [], "denied": {"web": "below 50"}, "behind": {"web": 50}},
            None,
            Voted(AT, (), (("web", "below 50"),), behind=(("web", Epoch(50)),)),
        ),
        (VOTE, None, "worker ended", Voted(AT, failed="worker ended")),
        (SHOOT, {}, None, Fenced(AT)),
        (SHOOT, None, "timed out", Fenced(AT, "timed out")),
    ],
)
def test_each_question_is_answered_once_however_it_ends(
    rig: Rig, effect: ask.Effect, ok: dict[str, Any] | None, failed: str | None, event: Event
) -> None:
    rig.do(effect)
    desk = rig.pool.fence if effect is SHOOT else rig.pool.witnesses
    desk.end(ok, failed)
    assert rig.inbox == [event]
    assert desk.calls == []


@pytest.mark.parametrize("running", [True, False])
def test_a_question_to_witnesses_waits_for_their_worker_to_come_up(rig: Rig, running: bool) -> None:
    """A node that has just been started is not the isolated one for that."""
    rig.pool.witnesses.running = running
    before = clock.now()
    rig.do(REACH)
    do, given, deadline, _ = rig.pool.witnesses.last()
    assert (do, given) == ("reach", {"timeout_ns": SECOND})
    assert (deadline > before + SECOND + STARTING_NS) is not running


def test_a_vote_says_what_it_is_for_and_how_long(rig: Rig) -> None:
    before = clock.now()
    rig.do(VOTE)
    do, given, deadline, _ = rig.pool.witnesses.last()
    assert do == "vote"
    assert given == {
        "claims": [["web", 5]],
        "ttl_s": CONFIG.vote_ttl_s,
        "asked_at": AT,
        "timeout_ns": SECOND,
    }
    assert deadline > before + SECOND


def test_a_fence_names_the_instant_until_which_it_may_begin(rig: Rig) -> None:
    """A node that was frozen must not shoot a peer that has come back since."""
    rig.do(SHOOT)
    do, given, deadline, _ = rig.pool.fence.last()
    assert (do, given) == ("fence", {"good_until": AT + FENCE_BEGIN_NS})
    assert deadline - clock.now() > 30 * SECOND


def test_a_withdrawal_is_answered_by_nothing_and_its_failure_written_down(rig: Rig) -> None:
    rig.do(ask.Withdraw("web", FIVE))
    do, given, _, _ = rig.pool.witnesses.last()
    assert (do, given["group"], given["epoch"]) == ("withdraw", "web", 5)
    rig.pool.witnesses.end(failed="connection refused")
    assert rig.inbox == []
    assert "connection refused" in rig.told("record")[-1]["rule"]


def test_the_last_word_of_each_is_kept_for_the_status(rig: Rig) -> None:
    for effect in (REACH, VOTE, SHOOT):
        rig.do(effect)
    rig.pool.witnesses.end(failed="lost")
    rig.pool.witnesses.end({"reached": True})
    rig.pool.fence.end(failed="no power switch")
    troubles = rig.effects.troubles
    assert troubles.witnesses is not None
    assert troubles.voter is not None
    assert troubles.fence is not None
    failed = (troubles.witnesses.failed, troubles.voter.failed, troubles.fence.failed)
    assert failed == (None, "lost", "no power switch")


@pytest.mark.parametrize(
    ("effect", "event"),
    [
        (REACH, WitnessesAsked(AT, reached=False, why=ABSENT)),
        (VOTE, Voted(AT, failed=ABSENT)),
        (SHOOT, Fenced(AT, ABSENT)),
    ],
)
def test_where_nobody_is_configured_nobody_grants_anything(
    make_bare: Callable[[], Rig], effect: ask.Effect, event: Event
) -> None:
    rig = make_bare()
    rig.do(effect)
    assert rig.inbox == [event]


@pytest.fixture
def make_bare(tmp_path: Path) -> Iterator[Callable[[], Rig]]:
    """Make a rig without third parties."""
    made: list[Rig] = []

    def make() -> Rig:
        made.append(Rig(tmp_path, Config.from_document(document(groups={"web": {}})), bare=True))
        return made[-1]

    yield make
    for rig in made:
        rig.close()
