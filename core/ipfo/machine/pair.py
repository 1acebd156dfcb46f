"""What concerns the pair: links, what the peer says, and our own heartbeats.

Worked out once for each heartbeat; a group is stepped only when something of it changed, so that
a heartbeat which changes nothing costs the same for one group and for a thousand.
"""

from collections.abc import Iterable

from ipfo.machine import doubt, links, restart
from ipfo.machine.effects import SendHeartbeat
from ipfo.machine.events import HeartbeatHeard
from ipfo.machine.evolve import evolve
from ipfo.machine.group import Hold
from ipfo.machine.node import entry_digest, heard_links, out_of_service
from ipfo.machine.work import Work
from ipfo.model import (
    ENTRIES_MAX,
    SECOND,
    GroupEntry,
    Health,
    Heartbeat,
    Instant,
    LinkState,
)
from ipfo.model import Event as Told

ROTATING = 4
"""Entries that did not change are sent so many at a time, in turn."""


def hear(w: Work, event: HeartbeatHeard) -> None:
    """Take in a heartbeat of the peer."""
    beat = event.heartbeat
    link = w.node.links[event.link]
    if not event.proven:
        w.put_link(links.note_echo(link, beat, w.now))
        w.answer_on = link.name
        return
    heard_at = links.acknowledged(link, beat.echo, w.terms.boot)
    was = link.state
    w.put_link(links.hear(link, beat, w.now, w.terms.boot))
    if beat.boot != w.node.peer_boot:
        _meet(w, beat.boot)
    _note_claims(w, heard_at)
    doubt.note_echo(w, heard_at)
    restart.heard(w, heard_at)
    if beat.asks:
        w.asked_on = link.name
    node = w.node
    away = node.late or node.silent
    back_at = w.now if node.silent or not node.heard_ever else node.back_at
    w.node = evolve(
        node,
        heard_at=w.now,
        back_at=back_at,
        late=False,
        silent=False,
        alone=False,
        fenced=False,
        heard_ever=True,
    )
    if beat.sent_at >= w.node.peer_sent_at:
        _listen(w, beat)
    if away or node.alone:
        w.run_all()
    else:
        for name in tuple(w.node.claimants):
            w.run(name)
    if away or was is not LinkState.UP:
        judge_links(w)


def _note_claims(w: Work, acked_at: Instant | None) -> None:
    """The peer heard what we sent at `acked_at`: it knows the claims that were in it."""
    known = {name for name, at in w.node.carried.items() if acked_at in at}
    for name in known - w.node.known_claims:
        w.node = evolve(w.node, known_claims=w.node.known_claims | {name})
        if w.terms.groups[name].home == w.terms.peer:
            # only now it takes its own address off: what the wire said before does not count
            w.put(evolve(w.node.groups[name], evidence=None, probe_asked_at=None))


def _meet(w: Work, boot: int) -> None:
    """The peer was started anew: what its former self said is void, and it knows nothing of us."""
    w.record("peer", "started" if w.node.peer_boot is None else "started anew")
    hot = dict.fromkeys(w.node.groups, 1)
    w.node = evolve(
        w.node,
        peer_boot=boot,
        peer_digest=0,
        peer_sent_at=Instant(0),
        peer_heard_us_at=None,
        peer_deaf=False,
        known_claims=frozenset(),
        carried={},
        hot={**hot, **w.node.hot},
    )
    for group in w.node.groups.values():
        met = evolve(group, peer=None, peer_able_at=None, peer_had=False)
        if w.terms.groups[group.name].home == w.terms.peer:
            met = evolve(met, evidence=None)  # its operating system may have put the address on
        w.put(met)
    w.urgent = True


def _listen(w: Work, beat: Heartbeat) -> None:
    """Take in what the peer says of its links, its config and its groups."""
    w.node = evolve(w.node, peer_sent_at=beat.sent_at)
    changed = doubt.listen(w, beat)
    for link in w.node.links.values():
        hears = link.name in beat.hears
        if hears != link.peer_hears or (not hears and link.deaf_since is None):
            deaf_since = None if hears else w.now
            w.put_link(evolve(link, peer_hears=hears, deaf_since=deaf_since))
            judge_links(w)
    if beat.config_digest != w.node.peer_config:
        _compare_config(w, beat.config_digest)
    if beat.groups_digest != w.node.peer_digest:
        for entry in beat.entries:
            if entry.group in w.node.groups:
                _note_entry(w, entry)
    if changed:
        w.run_all()


def _note_entry(w: Work, entry: GroupEntry) -> None:
    was = w.node.groups[entry.group].peer
    if entry == was:
        return
    digest = w.node.peer_digest ^ entry_digest(entry) ^ (entry_digest(was) if was else 0)
    w.node = evolve(w.node, peer_digest=digest)
    w.urgent = True  # so that the peer soon knows that we know
    w.run(entry.group, entry)


def _compare_config(w: Work, digest: int) -> None:
    w.node = evolve(w.node, peer_config=digest)
    if digest == w.terms.config_digest:
        w.tell_over("drift", "both nodes have the same configuration again")
        return
    headline = f"{w.terms.node} and {w.terms.peer} have different configurations"
    w.tell_once("drift", Told.DRIFT, headline, "compare the two files; the same one lies on both")


def take_terms(w: Work, groups: Iterable[str]) -> None:
    """Look at `groups` anew, by terms that have changed; the peer hears of them at once."""
    if w.node.peer_config is not None:
        _compare_config(w, w.node.peer_config)
    watch_time(w)
    for name in groups:
        w.run(name)
    w.urgent = True


