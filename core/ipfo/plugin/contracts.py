"""What a plugin promises. A plugin offers objects of these shapes; ipfo calls them as said here.

Transports run in the engine, whose one thread must never wait. Everything else runs in a worker
process of its own with a deadline: what overruns it is killed and started again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ipfo.model import Address, Answer, Instant, Notice

Options = Mapping[str, Any]
"""A plugin's own part of the config, after its schema has passed it and filled in defaults."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """Something to be chosen by `name` in the config.

    `schema` is the JSON Schema of its options (an object schema with ``properties``; unknown keys
    are refused by ipfo). An option of a check, a witness or a fence for which it says
    ``"x-by-node": true``, and which is no table itself, may be a table by node in the config;
    `build` gets the value of the node that it runs on, a fence's the table. `build` makes one from
    options that `schema` has passed, and for a transport from its `LinkEnd` too; it raises
    ValueError for what a schema cannot say, and does no I/O, but for a transport, which opens its
    socket and raises OSError if it cannot.
    ``"x-host": true`` says that an option is a host that is asked, by its address or in a URL:
    ipfo refuses a witness of the pair itself. ``"x-peer": "{peer}"`` says what stands in a fence's
    option for the node to be shot: ipfo warns where it is missing.
    `lacks` says what this host lacks for these options (``ipfo check --host`` asks): a line each,
    for people, with what to do. It gets what `build` gets, but of a table by node only the value
    that this node will use (a fence's: the peer's); it changes nothing, and neither runs a program
    nor waits for another host.
    `traits` of a provider: ``lease`` (can put a lifetime on an address), ``probe`` (can ask the
    wire), ``wire`` (uses a real interface, whose carrier matters). Of a witness: ``vote`` (builds a
    `Voter`; without it, a `Witness`).
    """

    name: str
    build: Callable[..., T]
    schema: Mapping[str, Any] = field(default_factory=dict)
    traits: frozenset[str] = frozenset()
    lacks: Callable[[Options], Sequence[str]] | None = None  # asked of checks, witnesses, fences


@dataclass(frozen=True, slots=True)
class Datagram:
    """Bytes off the wire, the instant they came (as near to the receipt as can be), and from where."""

    body: bytes
    at: Instant
    source: str


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """This node's end of a link, for a transport to open."""

    name: str
    local: str  # this node's address on the link, without prefix
    remote: str  # the peer's
    port: int
    interface: str | None = None  # where the config names it; else it follows from `local`
    may_be_absent: bool = False  # `local` is a home address that may be with the peer now


