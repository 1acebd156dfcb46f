"""Each rule of design 7, taken out by hand: one function of the machine is replaced by one without it.

An exploration that finds nothing proves something only if it finds these.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ipfo.machine import (
    asking,
    claim,
    doubt,
    evidence,
    fence,
    give,
    group,
    hold,
    home,
    pair,
    pause,
    step,
    unwind,
    work,
)
from ipfo.machine import node as node_module
from ipfo.machine.events import Fenced
from ipfo.machine.evidence import Verdict
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Around, Group
from ipfo.machine.node import Node
from ipfo.machine.work import Work
from ipfo.model import Epoch, Instant, Reason, Terms
from ipfo.sim import settings, small_hosts


@dataclass(frozen=True)
class InScope:
    """An exploration finds it; `left_to_run`: only where worlds are left to run to their end.

    `slow`: so many heartbeats and calls may take their time, and the others take none.
    """

    scope: str
    promise: str  # with which words what is found begins
    slow: int = 0
    left_to_run: bool = False


@dataclass(frozen=True)
class TakenOut:
    """`rule` of design 7 without `what`: each function in `puts` instead of its own."""

    rule: str
    what: str
    puts: tuple[tuple[Any, str, Any], ...]
    finder: InScope

    def __str__(self) -> str:
        """For the names of tests."""
        return f"{self.rule}: {self.what}"

    @property
    def number(self) -> int | None:
        """That of design 7; None: a promise beside them."""
        word = self.rule.split()[0]
        return int(word) if word.isdigit() else None


@contextmanager
def instead(taken: TakenOut) -> Iterator[None]:
    """The machine is without that rule."""
    with ExitStack() as stack:
        for owner, name, put in taken.puts:
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, put)
        yield


def any_link(node: Node, _: Terms) -> Instant:
    """Silence on one link is enough."""
    return Instant(min(link.heard_at for link in node.links.values()) + _.takeover_after_ns)


def around_with(**changes: Any) -> Any:
    """What the rules of a group are told of the pair, with `changes`."""
    real = node_module.around_group

    def told(part: node_module.Part, node: Node, name: str) -> Around:
        return replace(real(part, node, name), **changes)

    return told


def dead_without_asking(node: Node, terms: Terms, now: Instant) -> bool:
    """`dead_after` as a shorter `takeover_after`, whatever answers."""
    return terms.dead_after_ns is not None and now >= node.heard_at + terms.dead_after_ns


def boots_without_listening(terms: Terms, memory: Any, *rest: Any, **more: Any) -> step.Step:
    """A start, not the first one, after which the peer counts as silent at once."""
    first = step.boot(terms, memory, *rest, **more)
    if not memory:
        return first
    now = first.node.started_at
    heard_at = Instant(now - terms.takeover_after_ns)
    links = {name: evolve(link, heard_at=heard_at) for name, link in first.node.links.items()}
    node = evolve(first.node, heard_at=heard_at, links=links, listen_until=now, due_at=now)
    return step.Step(node, first.effects)


def claims_alone(group: Group, a: Around) -> Reason | None:
    """As if the peer had been heard once."""
    return real_due_claim(group, replace(a, peer_ever=True))


real_due_claim = claim.due_claim


def acquires_at_once(group: Group, a: Around) -> bool:
    """Who claims takes: nobody looks again."""
    return a.now > group.since - 1


def shoots_and_believes(w: Work, event: Fenced) -> None:
    """A fence that fails counts as one that has switched the peer off."""
    real_fenced(w, replace(event, failed=None))


real_fenced = fence.fenced


def leaves_at_once(group: Group, a: Around) -> Any:
    """A daemon that must end lets go, and offers nothing to anybody."""
    if a.stopping:
        return hold.let_go(group, a, Reason.STOP, "the daemon ends")
    return real_giving(group, a)


real_giving = hold._giving


def never(*_: object) -> bool:
    return False


def always(*_: object) -> bool:
    return True


def nothing(*_: object) -> None:
    return None


def unchanged(group: Group, _: Around) -> Any:
    return group, ()


RULES = frozenset(range(1, 12))
"""Of design 7."""

ALL = (
    TakenOut(
        "1 lease",
        "it ends after the peer has waited long enough",
        ((settings, "lease_seconds", lambda _: 4),),
        InScope("only the lease", "P1"),
    ),
    TakenOut(
        "1 lease",
        "who held it goes on when it has run out",
        tuple((owner, "lease_ends", nothing) for owner in (hold, unwind, work)),
        InScope("renewals fail", "P3", left_to_run=True),
    ),
    TakenOut(
        "2 silence on every link",
        "silence on one link is enough",
        ((doubt, "silent_at", any_link),),
        InScope("one link of two is cut", "P1"),
    ),
    TakenOut(
        "2 own carrier",
        "it is of no matter",
        ((work, "around_group", around_with(carrier=True)),),
        InScope("the carrier is lost", "P3", left_to_run=True),
    ),
    TakenOut(
        "3 evidence",
        "the wire is not asked",
        ((evidence, "verdict", lambda *_: Verdict.SILENT),),
        InScope("heartbeats are filtered", "P1"),
    ),
    TakenOut(
        "3 dead_after",
        "what answers is of no matter",
        ((asking, "is_dead", dead_without_asking),),
        InScope("dead_after, and only the lease", "P1"),
    ),
    TakenOut(
        "4 witnesses that deny",
        "a holder who reaches none goes on",
        ((hold, "_isolated", nothing),),
        InScope("a full partition, consistent with witnesses", "P1"),
    ),
    TakenOut(
        "4 witnesses that deny",
        "a standby that reaches none takes it",
        ((work, "around_group", around_with(reached=True)),),
        InScope("a full partition, consistent with witnesses", "P1"),
    ),
    TakenOut(
        "4 voter",
        "it need not agree",
        ((claim, "_voter_agrees", always),),
        InScope("a full partition with a voter", "P1"),
    ),
    TakenOut(
        "5 fence",
        "nobody is fenced",
        ((claim, "_needs_fence", never),),
        InScope("a full partition with a fence", "P1"),
    ),
    TakenOut(
        "5 fence",
        "one that fails is believed",
        ((fence, "fenced", shoots_and_believes),),
        InScope("a full partition with a fence", "P1"),
    ),
    TakenOut(
        "6 epoch",
        "nobody is beaten",
        ((hold, "peer_beats", never),),
        InScope("a full partition", "P3", left_to_run=True),
    ),
    TakenOut(
        "6 epoch",
        "a claim is always the first",
        ((claim, "Epoch", lambda _: Epoch(1)),),
        InScope("the power goes here, then there", "P4"),
    ),
    TakenOut(
        "6 epoch",
        "equal ones are won by both",
        ((group, "wins_ties", always),),
        InScope("both have booted apart, and are joined", "P", left_to_run=True),
    ),
    TakenOut(
        "7 boot",
        "nobody listens first",
        ((small_hosts, "boot", boots_without_listening),),
        InScope("a boot beside a holder that cannot be asked", "P1"),
    ),
    TakenOut(
        "7 first_claim_after",
        "who is not preferred claims alone",
        ((claim, "due_claim", claims_alone),),
        InScope("both boot and do not hear each other", "P1"),
    ),
    TakenOut(
        "8 pause",
        "nobody notices that it slept",
        ((pause, "mind", nothing),),
        InScope("a host stands still", "P1"),
    ),
    TakenOut(
        "8 pause",
        "what was known before a long one counts",
        ((pause, "_forget", nothing),),
        InScope("a handover and a frozen engine", "P", slow=1),
    ),
    TakenOut(
        "9 breaker",
        "nothing is ever frozen",
        ((group, "is_frozen", never),),
        InScope("the breaker", "P3", left_to_run=True),
    ),
    TakenOut(
        "10 orderly stop",
        "the daemon ends at once",
        ((pair, "holds_nothing", always),),
        InScope("an orderly stop", "P5"),
    ),
    TakenOut(
        "10 orderly stop",
        "nothing is handed over",
        ((hold, "_giving", leaves_at_once),),
        InScope("an orderly stop", "an orderly stop"),
    ),
    TakenOut(
        "11 home addresses",
        "the home node does not give way",
        ((home, "must_be_away", never),),
        InScope("a home address", "P", left_to_run=True),
    ),
    TakenOut(
        "two claims at once",
        "a claimant does not look again",
        ((claim, "may_acquire", acquires_at_once),),
        InScope("a handover", "P1"),
    ),
    TakenOut(
        "phases",
        "what a run before left open is not undone",
        ((step, "_undo_leftover", nothing),),
        InScope("phases", "P3", left_to_run=True),
    ),
    TakenOut(
        "seamless handover",
        "the overlap has no end",
        ((give, "shared", unchanged),),
        InScope("a seamless handover", "P", left_to_run=True),
    ),
)
