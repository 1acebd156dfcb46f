"""The table of docs/explanation/partitions.md, `Who holds what`, on real hosts.

The hosts lose each other on both networks while the clients reach each of them that is not isolated
from them, too. `A` is alpha, which holds, and `B` beta.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.hosts import faults
from tests.hosts.figures import Row
from tests.hosts.plays import INTERVAL_NS, LOOKS_MAX_NS, VOTERS, Play, fast_pair

from ipfo.model import SECOND
from ipfo.testing.lab import CLIENT, PUBLIC

pytestmark = [pytest.mark.hosts, pytest.mark.timeout(300)]

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "partitions.md"
POLICIES = ("available", "consistent")

ELECTION_NS = 2 * SECOND
"""How long etcd elects at the most, with its own settings; then B lets go."""

BUSY_NS = SECOND
"""How much later than promised a machine that does other things may be."""

PING = f"""\
[[witnesses]]
plugin = "ping"
address = "{PUBLIC.address(CLIENT)}"
"""
ETCD = """\
[[witnesses]]
plugin = "etcd"
endpoints = @ENDPOINTS@
"""

A, B, BOTH, NOBODY = ("alpha",), ("beta",), ("alpha", "beta"), tuple[str, ...]()
ANYBODY = frozenset(BOTH)
ELECTION = "etcd's leader killed"

# as the page has it: what reaches, who does not, who holds under either policy
WITH_PING = (
    ("`ping`/`tcp`, both reach one", NOBODY, BOTH, BOTH),
    ("`ping`/`tcp`, only A reaches one", B, A, A),
    ("`ping`/`tcp`, only B reaches one", A, BOTH, B),
    ("`ping`/`tcp`, none reaches one", BOTH, A, NOBODY),
)
WITH_ETCD = (
    ("`etcd`, both reach it", NOBODY, A, A),
    ("`etcd`, only A reaches it", B, BOTH, A),
    ("`etcd`, only B reaches it", A, BOTH, B),
    ("`etcd`, none reaches it", BOTH, BOTH, NOBODY),
)
LOSSES = (
    # what is lost, of how many members, who holds then in a partition under either policy
    (ELECTION, 1, A, A),
    ("etcd's quorum lost", 2, BOTH, NOBODY),
    ("all of etcd lost", 3, BOTH, NOBODY),
)


def partitions() -> Iterator[Play]:
    """A row of the page each, under both policies."""
    act = partial(faults.partitioned, to=BOTH)
    yield Play("partition, available: none", act, ANYBODY, splits=True)
    for rows, witness in ((WITH_PING, PING), (WITH_ETCD, ETCD)):
        for name, isolated, *held in rows:
            for policy, to in zip(POLICIES, held, strict=True):
                yield Play(
                    f"partition, {policy}: {name}",
                    partial(
                        faults.partitioned,
                        isolated=isolated,
                        behind=CLIENT if witness is PING else VOTERS,
                        to=to,
                    ),
                    ANYBODY,
                    fast_pair(policy=policy, more=witness),
                    splits=to == BOTH,
                    votes=witness is ETCD,
                )


def losses() -> Iterator[Play]:
    """What etcd loses, in a healthy pair (of the stricter kind) and in one that is partitioned."""
    for name, lost, *held in LOSSES:
        yield Play(
            f"{name}, healthy pair",
            partial(faults.members_lost, lost=lost),
            text=fast_pair(policy="consistent", more=ETCD),
            votes=True,
        )
        for policy, to in zip(POLICIES, held, strict=True):
            yield Play(
                f"{name}, {policy}, partitioned pair",
                partial(faults.partitioned, lost=lost, to=to),
                ANYBODY,
                fast_pair(policy=policy, more=ETCD),
                splits=to == BOTH,
                may_split=name == ELECTION and policy == "available",
                votes=True,
            )


def judge(play: Play, row: Row) -> None:
    """Two holders only where they are asked for, and then until two heartbeats after the healing."""
    if play.splits:
        assert row.twice_ns > 0
        assert row.after_ns < 2 * INTERVAL_NS + BUSY_NS
    elif play.may_split:
        assert row.twice_ns < ELECTION_NS + BUSY_NS
        assert row.after_ns == 0
    else:
        assert row.twice_ns == 0
    assert row.end
    assert row.end <= play.ends
    assert row.pause_ns < LOOKS_MAX_NS


@pytest.mark.parametrize("play", [*partitions()], ids=str)
def test_a_partition_ends_as_the_page_says_and_p2_heals_itself(
    play: Play, played: Callable[[Play], Row]
) -> None:
    assert f"\n| {play.fault.partition(': ')[2]} |" in PAGE.read_text()
    judge(play, played(play))


@pytest.mark.parametrize("play", [*losses()], ids=str)
def test_what_etcd_loses_moves_nothing_in_a_healthy_pair_and_no_vote_in_a_partition(
    play: Play, played: Callable[[Play], Row]
) -> None:
    assert f"\n| {play.fault.partition(',')[0]} |" in PAGE.read_text()
    judge(play, played(play))
