"""Whom a host can ask besides its peer: witnesses, the voter, the fence, and the peer's own kernel.

Each has a worker of its own in the daemon, so one that is slow holds up nothing else. A question
that gets no answer takes all of its time.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ipfo.machine.effects import AskWitnesses, Fence, ProbePeer, Vote, Withdraw
from ipfo.machine.events import Event, Fenced, PeerProbed, Voted, WitnessesAsked
from ipfo.model import Epoch
from ipfo.sim.process import Process
from ipfo.sim.settings import MS

if TYPE_CHECKING:
    from ipfo.sim.host import Host

ANSWER_NS = (1 * MS, 8 * MS)
"""A witness or a voter that is well answers in such a time."""

FENCE_NS = (500 * MS, 3000 * MS)
"""A fence that works has switched the peer off after so long, if its time is not over before."""


@dataclass(slots=True)
class Store:
    """The voter's store, as if it were one: who has which group, under which epoch, until when."""

    lost: bool = False  # no quorum: nobody is answered
    slow_ns: int = 0  # its answers are so long on their way
    unheard: set[str] = field(default_factory=set)  # nodes that cannot reach it
    votes: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)  # epoch ever granted, by group

    def answers(self, node: str) -> bool:
        """Whether `node` can ask it."""
        return not self.lost and node not in self.unheard

    def claim(self, node: str, group: str, epoch: int, now: int, until: int) -> str | None:
        """Keep `group` for `node`; None if that was done, else why not."""
        kept = self.votes.get(group)
        if kept is not None and kept[0] != node and now < kept[2]:
            return f"{kept[0]} has it under epoch {kept[1]}"
        if self.is_behind(group, epoch):
            return f"epoch {epoch} is below {self.highest[group]}"
        self.votes[group] = (node, epoch, until)
        self.highest[group] = epoch
        return None

    def is_behind(self, group: str, epoch: int) -> bool:
        """Whether a higher epoch was granted before."""
        return epoch < self.highest.get(group, 0)

    def withdraw(self, node: str, group: str, epoch: int) -> None:
        """`node` does not want `group` any more, unless it has claimed it anew since."""
        kept = self.votes.get(group)
        if kept is not None and kept[0] == node and kept[1] <= epoch:
            del self.votes[group]


class Others:
    """What `host` asks others."""

    def __init__(self, host: "Host") -> None:
        self._host = host
        self._process = Process(host)
        self.isolated = False  # no denying witness can be reached from here
        self.fence_manner = "works"  # or "fails", or "is late"

    def power_off(self) -> None:
        """No question of this host is answered any more."""
        self._process.end()

    def probe_peer(self, effect: ProbePeer) -> None:
        """Ask for the peer's own addresses: at once, and again, on all links together."""
        self._probe_again((effect, self._host.terms.boot, 0))

    def _probe_again(self, told: tuple[ProbePeer, int, int]) -> None:
        effect, boot, asked = told
        if self._host.world.peer_answers(self._host):
            self._answer(PeerProbed(effect.asked_at, answered=True), 1 * MS, boot)
        elif asked == 3:
            self._answer(PeerProbed(effect.asked_at, answered=False), 0, boot)
        else:
            again = (effect, boot, asked + 1)
            self._process.later(effect.timeout_ns // 3, self._probe_again, again)

    def ask_witnesses(self, effect: AskWitnesses) -> None:
        """One is reached if this host is not the isolated one."""
        reached = not self.isolated
        why = "" if reached else "no answer"
        takes_ns = self._in_time() if reached else effect.timeout_ns
        self._answer(WitnessesAsked(effect.asked_at, reached, why), takes_ns)

    def vote(self, effect: Vote) -> None:
        """Claim at the store, if it is there."""
        told = (effect, self._host.terms.boot)
        if self._host.world.store.answers(self._host.name):
            self._process.later(self._in_time(), self._vote, told)
        else:
            self._answer(Voted(effect.asked_at, failed="no answer"), effect.timeout_ns)

    def _vote(self, told: tuple[Vote, int]) -> None:
        effect, boot = told
        world, ttl_ns = self._host.world, self._host.terms.vote_ttl_ns
        assert ttl_ns is not None
        granted, denied, behind = [], [], []
        for group, epoch in effect.claims:
            until = world.now + ttl_ns
            why = world.store.claim(self._host.name, group, epoch, world.now, until)
            if why is None:
                granted.append(group)
            else:
                denied.append((group, why))
                if world.store.is_behind(group, epoch):
                    behind.append((group, Epoch(world.store.highest[group])))
        answer = Voted(effect.asked_at, tuple(granted), tuple(denied), behind=tuple(behind))
        self._answer(answer, world.store.slow_ns + self._in_time(), boot)

    def withdraw(self, effect: Withdraw) -> None:
        """The store forgets, if it is there to hear it; else the vote ends by itself."""
        if self._host.world.store.answers(self._host.name):
            told = (effect.group, effect.epoch)
            self._process.later(self._in_time(), self._withdraw, told)

    def _withdraw(self, told: tuple[str, int]) -> None:
        self._host.world.store.withdraw(self._host.name, *told)

    def fence(self, effect: Fence) -> None:
        """Have the peer switched off: that may fail, or be done only when it is too late."""
        terms = self._host.terms.fence
        assert terms is not None
        world = self._host.world
        world.mark(self._host.name, f"fences {self._host.terms.peer}: {self.fence_manner}")
        takes_ns = world.chance.randint(*FENCE_NS)
        boot = self._host.terms.boot
        if self.fence_manner == "fails":
            self._answer(Fenced(effect.asked_at, "no answer"), min(takes_ns, terms.timeout_ns))
            return
        if self.fence_manner == "is late" or takes_ns >= terms.timeout_ns:
            self._answer(Fenced(effect.asked_at, "timed out"), terms.timeout_ns)
            takes_ns += terms.timeout_ns
        self._process.later(takes_ns, self._fenced, (effect, boot))

    def _fenced(self, told: tuple[Fence, int]) -> None:
        effect, boot = told
        self._host.peer.power_off()
        self._answer(Fenced(effect.asked_at), 0, boot)

    def _in_time(self) -> int:
        return self._host.world.chance.randint(*ANSWER_NS)

    def _answer(self, event: Event, after_ns: int, boot: int | None = None) -> None:
        told = (event, boot or self._host.terms.boot)
        self._process.later(after_ns, self._tell, told)

    def _tell(self, told: tuple[Event, int]) -> None:
        event, boot = told
        engine = self._host.engine
        if engine is not None and engine.terms.boot == boot:
            engine.answer(event)
