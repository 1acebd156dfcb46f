"""One step in the making: the node as it changes, and the effects as they gather.

Lives for one call of `step` only, which stays a pure function of what goes in.
"""

from ipfo.machine.effects import Effect, Notify, Record, Withdraw
from ipfo.machine.evidence import entry
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Group, Hold, is_renewed, lease_ends
from ipfo.machine.links import Link
from ipfo.machine.node import Node, around, entry_digest
from ipfo.machine.roles import Fact, step_group, wakes_at
from ipfo.model import Event as Told
from ipfo.model import Instant, Role, Terms

HOT_SENDINGS = 3
"""How often a changed entry is sent in a row: a lost heartbeat must not hide a turn."""


class Work:
    """A step in the making."""

    def __init__(self, node: Node, now: Instant, terms: Terms) -> None:
        self.node = node
        self.now = now
        self.terms = terms
        self.effects: list[Effect] = []
        self.leases_changed = False  # of one group or more: what is first to lapse is found out at the end
        self.urgent = False  # something changed that the peer should hear of at once
        self.answer_on: str | None = None  # a link on which somebody new wants an echo
        self.asked_on: str | None = None  # a link on which the peer wants an answer at once

    def run(self, name: str, fact: Fact = None) -> None:
        """Step the group `name`."""
        was = self.node.groups[name]
        group, asked = step_group(was, fact, around(self.node, name, self.now, self.terms))
        self.effects.extend(asked)
        if group is not was:
            self.put(group)
            if (was.hold, was.leased_from) != (group.hold, group.leased_from):
                self.leases_changed = True
            self._withdraw(group)
            if was.hold is not Hold.OFF and group.hold is Hold.OFF:
                self.node = evolve(self.node, told=self.node.told - {f"renew {name}"})
        self.refresh(name)

    def _withdraw(self, group: Group) -> None:
        """What is let go of need not be kept for this node by the voter."""
        node = self.node
        if group.name not in node.asked_for or group.hold is not Hold.OFF:
            return
        if group.role not in (Role.CLAIMANT, Role.HOLDER):
            claims = {name: epoch for name, epoch in node.asked_for.items() if name != group.name}
            votes = {name: until for name, until in node.votes.items() if name != group.name}
            self.node = evolve(node, asked_for=claims, votes=votes)
            self.effects.append(Withdraw(group.name, group.claim))

    def run_all(self) -> None:
        """Let the rules look at every group: something of the pair has changed."""
        for name in self.node.groups:
            self.run(name)

    def put(self, group: Group) -> None:
        """Replace a group."""
        node = evolve(self.node, groups={**self.node.groups, group.name: group})
        claims = group.role is Role.CLAIMANT
        if claims != (group.name in node.claimants):
            others = tuple(name for name in node.claimants if name != group.name)
            carried = {name: at for name, at in node.carried.items() if name != group.name}
            node = evolve(
                node,
                claimants=(*others, group.name) if claims else others,
                carried=carried,
                known_claims=node.known_claims - {group.name},
            )
        self.node = node

    def put_link(self, link: Link) -> None:
        """Replace a link."""
        self.node = evolve(self.node, links={**self.node.links, link.name: link})

    def refresh(self, name: str) -> None:
        """Bring up to date what is derived from a group: when it wakes, and what is said of it."""
        a = around(self.node, name, self.now, self.terms)
        group = self.node.groups[name]
        wake = wakes_at(group, a)
        node = self.node
        if node.wakes.get(name) != wake:
            wakes = {key: at for key, at in node.wakes.items() if key != name}
            if wake is not None:
                wakes[name] = wake
            node = evolve(node, wakes=wakes, wakes_at=min(wakes.values(), default=None))
        said = entry(group, a)
        was = node.said.get(name)
        if said != was:
            digest = node.digest ^ entry_digest(said) ^ (entry_digest(was) if was else 0)
            hot = {**node.hot, name: HOT_SENDINGS}
            node = evolve(node, said={**node.said, name: said}, digest=digest, hot=hot)
            self.urgent = True
        self.node = node

    def mind_leases(self) -> None:
        """Find out anew when the first lease held may run out."""
        ends = [
            ends_at
            for name, group in self.node.groups.items()
            if is_renewed(group)
            and (ends_at := lease_ends(group, around(self.node, name, self.now, self.terms)))
        ]
        holds = any(group.hold is Hold.ON for group in self.node.groups.values())
        self.node = evolve(self.node, lapses_at=min(ends, default=None), holds=holds)
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
