"""P1, P4, P5 and P7 after a kill: a sample of what ``make crash`` plays in full, and its judges."""

import json
from pathlib import Path

import pytest
from tests.crash import boundaries
from tests.crash.sweep import boundaries_of, sweep
from tests.crash.trial import Crashed, epochs_that_shrank, on_both, out_of_order

from ipfo.model import SECOND

SAMPLE = (
    "beta engine before Acquire 1",
    "beta addresses after an address is put on 1",
    "beta phases in pre_acq 1",
    "beta deliver after telling 1",
    "alpha phases in post_rel 1",
)
"""Of a takeover; phases that were cut short have to be undone, or done again."""


def test_p1_p4_p5_p7_hold_after_a_kill_at_a_boundary_of_a_takeover(tmp_path: Path) -> None:
    """P1, P4, P5, P7: ``make crash`` repeats this for each boundary of each move."""
    known = [point for _, point in boundaries_of(tmp_path, ["takeover"])]
    assert set(SAMPLE) <= set(known)
    wanted = [("takeover", point) for point in SAMPLE]
    results = list(sweep(tmp_path, wanted, len(wanted)))
    assert not [str(each) for each in results if each.broken]
    assert all(each.reached for each in results)


def row(phase: str, what: str, epoch: int = 1, node: str = "alpha") -> list[object]:
    return [0, node, phase, epoch, what]


TAKEN = [row("pre_acq", "begins"), row("pre_acq", "ends"), row("post_acq", "begins")]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*TAKEN, row("pre_acq", "begins", 2)], "P5: pre_acq on alpha"),
        ([row("post_acq", "begins")], "P5: post_acq on alpha"),
        ([*TAKEN, row("post_rel", "begins")], "P5: post_rel on alpha"),
    ],
)
def test_p5_a_phase_out_of_order_is_seen(rows: list[object], said: str) -> None:
    """P5: what makes the sweep red; the node that was not killed has nothing to repeat."""
    [broken] = out_of_order(rows, victim="beta")
    assert broken.startswith(said)


def test_p5_what_was_under_way_at_the_kill_may_be_undone_once_more_and_no_oftener() -> None:
    """P5: a release that was killed in its last phase is released to its end."""
    undone = [*TAKEN, row("pre_rel", "begins"), row("pre_rel", "ends")]
    again = [row("post_rel", "begins"), row("post_rel", "ends")]
    assert not out_of_order([*undone, *again, *again], victim="alpha")
    assert out_of_order([*undone, *again, *again, *again], victim="alpha")


def test_p4_an_epoch_that_was_used_before_is_seen() -> None:
    """P4: two nodes never have a group under one epoch; a claim that never had it is none."""
    again, higher = (row("pre_acq", "begins", epoch, "beta") for epoch in (1, 2))
    on = [[0, "alpha", {"a": None}], [0, "beta", {"a": None}]]
    assert epochs_that_shrank([row("pre_acq", "begins"), again], on)
    assert not epochs_that_shrank([row("pre_acq", "begins"), higher], on)
    assert not epochs_that_shrank([row("pre_acq", "begins"), again], on[:1])
    assert not epochs_that_shrank([row("pre_acq", "begins"), again], on, unheard=True)


def test_p1_an_address_on_both_nodes_is_seen_and_one_that_ran_out_is_not() -> None:
    """P1: an address whose lifetime has ended is on nobody."""
    both = [[0, "alpha", {"a": 2 * SECOND}], [SECOND, "beta", {"a": None}]]
    assert on_both(both, 5 * SECOND) == SECOND
    later = [[0, "alpha", {"a": 2 * SECOND}], [2 * SECOND, "beta", {"a": None}]]
    assert on_both(later, 5 * SECOND) == 0


def test_p7_a_notice_that_was_decided_and_never_told_is_seen(tmp_path: Path) -> None:
    """P7: also one that is told before what was decided before it."""
    pair = Crashed(tmp_path / "pair", "", "")
    decided = [["alpha", "release", "web", 1], ["alpha", "takeover", "web", 2]]
    (pair.folder / boundaries.DECIDED).write_text("".join(f"{json.dumps(d)}\n" for d in decided))
    assert pair.untold()
    keyed = [[f"k{n}", *what] for n, what in enumerate(decided)]
    told = pair.folder / "notices"
    told.write_text("".join(f"{json.dumps(each)}\n" for each in keyed))
    assert not pair.untold()
    assert not pair.told_out_of_order()
    told.write_text("".join(f"{json.dumps(each)}\n" for each in reversed(keyed)))
    assert pair.told_out_of_order()
