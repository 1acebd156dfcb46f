"""The faults that are played on a pair: what is broken, what must come of it, and how it is mended.

Each returns when all is over: nothing is waited for by time, but where nothing may happen.
"""

from collections.abc import Callable, Sequence

from tests.hosts.plays import MEMBERS, SILENCE_S, Told

from ipfo import clock
from ipfo.testing.lab import CLIENT, HOSTS
from ipfo.testing.scene import PATIENCE_S, Scene, links_up

HEARTBEATS = "udp dport 1694"
LONG_S = 2 * SILENCE_S
"""Long enough for a takeover that must not come."""

BOTH_WAYS = (("alpha", "beta"), ("beta", "alpha"))

Act = Callable[[Scene, Told], None]


def goes_to(stage: Scene, *holders: str) -> None:
    """Wait until exactly `holders` have every address."""
    for address in stage.addresses:
        stage.watch.wait_for(address, set(holders), PATIENCE_S)


def stays_at(stage: Scene, *holders: str) -> None:
    """For `LONG_S`, in which a takeover would have come; then exactly `holders` have every address."""
    stage.rest(LONG_S)
    for address in stage.addresses:
        stage.watch.wait_for(address, set(holders), 0)


# -- the daemon and its workers ---------------------------------------------------------------


def killed(stage: Scene, _: Told, *, engine_only: bool) -> None:
    stage.pair.kill("alpha", engine_only=engine_only)
    goes_to(stage, "beta")
    stage.pair.start("alpha")


def frozen(stage: Scene, _: Told, *, engine_only: bool) -> None:
    stopped = stage.pair.freeze("alpha", engine_only=engine_only)
    goes_to(stage, "beta")
    stage.pair.thaw(stopped)


def frozen_shortly(stage: Scene, _: Told) -> None:
    stopped = stage.pair.freeze("alpha")
    stage.rest(0.5)
    stage.pair.thaw(stopped)
    stays_at(stage, "alpha")


def starved(stage: Scene, _: Told, *, worker: str) -> None:
    """A worker of the holder stands still, and is let go on after a while if it is still there."""
    stopped = stage.pair.freeze_worker("alpha", worker)
    stage.rest(LONG_S)
    stage.pair.thaw(stopped)


def starved_standby(stage: Scene, _: Told, *, worker: str) -> None:
    """A worker of the standby stands still, and the holder's host is gone."""
    stopped = stage.pair.freeze_worker("beta", worker)
    stage.lab.power_off("alpha")
    stage.pair.end_of("alpha")
    goes_to(stage, "beta")
    stage.pair.thaw(stopped)
    stage.lab.power_on("alpha")
    stage.pair.start("alpha")


def starved_handover(stage: Scene, _: Told) -> None:
    """The worker that would run the holder's phases stands still when the group is to move."""
    stage.pair.freeze_worker("alpha", "phases")
    stage.pair.ask("alpha", "handover", "web", check=False)


# -- the host and the wire --------------------------------------------------------------------


def powered_off(stage: Scene, _: Told, *, host: str) -> None:
    stage.lab.power_off(host)
    stage.pair.end_of(host)
    goes_to(stage, "beta" if host == "alpha" else "alpha")
    stays_at(stage, "beta" if host == "alpha" else "alpha")
    stage.lab.power_on(host)
    stage.pair.start(host)


def unplugged(stage: Scene, _: Told, *, networks: Sequence[str], to: str) -> None:
    stage.lab.pull("alpha", *networks)
    goes_to(stage, to)
    stays_at(stage, to)
    stage.lab.plug("alpha", *networks)


def flapping(stage: Scene, _: Told) -> None:
    for _time in range(8):
        stage.lab.pull("alpha", "public")
        stage.rest(0.15)
        stage.lab.plug("alpha", "public")
        stage.rest(0.35)


def cut(
    stage: Scene,
    told: Told,
    *,
    ways: Sequence[tuple[str, str]],
    only: str = "",
    network: str | None = None,
    to: str,
) -> None:
    """Frames are lost while every cable is in; `only` those that nftables' words say."""
    for source, target in ways:
        stage.lab.cut(source, target, network, only=only)
    goes_to(stage, to)
    stays_at(stage, to)
    told.meanwhile = frozenset({to})
    stage.lab.heal()
    told.healed_at = clock.now()


def partitioned(
    stage: Scene,
    told: Told,
    *,
    isolated: Sequence[str] = (),
    behind: str = CLIENT,
    lost: int = 0,
    to: Sequence[str],
) -> None:
    """The hosts lose each other on both networks; `isolated` lose the host `behind`, too.

    `lost`: so many members of etcd are killed when the partition has lasted for a while. They stay
    away when it is healed.
    """
    apart = [*BOTH_WAYS]
    for host in isolated:
        apart += [(host, behind), (behind, host)]
    for source, target in apart:
        stage.lab.cut(source, target)
    if lost:
        stays_at(stage, "alpha")
        lose(told, lost)
    goes_to(stage, *to)
    stays_at(stage, *to)
    told.meanwhile = frozenset(to)
    stage.lab.heal()
    told.healed_at = clock.now()


def lose(told: Told, count: int) -> None:
    """So many members of etcd are gone, the leader first."""
    assert told.etcd is not None
    leader = told.etcd.leader()
    for index in range(leader, leader + count):
        told.etcd.kill(index % MEMBERS)


def members_lost(stage: Scene, told: Told, *, lost: int) -> None:
    """In a healthy pair."""
    lose(told, lost)
    stays_at(stage, "alpha")
    told.meanwhile = frozenset({"alpha"})


# -- beginning and beginning again ------------------------------------------------------------


def booted(stage: Scene, told: Told, *, order: Sequence[str]) -> None:
    """In this order, the second one when the first has had time enough to find itself alone."""
    told.served = False
    first, *rest = order
    stage.pair.start(first)
    if rest:
        stage.pair.wait_for(first, lambda status: status["peer"]["alive"] is False, PATIENCE_S)
        stage.rest(LONG_S)
        stage.pair.start(*rest)


def booted_at_once(stage: Scene, told: Told) -> None:
    told.served = False
    stage.pair.start(*HOSTS)


def revived(stage: Scene, _: Told, *, node: str) -> None:
    stage.pair.revive(node)
    stage.rest(LONG_S)


def crossed_killed(stage: Scene, _: Told) -> None:
    """Each node holds a group of its own; one is killed, and comes back to see both at the other."""
    web, mail = stage.addresses
    stage.pair.start(*HOSTS)
    stage.watch.wait_for(web, {"alpha"}, PATIENCE_S)
    stage.watch.wait_for(mail, {"beta"}, PATIENCE_S)
    for node in HOSTS:
        stage.pair.wait_for(node, links_up, PATIENCE_S)
    stage.client.report()
    stage.pair.kill("alpha")
    goes_to(stage, "beta")
    stage.pair.start("alpha")


def stopped_and_started(stage: Scene, _: Told) -> None:
    stage.pair.stop("alpha")
    goes_to(stage, "beta")
    stage.pair.start("alpha")
