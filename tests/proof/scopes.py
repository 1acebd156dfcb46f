"""What is explored: small pairs, where they begin, and which faults may happen how often.

Each scope is about one or two rules of the design. All of them together meet every rule.
"""

from dataclasses import replace

from ipfo.model import SECOND
from ipfo.sim.small import Scope, small_pair

TWO_LINKS = ("public", "private")

SCOPES = {
    scope.name: scope
    for scope in (
        Scope(
            "a daemon dies",
            "lease, evidence, adoption: killed at any time, started again at any time, a heartbeat lost",
            small_pair(),
            {"kill": 1, "start": 1, "lose": 1},
        ),
        Scope(
            "the power goes",
            "takeover and boot: a host is off at any time, and comes back at any time",
            small_pair(),
            {"power": 1, "start": 1, "lose": 1},
        ),
        Scope(
            "an engine is frozen",
            "pause and lease: stopped at any time, thawed at any time",
            small_pair(),
            {"freeze": 1, "lose": 1},
        ),
        Scope(
            "heartbeats are filtered",
            "evidence: one way or both, at any time, and healed at any time; the wire is well",
            small_pair(),
            {"mute": 1},
        ),
        Scope(
            "heartbeats are filtered and a daemon dies",
            "evidence and lease together",
            small_pair(),
            {"mute": 1, "kill": 1},
            hosts=(0,),
        ),
        Scope(
            "both boot",
            "listening, the tie-break of two fresh nodes: started at any time after each other",
            small_pair(),
            {"start": 2, "lose": 1},
            begins="off",
        ),
        Scope(
            "both boot and do not hear each other",
            "first_claim_after = never: who is not preferred does not claim alone",
            small_pair(first_claim_after_ns=None),
            {"start": 2, "lose": 1},
            begins="apart",
        ),
        Scope(
            "a handover",
            "asked for at any time, with a daemon killed and started",
            small_pair(),
            {"handover": 1, "kill": 1, "start": 1},
        ),
        Scope(
            "a handover and a frozen engine",
            "what was said before a pause does not count: beta is frozen in the middle of it",
            small_pair(),
            {"freeze": 1, "slow": 3},
            begins="handover",
            hosts=(1,),
            prompt=True,
        ),
        Scope(
            "a host stands still",
            "what a node slept through is not the peer's silence, though the wire cannot be asked",
            small_pair(probes=False),
            {"pause": 1},
            hosts=(1,),
        ),
        Scope(
            "a seamless handover",
            "the overlap has an end",
            small_pair(handover="seamless"),
            {"handover": 1, "kill": 1, "start": 1},
        ),
        Scope(
            "phases",
            "they balance: a veto, a failure of a worker, a kill and a start in the middle of them",
            small_pair(phases=True),
            {"handover": 1, "veto": 1, "fail": 1, "kill": 1, "start": 1},
            hosts=(1,),
        ),
        Scope(
            "an orderly stop",
            "hand over, then end, with nothing left",
            small_pair(phases=True),
            {"stop": 1, "start": 1, "lose": 1},
        ),
        Scope(
            "renewals fail",
            "who cannot renew its lease lets go in time, and the other one takes it",
            small_pair(),
            {"renewals fail": 1, "lose": 1},
            hosts=(0,),
        ),
        Scope(
            "only the lease",
            "a wire that cannot be asked: the lease alone keeps a dead or frozen holder from sharing",
            small_pair(probes=False),
            {"kill": 1, "freeze": 1},
        ),
        Scope(
            "a boot beside a holder that cannot be asked",
            "listening before the first claim, where the wire says nothing",
            small_pair(probes=False),
            {"power": 1, "start": 1},
            hosts=(0,),
        ),
        Scope(
            "one link of two is cut",
            "silence on every link: nothing moves, though the wire cannot be asked",
            small_pair(links=TWO_LINKS, probes=False),
            {"link": 1},
        ),
        Scope(
            "the carrier is lost",
            "who has no carrier neither claims nor holds; the other link carries the pair",
            small_pair(links=TWO_LINKS),
            {"carrier": 1, "kill": 1, "start": 1},
            hosts=(0,),
        ),
        Scope(
            "dead_after",
            "asking: a killed or frozen daemon is not a dead host",
            small_pair(dead_after_ns=1_300_000_000),
            {"kill": 1, "start": 1, "freeze": 1},
            hosts=(0,),
        ),
        Scope(
            "dead_after, and only the lease",
            "a host that still answers for its own addresses is not dead, and so has its lease's time",
            small_pair(dead_after_ns=1_300_000_000, probes=False),
            {"kill": 1, "freeze": 1},
            hosts=(0,),
        ),
        Scope(
            "a full partition",
            "available: two holders, and the split heals by itself (P2)",
            small_pair(),
            {"cut": 1},
            excused=True,
        ),
        Scope(
            "a full partition, consistent with witnesses",
            "who reaches no witness lets go in time, and the other waits for that",
            small_pair(deniers=True, consistent=True),
            {"cut": 1},
        ),
        Scope(
            "a full partition with a voter",
            "of two isolated nodes one at most holds",
            small_pair(voter=True, consistent=True),
            {"cut": 1, "isolate": 1},
        ),
        Scope(
            "a handover with a voter, and a full partition",
            "what is withdrawn while its answer is on its way is not kept",
            small_pair(voter=True),
            {"handover": 1, "cut": 1},
        ),
        Scope(
            "a full partition with a fence",
            "nothing is taken before the peer is off, and one side shoots",
            small_pair(fence_timeout_ns=2 * SECOND),
            {"cut": 1, "shot fails": 1},
        ),
        Scope(
            "a home address",
            "the home node boots with its address on while the peer has it",
            small_pair(home="alpha"),
            {"power": 1, "start": 1, "lose": 1},
            hosts=(0,),
        ),
        Scope(
            "the breaker",
            "checks that turn again and again: more than one move is too many",
            small_pair(max_moves=1),
            {"ill": 3},
            moves_max=1,
        ),
        Scope(
            "the power goes here, then there",
            "to and fro: each claim is under a higher epoch than the one before",
            small_pair(),
            {"power": 2, "start": 1},
        ),
        Scope(
            "both have booted apart, and are joined",
            "two fresh nodes hold under the same epoch: one of them goes before the other",
            small_pair(),
            {"lose": 2},
            begins="split",
            excused=True,
        ),
        Scope(
            "in any order",
            "a daemon is killed: everything in any order at every instant, not only at once or at its due",
            small_pair(),
            {"kill": 1, "start": 1, "lose": 1},
            any_order=True,
        ),
    )
}
"""By name."""


def prompt(scope: Scope, slow: int = 0) -> Scope:
    """`scope` where at most `slow` heartbeats and calls take their time, and the others none.

    Its worlds are so much fewer that courses of events are followed for several times as long.
    """
    if scope.any_order:
        return scope
    return replace(scope, prompt=True, bounds={**scope.bounds, "slow": slow})
