"""The `addresses` worker of a simulated host: one call after the other, each takes time.

As in the real one, the ledger is written before the address is put on, and the clock is asked
just before. Between that and what the kernel does a call may still be slow, stopped or killed.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ipfo.machine.effects import Acquire, Probe, Release, Renew, Sweep
from ipfo.machine.events import Acquired, Event, Probed, Released, Renewed, Swept
from ipfo.model import SECOND, Answer, Instant
from ipfo.sim.disk import Line
from ipfo.sim.process import Do, Process
from ipfo.sim.settings import MS

if TYPE_CHECKING:
    from ipfo.sim.host import Host

CALL_NS = 5 * SECOND
PROBE_MARGIN_NS = SECOND
"""How long a call may take: as the daemon's effects say."""

AGAIN_NS = 100 * MS
"""After its end the worker is started again so much later; twice that the next time."""

AGAIN_MAX_NS = 30 * SECOND

SETUP_NS = (150 * MS, 400 * MS)
"""What an interpreter takes to start."""

TRIES_MAX = 3
ASKS = 3
"""How often a probe asks within its time."""

Wish = Acquire | Release | Renew | Sweep | tuple[Probe, ...]


@dataclass(slots=True)
class Call:
    """One call, from the engine's queue to its answer, of which there is exactly one."""

    wish: Wish
    boot: int  # of the engine that asked
    until: int  # by the host's clock
    begun: bool = False
    done: bool = False
    tries: int = 0
    began: Instant = field(default=Instant(0))
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: int = 0
    new: list[str] = field(default_factory=list)  # groups that were put on by this call


