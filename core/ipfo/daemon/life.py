"""Start and end of the daemon, in order: what can fail goes first, what can be heard goes last.

Whatever stops the start gives back all that was begun. However the daemon ends, it takes its
addresses off first; only a home address on its home node stays, since the machine may need it.
"""

import gc
import os
import resource
import select
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ipfo import clock
from ipfo.config.keys import keyring
from ipfo.config.model import Config, Document
from ipfo.daemon import again, favour, held, status
from ipfo.daemon.carrier import Carrier
from ipfo.daemon.control import Control, listen
from ipfo.daemon.effects import Effects
from ipfo.daemon.links import Links
from ipfo.daemon.log import Log
from ipfo.daemon.loop import Loop, Ways
from ipfo.daemon.paper import Paper
from ipfo.daemon.reload import Reload, Running
from ipfo.daemon.rights import missing_rights
from ipfo.daemon.signals import EndNowError, Signals, tell_manager
from ipfo.daemon.state_dir import CONTROL, StateDir, group_id
from ipfo.daemon.troubles import Troubles
from ipfo.errors import HostError, NotAllowedError
from ipfo.machine.effects import Settle
from ipfo.machine.events import Event, MaintenanceAsked, StandbyAsked
from ipfo.machine.step import Node, Remembered, boot
from ipfo.model import SECOND, Instant, Phase, Role, Terms
from ipfo.workers import ledger
from ipfo.workers.pool import Pool, Worker

DESCRIPTORS_MAX = 1024
"""`select` takes no descriptor above; rather a worker that cannot be started than an engine that fails."""

PARTING_NS = 6 * SECOND
"""How long a restart waits for the workers to end: the new run must be there before the leases end."""

STORING_NS = 4 * SECOND
"""How long an end in order waits until what is to be told is stored: time for one more worker."""

LOOK_AGAIN_S = 0.005
"""How often it looks: nothing tells of the end of a process that closed its channel before."""


def run(document: Document, state_dir: Path, *, node: str | None = None) -> None:
    """Be the daemon for the config `document`, until it is ended in order.

    After an orderly restart this does not return: the process is a new run of its own command.

    :param node: as the command line names it; a new run is given the same.
    :raises IpfoError: if it cannot start, or was ended out of order; one line.
    :raises AssertionError: for a bug; everything has been released before.
    """
    if not __debug__:
        raise HostError("ipfo does not run under python -O: its assertions guard the addresses")
    if _live(document, state_dir, node):
        again.become_a_new_run()


def _live(document: Document, state_dir: Path, node: str | None) -> bool:
    """From the first lock to the last; whether there is to be a new run."""
    config = Config.from_document(document)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most[0], DESCRIPTORS_MAX), most[1]))
    _check_rights(config)
    number = int.from_bytes(os.urandom(8), "big") or 1
    with ExitStack() as stack:
        control_group = group_id(config.control_group)
        folder = StateDir.take(state_dir, group=control_group)
        stack.callback(folder.close)
        ring = keyring(config)
        links = Links.open(config, ring, number)
        stack.callback(links.close)
        terms = config.terms(number)
        carrier = Carrier({each for g in terms.groups.values() for each in g.interfaces})
        stack.callback(carrier.close)
        if missing := carrier.missing():
            raise HostError(
                f"{config.path}: this host has no interface {', '.join(missing)}; the groups there"
                " could never be held: see `ip link`"
            )
        log = Log(f"ipfo[{config.pair}/{config.node}]")
        stack.callback(log.close)
        signals = Signals(log)
        stack.callback(signals.close)
        listener = listen(folder.path / CONTROL, group=control_group)
        stack.callback(listener.close)
        pool = Pool(document, config.node, str(folder.path))
        paper = Paper(config, number, pool.notices, log)
        for warning in config.warnings:
            log.line(f"warning: {warning}")
        links.tell = paper.notify
        pool.tell_end = lambda text: paper.write("worker", text)
        running = Running(document, config, node)
        parts = Parts(running, terms, links, carrier, signals, pool, paper)
        return _serve(parts, listener, folder.path)


