"""Each row of docs/explanation/partitions.md, `Who holds what`, played through: A is alpha, B beta."""

from pathlib import Path
from typing import Any

import pytest
from tests.machine.scenes import settled

from ipfo.model import SECOND, FenceTerms

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "partitions.md"

PING: dict[str, Any] = {"deniers": True}
ETCD: dict[str, Any] = {"vote_ttl_ns": 3 * SECOND}
FENCE: dict[str, Any] = {"fence": FenceTerms(timeout_ns=30 * SECOND)}

A, B, BOTH, NOBODY = ["alpha"], ["beta"], ["alpha", "beta"], list[str]()

ROWS: tuple[tuple[str, dict[str, Any], set[str], list[str], list[str] | None], ...] = (
    ("none", {}, set(), BOTH, None),
    ("`ping`/`tcp`, both reach one", PING, set(), BOTH, BOTH),
    ("`ping`/`tcp`, only A reaches one", PING, {"beta"}, A, A),
    ("`ping`/`tcp`, only B reaches one", PING, {"alpha"}, BOTH, B),
    ("`ping`/`tcp`, none reaches one", PING, {"alpha", "beta"}, A, NOBODY),
    ("`etcd`, both reach it", ETCD, set(), A, A),
    ("`etcd`, only A reaches it", ETCD, {"beta"}, BOTH, A),
    ("`etcd`, only B reaches it", ETCD, {"alpha"}, BOTH, B),
    ("`etcd`, none reaches it", ETCD, {"alpha", "beta"}, BOTH, NOBODY),
    ("a fence alone", FENCE, set(), B, A),
)


@pytest.mark.parametrize("policy", ["available", "consistent"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {sorted(row[2])}")
def test_p1_a_partition_ends_as_the_page_says(
    row: tuple[str, dict[str, Any], set[str], list[str], list[str] | None], policy: str
) -> None:
    name, terms, out_of_reach, available, consistent = row
    assert f"\n| {name} |" in PAGE.read_text()
    holders = available if policy == "available" else consistent
    if holders is None:
        return  # refused by `check`: tests/config
    pair = settled(consistent=policy == "consistent", **terms)
    pair.partition()
    pair.others.unreached = pair.others.voterless = out_of_reach
    pair.run(40_000)
    assert pair.holders() == holders
    if holders != BOTH:
        assert pair.double_ns == 0
    pair.heal()
    pair.run(10_000)
    for node in ("alpha", "beta"):
        if not pair.hosts[node].powered:
            pair.start(node)
    pair.run(60_000)
    assert len(pair.holders()) == 1


def test_the_page_has_no_other_rows() -> None:
    table = PAGE.read_text().partition("## Who holds what")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert {row.split(" | ")[0].removeprefix("| ") for row in rows if "---" not in row} == {
        row[0] for row in ROWS
    }
