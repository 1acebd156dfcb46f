"""To the machine a unit is one group: its phases are run for each member, and answered once."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.daemon.paper import document
from tests.daemon.rig import FIVE, LEASE_S, Rig

from ipfo.config.model import Config
from ipfo.machine import effects as ask
from ipfo.machine.events import PhaseEnded
from ipfo.model import Instant, Phase, Reason, Role

CONFIG = Config.from_document(
    document(
        groups={
            "db": {"addresses": ["192.0.2.101/24"], "traits": []},
            "web": {"unit": "db"},
            "log": {"unit": "db", "phase_plugins": []},
        }
    )
)
WELL: dict[str, Any] = {"veto": None, "failures": [], "said": []}

Make = Callable[..., Rig]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make a rig for the unit db, of db, web, and log, which has no phases."""
    made: list[Rig] = []

    def begin(open_phases: Mapping[str, list[Phase]] | None = None) -> Rig:
        made.append(Rig(tmp_path, CONFIG, open_phases or {}))
        return made[-1]

    yield begin
    for rig in made:
        rig.close()


def run(phase: Phase) -> ask.RunPhase:
    acquire = phase not in (Phase.PRE_REL, Phase.POST_REL)
    return ask.RunPhase("db", phase, FIVE, acquire, Reason.TAKEOVER)


def called(rig: Rig, phase: Phase) -> list[str]:
    """Run `phase` to its end; for which groups, in which order."""
    rig.do(run(phase))
    groups = []
    while rig.pool.moves.calls:
        groups.append(rig.pool.moves.last()[1]["move"]["group"])
        assert len(rig.pool.moves.calls) == 1, "phases of one unit never overlap (P5)"
        rig.pool.moves.end(WELL)
    assert rig.inbox.pop() == PhaseEnded("db", phase, FIVE)
    return groups


def test_p5_members_are_prepared_in_order_and_released_in_reverse(make: Make) -> None:
    """P5: phases balance, and what has none takes no part."""
    rig = make()
    phases = (Phase.TEST, Phase.PRE_ACQ, Phase.POST_ACQ, Phase.REASSERT)
    assert [called(rig, phase) for phase in phases] == [["db", "web"]] * 4
    assert called(rig, Phase.PRE_REL) == ["web", "db"]
    assert called(rig, Phase.POST_REL) == ["web", "db"]


def test_the_veto_of_one_member_ends_the_phase_and_names_it(make: Make) -> None:
    rig = make()
    rig.do(run(Phase.PRE_ACQ))
    rig.pool.moves.end({**WELL, "veto": "scripts: no disk"})
    assert rig.pool.moves.calls == []
    assert rig.inbox == [PhaseEnded("db", Phase.PRE_ACQ, FIVE, "db: scripts: no disk")]


def test_p5_what_a_member_never_began_is_not_undone_for_it(make: Make) -> None:
    rig = make()
    rig.do(run(Phase.PRE_ACQ))
    rig.pool.moves.end({**WELL, "veto": "scripts: no disk"})
    rig.inbox.clear()
    assert called(rig, Phase.POST_REL) == ["db"]


def test_p5_what_an_earlier_run_left_open_is_undone_where_it_is_open(make: Make) -> None:
    """A kill -9 between the post_acq of the first member and that of the second."""
    both = [Phase.PRE_ACQ, Phase.POST_ACQ]
    rig = make({"db": both, "web": [Phase.PRE_ACQ]})
    assert called(rig, Phase.PRE_REL) == ["db"]
    assert called(rig, Phase.POST_REL) == ["web", "db"]


def test_a_failure_after_the_claim_ends_nothing(make: Make) -> None:
    rig = make()
    rig.do(run(Phase.POST_ACQ))
    rig.pool.moves.end(failed="timed out")
    rig.pool.moves.end(WELL)
    assert rig.inbox == [PhaseEnded("db", Phase.POST_ACQ, FIVE)]


def test_a_unit_keeps_its_worker_until_the_move_rests(make: Make) -> None:
    rig = make()
    rig.do(run(Phase.PRE_ACQ))
    rig.pool.moves.end(WELL)
    rig.effects.rest(lambda _: Role.HOLDER)
    assert rig.pool.done == []  # the second member's phase is under way
    rig.pool.moves.end(WELL)
    rig.effects.rest(lambda _: Role.HOLDER)
    assert rig.pool.done == ["db"]


def test_a_unit_is_leased_if_any_of_it_can_be_and_has_time_for_all_of_it(make: Make) -> None:
    """The `addresses` worker knows the members; those that cannot be leased are not."""
    rig = make()
    rig.do(ask.Acquire("db", FIVE, Instant(1)))
    rig.effects.flush()
    do, given, _, _ = rig.pool.desk.last()
    assert (do, given["units"], given["lifetime_s"]) == ("acquire_all", [("db", 5, 1)], LEASE_S)
