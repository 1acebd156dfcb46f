"""A reload: the file as it is now is tried first; then the running daemon goes over to it, whole, or stays.

Whole, since the rules reckon with values that fit each other: a mixture of two files is one that
nobody has written. Nothing is read here and nobody is waited for; addresses are not touched.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ipfo import clock
from ipfo.config.model import Config, Document
from ipfo.daemon.effects import Effects
from ipfo.daemon.loop import Loop, Ways
from ipfo.daemon.paper import Paper
from ipfo.daemon.signals import tell_manager, tell_reloading
from ipfo.daemon.troubles import Reloaded
from ipfo.machine.events import TermsChanged
from ipfo.machine.group import Group, Hold, is_moving
from ipfo.model import Terms
from ipfo.wire import Keyring
from ipfo.workers.pool import Outcome

BY_RESTART = "nothing was changed; 'ipfo restart' takes the whole file, and keeps what is held"

OF_DOUBT = ("on_partition", "witnesses", "fence")
"""Keys of the document that decide what a node may do while it does not hear its peer."""

OF_PHASES = ("phase_plugins", "hooks", "phase_timeout_ns")


@dataclass(slots=True)
class Running:
    """What the daemon runs by; a reload replaces both at once. `node`: as the command line has it."""

    document: Document
    config: Config
    node: str | None


@dataclass(frozen=True, slots=True)
class _New:
    """What there is to go over to, and what people call that."""

    document: Document
    config: Config
    ring: Keyring
    keys: tuple[str, ...]


class Reload:
    """Reloads, one at a time. `settle` is told how each went: done or not, and the lines that say it."""

    def __init__(
        self,
        running: Running,
        ways: Ways,
        loop: Loop,
        effects: Effects,
        paper: Paper,
        settle: Callable[[bool, Sequence[str]], None],
    ) -> None:
        self._running = running
        self._ways = ways
        self._loop = loop
        self._effects = effects
        self._paper = paper
        self._settle = settle
        self._under_way = False
        self._again = False

    def begin(self) -> None:
        """The file is being tried. If one is under way, it is read once more after that."""
        if self._under_way:
            self._again = True
            return
        self._under_way = True
        tell_reloading()
        running = self._running
        given = {
            "config": str(running.config.path),
            "node": running.node,
            "document": running.document,
        }
        self._ways.pool.rehearse("compare", given, clock.now(), self._judge)

    def _judge(self, outcome: Outcome) -> None:
        """The try is over: refuse, or have the workers of the new config come up."""
        if outcome.ok is None:
            self._refuse([outcome.failed or "the file could not be tried"])
        elif outcome.ok["faults"]:
            self._refuse(outcome.ok["faults"])
        elif outcome.ok["restart"]:
            keys = ", ".join(outcome.ok["restart"])
            self._refuse([f"{keys}: not while the daemon runs: {BY_RESTART}"])
        else:
            self._prepare(outcome.ok)

    def _prepare(self, tried: Mapping[str, Any]) -> None:
        document = tried["document"]
        ring = Keyring.of(*(bytes.fromhex(key) for key in tried["keys"]))
        keys = tuple(tried["live"])
        if ring != self._ways.links.ring:
            keys += (_in_words(ring),)
        new = _New(document, _config(document, self._running), ring, keys)
        if why := list(self._against(new)):
            self._refuse(why)
        elif not keys:
            self._end(done=True, lines=["nothing: the file says what it said before"])
        else:
            kinds = list(workers_of(self._running.document, document))
            self._ways.pool.prepare(
                document, kinds, clock.now(), lambda fault: self._go_over(new, fault)
            )

    def _go_over(self, new: _New, fault: str | None) -> None:
        """All that the new config wants is there, or `fault` says why not."""
        why = [fault] if fault is not None else list(self._against(new))  # time has passed
        if why:
            self._ways.pool.give_up()
            self._refuse(why)
            return
        old, self._running.document = self._running.document, new.document
        was, self._running.config = self._running.config, new.config
        told = self._ways.pool.take_over()
        self._ways.links.ring = new.ring
        self._ways.control.groups = new.config.groups
        self._effects.reload(new.config, told)
        if old["notifiers"] != new.document["notifiers"]:
            self._paper.reload(new.document)
        self._take_terms(_terms(new.config, was, self._loop.terms))
        self._end(done=True, lines=[f"changed: {'; '.join(new.keys)}"])

    def _take_terms(self, terms: Terms) -> None:
        """The machine goes by `terms`; it looks only at what they change."""
        old, self._loop.terms = self._loop.terms, terms
        of_pair = replace(terms, groups={}, config_digest=0) != replace(
            old, groups={}, config_digest=0
        )
        groups = [
            name for name in terms.groups if of_pair or terms.groups[name] != old.groups[name]
        ]
        if groups or terms.config_digest != old.config_digest:
            self._loop.put(TermsChanged(tuple(groups)))

    def _against(self, new: _New) -> Iterator[str]:
        """Why this is not the moment for it."""
        node, old, peer = self._loop.node, self._running.document, self._running.config.peer
        if node.stopping or node.ended or node.restarting_at is not None:
            yield "the daemon is on its way out"
        if node.peer_boot is not None and not node.silent:
            yield from self._against_keys(new.ring, peer)
        if (node.late or node.silent) and any(old[key] != new.document[key] for key in OF_DOUBT):
            keys = ", ".join(key for key in OF_DOUBT if old[key] != new.document[key])
            yield f"{keys}: not while {peer} is not heard: {BY_RESTART}"
        for name, group in new.document["groups"].items():
            unit, was = group["unit"], old["groups"][name]
            if group != was and is_moving(node.groups[unit]):
                yield f"groups.{name}: it is on the move; try again when that is over"
            if group["phase_plugins"] != was["phase_plugins"] and _has_begun(node.groups[unit]):
                yield (
                    f"groups.{name}: who takes part in its phases cannot change while it is held"
                    " here: hand it over first"
                )

    def _against_keys(self, ring: Keyring, peer: str) -> Iterator[str]:
        """Why heartbeats would be missed; both nodes are to know a key before one sends with it."""
        links = self._ways.links
        if links.peer_key is not None and links.peer_key not in ring.keys:
            yield (
                f"{peer} still sends with key {links.peer_key.hex()}: accept it until it does not"
                f" (see 'ipfo status --json' there)"
            )
        if ring.key_id not in links.ring.keys:
            yield (
                f"key {ring.key_id.hex()} is to be sent with, and was not accepted here until now,"
                f" so {peer} may not know it: first put it into accept_keys on both nodes"
            )

    def _refuse(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._paper.write("reload refused", line)
        self._end(done=False, lines=lines)

    def _end(self, *, done: bool, lines: Sequence[str]) -> None:
        self._under_way = False
        refused = () if done else tuple(lines)
        self._effects.troubles.reloaded = Reloaded(clock.wall(), refused)
        if done:
            self._paper.write("reload", lines[0])
        if self._again:  # who asked meanwhile may mean a newer file
            self._again = False
            self.begin()
            return
        tell_manager("READY=1")
        self._settle(done, lines)


def workers_of(old: Document, new: Document) -> Iterator[str]:
    """The kinds of workers that have to be others where `new` follows `old`."""
    if _of_groups(old, "unit", "checks") != _of_groups(new, "unit", "checks") or _offer(
        old, new, "check"
    ):
        yield "checks"
    if old["witnesses"] != new["witnesses"] or _offer(old, new, "witness"):
        yield "witnesses"
    if old["fence"] != new["fence"] or _offer(old, new, "fence"):
        yield "fence"
    if _of_groups(old, *OF_PHASES) != _of_groups(new, *OF_PHASES):
        yield "phases"


def _has_begun(group: Group) -> bool:
    """Whether there is, or may be, something of its phases to be undone (P5)."""
    return group.hold is not Hold.OFF or group.pre_acq or group.post_acq


def _in_words(ring: Keyring) -> str:
    others = [key_id.hex() for key_id in ring.keys if key_id != ring.key_id]
    also = f" and accepts {', '.join(others)}, too" if others else ""
    return f"it sends with key {ring.key_id.hex()}{also}"


def _of_groups(document: Document, *keys: str) -> list[list[Any]]:
    return [[group[key] for key in keys] for group in document["groups"].values()]


def _offer(old: Document, new: Document, kind: str) -> bool:
    """Whether a name that is chosen means another plugin's offer."""
    return bool(old["offered_by"].get(kind, {}) != new["offered_by"].get(kind, {}))


def _config(document: Document, running: Running) -> Config:
    """`document` in shape; groups that are the same are not made again, there may be a thousand."""
    if document["groups"] != running.document["groups"]:
        return Config.from_document(document)
    config = Config.from_document({**document, "groups": {}})
    return replace(config, groups=running.config.groups)


def _terms(config: Config, was: Config, old: Terms) -> Terms:
    """Those of `config` for the same run; interfaces are where they were found at the start."""
    if config.groups is was.groups:
        return replace(replace(config, groups={}).terms(old.boot), groups=old.groups)
    terms = config.terms(old.boot)
    groups = {
        name: replace(group, interfaces=old.groups[name].interfaces)
        for name, group in terms.groups.items()
    }
    return replace(terms, groups=groups)
