"""Asking the wire who has the address, so that the answer is there when the silence is full.

Design 7.3: an address that answers is held by somebody, whatever the heartbeats say.
"""

from enum import Enum

from ipfo.machine.effects import Effect, Probe, Record
from ipfo.machine.events import Probed
from ipfo.machine.evolve import evolve
from ipfo.machine.group import (
    Around,
    Evidence,
    Group,
    Out,
    expired,
    forget,
    health,
    notice,
    tell_once,
)
from ipfo.model import Answer, GroupEntry, Health, Instant, Role
from ipfo.model import Event as Told

PROBE_MIN_NS = 5_000_000
"""A neighbour on the same wire answers in well under a millisecond; the worker needs the rest."""

PROBE_MAX_NS = 200_000_000
"""Longer brings nothing: who has not answered an ARP request in 0.2 s is not on this wire."""


class Verdict(Enum):
    """What the wire says of the group's addresses."""

    UNKNOWN = "unknown"  # not asked, or too long ago
    SILENT = "silent"  # nobody has them
    ANSWERED = "answered"  # somebody has one


def timeout_ns(a: Around) -> int:
    """How long one probe may listen: a quarter of the time between a late heartbeat and a takeover."""
    window = a.terms.suspect_after_ns - a.terms.late_after_ns
    return max(PROBE_MIN_NS, min(PROBE_MAX_NS, window // 4))


def pace_ns(a: Around) -> int:
    """From the beginning of one probe to that of the next."""
    return 2 * timeout_ns(a)


def fresh_ns(a: Around) -> int:
    """How old an answer of the wire may be and still count."""
    return 3 * pace_ns(a)


def verdict(group: Group, a: Around) -> Verdict:
    """What the wire says now; SILENT for a provider that cannot ask (`check` warns of it)."""
    if not a.group.probes or _was_let_go(group, a):
        return Verdict.SILENT
    evidence = group.evidence
    if evidence is None or evidence.asked_at < a.now - fresh_ns(a):
        return Verdict.UNKNOWN
    if a.silent and evidence.asked_at < a.heard_at:
        return Verdict.UNKNOWN
    return Verdict.ANSWERED if evidence.answers else Verdict.SILENT


def _was_let_go(group: Group, a: Around) -> bool:
    """Whether the peer has just said that it took the address off: better than any probe."""
    at = group.let_go_at
    return not a.silent and at is not None and a.now < at + fresh_ns(a)


def entry(group: Group, a: Around) -> GroupEntry:
    """What to tell the peer of `group`.

    A standby that has asked the wire in vain says so: then a holder whom it does not hear need not
    make room for it.
    """
    ours = group.role in (Role.CLAIMANT, Role.HOLDER, Role.YIELDER)
    state = health(group, a)
    if state is Health.ABLE and a.late and not ours and verdict(group, a) is Verdict.ANSWERED:
        state = Health.CONTESTED
    return GroupEntry(
        group.name, group.role, group.claim if ours else group.known, state, group.sign
    )


def seek(group: Group, a: Around) -> Out:
    """Ask the wire, unless a probe is on its way or the last one is fresh.

    Not so late that the answer would come after the silence is full: who is to acquire the
    address then is the worker that would still be listening.
    """
    if not a.group.probes or group.probe_asked_at is not None or a.now < group.probe_at:
        return group, ()
    full_at = a.heard_at + a.terms.suspect_after_ns
    if a.now < full_at < a.now + timeout_ns(a) and verdict(group, a) is Verdict.SILENT:
        return group, ()
    asked = evolve(group, probe_asked_at=a.now, probe_at=Instant(a.now + pace_ns(a)))
    return asked, (Probe(group.name, a.now, timeout_ns(a)),)


def take_in(group: Group, event: Probed) -> Out:
    """Note what the wire said. A probe that failed says nothing, and people are told once."""
    if group.probe_asked_at != event.asked_at:
        return group, ()
    group = evolve(group, probe_asked_at=None)
    if event.failed is not None:
        blind = evolve(group, evidence=None)
        headline = f"{group.name}: the wire could not be asked for the address"
        return tell_once(blind, "probe", notice(blind, Told.FAILURE, headline, event.failed))
    was = group.evidence
    group = forget(evolve(group, evidence=Evidence(event.asked_at, event.answers)), "probe")
    same = was is not None and bool(was.answers) == bool(event.answers)
    if same or _looked_round_in_vain(group, event):
        return group, ()
    return group, (_record(group, event),)


def _looked_round_in_vain(group: Group, event: Probed) -> bool:
    """Whether a holder found no other one: it looks all the time when alone, and nothing follows."""
    follows = group.contested_since is not None or group.gone_at is not None
    return group.role is Role.HOLDER and not event.answers and not follows


def watch_contest(group: Group, a: Around) -> Out:
    """An address that still answers when the silence is full: note since when, and tell people.

    Told only when a lease would have run out long since: until then the wire is only slow to
    follow (a killed daemon's kernel drops the address by itself).
    """
    if verdict(group, a) is not Verdict.ANSWERED:
        if group.contested_since is None:
            return group, ()
        return forget(evolve(group, contested_since=None), "contested"), ()
    if group.contested_since is None:
        group = evolve(group, contested_since=a.now)
    if not expired(contest_ripe_at(group, a), a):
        return group, ()
    assert group.evidence is not None
    who = ", ".join(
        f"{answer.address} is at {in_words(answer)}" for answer in group.evidence.answers
    )
    headline = f"{group.name} is contested: {a.terms.peer} is silent, yet its address answers"
    return tell_once(group, "contested", notice(group, Told.CONTESTED, headline, who))


def in_words(answer: Answer) -> str:
    """The card that answered, and whose it is, as far as that is known."""
    return f"{answer.card} ({answer.whose})" if answer.whose else answer.card


def contest_ripe_at(group: Group, a: Around) -> Instant | None:
    """When an address that answers is a case for people, no longer for patience."""
    if group.contested_since is None:
        return None
    return Instant(group.contested_since + a.terms.takeover_after_ns)


def _record(group: Group, event: Probed) -> Effect:
    cards = ", ".join(f"{answer.address} at {in_words(answer)}" for answer in event.answers)
    return Record(
        "probe", "evidence from the wire", group.name, epoch=group.known,
        inputs=(("answers", cards or "none"),),
    )  # fmt: skip
