"""One step in the making: the node as it changes, and the effects as they gather.

Lives for one call of `step` only, which stays a pure function of what goes in.
"""

from typing import Any

from ipfo.machine.effects import Effect, Notify, Record, Withdraw
from ipfo.machine.evidence import entry
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Around, Group, Hold, is_renewed, lease_ends
from ipfo.machine.links import Link
from ipfo.machine.node import Node, Part, around_group, entry_digest, pair_part
from ipfo.machine.roles import Fact, step_group, wakes_at
from ipfo.model import Event as Told
from ipfo.model import Instant, Role, Terms

HOT_SENDINGS = 3
"""How often a changed entry is sent in a row: a lost heartbeat must not hide a turn."""


class Work:
    """A step in the making.

    What is noted of one group goes into mappings that are copied once for the whole step, and what
    all groups may know of the pair is worked out once: a step over a thousand groups costs a
    thousand times as much as one over one, and not more.
    """

    def __init__(self, node: Node, now: Instant, terms: Terms) -> None:
        self._node = node
        self._part: Part | None = None  # of `_node`
        self._copied: set[str] = set()  # fields of `_node` that no other node has
        self.now = now
        self.terms = terms
        self.effects: list[Effect] = []
        self.leases_changed = (
            False  # of one group or more: what is first to lapse is found out at the end
        )
        self.wakes_changed = False  # likewise
        self.urgent = False  # something changed that the peer should hear of at once
        self.answer_on: str | None = None  # a link on which somebody new wants an echo
        self.asked_on: str | None = None  # a link on which the peer wants an answer at once

    @property
    def node(self) -> Node:
        """The node as it is by now."""
        return self._node

    @node.setter
    def node(self, node: Node) -> None:
        self._node = node
        self._part = None

    def around(self, name: str) -> Around:
        """What the rules of the group `name` may know of the pair now."""
        if self._part is None:
            self._part = pair_part(self._node, self.now, self.terms)
        return around_group(self._part, self._node, name)

    def _own(self, what: str) -> dict[str, Any]:
        """The mapping `what` of the node, to be changed in place."""
        if what not in self._copied:
            self._copied.add(what)
            self._note(**{what: dict(getattr(self._node, what))})
        own: dict[str, Any] = getattr(self._node, what)
        return own

    def _note(self, **changes: Any) -> None:  # noqa: ANN401 - fields of a node
        """Change what is noted of single groups; what all may know of the pair stays as it is."""
        self._node = evolve(self._node, **changes)

    def run(self, name: str, fact: Fact = None) -> None:
        """Step the group `name`."""
        was = self.node.groups[name]
        group, asked = step_group(was, fact, self.around(name))
        self.effects.extend(asked)
        if group is not was:
            self.put(group)
            if (was.hold, was.leased_from) != (group.hold, group.leased_from):
                self.leases_changed = True
            self._withdraw(group)
            if was.hold is not Hold.OFF and group.hold is Hold.OFF:
                self._note(told=self.node.told - {f"renew {name}"})
        self.refresh(name)

    def _withdraw(self, group: Group) -> None:
        """What is let go of need not be kept for this node by the voter."""
        node = self.node
        if group.name not in node.asked_for or group.hold is not Hold.OFF:
            return
        if group.role not in (Role.CLAIMANT, Role.HOLDER):
            claims = {name: epoch for name, epoch in node.asked_for.items() if name != group.name}
            votes = {name: until for name, until in node.votes.items() if name != group.name}
            self._note(asked_for=claims, votes=votes)
            self.effects.append(Withdraw(group.name, group.claim))

    def run_all(self) -> None:
        """Let the rules look at every group: something of the pair has changed."""
        for name in self.node.groups:
            self.run(name)

    def put(self, group: Group) -> None:
        """Replace a group."""
        self._own("groups")[group.name] = group
        node = self._node
        claims = group.role is Role.CLAIMANT
        if claims != (group.name in node.claimants):
            claimants = self._own("claimants")
            if claims:
                claimants[group.name] = None
            else:
                del claimants[group.name]
            self._own("carried").pop(group.name, None)
            self._note(known_claims=node.known_claims - {group.name})

    def put_link(self, link: Link) -> None:
        """Replace a link."""
        self.node = evolve(self.node, links={**self.node.links, link.name: link})

    def refresh(self, name: str) -> None:
        """Bring up to date what is derived from a group: when it wakes, and what is said of it."""
        a = self.around(name)
        group = self.node.groups[name]
        wake = wakes_at(group, a)
        if self.node.wakes.get(name) != wake:
            wakes = self._own("wakes")
            wakes.pop(name, None)
            if wake is not None:
                wakes[name] = wake
            self.wakes_changed = True
        said = entry(group, a)
        was = self.node.said.get(name)
        if said != was:
            self._own("said")[name] = said
            self._own("hot")[name] = HOT_SENDINGS
            digest = self.node.digest ^ entry_digest(said) ^ (entry_digest(was) if was else 0)
            self._note(digest=digest)
            self.urgent = True

    def mind_changes(self) -> None:
        """Find out what is first, where something changed of when groups wake or leases lapse."""
        if self.leases_changed:
            self.mind_leases()
        if self.wakes_changed:
            self._note(wakes_at=min(self.node.wakes.values(), default=None))
            self.wakes_changed = False

    def mind_leases(self) -> None:
        """Find out anew when the first lease held may run out."""
        ends = [
            ends_at
            for name, group in self.node.groups.items()
            if is_renewed(group) and (ends_at := lease_ends(group, self.around(name)))
        ]
        holds = any(group.hold is Hold.ON for group in self.node.groups.values())
        self._note(lapses_at=min(ends, default=None), holds=holds)
        self.leases_changed = False

    def record(self, what: str, rule: str, *inputs: tuple[str, str | int]) -> None:
        """Store one line of history of the pair."""
        self.effects.append(Record(what, rule, inputs=inputs))

    def tell_once(self, what: str, event: Told, headline: str, detail: str = "") -> None:
        """Tell people, unless they know `what` already."""
        if what not in self.node.told:
            self.node = evolve(self.node, told=self.node.told | {what})
            self.effects.append(Notify(event, headline, detail))

    def tell_over(self, what: str, headline: str) -> None:
        """Tell people that `what` is over, if they were told of it."""
        if what in self.node.told:
            self.node = evolve(self.node, told=self.node.told - {what})
            self.effects.append(Notify(Told.RECOVERED, headline))
