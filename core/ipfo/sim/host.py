"""One simulated host: power, clocks, kernel, disk, the daemon's engine and its workers.

What the daemon would do at its start and end is done here as `daemon/life.py` does it: adoption or
sweep first, then the machine's boot; and whatever ends the engine ends its workers.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipfo.machine import effects as ask
from ipfo.machine.events import (
    CarrierChanged,
    Event,
    HealthChanged,
    MaintenanceAsked,
    StandbyAsked,
)
from ipfo.machine.node import Node
from ipfo.machine.step import boot
from ipfo.model import SECOND, Instant, Role
from ipfo.sim import start
from ipfo.sim.addresses import Addresses
from ipfo.sim.clocks import HostClock
from ipfo.sim.disk import Disk
from ipfo.sim.engine import Crash, Engine
from ipfo.sim.kernel import Kernel
from ipfo.sim.orders import Order
from ipfo.sim.others import Others
from ipfo.sim.phases import Phases
from ipfo.sim.process import Process
from ipfo.sim.settings import INTERFACE, MS, GroupSettings
from ipfo.wire import Names
from ipfo.wire.rejected import Reason as Rejection

if TYPE_CHECKING:
    from ipfo.sim.world import World

NEVER = 1 << 62
"""Later than any world lasts."""

SWEEP_NS = (5 * MS, 40 * MS)
"""What the addresses worker takes at a start to look what is there."""

BOOTS_MAX = 4096


class Host:
    """A host of `world`. `engine` is None while no daemon runs."""

    def __init__(self, world: "World", name: str) -> None:
        settings = world.settings
        character = settings.character
        self.world: World = world
        self.name: str = name
        self.clock = HostClock(
            character.offset_ns.get(name, 1000 * SECOND), character.ppm.get(name, 0)
        )
        self.powered = name not in settings.off
        self.kernel_boot = 1
        self.stands: str | None = None  # "paused" or "suspended"
        self.boots = 0
        self.engine: Engine | None = None
        self.crash: Crash | None = None
        self.supervised = False  # a daemon that ends is started again
        self.other_config = False  # the file that is read at the next start is the other one
        self.units: dict[str, GroupSettings] = {}  # what this run knows
        self.unit_of: dict[str, str] = {}  # by address
        self._configure()
        self.disk = Disk()
        self.kernel = Kernel(self)
        self.addresses: Addresses = Addresses(self)
        self.phases: Phases = Phases(self)
        self.others: Others = Others(self)
        self.heard_at = -NEVER
        self.ill: dict[str, str | None] = {}
        self.told: list[tuple[int, ask.Notify]] = []
        self.settled: list[tuple[int, ask.Settle]] = []
        self.rejected: dict[Rejection, int] = {}
        self.life: list[tuple[int, str]] = []  # since when it runs, is stopped, is down
        self._starting = Process(self)
        self._waits: list[tuple[int, Callable[[Any], None], Any]] = []  # while it stands still

    def _configure(self) -> None:
        """Read the configuration that lies here."""
        settings, other = self.world.settings, self.other_config
        self.terms = settings.terms(self.name, self._boot_number(), other=other)
        self.names = Names.of(self.terms)
        self.units = {unit.name: unit for unit in (settings.other if other else settings.groups)}
        self.unit_of = {
            address: unit.name for unit in self.units.values() for address in unit.addresses
        }

    @property
    def peer(self) -> "Host":
        """The other host."""
        return self.world.hosts[self.terms.peer]

    @property
    def is_awake(self) -> bool:
        """Whether anything of it runs."""
        return self.powered and self.stands is None

    def now(self) -> Instant:
        """Its steady clock."""
        return self.clock.steady(self.world.now)

    def kernel_now(self) -> int:
        """The clock that its kernel counts leases with."""
        return self.clock.kernel(self.world.now)

    def due(self) -> int:
        """When its engine is to be woken, in the world's time."""
        engine = self.engine
        if engine is None or engine.frozen or self.stands is not None:
            return NEVER
        return engine.due

    def later(self, local_ns: int, do: Callable[[Any], None], what: object) -> None:
        """Call `do(what)` after `local_ns` of this host's time, unless its power goes before."""
        at = self.world.now + self.clock.lasts(local_ns)
        self.world.push(at, self._fire, (self.kernel_boot, do, what))

    def _fire(self, planned: tuple[int, Callable[[Any], None], Any]) -> None:
        kernel_boot, do, what = planned
        if kernel_boot != self.kernel_boot or not self.powered:
            return
        if self.stands is not None:
            self._waits.append((self.world.now, do, what))
        else:
            do(what)

    def holds(self, address: str) -> bool:
        """Whether a client that asks the wire for it could get this host's answer."""
        reachable = self.is_awake and self.name not in self.world.network.no_carrier
        return reachable and address in self.kernel

    def is_leased(self, group: str) -> bool:
        """Whether it puts the addresses of `group` on under a lease."""
        return self.units[group].lease and self.units[group].home != self.name

    def set_home_addresses(self) -> None:
        """What the operating system does at its boot: its own addresses are on."""
        for group in self.world.settings.groups:
            for address in group.addresses if group.home == self.name else ():
                self.kernel.put(address, None)

    def changed(self) -> None:
        """Power, sleep or the engine has changed: note it for who draws this world."""
        if self.engine is None:
            word = "down"
        else:
            word = "stopped" if self.engine.frozen or self.stands is not None else "runs"
        if not self.life or self.life[-1][1] != word:
            self.life.append((self.world.now, word))

    # --- the daemon's life

    def start_engine(self) -> None:
        """Start the daemon, unless it runs or is being started."""
        if not self.powered or self.engine is not None:
            return
        self._starting.end()
        character = self.world.settings.character
        self._starting.later(self.world.chance.randint(*character.start_ns), self._sweep)

    def _sweep(self, _: object) -> None:
        """The new worker looks what is there: adopts it, or takes it off. Then the engine is booted."""
        found_at = self.now()
        self._starting.later(self.world.chance.randint(*SWEEP_NS), self._boot, found_at)

    def _boot(self, found_at: Instant) -> None:
        self.boots += 1
        self._configure()
        adopted = start.keep_or_sweep(self, found_at)
        memory = start.memory(self, adopted)
        self.world.judge.booting(self, memory)
        down = frozenset({INTERFACE} if self.name in self.world.network.no_carrier else ())
        first = boot(self.terms, memory, self.now(), down=down)
        self.engine = Engine(self, self.terms, first.node)
        self.addresses.start()
        self.changed()
        self.world.mark(self.name, "the engine starts")
        self.engine.begin(first.effects)
        for group, ill in self.ill.items():
            if ill is not None:
                self.feed(HealthChanged(group, ill))
        if self.disk.node.get("standby"):
            self.feed(StandbyAsked())
        if self.disk.node.get("maintenance"):
            self.feed(MaintenanceAsked())

    def remember(self, node: Node) -> None:
        """Keep the highest epochs, as the daemon does when they change."""
        epochs = self.disk.epochs
        for name, group in node.groups.items():
            if group.known > epochs.get(name, 0):
                self.disk.write(epochs, name, int(group.known))
        for word, now in (("standby", node.outcast), ("maintenance", node.maintenance)):
            if self.disk.node.get(word, False) is not now:
                self.disk.write(self.disk.node, word, now)

    def kill_engine(self, why: str = "the engine is killed") -> None:
        """Kill -9: its workers end after what they are just doing."""
        self._starting.end()
        if self.engine is not None:
            self.world.mark(self.name, why)
            self._lose_engine()

    def end_engine(self) -> None:
        """It has ended in order, holding nothing."""
        self.world.mark(self.name, "the daemon has ended")
        self._lose_engine()
        if self.supervised:
            self.start_engine()

    def replace_engine(self) -> None:
        """`ipfo restart`: the same process begins anew, nothing is released."""
        self.world.mark(self.name, "the daemon replaces itself")
        self._lose_engine()
        self.start_engine()

    def _lose_engine(self) -> None:
        self.engine = None
        self.world.judge.orders.daemon_ended(self)
        self.addresses.lose_engine()
        self.changed()

    def feed(self, event: Event) -> None:
        """Something that concerns the daemon happens; nobody notices where none runs."""
        if self.engine is not None and self.powered:
            self.engine.answer(event)

    def order(self, event: Order) -> bool:
        """An administrator gives an order here; whether anybody took it."""
        if (
            self.engine is None
            or not self.powered
            or not self.world.judge.orders.given(self, event)
        ):
            return False
        self.feed(event)
        return True

    # --- power, sleep, freezing

    def power_off(self, *, lose_last: bool = False, lose_disk: bool = False) -> None:
        """The plug is pulled. `lose_disk`: and the host is set up anew."""
        if not self.powered:
            return
        self.world.mark(self.name, "power off")
        self.powered = False
        self.kernel_boot += 1
        self.engine = None
        self.world.judge.orders.daemon_ended(self)
        self._starting.end()
        self._waits.clear()
        self.addresses.power_off()
        self.phases.power_off()
        self.others.power_off()
        self.kernel.clear()
        if self.stands is not None:
            self.clock.resume(self.world.now, was_suspended=False)
            self.stands = None
        if lose_last:
            self.disk.lose_last()
        if lose_disk:
            self.disk = Disk(lost=self.disk.lost + 1)
        self.changed()
        self.world.stood_changed()
        if self.supervised:
            self.power_on()

    def power_on(self) -> None:
        """The host boots; its daemon is started with it."""
        if self.powered:
            return
        self.powered = True
        self.world.mark(self.name, "power on")
        least, most = self.world.settings.character.host_boot_ns
        self._starting.later(self.world.chance.randint(least, most), self._booted)

    def _booted(self, _: object) -> None:
        self.set_home_addresses()
        self.start_engine()

    def stand_still(self, *, suspended: bool) -> None:
        """The whole host stops: a virtual machine is paused, or a machine goes to sleep."""
        if not self.powered or self.stands is not None:
            return
        self.stands = "suspended" if suspended else "paused"
        self.clock.stop(self.world.now)
        self.changed()
        self.world.mark(self.name, self.stands)
        self.world.stood_changed()

    def go_on(self) -> None:
        """It runs again. What was due meanwhile is due as much later as it stood, or at once."""
        if self.stands is None:
            return
        was_suspended = self.stands == "suspended"
        self.stands = None
        self.clock.resume(self.world.now, was_suspended=was_suspended)
        self.changed()
        self.world.mark(self.name, "goes on")
        self.world.stood_changed()
        waits, self._waits = self._waits, []
        for _, do, what in waits:
            self.world.push(self.world.now, self._fire, (self.kernel_boot, do, what))
        if self.engine is not None and not self.engine.frozen:
            self.engine.thaw()

    def freeze_engine(self) -> None:
        """SIGSTOP of the engine alone."""
        if self.engine is not None and not self.engine.frozen:
            self.engine.frozen = True
            self.changed()
            self.world.mark(self.name, "the engine is frozen")

    def thaw_engine(self) -> None:
        """SIGCONT."""
        if self.engine is not None and self.engine.frozen:
            self.world.mark(self.name, "the engine is thawed")
            self.engine.frozen = False
            self.changed()
            if self.stands is None:
                self.engine.thaw()

    # --- what others see of it

    def hear(self, link: str, datagram: bytes) -> None:
        """A datagram arrives at its card."""
        if not self.powered or self.engine is None:
            return
        if self.stands == "suspended":
            return
        if self.stands is not None:
            self._waits.append((self.world.now, self._hear_late, (link, datagram)))
        else:
            self.engine.hear(link, datagram)

    def _hear_late(self, told: tuple[str, bytes]) -> None:
        self.hear(*told)

    def set_carrier(self, *, up: bool) -> None:
        """The interface of the service addresses gets or loses its carrier."""
        network = self.world.network
        if up:
            network.no_carrier.discard(self.name)
        else:
            network.no_carrier.add(self.name)
        self.feed(CarrierChanged(INTERFACE, up=up))
        self.world.stood_changed()

    def announce(self, group: str) -> None:
        """The neighbours are told: whoever announces last is whom they believe."""
        if any(self.holds(address) for address in self.units[group].addresses):
            self.world.believed[group] = self.name

    def tell(self, effect: ask.Notify) -> None:
        """People are told."""
        self.told.append((self.world.now, effect))
        self.world.note(self.name, f"tells people: {effect.event.value}: {effect.headline}")

    def record(self, effect: ask.Record) -> None:
        """The journal."""
        if effect.what == "turn" and effect.role is Role.CLAIMANT and effect.group is not None:
            self.world.judge.orders.claimed(effect.group, self.name)
        if self.world.is_noting:
            turn = (
                f" {effect.was.value} -> {effect.role.value}" if effect.was and effect.role else ""
            )
            inputs = "".join(f" {name}={value}" for name, value in effect.inputs)
            group = f" {effect.group}" if effect.group else ""
            line = f"{effect.what}{group}{turn}: {effect.rule} (epoch {effect.epoch}){inputs}"
            self.world.note(self.name, line)

    def _boot_number(self) -> int:
        return (self.world.settings.nodes.index(self.name) + 1) * BOOTS_MAX + self.boots
