"""Why two holders could not be prevented: each excuse is a rule of its own, with its reason.

P1 promises one holder while the two can hear each other on one link, or a witness can be reached,
or the old address still answers on the wire. What is outside of that, and nothing else, is here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ipfo.model import BY_OFFER, SECOND, Reason, Role
from ipfo.sim.happenings import seconds
from ipfo.sim.settings import GroupSettings

if TYPE_CHECKING:
    from ipfo.sim.host import Host
    from ipfo.sim.world import World

NEVER = -1
STILL = 1 << 62
PAIR = ""


@dataclass(frozen=True, slots=True)
class Excuse:
    """`why`, in words for people. `at_most_ns`: longer than that it is none. `lasting`: P2 waits."""

    why: str
    at_most_ns: int | None = None
    lasting: bool = False


NONE = Excuse("nothing excuses it")


@dataclass(frozen=True, slots=True)
class Acquired:
    """How things were when an acquire was asked for, in the world's time."""

    reason: Reason | None
    at: int
    asked_at: int | None  # when the wire was asked last; None: it was not
    heard_at: int  # when the peer was heard last


@dataclass(slots=True)
class Case:
    """`first` had the address, `second` took it as well."""

    past: "Past"
    address: str
    first: "Host"
    second: "Host"
    took: "Acquired"

    @property
    def unit(self) -> GroupSettings | None:
        """What second's configuration has it in; None: it does not know it."""
        name = self.second.unit_of.get(self.address)
        return None if name is None else self.second.units[name]

    @property
    def heard_at(self) -> int:
        """When second had last heard first, as it decided to take the group."""
        return self.took.heard_at


class Past:
    """Until when what may excuse was so, in the world's time; `STILL` if it is so now."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.wire_closed: dict[str, int] = {}  # by asker: its questions about the peer are lost
        self.stood: dict[str, int] = {}
        self.stopped: dict[str, int] = {}  # its engine was dead or frozen
        self.witnessed: dict[str, int] = {}
        self.voteless: dict[str, int] = {}
        self.apart: dict[str, int] = {}  # no link carried anything, or a host did not listen
        self.took: dict[tuple[str, str], int] = {}  # when it came, by address and host
        self.acquires: dict[tuple[str, str], Acquired] = {}  # the last one, by host and address
        self.foreign: set[tuple[str, str]] = set()  # addresses that somebody else has put on

    def look(self) -> None:
        """Take down how things are; called whenever one of them may have changed."""
        world = self.world
        first_link = world.settings.links[0]
        self._note(self.apart, PAIR, so=not self.talking())
        for host in world.hosts.values():
            name = host.name
            answers = world.network.wire_answers(first_link, name, host.terms.peer)
            self._note(self.wire_closed, name, so=not answers)
            self._note(self.stood, name, so=host.stands is not None)
            self._note(self.stopped, name, so=host.engine is None or host.engine.frozen)
            self._note(self.witnessed, name, so=not host.others.isolated)
            self._note(self.voteless, name, so=not world.store.answers(name))

    def _note(self, until: dict[str, int], name: str, *, so: bool) -> None:
        if so:
            until[name] = STILL
        elif until.get(name) == STILL:
            until[name] = self.world.now

    def talking(self) -> bool:
        """Whether the two hosts can hear each other now."""
        hosts = self.world.hosts.values()
        awake = all(
            each.is_awake and each.engine is not None and not each.engine.frozen for each in hosts
        )
        return awake and self.world.network.works()

    def talking_since(self) -> int:
        """Since when the two can hear each other; STILL if they cannot, NEVER if they always could."""
        return self.apart.get(PAIR, NEVER)

    def woke_at(self, name: str) -> int:
        """When a host that stood still went on; NEVER if it never did."""
        return self.stood.get(name, NEVER)

    def stopped_at(self, name: str) -> int:
        """Until when its engine was stopped, or the whole host; STILL if it is so now."""
        return max(self.stopped.get(name, NEVER), self.stood.get(name, NEVER))

    def hindered(self, address: str) -> bool:
        """Whether a fault of a host keeps an address without a lease on it."""
        return any(
            address in host.kernel
            and not host.kernel.is_leased(address)
            and (
                "release" in host.addresses.fails
                or host.addresses.slow_ns > 0  # many groups wait for each other
                or (host.name, address) in self.foreign
            )
            for host in self.world.hosts.values()
        )


def find(past: Past, address: str, first: "Host", second: "Host") -> Excuse | None:
    """The first excuse that fits; None: P1 is broken."""
    took = past.acquires.get((second.name, address), Acquired(None, NEVER, None, second.heard_at))
    case = Case(past, address, first, second, took)
    for excuse in EXCUSES:
        found = excuse(case)
        if found is not None:
            return found
    return None


def _silence_was_lossy(case: Case) -> bool:
    """Whether the network swallowed something since second last heard first.

    What first said; and what second said, where it asks, with `dead_after`, or where one of them was
    started since: a boot that has not echoed the other proves nothing.
    """
    engine = case.second.engine
    new = engine is not None and engine.node.peer_boot != case.first.terms.boot
    both = new or case.second.terms.dead_after_ns is not None
    ways = case.past.world.network.chosen(None, None if both else case.first.name)
    return any(way.lost_at >= case.heard_at for way in ways)


def _wire_was_closed(case: Case) -> bool:
    """Whether second could not have learnt from the wire that first still has the address."""
    probes = case.unit is not None and case.unit.probes
    return not probes or case.past.wire_closed.get(case.second.name, NEVER) >= case.heard_at


def _was_stopped(case: Case) -> bool:
    """Whether first's engine was dead or frozen since it was heard: its kernel alone could let go."""
    return case.past.stopped.get(case.first.name, NEVER) >= case.heard_at


