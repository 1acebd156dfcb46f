"""How late the engine is, counted for the status and told once a spell."""

from ipfo.daemon.lateness import BOUNDS_MS, QUIET, Lateness

MS = 1_000_000


def test_each_deadline_is_counted_once_below_the_first_bound_that_it_keeps() -> None:
    lateness = Lateness(margin_ns=3000 * MS)
    for late_ms in (0, 0.5, 1, 1.5, 4, 999, 1000, 5000):
        lateness.note(int(late_ms * MS))
    report = lateness.report()
    assert report["below_ms"] == list(BOUNDS_MS)
    assert report["counts"] == [2, 2, 1, 0, 0, 0, 0, 0, 0, 1, 2]
    assert report["worst_ms"] == 5000


def test_p10_a_third_of_the_margin_is_told_once_a_spell() -> None:
    lateness = Lateness(margin_ns=300 * MS)
    assert lateness.note(99 * MS) is None
    told = lateness.note(120 * MS)
    assert told is not None
    assert "120 ms, of a margin of 300" in told
    assert lateness.note(250 * MS) is None
    for _ in range(QUIET):
        assert lateness.note(0) is None
    assert lateness.note(100 * MS) is not None