def _check_rights(config: Config) -> None:
    """Refuse to be a node that would claim, fail, and call itself able."""
    real = any("wire" in group.traits for group in config.groups.values())
    lacks = missing_rights() if real else []
    if lacks:
        raise NotAllowedError(
            f"{config.path}: this user lacks {' and '.join(lacks)}, which real addresses need:"
            " run as root, or with these capabilities"
        )


@dataclass(frozen=True, slots=True)
class Parts:
    """What the start has made so far."""

    running: Running
    terms: Terms
    links: Links
    carrier: Carrier
    signals: Signals
    pool: Pool
    paper: Paper

    @property
    def config(self) -> Config:
        """What is in force now."""
        return self.running.config


def _serve(parts: Parts, listener: socket.socket, folder: Path) -> bool:
    """Start the workers, look what is left of a former run, go round until the end.

    Whether there is to be a new run: then nothing was released, and no worker is left.
    """
    restarting = False
    memory = ledger.read(folder)
    for remark in memory.remarks:
        parts.paper.write("ledger", remark)
    for worker in parts.pool.address_workers:
        worker.start(clock.now())  # alone: the others can wait for the first heartbeat
    try:
        found, orders = held.sweep(parts.pool, parts.signals, parts.paper)
        parts = replace(parts, terms=placed(parts.terms, found["interfaces"]))
        parts.carrier.watch({each for g in parts.terms.groups.values() for each in g.interfaces})
        restarting = _go_round(parts, listener, memory, found["adopted"], orders)
        if not restarting:
            _store_all(parts.pool.notices)
    except EndNowError:
        held.release_all(parts.pool, parts.config)
        raise HostError("ended out of order: it was told to end twice") from None
    except BaseException:
        held.release_all(parts.pool, parts.config)
        raise
    finally:
        parts.pool.stop(clock.now(), restarting=restarting)
    if restarting:
        _await_workers(parts.pool)
    return restarting


def _store_all(notices: Worker) -> None:
    """What people are still to be told is stored, if that can be done soon.

    Nothing is held any more. Afterwards there is no engine that would give it to the next worker,
    should this one die over it.
    """
    until = Instant(clock.now() + STORING_NS)
    while not notices.idle and (now := clock.now()) < until:
        notices.expire(now)
        here = [notices] if notices.fileno() >= 0 else []
        select.select(here, here if notices.wants_write else [], [], LOOK_AGAIN_S)
        notices.ready(clock.now())


def _await_workers(pool: Pool) -> None:
    """No process of this run is left beside the new one; who will not end is ended."""
    until = clock.now() + PARTING_NS
    while not pool.gone() and clock.now() < until:
        select.select([], [], [], LOOK_AGAIN_S)
    pool.kill()
    while not pool.gone() and clock.now() < until + SECOND:
        select.select([], [], [], LOOK_AGAIN_S)