def partition(case: Case) -> Excuse | None:
    """A full partition: no link, no evidence, and no witness who could have said no.

    With `on_partition = "available"` that is what the administrator chose. With "consistent" it is
    no excuse, unless witnesses that can only deny could be reached by both.
    """
    world = case.past.world
    settings = world.settings
    if not (_silence_was_lossy(case) and _wire_was_closed(case)):
        return None
    if settings.voter and case.past.voteless.get(case.second.name, NEVER) < case.heard_at:
        kept = case.past.voteless.get(case.first.name, NEVER) < case.heard_at
        if kept or settings.consistent:
            return None
    reached = case.past.witnessed.get(case.second.name, NEVER) >= case.heard_at
    if settings.deniers and not reached:
        return None
    by_both = reached and case.past.witnessed.get(case.first.name, NEVER) >= case.heard_at
    if settings.consistent and not (settings.deniers and by_both):
        return None
    if settings.fence_timeout_ns is not None:
        return None
    return Excuse("a full partition, in which nobody else was to be asked")


def stood_still(case: Case) -> Excuse | None:
    """A whole host stood still, so it neither spoke nor answered: to its peer it was dead.

    When it goes on it has the address for as long as it takes to hear that it was taken.
    """
    past = case.past
    if max(past.woke_at(case.first.name), past.woke_at(case.second.name)) < case.heard_at:
        return None
    return Excuse("a host stood still, and to its peer it was dead")


def nothing_to_wait_for(case: Case) -> Excuse | None:
    """First's daemon is dead, and its address neither ends in time nor can be asked for.

    That is so for a home address, for a provider without leases, for pairs so fast that the
    shortest lease outlasts `takeover_after`, and where `dead_after` asks a wire that answers nothing.
    """
    if not _was_stopped(case) or not _wire_was_closed(case):
        return None
    terms = case.second.terms
    if not case.first.kernel.is_leased(case.address):
        return Excuse("the address has no lease, and the wire could not be asked", lasting=True)
    if terms.lease_ns + terms.renew_margin_ns > terms.suspect_after_ns:
        return Excuse("the lease outlasts the silence, and the wire could not be asked")
    return None


def died_unheard(case: Case) -> Excuse | None:
    """First's engine died between a renewal and the heartbeat that belongs to it, and the wire is mute.

    So the lease ends an interval later than second can know. The same where that heartbeat is lost.
    """
    if not _was_stopped(case) or not _wire_was_closed(case):
        return None
    at_most_ns = case.second.terms.interval_ns + case.second.terms.renew_margin_ns
    return Excuse(f"a last lease that nobody heard of, over by {seconds(at_most_ns)}", at_most_ns)