class Transport(Protocol):
    """Carries datagrams over one link. Runs in the engine: no call may wait, resolve or log."""

    def fileno(self) -> int:
        """The descriptor that is readable when `receive` has something."""

    def receive(self) -> Sequence[Datagram]:
        """Whatever is there now, oldest first, at most 64; empty where there is nothing.

        Never raises for what comes from the wire or for an interface that went away.
        """

    def send(self, body: bytes) -> bool:
        """Send at once or not at all; False where it could not go (buffer full, no route)."""

    def close(self) -> None:
        """Give everything back; a second call does nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """An address as it is on this host now. `lifetime_s` is None where it has no end."""

    address: Address
    interface: str
    lifetime_s: int | None = None
    flags: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()  # those that go when the address goes; the provider's own notation


class Provider(Protocol):
    """Puts addresses on interfaces. Called in the `addresses` worker, one call of an object at a time.

    Wires are asked (`probe`, `held`) in threads, each by an object of its own. Raises OSError (or a
    subclass), with a text for people, when it cannot. All or none: `acquire` takes off again what
    it had put on before it raises.

    `good_until`: where the steady clock (``now()``) is past it, nothing is touched, and `LateError`
    is raised. Look as shortly before the change as can be, with `check_not_late`: a process may be
    stopped at any point, and somebody else may have the addresses when it goes on. None: at any
    time.
    """

    def acquire(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int | None,
        good_until: Instant | None = None,
    ) -> None:
        """Put `addresses` on `interface`, usable at once (IPv6: without duplicate detection).

        One that is there already is brought to `lifetime_s`. None: without end.
        """

    def renew(
        self,
        interface: str,
        addresses: Sequence[Address],
        lifetime_s: int,
        good_until: Instant | None = None,
    ) -> None:
        """Let the lifetime of `addresses` begin anew. Only called with the trait ``lease``.

        Where one is not there any more it must not come back: OSError, and no lifetime changes.
        """

    def release(self, interface: str, addresses: Sequence[Address]) -> None:
        """Take `addresses` off `interface`; afterwards none is there. None there is well done."""

    def held(self) -> Sequence[Found]:
        """Every address of this host that this provider could find, without routes.

        Asked at each renewal, for all groups at once: one question, not one for each interface.
        """

    def find(self, address: Address) -> Found | None:
        """`address` as it is on any interface of this host, None if on none."""

    def restore(self, found: Found) -> None:
        """Put an address back as `find` had found it: interface, prefix, flags, routes, no end."""

    def announce(self, interface: str, addresses: Sequence[Address]) -> None:
        """Tell the neighbours once, in request and reply form (IPv4) or by unsolicited NA (IPv6)."""

    def probe(
        self, interface: str, addresses: Sequence[Address], timeout_ns: int
    ) -> Sequence[Answer]:
        """Who else answers for `addresses` on the wire of `interface`. At most `timeout_ns`.

        Ends early when each address has been answered for. Only called with the trait ``probe``.
        """


class Notifier(Protocol):
    """Tells people. Called in the `notices` worker, one notice at a time, in order."""

    def notify(self, notice: Notice) -> None:
        """Deliver `notice`; raises anything if it did not arrive, and is then called again later.

        The same `notice.key` may come twice (at least once): make that harmless where you can.
        """


class Check(Protocol):
    """One health check of a group. Called in the `checks` worker, in a thread of its own.

    Never twice at once. A run that has not ended well after its time ends the worker.
    """

    def check(self, timeout_s: float) -> None:
        """Return if all is well, within `timeout_s`; raises anything, with a text for people, if not."""


class Witness(Protocol):
    """A third party that can only deny: who cannot reach it is the isolated one.

    Called in the `witnesses` worker, in a thread of its own, never twice at once.
    """

    def reach(self, timeout_s: float) -> None:
        """Return if it was reached, within `timeout_s`; raises OSError, with a text for people, if not."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a voter is asked for: that `group` of `pair` is `node`'s, under `epoch`."""

    pair: str
    group: str
    node: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Behind:
    """Nobody else has the group, but its epoch is below `highest`, which was granted before.

    ipfo then claims it anew, above that.
    """

    highest: int


class Voter(Protocol):
    """A third party that grants a group to one node at most.

    Called in the `witnesses` worker, one call at a time. There is no last call: what it keeps open
    goes with it.
    """

    def vote(
        self, claims: Sequence[Claim], ttl_s: int, timeout_s: float
    ) -> Mapping[str, str | Behind]:
        """Keep `claims` for `ttl_s` from now; what is refused, by group, with the reason for people.

        A claim is refused while another node's is kept, and for ever, with `Behind`, if its epoch is
        below the highest ever granted. One that is this node's own is prolonged, or raised to a higher
        epoch. What is not prolonged ends by itself.

        :raises OSError: if it cannot be asked, or answers nonsense: then nothing was granted.
        """

    def withdraw(self, claim: Claim, timeout_s: float) -> None:
        """Let go of `claim` if it is kept; another's is left alone. Raises OSError likewise."""


class Fence(Protocol):
    """Makes sure that a node is off. Called in the `fence` worker."""

    def fence(self, node: str, timeout_s: float) -> None:
        """Return when `node` is surely off, within `timeout_s`; raises anything, with a text, if not."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an importer made of old configuration: TOML-shaped tables, and remarks for people."""

    tables: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportHelp:
    """What old files cannot say, from the command line. Empty where it was not given."""

    nodes: tuple[str, str] = ("primary", "secondary")
    pair: str = ""
    addresses: Mapping[str, str] = field(
        default_factory=dict
    )  # "secondary/en0" -> address, see the importer
    interface: str = ""  # the home node's


class Importer(Protocol):
    """Reads another program's configuration. Called by commands, never by the daemon's engine."""

    def read(self, path: Path) -> Imported:
        """What one host's file says, as far as it goes.

        :raises ValueError: for a file that cannot be understood; its text names file and line.
        :raises OSError: for one that cannot be read.
        """

    def read_pair(self, primary: Path, secondary: Path, given: ImportHelp) -> Imported:
        """What both hosts' files say together: the tables of a whole pair.toml. Raises likewise."""


class Veto(Exception):  # noqa: N818 - control flow, not a fault
    """Raised by ``ipfo_test`` or ``ipfo_pre_acq`` to refuse; its text says why, for people."""


Say = Callable[[str], None]
"""Given to phase hooks: one line for the journal, under the plugin's name."""
