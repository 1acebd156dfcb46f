"""An orderly restart: the peer is told to wait, the leases are made to last, and the daemon goes.

The new run finds the addresses where they are and adopts them (design 7.10). Without a peer that
heard of it the leases are the usual ones: they must end before it would take the groups. Only one
that has been silent all along is told for as long as it would wait, and then left to its silence.
"""

from ipfo.machine import leases
from ipfo.machine.effects import Restart, Settle
from ipfo.machine.evolve import evolve
from ipfo.machine.group import is_moving
from ipfo.machine.work import Work
from ipfo.model import RESTART_LEASE_S, Instant


def ask(w: Work) -> None:
    """Begin, unless something is moving: what would be cut off in the middle is not adopted."""
    if _refuse(w):
        return
    if w.node.restarting_at is None:
        w.record("restart", _told(w))
        w.node = evolve(w.node, restarting_at=w.now)
        w.urgent = True


def _told(w: Work) -> str:
    """Why, and what may be lost by it."""
    why = "an administrator wants it"
    lease_s = w.terms.lease_s
    if (
        not (w.node.silent and w.node.holds)
        or lease_s >= RESTART_LEASE_S
        or _may_outlast_silence(w)
    ):
        return why
    return (
        f"{why}; {w.terms.peer} is silent, so the leases last for no more than {lease_s} s:"
        " a new run that takes longer does not keep what is held"
    )


def heard(w: Work, sent_at: Instant | None) -> None:
    """The peer has heard what we sent at `sent_at`: perhaps that it is to wait."""
    since = w.node.restarting_at
    if since is not None and sent_at is not None and sent_at >= since:
        w.node = evolve(w.node, restart_known=True)


def look(w: Work) -> None:
    """Go on to the next stage: told, leases renewed, gone. Called at the end of each step."""
    node = w.node
    if node.restarting_at is None or node.ended or node.renew_asked_at is not None:
        return
    if _refuse(w):
        return
    longer = node.restart_known or _may_outlast_silence(w)
    gives_up_at = node.restarting_at if node.silent and not longer else told_by(w)
    if not node.restart_known and w.now < gives_up_at:
        return
    if node.holds and not node.restart_asked_renewal:
        leases.ask(w, RESTART_LEASE_S if longer else w.terms.lease_s)
        w.node = evolve(w.node, restart_asked_renewal=True)
    elif any(group.unrenewed for group in node.groups.values()):
        w.node = evolve(node, restarting_at=None, restart_known=False, restart_asked_renewal=False)
        w.urgent = True
        why = "a lease could not be renewed before it"
        w.effects.append(Settle(None, done=False, why=why))
    else:
        w.node = evolve(node, ended=True)
        w.effects.append(Restart())


def _may_outlast_silence(w: Work) -> bool:
    """Whether a holder whose peer is silent goes on holding whatever happens, restart or none.

    Who may have to let go, for want of a witness or a vote, or who may be shot, has no longer lease.
    A peer that hears us all the same has heard of the restart by `told_by`, or else of nothing for
    so long that it has taken what it can.
    """
    terms = w.terms
    alone = w.node.silent and not terms.asks_others and terms.fence is None
    return alone and w.node.holds and terms.lease_s < RESTART_LEASE_S


def _refuse(w: Work) -> bool:
    """Whether something is on the move: then this run stays."""
    for group in w.node.groups.values():
        if is_moving(group):
            _stay(w, f"{group.name} is on the move; try again when that is over")
            return True
    return False


def _stay(w: Work, why: str) -> None:
    if w.node.restarting_at is not None:
        w.urgent = True
        w.node = evolve(
            w.node, restarting_at=None, restart_known=False, restart_asked_renewal=False
        )
    w.effects.append(Settle(None, done=False, why=why))


def told_by(w: Work) -> Instant:
    """Until when a peer that is heard but does not answer is waited for."""
    assert w.node.restarting_at is not None
    return Instant(w.node.restarting_at + w.terms.takeover_after_ns)