def _go_round(
    parts: Parts,
    listener: socket.socket,
    memory: ledger.Memory,
    adopted: Mapping[str, int],
    orders: Sequence[Event],
) -> bool:
    """Be a node until the end; whether it is that of a restart.

    `orders` have come during the start: what was adopted is given up in order, too.
    """
    down = frozenset(each.interface for each in parts.carrier.changes() if not each.up)
    past = remembered(memory, parts.config, adopted)
    first = boot(parts.terms, past, clock.now(), down=down)
    loop = Loop(first.node, parts.terms)

    def settle(refusal: Settle) -> None:
        control.settled(refusal, clock.now())

    def begin_reload() -> None:
        reload.begin()

    rehearsal = again.Rehearsal(parts.config, parts.running.node, parts.pool, loop.put, settle)
    control = Control(
        listener,
        status=lambda: _report(parts, loop, effects.troubles),
        rehearse=rehearsal.begin,
        reload=begin_reload,
        groups=parts.config.groups,
        nodes=parts.config.nodes,
    )
    ways = Ways(parts.links, parts.pool, parts.carrier, control, parts.signals)
    parts.pool.start(clock.now())
    open_phases = {name: known.open_phases for name, known in memory.groups.items()}
    effects = Effects(parts.config, parts.terms.lease_s, ways, parts.paper, loop.put, open_phases)
    reload = Reload(parts.running, ways, loop, effects, parts.paper, control.reloaded)
    effects.health.begin(parts.config, _adopted(first.node))
    for order in (*_kept(memory), *orders):
        loop.put(order)
    parts.paper.started()
    _settle_in(parts)
    parts.signals.at_hangup(reload.begin)
    try:
        loop.run(ways, effects, parts.paper, first.effects)
        if effects.restarting:
            again.leave(parts.signals)
    finally:
        control.close(restarting=effects.restarting)
    return effects.restarting


def _settle_in(parts: Parts) -> None:
    """Whatever takes time at a start is over."""
    gc.freeze()  # what is here now stays: the collector need not look at it again
    for refusal in favour.ask(parts.config):
        parts.paper.write("engine", refusal)
    tell_manager("READY=1")


def _kept(memory: ledger.Memory) -> Iterator[Event]:
    """What an administrator has set in an earlier run, and not ended."""
    if memory.standby:
        yield StandbyAsked()
    if memory.maintenance:
        yield MaintenanceAsked()


def _adopted(node: Node) -> set[str]:
    """The units that this node has held all along, and goes on to hold."""
    return {name for name, group in node.groups.items() if group.role is Role.HOLDER}


def placed(terms: Terms, interfaces: Mapping[str, str]) -> Terms:
    """`terms`, with the interface on which each home group really is: its carrier is what matters.

    The operating system chose it, and the config need not name it.
    """
    groups = {
        name: replace(group, interfaces=(interfaces[name],)) if interfaces.get(name) else group
        for name, group in terms.groups.items()
    }
    return replace(terms, groups=groups)


def remembered(
    memory: ledger.Memory, config: Config, adopted: Mapping[str, int]
) -> dict[str, Remembered]:
    """What the machine is to know of each unit from before; `adopted`: since when those are leased.

    Where the members of a unit differ, an earlier run ended in between: what one of them has begun
    is undone; of what is adopted, what one of them has not begun is begun again. It is held under
    the claim that it was put on with, whatever was heard since.
    """
    past: dict[str, Remembered] = {}
    for unit, members in config.units.items():
        known = [memory.groups.get(name, ledger.GroupMemory()) for name in members]
        began = [
            each.open_phases
            for name, each in zip(members, known, strict=True)
            if config.groups[name].phase_plugins or unit not in adopted
        ]
        every = all if unit in adopted else any
        past[unit] = Remembered(
            epoch=max(each.epoch for each in known),
            claim=max(each.claim for each in known) if unit in adopted else None,
            pre_acq=bool(began) and every(Phase.PRE_ACQ in phases for phases in began),
            post_acq=bool(began) and every(Phase.POST_ACQ in phases for phases in began),
            adopted=Instant(adopted[unit]) if unit in adopted else None,
        )
    return past


def _report(parts: Parts, loop: Loop, troubles: Troubles) -> dict[str, Any]:
    parts.paper.ask_state()
    seen = status.Seen(
        config=parts.config,
        terms=loop.terms,
        holders=loop.holders,
        troubles=troubles,
        counters=parts.links.counters(),
        carrier=parts.carrier.state(),
        workers=parts.pool.standing(),
        lateness=loop.lateness.report(),
        outbox=parts.paper.outbox,
        keys=parts.links.keys(),
    )
    return status.report(loop.node, clock.now(), seen)
