"""An `addresses` worker: puts the addresses of its units on interfaces and takes them off.

There is one for each provider (see `parts`), so that one that hangs holds up its own units only.

What is asked for concerns a unit, the groups that stay together: all of them or none. Nothing that
could put an address on is done after the instant until which it was good: the clock is asked just
before, since a worker may have been stopped in between.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.config.model import Config
from ipfo.model import SECOND, Instant
from ipfo.plugin.late import check_not_late
from ipfo.workers import child, leases, ledger, rights, together
from ipfo.workers.boot import Boot
from ipfo.workers.lock import locked
from ipfo.workers.member import Member, Members
from ipfo.workers.parts import Part
from ipfo.workers.renewal import Renewal
from ipfo.workers.sweep import Sweep
from ipfo.workers.wires import Wires

Asked = dict[str, Any]

LOCK_NS = SECOND // 2
"""How long a start waits for the worker of an earlier run, which is to end when its engine does."""


class Addresses:
    """The units of `part` on `node` in `config`, as the ledger in `state_dir` knows them."""

    def __init__(self, config: Config, state_dir: Path, part: Part) -> None:
        self._remarks: list[str] = []
        self._alive = ExitStack()  # until the process ends
        self._alone = self._wait_for_earlier(
            ledger.path_of(state_dir, ledger.ADDRESSES, name).with_suffix(".lock")
            for name in sorted(part.providers)
        )
        self._config = config
        self._state_dir = state_dir
        self._members = Members(config, state_dir, self._remarks, part)
        self._wires = Wires(config, self._members)
        self._boot = Boot.now()

    def _wait_for_earlier(self, locks: Iterable[Path]) -> bool:
        """Whoever has the lock of a provider is the only one on this node to use it."""
        until = clock.now() + LOCK_NS
        try:
            for path in locks:
                self._alive.enter_context(locked(path, until, "the other has not ended"))
        except TimeoutError:
            return False
        return True

    def _said(self) -> list[str]:
        remarks, self._remarks[:] = list(self._remarks), []
        return remarks

    def sweep(self, _: Asked) -> Asked:
        """Once at the start of the daemon: see `Sweep`."""
        terms = self._config.terms(boot=0)
        answer = Sweep(self._members, self._state_dir, terms, self._remarks, self._alone).run()
        return {**answer, "remarks": self._said()}

    def acquire(self, given: Asked) -> Asked:
        """Put the unit on, all or none, and announce it once; recorded before it is done.

        What is held already, or was, is put back. `leased_from`: since when the lease of all of it
        runs; null where nothing of it has one.
        """
        members, good_until = self._members.units[given["group"]], Instant(given["good_until"])
        check_not_late(good_until)
        new: list[Member] = []
        began: list[Instant] = []
        try:
            for member in members:
                was_held = member.held
                leased_from = _put_on(member, given["epoch"], given["lifetime_s"], good_until)
                began += [] if leased_from is None else [leased_from]
                new += [] if was_held else [member]
        except BaseException:
            self._undo(new)
            raise
        for member in members:
            try:
                member.announce()
            except Exception as error:  # it is here, and will be announced again
                self._remarks.append(f"announcing failed: {child.one_line(error)}")
        return {"leased_from": min(began, default=None), "remarks": self._said()}

    def acquire_all(self, given: Asked) -> Asked:
        """`acquire` of many, in as few orders to the system as can be: see `together`.

        `acquired`: by unit, since when the lease runs; `failed`: by unit, why it is not on.
        """
        wanted = [
            together.Wanted(unit, epoch, Instant(good_until), self._members.units[unit])
            for unit, epoch, good_until in given["units"]
        ]

        def alone(each: together.Wanted) -> Instant | None:
            answer = self.acquire(
                {
                    "group": each.unit,
                    "epoch": each.epoch,
                    "lifetime_s": given["lifetime_s"],
                    "good_until": each.good_until,
                }
            )
            remarks.extend(answer["remarks"])
            since: Instant | None = answer["leased_from"]
            return since

        remarks: list[str] = []
        answer = together.acquire(wanted, given["lifetime_s"], alone, remarks)
        return {**answer, "remarks": [*remarks, *self._said()]}

    def _undo(self, members: Sequence[Member]) -> None:
        """Take off what was put on before another member could not be."""
        for member in reversed(members):
            try:
                _take_off(member)
            except Exception as error:
                what = f"{member.name} could not be taken off again: {child.one_line(error)}"
                self._remarks.append(what)

    def renew(self, given: Asked) -> Asked:
        """Renew the leases of `groups` (units), and look for what is held without one.

        `gone`: units of which an address is not where it was put; it is not put back. `failed`:
        those that could not be renewed, or only too late; among them what this worker does not
        hold: it was started anew and its ledger is lost. `began`: since when the others are leased.
        """
        round_ = Renewal(Instant(given["good_until"]), given["lifetime_s"], self._remarks)
        for unit in given["groups"]:
            round_.add(self._members.units[unit])
        round_.run()
        self._note_sleep(round_.renewed)
        gone = [unit for unit in given["groups"] if unit in round_.gone]
        failed = [unit for unit in given["groups"] if unit in round_.failed and unit not in gone]
        return {"began": round_.began, "failed": failed, "gone": gone, "remarks": self._said()}

    def _note_sleep(self, renewed: Sequence[Member]) -> None:
        """What outlived a suspension may be adopted again: its lease began after it."""
        boot = Boot.now()
        if boot.why_not_since(self._boot) is not None:
            self._boot = boot
            for member in renewed:
                member.record()

    def release(self, given: Asked) -> Asked:
        """Take the unit off; it is not renewed any more, even if that fails."""
        members = self._members.units[given["group"]]
        for member in members:
            member.epoch, member.leased = max(member.epoch, given["epoch"]), False
            member.record(durable=member.home is not None)
        failures: list[str] = []
        for member in reversed(members):
            try:
                _take_off(member)
            except Exception as error:
                failures.append(child.one_line(error))
        if failures:
            raise OSError("; ".join(failures))
        return {"remarks": self._said()}

    def sweep_home(self, given: Asked) -> Asked:
        """Take a home address off that is here though the peer has it: `found` says whether it was.

        The operating system has set it, or a run that ended without a peer has left it where it was.
        """
        (member,) = self._members.units[given["group"]]
        if member.home is None or not member.home.here():
            return {"found": False}
        member.held = False
        member.record(durable=True)
        member.home.release()
        return {"found": True, "remarks": self._said()}

    def announce(self, given: Asked) -> Asked:
        """Tell the neighbours, of what is held here."""
        for member in self._members.units[given["group"]]:
            if member.held:
                member.announce()
        return {}

    def probe(self, given: Asked) -> Asked:
        """Who else answers for service addresses: see `Wires`."""
        return self._wires.probe(given)

    def probe_peer(self, given: Asked) -> Asked:
        """Whether the peer answers for its own: see `Wires`."""
        return self._wires.probe_peer(given)


def _put_on(
    member: Member, epoch: int, lifetime_s: int | None, good_until: Instant
) -> Instant | None:
    """Since when its lease runs; None where it has none."""
    was_held = member.held
    # leased only when it is here: a worker killed in between must not renew it
    member.epoch, member.held, member.leased = epoch, True, False
    member.record()
    began: Instant | None = None
    try:
        if member.home is not None:
            member.home.acquire(good_until)
        else:
            place = member.provider, member.interface, member.config.addresses
            since = leases.acquire(*place, lifetime_s if member.leases else None, good_until)
            began = since if member.leases and lifetime_s is not None else None
    except BaseException:
        member.held = was_held  # what is to be put back may still be there in part
        member.record()
        raise
    if began is not None:
        member.leased = True
        member.record()
    return began


def _take_off(member: Member) -> None:
    member.leased = False
    member.take_off()
    member.held = False
    member.record()


class Worker:
    """Takes `setup`, and hands everything else to what it has made."""

    def __init__(self) -> None:
        self._addresses: Addresses | None = None

    def setup(self, given: Asked) -> Asked:
        """Make the groups; raises what the config or its plugins cannot do."""
        document = {**given["document"], "node": given["node"]}
        part, state_dir = Part.from_json(given["part"]), Path(given["state_dir"])
        self._addresses = Addresses(Config.from_document(document), state_dir, part)
        return {}

    def handler(self, name: str) -> child.Handler:
        """The method `name` of what `setup` has made."""

        def handle(given: Asked) -> Asked:
            assert self._addresses is not None, "setup comes first"
            answer: Asked = getattr(self._addresses, name)(given)
            return answer

        return handle


OPERATIONS = (
    *("sweep", "acquire", "acquire_all", "renew", "release", "sweep_home"),
    *("announce", "probe", "probe_peer"),
)


def main() -> None:
    """Serve the engine until it ends; its addresses end with their leases."""
    rights.keep(rights.ADDRESSES)
    worker = Worker()
    child.serve({"setup": worker.setup, **{name: worker.handler(name) for name in OPERATIONS}})


if __name__ == "__main__":
    main()
