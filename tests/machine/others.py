"""The third parties of a virtual pair: witnesses, one voter, a fence, and who answers for a host."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ipfo.machine.effects import AskWitnesses, Effect, Fence, ProbePeer, Vote, Withdraw
from ipfo.machine.events import Event, Fenced, PeerProbed, Voted, WitnessesAsked
from ipfo.model import Epoch, Instant, Terms

Answer = Callable[[int, Event], None]
"""To be called with a delay in ns and the event."""

ANSWER_NS = 3_000_000


@dataclass
class Others:
    """What they are like now; a test changes it as it goes."""

    unreached: set[str] = field(default_factory=set)  # nodes that reach no witness
    voterless: set[str] = field(default_factory=set)  # nodes that cannot ask the voter
    fence_fails: str | None = None
    kept: dict[str, tuple[str, int, int]] = field(default_factory=dict)  # group: node, epoch, until
    highest: dict[str, int] = field(default_factory=dict)
    fenced: list[str] = field(default_factory=list)
    silent_probe: str | None = None  # why no wire can be asked
    asked: int = 0
    answer_ns: int = ANSWER_NS  # of the voter

    def take(
        self, effect: Effect, terms: Terms, now: int, answer: Answer, *, peer_answers: bool
    ) -> bool:
        """Answer `effect` of the node of `terms`, if it is one for others; whether it was."""
        node = terms.node
        match effect:
            case AskWitnesses():
                reached = node not in self.unreached
                said = WitnessesAsked(effect.asked_at, reached, "" if reached else "no answer")
                answer(ANSWER_NS if reached else effect.timeout_ns, said)
            case Vote():
                answer(self.answer_ns, self._vote(effect, terms, now))
            case Withdraw():
                held = self.kept.get(effect.group)
                if held is not None and held[0] == node and node not in self.voterless:
                    del self.kept[effect.group]
            case Fence():
                answer(ANSWER_NS, Fenced(effect.asked_at, self.fence_fails))
                if self.fence_fails is None:
                    self.fenced.append(terms.peer)
            case ProbePeer():
                self.asked += 1
                delay_ns = ANSWER_NS if peer_answers else effect.timeout_ns
                answer(delay_ns, PeerProbed(effect.asked_at, peer_answers, self.silent_probe))
            case _:
                return False
        return True

    def _vote(self, vote: Vote, terms: Terms, now: int) -> Voted:
        if terms.node in self.voterless:
            return Voted(vote.asked_at, failed="nobody answers")
        assert terms.vote_ttl_ns is not None
        granted, denied, behind = [], [], []
        for group, epoch in vote.claims:
            node, _, until = self.kept.get(group, ("", 0, 0))
            others = node not in ("", terms.node) and now < until
            if others:
                denied.append((group, f"{node} has it"))
            elif epoch < self.highest.get(group, 0):
                denied.append((group, "a higher epoch was granted"))
                behind.append((group, Epoch(self.highest[group])))
            else:
                self.kept[group] = (terms.node, epoch, now + terms.vote_ttl_ns)
                self.highest[group] = epoch
                granted.append(group)
        said = tuple(granted), tuple(denied)
        return Voted(Instant(vote.asked_at), *said, behind=tuple(behind))
