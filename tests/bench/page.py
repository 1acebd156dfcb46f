"""docs/explanation/figures.md, made of what was measured; what was not measured is said to be so."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Tables = Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]]
"""By table, case and rival: what each trial gave."""

NOT_HELD = math.nan
"""The figure of a pair that could not hold what it was given."""

TITLES = {
    "power-cut": "The holder's power is cut: ms in which the client has no answer",
    "sigterm": "The holder's daemon is stopped in order: ms in which the client has no answer",
    "dead-daemon": "The holder's daemon is dead or frozen: seconds in which two hosts have the address, watched for twelve",
    "handover": "A planned handover: datagrams lost, of 1,000 a second",
    "start": "Start and status: ms",
    "at-rest": "While nothing happens",
    "addresses": "1,000 addresses in one group: ms from the first to the last on the peer",
    "flood": "Forged heartbeats in the peer's name, as many as could be sent up to 50,000 a second, at 100 ms / 600 ms",
    "overload": "Every core busy several times over, for 30 s at 10 ms heartbeats: times the address moved",
}


def line(figures: Sequence[float]) -> str:
    """The median, with the least and the most."""
    if not figures:
        return "not measured"
    trials = f"{len(figures)} trial{'s' if len(figures) > 1 else ''}"
    least, middle, most = (_short(each) for each in (min(figures), median(figures), max(figures)))
    return f"{middle} ({trials})" if least == most else f"{middle} ({least} to {most}, {trials})"


def median(figures: Sequence[float]) -> float:
    """The middle one; NOT_HELD if a pair did not hold what it was to hold, even once."""
    return NOT_HELD if any(map(math.isnan, figures)) else statistics.median(figures)


def _short(figure: float) -> str:
    if math.isnan(figure):
        return "not held"
    if math.isinf(figure):
        return "for good"
    return f"{figure:,.0f}" if abs(figure) >= 100 or figure == int(figure) else f"{figure:.3g}"


def page(kept: Mapping[str, Any]) -> str:
    """The whole page."""
    on, tables = kept["on"], kept["tables"]
    parts = [
        "# Figures",
        (
            "Made by `make bench`, as root: ipfo beside keepalived and UCarp in the same lab (network namespaces, a\n"
            "client that asks 1,000 times a second, faults spread evenly over the time between two\n"
            "heartbeats, from a random start), in turn, with new\n"
            "daemons for each trial. A figure is the median, with the least and the most of its trials; what a pair could\n"
            "not hold has none, nor has a trial in which the address had moved before the fault. Two holders are looked\n"
            "for every 20 ms, with all three pairs side by side."
        ),
        (
            "Each misses three heartbeats before it takes over: keepalived waits for three intervals and its skew, ipfo for\n"
            "`takeover_after`, three intervals. In overload, and with many groups at 10 ms, ipfo waits for five (50 ms).\n"
            "At 10 ms it runs as [choose timings](../how-to/choose-timings.md) wants it: provider `netlink`, real-time."
        ),
        (
            f"Measured on {on['cores']} cores; {on['kernel']}, Python {on['python']}; keepalived {on['keepalived']}, "
            f"UCarp {on['ucarp']}."
        ),
        "## What was aimed at",
        targets_table(tables),
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


def targets_table(tables: Tables) -> str:
    """What was aimed at, a row for each target, filled in as far as it was measured."""
    rows = ["| | keepalived | ipfo | wanted | |", "| --- | --- | --- | --- | --- |"]
    for target in targets(tables):
        said = [_said(target.theirs), _said(target.ours), target.wanted, target.verdict]
        rows.append(f"| {target.what} | {' | '.join(said)} |")
    return "\n".join(rows)


def _said(figure: float | None) -> str:
    return "not measured" if figure is None else _short(figure)


@dataclass(frozen=True)
class Target:
    """One figure that was aimed at: `most` itself, or so much of keepalived's if it is a `share`."""

    what: str
    most: float
    ours: float | None
    theirs: float | None = None
    share: bool = False

    @property
    def wanted(self) -> str:
        """In words."""
        if self.share:
            return f"at most {self.most:.2f} of it"
        return f"at most {_short(self.most)}" if self.most else "0"

    @property
    def verdict(self) -> str:
        """Met or missed, a share with its figure; nothing where something was not measured."""
        figure = self.ours
        if self.share:
            figure = None if self.ours is None or not self.theirs else self.ours / self.theirs
        if figure is None:
            return ""
        if math.isnan(figure):
            return "**missed**"
        met = "met" if figure <= self.most else "**missed**"
        return f"{figure:.2f}: {met}" if self.share else met


def targets(tables: Tables) -> list[Target]:
    """Every target, by medians."""

    def at(table: str, case: str, rival: str = "ipfo") -> float | None:
        figures = tables.get(table, {}).get(case, {}).get(rival)
        return median(figures) if figures else None

    def beside(what: str, most: float, table: str, case: str, ours: str = "ipfo") -> Target:
        return Target(what, most, at(table, case, ours), at(table, case, "keepalived"), share=True)

    def alone(what: str, most: float, table: str, case: str) -> Target:
        return Target(what, most, at(table, case), at(table, case, "keepalived"))

    cpu = "% of a core"
    many, one = at("at-rest", f"1,000 groups, 1 s: {cpu}"), at("at-rest", f"1 group, 1 s: {cpu}")
    return [
        beside("Power cut at 1 s / 3 s: ms without an answer", 0.85, "power-cut", "1 s"),
        beside('The same with `dead_after = "1.3s"`', 0.40, "power-cut", "1 s", "ipfo, dead_after"),
        beside("Power cut at 10 ms / 30 ms: ms without an answer", 0.95, "power-cut", "10 ms"),
        alone("Orderly stop at 1 s: ms without an answer", 25, "sigterm", "1 s"),
        alone("Seamless handover: datagrams lost of 1,000 a second", 0, "handover", "seamless"),
        alone("Daemon killed: s with two holders", 0, "dead-daemon", "SIGKILL"),
        alone("Daemon frozen: s with two holders", 0, "dead-daemon", "SIGSTOP"),
        beside("250 groups at 10 ms: both nodes' % of a core", 0.35, "at-rest", f"250 groups, 10 ms: {cpu}"),
        Target("CPU at rest of 1,000 groups at 1 s: times that of one group", 1.3, many / one if many is not None and one else None),
        alone("1,000 addresses in a group: ms from the first to the last", 150, "addresses", "1,000 addresses"),
        alone("Overload for 30 s at 10 ms / 50 ms: moves", 0, "overload", "moves"),
        alone("Memory of a node (PSS), MB", 50, "at-rest", "1 group, 1 s: MB"),
        alone("From exec to the first heartbeat, ms", 400, "start", "exec to first heartbeat"),
        alone("One group at 1 s: both nodes' % of a core", 0.6, "at-rest", f"1 group, 1 s: {cpu}"),
    ]  # fmt: skip
