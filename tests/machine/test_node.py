"""The digest over a node's entries: by it a listener knows that nothing has changed."""

import pytest

from ipfo.machine.node import entry_digest
from ipfo.model import Epoch, GroupEntry, Health, Role, Sign

MINE = GroupEntry("web", Role.HOLDER, Epoch(3))


@pytest.mark.parametrize(
    "other",
    [
        GroupEntry("web2", Role.HOLDER, Epoch(3)),
        GroupEntry("web", Role.YIELDER, Epoch(3)),
        GroupEntry("web", Role.HOLDER, Epoch(4)),
        GroupEntry("web", Role.HOLDER, Epoch(3), Health.CARRIER),
        GroupEntry("web", Role.HOLDER, Epoch(3), sign=Sign.OFFER),
    ],
    ids=["group", "role", "epoch", "health", "sign"],
)
def test_a_digest_changes_with_each_part_of_an_entry(other: GroupEntry) -> None:
    assert entry_digest(other) != entry_digest(MINE)


def test_a_digest_is_64_bits_and_the_same_in_every_process() -> None:
    """Pinned: two nodes compare it, so it must not hang on a process's own hash seed."""
    assert entry_digest(MINE) == 0xAFA8425A298507CE
