"""docs/explanation/figures.md, made of what was measured; what was not measured is said to be so."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Tables = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]
"""By table, case and rival: what each trial gave."""

TITLES = {
    "power-cut": "The holder's power is cut: ms in which the client has no answer",
    "sigterm": "The holder's daemon is stopped in order: ms in which the client has no answer",
    "dead-daemon": "The holder's daemon is dead or frozen: seconds, of twelve, in which two hosts have the address",
    "handover": "A planned handover: datagrams lost, of 1,000 a second",
    "start": "Start and status: ms",
    "at-rest": "While nothing happens",
    "addresses": "1,000 addresses in one group: ms from the first to the last on the peer",
    "overload": "Every core busy several times over, for 30 s at 10 ms heartbeats: times the address moved",
    "flood": "50,000 forged datagrams a second: ms between two heartbeats of 100 ms, and moves",
}

Median = Callable[[str, str, str], float | None]


def line(figures: Sequence[float]) -> str:
    """The median, with the least and the most."""
    if not figures:
        return "not measured"
    middle = statistics.median(figures)
    return f"{_short(middle)} ({_short(min(figures))} to {_short(max(figures))}, {len(figures)} trials)"


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 100 or figure == int(figure) else f"{figure:.3g}"


def page(kept: Mapping[str, Any]) -> str:
    """The whole page."""
    on, tables = kept["on"], kept["tables"]
    parts = [
        "# Figures",
        (
            "Made by `make bench`, as root: ipfo beside keepalived and UCarp in the same lab (network namespaces, a\n"
            "client that asks 1,000 times a second, faults at a random phase between two heartbeats), in turn, with new\n"
            "daemons for each trial. A figure is the median, with the least and the most of its trials."
        ),
        (
            f"Measured on {on['cores']} cores; {on['kernel']}, Python {on['python']}; keepalived {on['keepalived']}, "
            f"UCarp {on['ucarp']}."
        ),
        "## What was aimed at",
        _targets(tables),
    ]
    for name, title in TITLES.items():
        parts += [
            f"## {title}",
            _table(tables[name]) if name in tables else "Not measured in this run.",
        ]
    return "\n\n".join(parts) + "\n"


def _table(table: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    rows = ["| | | median (least to most) |", "| --- | --- | --- |"]
    rows += [
        f"| {case} | {rival} | {line(figures)} |"
        for case, row in table.items()
        for rival, figures in row.items()
    ]
    return "\n".join(rows)


def _targets(tables: Tables) -> str:
    def median(table: str, case: str, rival: str) -> float | None:
        figures = tables.get(table, {}).get(case, {}).get(rival)
        return statistics.median(figures) if figures else None

    rows = ["| | wanted | measured | |", "| --- | --- | --- | --- |"]
    for what, wanted, figure, most in targets(median):
        said = "not measured" if figure is None else _short(figure)
        met = "" if figure is None else ("met" if figure <= most else "**missed**")
        rows.append(f"| {what} | {wanted} | {said} | {met} |")
    return "\n".join(rows)


def targets(median: Median) -> list[tuple[str, str, float | None, float]]:
    """What is measured, what is wanted in words, the figure, and what it may be at the most."""

    def ratio(table: str, case: str, ours: str = "ipfo", theirs_case: str = "") -> float | None:
        figure = median(table, case, ours)
        theirs = median(table, theirs_case or case, "keepalived")
        return None if figure is None or not theirs else figure / theirs

    groups = "% of a core"
    many = median("at-rest", f"1,000 groups, 1 s: {groups}", "ipfo")
    one = median("at-rest", f"1 group, 1 s: {groups}", "ipfo")
    twice = [median("dead-daemon", case, "ipfo") for case in ("SIGKILL", "SIGSTOP")]
    both = [each for each in twice if each is not None]
    return [
        ("power cut at 1 s / 3 s, of keepalived's", "0.85", ratio("power-cut", "1 s"), 0.85),
        ('the same with `dead_after = "1.3s"`', "0.40", ratio("power-cut", "1 s", "ipfo, dead_after"), 0.40),
        ("power cut at 10 ms / 30 ms, of keepalived's", "0.95", ratio("power-cut", "10 ms"), 0.95),
        ("orderly stop at 1 s, ms", "25", median("sigterm", "1 s", "ipfo"), 25),
        ("seamless handover, datagrams lost", "0", median("handover", "seamless", "ipfo"), 0),
        ("dead or frozen daemon, s with two holders", "0", max(both, default=None), 0),
        ("250 groups at 10 ms, CPU of both nodes, of keepalived's", "0.35", ratio("at-rest", f"250 groups, 10 ms: {groups}"), 0.35),
        ("1,000 groups against 1, CPU at rest", "1.3", many / one if many is not None and one else None, 1.3),
        ("1,000 addresses, first to last, ms", "150", median("addresses", "1,000 addresses", "ipfo"), 150),
        ("overload at 10 ms / 50 ms, moves", "0", median("overload", "moves", "ipfo"), 0),
        ("memory of a node, MB", "50", median("at-rest", "1 group, 1 s: MB", "ipfo"), 50),
        ("exec to first heartbeat, ms", "400", median("start", "exec to first heartbeat", "ipfo"), 400),
        ("one group at 1 s, CPU of both nodes, % of a core", "0.6", one, 0.6),
    ]  # fmt: skip
