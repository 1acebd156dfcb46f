"""Every change of role that there is. The rules ask; `turn` refuses what is not in the table.

The diagram in docs/explanation/roles.md is drawn from `TURNS`, so it cannot be out of date.
"""

from collections.abc import Mapping

from ipfo.model import Role

TURNS: Mapping[tuple[Role, Role], str] = {
    (Role.STANDBY, Role.CLAIMANT): "nobody holds the group, or the holder offers it",
    (Role.STANDBY, Role.HOLDER): "found at start under the lease of the run before, and adopted",
    (Role.STANDBY, Role.YIELDER): "an address or a phase is left from before, and is undone",
    (Role.STANDBY, Role.OUTCAST): "the administrator set this node aside",
    (Role.CLAIMANT, Role.HOLDER): "the address is on",
    (Role.CLAIMANT, Role.YIELDER): "vetoed, failed, or beaten: what had begun is undone",
    (Role.HOLDER, Role.YIELDER): "beaten, asked to, or not able to hold it any longer",
    (Role.YIELDER, Role.STANDBY): "the address is off and every phase is undone",
    (Role.YIELDER, Role.OUTCAST): "likewise, and the administrator set this node aside",
    (Role.OUTCAST, Role.STANDBY): "the administrator lets this node in again",
}
"""From a role to a role: when."""


def check(was: Role, role: Role) -> None:
    """Refuse a turn that is not in the table: it would be a bug of ours."""
    assert (was, role) in TURNS, f"no such turn: {was.value} -> {role.value}"