class Addresses(Process):
    """The worker, and the queue before it, which is the engine's."""

    def __init__(self, host: "Host") -> None:
        super().__init__(host)
        self.fails: dict[str, str] = {}  # by what is to be done: why it does not work
        self.slow_ns = 0  # each call takes so much longer
        self.running = False
        self.killed = 0
        self._queue: deque[Call] = deque()
        self._current: Call | None = None
        self._again_ns = AGAIN_NS

    def start(self) -> None:
        """With a new engine there is a new worker; the engine waits for it, so it is ready."""
        self._current = None
        self._queue.clear()
        self.end()
        self.running = True
        self._again_ns = AGAIN_NS

    def lose_engine(self) -> None:
        """The engine is gone: what is under way is done to its end, nothing else is begun."""
        self._queue.clear()
        self.running = False

    def power_off(self) -> None:
        """Gone at once."""
        self.lose_engine()
        self.end()
        self._current = None

    def ask(self, wish: Wish) -> None:
        """Queue `wish`; it is answered once, and never from within this call."""
        host = self.host
        assert host.engine is not None
        now = host.now()
        if isinstance(wish, Renew):
            until = now + host.terms.lease_s * SECOND // 2
        elif isinstance(wish, tuple):
            until = now + max(probe.timeout_ns for probe in wish) + PROBE_MARGIN_NS
        else:
            until = now + CALL_NS
        call = Call(wish, host.terms.boot, until)
        self._queue.append(call)
        host.later(until - now, self._overdue, call)
        self.pump()

    def pump(self) -> None:
        """Hand the next call over, if the worker is there and the engine awake to do so."""
        engine = self.host.engine
        if self._current is not None or not self.running or engine is None or engine.frozen:
            return
        if self._queue:
            call = self._queue.popleft()
            self._current = call
            call.begun = True
            call.tries += 1
            least, most = self.host.world.settings.character.call_ns
            self.later(self.host.world.chance.randint(least, most) // 2, self._begin, call)

    def kill(self) -> None:
        """SIGKILL, by whomever: what may be asked again waits for the next one."""
        call, self._current = self._current, None
        if not self.running and call is None:
            return  # it is being started again already
        self.end()
        self.killed += 1
        if not self.running:
            return  # its engine is gone, and now what it was just doing is, too
        self.running = False
        if call is not None and not call.done:
            if isinstance(call.wish, Acquire | tuple) or call.tries >= TRIES_MAX:
                self._fail(call, "worker ended")
            else:
                call.begun = False
                self._queue.appendleft(call)
        least, most = SETUP_NS
        wait_ns = self._again_ns + self.host.world.chance.randint(least, most)
        self._again_ns = min(2 * self._again_ns, AGAIN_MAX_NS)
        self.later(wait_ns, self._ready)

    def _ready(self, _: object) -> None:
        self.running = self.host.engine is not None
        self.pump()

    def _overdue(self, call: Call) -> None:
        engine = self.host.engine
        if call.done or engine is None or call.boot != self.host.terms.boot:
            return
        if engine.frozen:
            engine.when_awake(self._overdue, call)
            return
        if not call.begun:
            self._queue.remove(call)
        self._fail(call, "timed out")
        if call.begun:
            self.kill()

    def _fail(self, call: Call, why: str) -> None:
        wish = call.wish
        match wish:
            case Acquire():
                self._answer(call, Acquired(wish.group, wish.epoch, None, why))
            case Release():
                self._answer(call, Released(wish.group, wish.epoch, why))
            case Renew():
                self._answer(call, Renewed(wish.asked_at, wish.groups))
            case Sweep():
                self._answer(call, Swept(wish.group, failed=why))
            case tuple():
                for probe in wish:
                    self._answer(call, Probed(probe.group, probe.asked_at, (), why))

    def _answer(self, call: Call, event: Event) -> None:
        call.done = True
        engine = self.host.engine
        if engine is not None and call.boot == self.host.terms.boot:
            engine.answer(event)

    def _end_call(self, call: Call, *events: Event) -> None:
        """The worker is free; the engine hears of it a little later, and has work for it perhaps."""
        for event in events:
            self._answer(call, event)
        if self._current is call:
            self._current = None
        self.pump()

    def _slowness(self) -> tuple[int, int]:
        """How long until the clock is asked, and how long from there until the kernel acts."""
        world = self.host.world
        character = world.settings.character
        least, most = character.call_ns
        more = self.slow_ns
        if character.slow and not world.is_well and world.chance.random() < character.slow:
            more += world.chance.randint(most, character.slow_ns)
        before = int(more * world.chance.random())
        return before, more - before + world.chance.randint(least, most) // 2

    def _begin(self, call: Call) -> None:
        before, after = self._slowness()
        wish = call.wish
        match wish:
            case Acquire():
                self._begin_acquire(call, wish, before, after)
            case Renew():
                self._then(before, self._check_renew, (call, wish, after))
            case Release():
                for name, _ in self._parts(wish.group):
                    line = self._line(name)
                    epoch = max(line.epoch, wish.epoch)
                    self._write(name, epoch, line.addresses if line.held else None)
                self.later(before + after, self._release, (call, wish))
            case Sweep():
                self.later(before + after, self._sweep, (call, wish))
            case tuple():
                self.later(before, self._ask_wire, call)

    def _then(self, local_ns: int, do: Do, what: object) -> None:
        """`later`, but at once where that is now: most calls are not slow, and a day has many."""
        if local_ns:
            self.later(local_ns, do, what)
        else:
            do(what)

    def _begin_acquire(self, call: Call, wish: Acquire, before: int, after: int) -> None:
        if self.host.now() > wish.good_until:
            self._end_call(call, Acquired(wish.group, wish.epoch, None, "late"))
            return
        self._begin_part((call, wish, 0, before, after))

    def _begin_part(self, told: tuple[Call, Acquire, int, int, int]) -> None:
        """One group of the unit after the other; what the ledger says comes first."""
        call, wish, number, before, after = told
        name, addresses = self._parts(wish.group)[number]
        if not self._line(name).held:
            call.new.append(name)
        self._write(name, wish.epoch, addresses)
        self.later(before, self._check_acquire, (call, wish, number, after))

    def _check_acquire(self, told: tuple[Call, Acquire, int, int]) -> None:
        call, wish, number, after = told
        why = self.fails.get("acquire")
        if why is not None or self.host.now() > wish.good_until:
            self._undo(call, wish)
            self._end_call(call, Acquired(wish.group, wish.epoch, None, why or "late"))
            return
        if number == 0:
            call.began = self.host.now()
        self.later(after, self._acquire, (call, wish, number))

    def _undo(self, call: Call, wish: Acquire) -> None:
        """All or none: take off again what this call has put on."""
        for name, addresses in reversed(self._parts(wish.group)):
            if name in call.new:
                for address in addresses:
                    self.host.kernel.take_off(address)
                self._write(name, wish.epoch, None)

    def _acquire(self, told: tuple[Call, Acquire, int]) -> None:
        call, wish, number = told
        host = self.host
        leased = host.is_leased(wish.group)
        parts = self._parts(wish.group)
        name, addresses = parts[number]
        host.world.judge.acquired(host, wish.group, wish.epoch)
        for address in addresses:
            host.kernel.put(address, host.terms.lease_s if leased else None)
        if leased:
            self._write(name, wish.epoch, addresses, leased=True)
        if number + 1 < len(parts):
            self._begin_part((call, wish, number + 1, *self._slowness()))
            return
        host.announce(wish.group)
        since = call.began if leased else None
        self._end_call(call, Acquired(wish.group, wish.epoch, since))

    def _check_renew(self, told: tuple[Call, Renew, int]) -> None:
        call, wish, after = told
        call.began = self.host.now()
        self.later(after, self._renew, (call, wish, call.began > wish.good_until))

    def _renew(self, told: tuple[Call, Renew, bool]) -> None:
        call, wish, late = told
        host, failed, gone = self.host, [], []
        for group in wish.groups:
            leased, addresses = host.is_leased(group), host.units[group].addresses
            lines = [self._line(name) for name, _ in self._parts(group)]
            kept = all(line.held and line.leased for line in lines)
            if leased and (late or not kept or "renew" in self.fails):
                failed.append(group)
            elif not leased:
                if not all(address in host.kernel for address in addresses):
                    gone.append(group)
            else:
                there = [host.kernel.renew(address, wish.lease_s) for address in addresses]
                if not all(there):
                    gone.append(group)
        self._end_call(call, Renewed(call.began, tuple(failed), tuple(gone)))

    def _release(self, told: tuple[Call, Release]) -> None:
        call, wish = told
        why = self.fails.get("release")
        if why is None:
            for name, addresses in reversed(self._parts(wish.group)):
                for address in addresses:
                    self.host.kernel.take_off(address)
                self._write(name, self._line(name).epoch, None)
        self._end_call(call, Released(wish.group, wish.epoch, why))

    def _sweep(self, told: tuple[Call, Sweep]) -> None:
        call, wish = told
        ((name, addresses),) = self._parts(wish.group)  # a home address is a group of its own
        found = False
        line = self._line(name)
        self._write(name, line.epoch, None)
        for address in addresses:
            found = self.host.kernel.take_off(address) or found
        self._end_call(call, Swept(wish.group, found))

    def _ask_wire(self, call: Call) -> None:
        """Ask, and again, until somebody answers or the time is over; all groups together."""
        assert isinstance(call.wish, tuple)
        host = self.host
        why = self.fails.get("probe")
        if why is not None:
            self._end_call(call, *(Probed(p.group, p.asked_at, (), why) for p in call.wish))
            return
        timeout_ns = max(probe.timeout_ns for probe in call.wish)
        for probe in call.wish:
            for answer in host.world.who_answers(host, probe.group):
                told = call.answers.setdefault(probe.group, [])
                if answer not in told:
                    told.append(answer)
        everybody = all(probe.group in call.answers for probe in call.wish)
        if everybody or call.asked == ASKS:
            events = (
                Probed(p.group, p.asked_at, tuple(call.answers.get(p.group, ()))) for p in call.wish
            )
            self._end_call(call, *events)
            return
        call.asked += 1
        self.later(timeout_ns // ASKS, self._ask_wire, call)

    def _parts(self, unit: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return self.host.units[unit].parts

    def _line(self, group: str) -> Line:
        return self.host.disk.addresses.get(group, Line())

    def _write(
        self, group: str, epoch: int, addresses: tuple[str, ...] | None, *, leased: bool = False
    ) -> None:
        """The ledger says of `group` that it is held with `addresses`; None: that it is not."""
        host, held = self.host, addresses is not None
        when = (host.kernel_boot, host.clock.asleep_ns)
        line = Line(epoch, held, leased, *when, addresses or ())
        host.disk.write(host.disk.addresses, group, line)