def unlike(case: Case) -> Excuse | None:
    """The two configurations have the address in units that differ, and the wire says nothing.

    Then neither can know of the other's: the wire is all that units which differ have in common.
    """
    if not _wire_was_closed(case) or _is_alike(case):
        return None
    return Excuse("the two configurations differ, and the wire could not be asked", lasting=True)


def _is_alike(case: Case) -> bool:
    """Whether both mean the same by the unit that the address is of."""
    name, unit = case.first.unit_of.get(case.address), case.unit
    if name is None or unit is None:
        return name is None and unit is None
    return case.first.units[name].meaning == unit.meaning


def at_once(case: Case) -> Excuse | None:
    """Nobody had it, and neither hears of the other's: both asked the wire, and both took it at once.

    There was no old address to answer. They find each other on the wire soon after.
    """
    took = case.past.took.get((case.address, case.first.name), NEVER)
    # one to whom it was given does not ask; its worker may be slower than the silence is long
    began = case.took.at if case.took.asked_at is None else case.took.asked_at
    if NEVER in (took, began) or took < began:
        return None
    died = case.second.engine is None  # and its worker was still at it
    if not (died or _silence_was_lossy(case)) and _is_alike(case):
        return None
    at_most_ns = 4 * case.second.terms.takeover_after_ns + 5 * SECOND
    return Excuse("both took it at once: there was no old address to answer", at_most_ns)


def contested(case: Case) -> Excuse | None:
    """`contested = "take"`: the administrator wants it taken although it answers."""
    taken = case.took.reason is Reason.CONTESTED
    return Excuse('contested = "take"') if taken else None


def seamless(case: Case) -> Excuse | None:
    """A seamless handover: both have it, on purpose, for a moment."""
    if case.unit is None or case.unit.handover != "seamless":
        return None
    if case.took.reason not in BY_OFFER:
        return None
    at_most_ns = 2 * case.second.terms.takeover_after_ns + 5 * SECOND
    why = f"a seamless handover of more than {seconds(at_most_ns)}"
    return Excuse(why, at_most_ns, lasting=True)


def foreign(case: Case) -> Excuse | None:
    """Somebody else has put the address on, or the operating system has at its boot.

    In a home group the node takes it off as soon as it hears that its peer has it.
    """
    for host in (case.first, case.second):
        if (host.name, case.address) in case.past.foreign:
            return Excuse("somebody else has put the address on", lasting=True)
        at_home = case.unit is not None and case.unit.home == host.name
        if at_home and not _claims(host, case.address) and _came_unseen(case, host):
            why = "the operating system has put the address on at its boot"
            return Excuse(why, lasting=host.engine is None)
    return None


def kept_by_its_system(case: Case) -> Excuse | None:
    """First has let go of it, and a fault of its host keeps it on for as long as it is leased."""
    host = case.first
    if (
        _claims(host, case.address)
        or host.engine is None
        or not host.kernel.is_leased(case.address)
    ):
        return None
    if "release" not in host.addresses.fails and host.addresses.slow_ns == 0:
        return None
    at_most_ns = host.terms.lease_ns
    return Excuse(f"it could not be taken off, over by {seconds(at_most_ns)}", at_most_ns)


def _claims(host: "Host", address: str) -> bool:
    """Whether a daemon on `host` says that the group of `address` is its own."""
    unit = host.unit_of.get(address)
    if host.engine is None or unit is None:
        return False
    return host.engine.node.groups[unit].role is Role.HOLDER


def _came_unseen(case: Case, host: "Host") -> bool:
    """Whether the address came on `host` after second asked the wire, or the wire said nothing."""
    came = case.past.took.get((case.address, host.name), NEVER)
    asked_at = case.took.asked_at
    after = asked_at is not None and came >= asked_at
    return host is case.second or after or _wire_was_closed(case)


EXCUSES: tuple[Callable[[Case], Excuse | None], ...] = (
    foreign,
    contested,
    seamless,
    stood_still,
    partition,
    unlike,
    at_once,
    nothing_to_wait_for,
    died_unheard,
    kept_by_its_system,
)
"""All that there are, in the order in which they are tried."""
