"""The judge of the small world: P1, P2, P4 and P5 after every choice, and P3 where all is left to run.

A broken promise is written into the world itself, so that the search stops there.
"""

from typing import TYPE_CHECKING

from ipfo.machine.effects import Acquire, RunPhase
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Group
from ipfo.model import BY_OFFER, SECOND, Heartbeat, Phase, Reason, Role
from ipfo.sim.judge import FOLLOWS, HEARTBEATS_MAX, UNDOES
from ipfo.sim.phases import KEPT
from ipfo.sim.small import GROUP, NAMES, Double, Host, World, holders

if TYPE_CHECKING:
    from ipfo.sim.small_hosts import Draft

DOUBLE_MAX_NS = 5 * SECOND
"""Two holders with an excuse are one again so long after both can hear each other."""


def look(draft: "Draft") -> None:
    """See who holds, now that a choice has been carried out."""
    if draft.parted and not draft.wire_cut and _know_better(draft):
        draft.parted = False
    now = holders(draft)
    if len(now) < 2:
        draft.double = None
        return
    if draft.double is None:
        at_boot = any(
            host.node is None and draft.scope.group.home == NAMES[host.index]
            for host in draft.hosts
        )
        draft.double = Double(draft.now, excused=at_boot or draft.parted)
        if not draft.double.excused:
            draft.breaks("P1", "both have the address")
    double = draft.double
    if not _can_hear(draft):
        draft.double = evolve(double, since=draft.now, heard=(0, 0))
    elif draft.now > double.since + DOUBLE_MAX_NS:
        draft.breaks("P2", "two holders that hear each other, and neither is done with letting go")


def takes(draft: "Draft", index: int) -> None:
    """Host `index` is about to put the address on: it may not where the other has it."""
    host, other = draft.hosts[index], draft.hosts[1 - index]
    node = host.node
    if node is None:
        return
    group = node.groups[GROUP]
    draft.put(index, took_for=group.reason)
    if group.role is Role.CLAIMANT and _is_automatic(group):
        draft.moved += 1
        most = draft.scope.moves_max
        if most is not None and draft.moved > most:
            draft.breaks("the breaker", f"{draft.moved} moves that nobody asked for")
    if not (other.on and other.powered and other.carrier and host.carrier) or draft.double:
        return
    seamless = draft.scope.group.handover == "seamless" and group.reason in BY_OFFER
    excused = seamless or draft.parted or _at_once(group, other, silent=node.silent)
    draft.double = Double(draft.now, excused=excused)
    if not excused:
        draft.breaks("P1", f"{NAMES[1 - index]} has the address, and {NAMES[index]} takes it")


def heard(draft: "Draft", index: int, beat: Heartbeat) -> None:
    """Host `index` hears `beat`. While there are two holders this counts (P2)."""
    double = draft.double
    if double is None or beat.sent_at < double.since or not _can_hear(draft):
        return
    counts = list(double.heard)
    counts[index] = min(HEARTBEATS_MAX, counts[index] + 1)
    draft.double = evolve(double, heard=(counts[0], counts[1]))
    long_enough = draft.now >= double.since + HEARTBEATS_MAX * draft.scope.settings.interval_ns
    if min(counts) < HEARTBEATS_MAX or not long_enough:
        return
    if draft.scope.group.handover != "seamless" and all(
        host.node is not None and host.node.groups[GROUP].role is Role.HOLDER
        for host in draft.hosts
    ):
        draft.breaks("P2", "each heard two heartbeats, and none lets go")


def acquires(draft: "Draft", index: int, effect: Acquire) -> None:
    """P4: under an epoch that grows, over restarts too; only what was taken off is put back under its own."""
    host = draft.hosts[index]
    assert host.node is not None
    again = effect.epoch == host.last_epoch and host.node.groups[GROUP].role is Role.HOLDER
    if effect.epoch <= host.last_epoch and not again:
        draft.breaks("P4", f"{NAMES[index]} claims epoch {effect.epoch} after {host.last_epoch}")
    draft.put(index, last_epoch=int(effect.epoch))


def booting(draft: "Draft", index: int) -> None:
    """P5: what the ledger says is open is to be undone, or goes on."""
    began = frozenset(draft.hosts[index].disk.began)
    draft.put(index, open=began, repeats=frozenset(UNDOES) if began else frozenset())


