"""Makes happenings happen: what each verb of `happenings.VERBS` does to a world."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ipfo.errors import StoryError
from ipfo.machine.events import (
    HandoverAsked,
    HealthChanged,
    MaintenanceAsked,
    RestartAsked,
    ResumeAsked,
    StandbyAsked,
    StopAsked,
)
from ipfo.model import SECOND, Phase
from ipfo.sim.engine import Crash
from ipfo.sim.happenings import Happening, Value
from ipfo.sim.network import Burst, Way
from ipfo.sim.phases import Manner

if TYPE_CHECKING:
    from ipfo.sim.host import Host
    from ipfo.sim.world import World

Told = Mapping[str, Value]

EVERYTHING = "everything"
"""In the place of a link: all of them."""


def happen(world: "World", happening: Happening) -> None:
    """Do what `happening` says.

    :raises StoryError: if it names a node, a group or a link that is not there.
    """
    told = happening.told
    for word, known in (("group", world.named), ("node", world.hosts), ("to", world.hosts)):
        if word in told and told[word] not in known:
            raise StoryError(f"{happening.line!r}: there is no {told[word]}")
    if "link" in told and told["link"] not in (*world.settings.links, EVERYTHING):
        raise StoryError(f"{happening.line!r}: there is no link {told['link']}")
    if happening.verb in OF_HOST:
        OF_HOST[happening.verb](world.hosts[str(told["node"])], told)
    elif happening.verb in OF_LINK:
        for way in _ways(world, told):
            OF_LINK[happening.verb](way, told)
    else:
        OF_WORLD[happening.verb](world, told)


def _ways(world: "World", told: Told) -> list[Way]:
    link, node = str(told["link"]), told.get("node")
    source = None if node is None else str(node)
    return list(world.network.chosen(None if link == EVERYTHING else link, source))


def _ns(told: Told, name: str = "lasts") -> int:
    value = told[name]
    assert isinstance(value, int)
    return value


def _freeze(host: "Host", told: Told) -> None:
    host.freeze_engine()
    engine = host.engine
    host.later(_ns(told), lambda _: host.thaw_engine() if host.engine is engine else None, None)


def _freeze_addresses(host: "Host", told: Told) -> None:
    run = host.addresses.run
    host.addresses.freeze()
    host.later(
        _ns(told), lambda _: host.addresses.thaw() if host.addresses.run == run else None, None
    )


def _stand(host: "Host", told: Told, *, suspended: bool) -> None:
    if not host.powered or host.stands is not None:
        return
    host.stand_still(suspended=suspended)
    boot = host.kernel_boot
    world = host.world
    world.push(
        world.now + _ns(told),
        lambda _: host.go_on() if host.kernel_boot == boot else None,
        None,
    )


def _remove(host: "Host", told: Told) -> None:
    """Of several the last one: what is there in part is not there."""
    host.kernel.take_off(host.world.named[str(told["group"])].addresses[-1])


def _put(host: "Host", told: Told) -> None:
    if host.powered:
        for address in host.world.named[str(told["group"])].addresses:
            host.world.judge.past.foreign.add((host.name, address))
            host.kernel.put(address, None)


def _check(host: "Host", told: Told, ill: str | None) -> None:
    group = str(told["group"])
    host.ill[group] = ill
    host.feed(HealthChanged(group, ill))


def _mannered(host: "Host", told: Told, manner: Manner) -> None:
    host.phases.manners[str(told["group"]), Phase(told["phase"])] = manner


def _addresses_well(host: "Host") -> None:
    host.addresses.fails.clear()
    host.addresses.slow_ns = 0


def _heal(way: Way) -> None:
    way.cut = way.filtered = way.arp_filtered = False
    way.loss = way.doubled = 0.0
    way.burst = None


def _set_burst(way: Way, told: Told) -> None:
    way.burst = Burst(float(told["share"]), _ns(told), _ns(told, "every"))


def _handover(world: "World", told: Told) -> None:
    to = str(told["to"])
    asked_on = world.hosts[str(told.get("node", to))]
    group = str(told["group"])
    if group in asked_on.units:
        asked_on.order(HandoverAsked(group, to))


def _third(world: "World", told: Told) -> None:
    world.third.add(world.named[str(told["group"])].addresses[0])


def _no_third(world: "World", told: Told) -> None:
    world.third.difference_update(world.named[str(told["group"])].addresses)


def _wipe(host: "Host", _: Told) -> None:
    host.power_off(lose_disk=True)


def _store_well(world: "World") -> None:
    world.store.lost, world.store.slow_ns = False, 0


def _all_well(world: "World") -> None:
    """Every fault is over: what has no power gets it, what does not run is started."""
    for way in world.network.chosen(None):
        _heal(way)
    world.is_well = True
    world.third.clear()
    _store_well(world)
    world.store.unheard.clear()
    for host in world.hosts.values():
        host.crash = None
        host.supervised = True
        host.phases.manners.clear()
        _addresses_well(host)
        host.others.isolated = False
        host.others.fence_manner = "works"
        host.go_on()
        host.thaw_engine()
        host.addresses.thaw()
        host.power_on()
        host.set_carrier(up=True)
        for group in list(host.ill):
            _check(host, {"group": group}, None)
        host.disk.node.clear()
        host.feed(ResumeAsked())
        host.start_engine()
    world.push(world.now + RESUME_AGAIN_NS, _resume_again, world)


def _resume_again(world: "World") -> None:
    """Who was being replaced when he was told so heard nothing: an administrator says it again."""
    for host in world.hosts.values():
        if host.engine is not None and (host.engine.node.maintenance or host.engine.node.outcast):
            host.feed(ResumeAsked())


RESUME_AGAIN_NS = 10 * SECOND

OF_HOST: Mapping[str, Callable[["Host", Told], object]] = {
    "power off": lambda host, told: host.power_off(lose_last="lost" in told),
    "power on": lambda host, _: host.power_on(),
    "wipe": _wipe,
    "other config": lambda host, _: setattr(host, "other_config", True),
    "first config": lambda host, _: setattr(host, "other_config", False),
    "kill": lambda host, _: host.kill_engine(),
    "crash": lambda host, told: setattr(
        host, "crash", Crash(str(told["effect"]), told["when"] == "before")
    ),
    "start": lambda host, _: host.start_engine(),
    "stop": lambda host, _: host.feed(StopAsked()),
    "restart": lambda host, _: host.order(RestartAsked()),
    "freeze": _freeze,
    "freeze addresses": _freeze_addresses,
    "kill addresses": lambda host, _: host.addresses.kill(),
    "pause": lambda host, told: _stand(host, told, suspended=False),
    "suspend": lambda host, told: _stand(host, told, suspended=True),
    "wall": lambda *_: None,
    "no carrier": lambda host, _: host.set_carrier(up=False),
    "carrier": lambda host, _: host.set_carrier(up=True),
    "remove": _remove,
    "put": _put,
    "ill": lambda host, told: _check(host, told, "its check fails"),
    "well": lambda host, told: _check(host, told, None),
    "veto": lambda host, told: _mannered(host, told, Manner(veto="no")),
    "hang": lambda host, told: _mannered(host, told, Manner(hangs=True)),
    "take": lambda host, told: _mannered(host, told, Manner(takes_ns=_ns(told))),
    "phases well": lambda host, _: host.phases.manners.clear(),
    "fail": lambda host, told: host.addresses.fails.__setitem__(str(told["op"]), "it fails"),
    "slow": lambda host, told: setattr(host.addresses, "slow_ns", _ns(told)),
    "addresses well": lambda host, _: _addresses_well(host),
    "isolate": lambda host, _: setattr(host.others, "isolated", True),
    "unisolate": lambda host, _: setattr(host.others, "isolated", False),
    "store cut": lambda host, _: host.world.store.unheard.add(host.name),
    "store back": lambda host, _: host.world.store.unheard.discard(host.name),
    "fence": lambda host, told: setattr(host.others, "fence_manner", told["manner"]),
    "standby": lambda host, _: host.order(StandbyAsked()),
    "resume": lambda host, _: host.order(ResumeAsked()),
    "maintenance": lambda host, _: host.order(MaintenanceAsked()),
}
"""What happens to one host."""

OF_LINK: Mapping[str, Callable[[Way, Told], None]] = {
    "cut": lambda way, _: setattr(way, "cut", True),
    "heal": lambda way, _: _heal(way),
    "filter": lambda way, _: setattr(way, "filtered", True),
    "filter wire": lambda way, _: setattr(way, "arp_filtered", True),
    "lose": lambda way, told: setattr(way, "loss", told["share"]),
    "burst": _set_burst,
    "delay": lambda way, told: setattr(way, "delay_ns", (_ns(told), _ns(told, "most"))),
    "double": lambda way, told: setattr(way, "doubled", told["share"]),
}
"""What happens to each direction of a link."""

OF_WORLD: Mapping[str, Callable[["World", Told], None]] = {
    "third": _third,
    "third gone": _no_third,
    "store lost": lambda world, _: setattr(world.store, "lost", True),
    "store well": lambda world, _: _store_well(world),
    "store slow": lambda world, told: setattr(world.store, "slow_ns", _ns(told)),
    "handover": _handover,
    "all well": lambda world, _: _all_well(world),
}
"""What happens to neither."""