def watch_time(w: Work) -> None:
    """Let the clock speak: links that are late or silent, and a peer that is so on all of them."""
    changed = False
    for link in w.node.links.values():
        state = links.state_at(link, w.now, w.terms)
        if state is not link.state:
            w.put_link(evolve(link, state=state))
            changed = True
    changed = doubt.mind(w) or changed
    if changed or _has_untold(w):
        judge_links(w)


def judge_links(w: Work) -> None:
    """Tell people of a link that is silent or one-way while another carries the pair, and of its end."""
    node, peer = w.node, w.terms.peer
    if node.silent:
        seconds = (w.now - node.heard_at) / SECOND
        detail = f"nothing was heard of {peer} for {seconds:.1f} s"
        stopped = f"{peer} was stopped: {w.terms.node} is alone"
        headline = stopped if _was_stopping(w) else f"{peer} is silent on every link"
        w.tell_once("peer", Told.ANOMALY, headline, detail)
        return
    if not node.late:
        w.tell_over("peer", f"{peer} is heard again")
    idle = out_of_service(node, w.terms)
    for link in node.links.values():
        if link.name in idle:
            continue
        if _is_cut(w, link):
            headline = f"link {link.name} is silent, {peer} is heard on another: nothing moves"
            w.tell_once(f"link {link.name}", Told.ANOMALY, headline)
        elif link.state is LinkState.UP:
            w.tell_over(f"link {link.name}", f"link {link.name} carries heartbeats again")
        if link.peer_hears:
            w.tell_over(f"deaf {link.name}", f"{peer} hears link {link.name} again")
        elif link.state is LinkState.UP and _is_deaf(w, link):
            headline = f"link {link.name} is one-way: {peer} does not hear {w.terms.node} there"
            w.tell_once(f"deaf {link.name}", Told.ANOMALY, headline)


def _was_stopping(w: Work) -> bool:
    """Whether the peer's last word was that it ends."""
    entries = (group.peer for group in w.node.groups.values())
    return any(entry is not None and entry.health is Health.STOPPING for entry in entries)


def _is_deaf(w: Work, link: links.Link) -> bool:
    since = link.deaf_since
    return since is not None and w.now >= since + w.terms.takeover_after_ns


def _is_cut(w: Work, link: links.Link) -> bool:
    """Whether `link` is silent, and not only slower to come back, or a little sooner to go.

    Where no link brings anything in time, it is the peer that is silent.
    """
    steady = not w.node.late and w.now >= w.node.back_at + w.terms.takeover_after_ns
    return link.state is LinkState.SILENT and steady


def _has_untold(w: Work) -> bool:
    return any(
        (_is_cut(w, link) and f"link {link.name}" not in w.node.told)
        or (_is_deaf(w, link) and f"deaf {link.name}" not in w.node.told)
        for link in w.node.links.values()
    )


def beat(w: Work, only: str | None = None, *, asks: bool = False, echo_only: bool = False) -> None:
    """Send a heartbeat on every link, or on one; `asks`: the peer is to answer at once.

    `echo_only`: for somebody new, who believes no entries yet.
    """
    entries = () if echo_only else _entries(w)
    hears = heard_links(w.node)
    for name in (only,) if only else tuple(w.node.links):
        link = links.send(w.node.links[name], w.now)
        w.put_link(link)
        w.effects.append(
            SendHeartbeat(
                Heartbeat(
                    sender=w.terms.node,
                    link=name,
                    boot=w.terms.boot,
                    sequence=link.sequence,
                    sent_at=w.now,
                    echo=links.echo_of(link, w.now),
                    hears=hears,
                    config_digest=w.terms.config_digest,
                    groups_digest=w.node.digest,
                    entries=entries,
                    asks=asks,
                    restarting=w.node.restarting_at is not None,
                    maintenance=w.node.maintenance,
                )
            )
        )


def _entries(w: Work) -> tuple[GroupEntry, ...]:
    """The entries that changed of late, and some of the others in turn."""
    node = w.node
    unknown = [name for name in node.claimants if name not in node.known_claims]
    names = dict.fromkeys(list(dict.fromkeys((*unknown, *node.hot)))[:ENTRIES_MAX])
    every = tuple(node.said)
    room = min(ROTATING, ENTRIES_MAX - len(names), len(every))
    for step in range(room):
        names[every[(node.rotation + step) % len(every)]] = None
    hot = {name: left for name, left in node.hot.items() if name not in names}
    hot |= {name: node.hot[name] - 1 for name in names if node.hot.get(name, 0) > 1}
    rotation = (node.rotation + room) % max(1, len(every))
    carried = {name: (*node.carried.get(name, ())[-7:], w.now) for name in unknown if name in names}
    w.node = evolve(node, hot=hot, rotation=rotation, carried={**node.carried, **carried})
    return tuple(node.said[name] for name in names)


def holds_nothing(w: Work) -> bool:
    """Whether nothing is held or under way any more, and the peer has had time to hear of it."""
    for group in w.node.groups.values():
        if group.hold is not Hold.OFF or group.running is not None or group.pre_acq:
            return False
        waits = group.linger_until is not None and w.now < group.linger_until
        if waits and not w.node.silent and not _peer_has(group.peer):
            return False
    return True


def _peer_has(entry: GroupEntry | None) -> bool:
    return entry is not None and entry.role.value == "holder"