def phase_begins(draft: "Draft", index: int, effect: RunPhase) -> None:
    """P5: phases of a group never overlap, and never run out of order."""
    host = draft.hosts[index]
    name = f"{effect.phase.value} on {NAMES[index]}"
    if host.phase is not None:
        draft.breaks("P5", f"{name} overlaps {host.phase.phase.value}")
    if effect.phase not in KEPT:
        return
    opened, repeats = host.open, host.repeats
    if effect.phase in repeats:
        opened = UNDOES[effect.phase]
        repeats -= {effect.phase}
    if effect.phase in FOLLOWS and opened not in FOLLOWS[effect.phase]:
        had = " and ".join(sorted(phase.value for phase in opened)) or "nothing"
        draft.breaks("P5", f"{name} runs with {had} open")
    if effect.phase in (Phase.PRE_ACQ, Phase.POST_ACQ):
        opened |= {effect.phase}
    draft.put(index, open=opened, repeats=repeats)


def phase_ended(draft: "Draft", index: int, effect: RunPhase) -> None:
    """A releasing phase that is over has undone what it undoes."""
    if effect.phase is Phase.PRE_REL:
        draft.put(index, open=draft.hosts[index].open - {Phase.POST_ACQ})
    elif effect.phase is Phase.POST_REL:
        draft.put(index, open=frozenset())


def releases(draft: "Draft", index: int) -> None:
    """A daemon that must end lets its address go when a peer that is well is about to take it, not before."""
    node, peer = draft.hosts[index].node, draft.hosts[1 - index]
    if node is None or not (node.stopping and draft.hosts[index].on and _can_hear(draft)):
        return
    is_well = peer.carrier and not (peer.ill or peer.isolated)
    if is_well and peer.node is not None and peer.node.groups[GROUP].role is Role.STANDBY:
        draft.breaks(
            "an orderly stop", f"{NAMES[index]} lets go, and {NAMES[1 - index]} is not ready"
        )


def ends(draft: "Draft", index: int) -> None:
    """A daemon that ends in order leaves nothing behind."""
    host = draft.hosts[index]
    if host.open or host.phase is not None:
        draft.breaks("P5", f"{NAMES[index]} has ended with phases open")
    if host.on and draft.scope.group.home != NAMES[index]:
        draft.breaks("an orderly stop", f"{NAMES[index]} has ended and left its address there")


def unsettled(world: World, *, everybody: bool) -> str | None:
    """P3: what is not as it must be after all has been left to run for long; else None.

    `everybody`: both engines run, so the other one must have come to rest as well.
    """
    now = holders(world)
    if len(now) != 1:
        return f"held by {' and '.join(NAMES[index] for index in now) or 'nobody'}"
    for host in world.hosts:
        if host.node is None or host.frozen or not (everybody or host.index == now[0]):
            continue
        role = host.node.groups[GROUP].role
        if role is not (Role.HOLDER if host.index == now[0] else Role.STANDBY):
            return f"{NAMES[host.index]} is {role.value}, and {NAMES[now[0]]} has the address"
        if host.phase is not None:
            return f"{host.phase.phase.value} still runs on {NAMES[host.index]}"
        if host.node.groups[GROUP].post_acq is not (Phase.POST_ACQ in host.open):
            return f"{NAMES[host.index]} does not know which phases are open"
        if role is Role.STANDBY and host.open:
            return f"{NAMES[host.index]} is a standby with phases open"
    return None


def _is_automatic(group: Group) -> bool:
    if group.asked is not None or group.reason is Reason.FIRST_CLAIM:
        return False
    return group.pushes or group.reason not in BY_OFFER


def _at_once(group: Group, other: Host, *, silent: bool) -> bool:
    """Nobody had it, and neither hears the other: both asked the wire, and both took it at once."""
    said = group.evidence
    if said is None or other.took_at is None or not silent:
        return False
    return other.took_at >= said.asked_at


def _can_hear(draft: "Draft") -> bool:
    awake = all(host.node is not None and not host.frozen for host in draft.hosts)
    return awake and not draft.muted


def _know_better(draft: "Draft") -> bool:
    """Whether a partition is over for both: each hears the other, and nothing decided in it is under way."""
    if draft.muted or len(holders(draft)) > 1:
        return False
    for host in draft.hosts:
        node = host.node
        if node is not None and (node.silent or node.late):
            return False
        if any(isinstance(call.wish, Acquire) for call in host.calls):
            return False
    return True
