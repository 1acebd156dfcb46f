"""`step` alone: it is total, its deadlines move on, and its table of turns is the truth."""

from dataclasses import replace

import pytest
from tests.machine.scenes import PHASED, settled
from tests.machine.virtual_pair import MS, Pair, terms

from ipfo.machine.effects import Renew, SendHeartbeat
from ipfo.machine.events import (
    Acquired,
    CarrierChanged,
    DeadlineReached,
    Event,
    HandoverAsked,
    HealthChanged,
    HeartbeatHeard,
    PhaseEnded,
    Probed,
    Released,
    Renewed,
    ResumeAsked,
    StandbyAsked,
    StopAsked,
    Swept,
    TermsChanged,
)
from ipfo.machine.step import Node, boot, next_deadline, step, step_all
from ipfo.machine.turns import TURNS, check
from ipfo.model import (
    ENTRIES_MAX,
    SECOND,
    Answer,
    Epoch,
    GroupEntry,
    GroupTerms,
    Health,
    Heartbeat,
    Instant,
    Phase,
    Role,
    Sign,
)

NOW = Instant(10**15)


def said(role: Role, epoch: int, sign: Sign) -> HeartbeatHeard:
    entry = GroupEntry("web", role, Epoch(epoch), Health.ABLE, sign)
    digest = hash((role, epoch, sign)) & 0xFFFF
    beat = Heartbeat("beta", "public", 9, 1, NOW, None, ("public",), 0, digest, (entry,))
    return HeartbeatHeard("public", beat)


EVENTS: list[Event] = [
    DeadlineReached(),
    *(said(role, epoch, sign) for role in Role for epoch in (0, 1, 9) for sign in Sign),
    *(PhaseEnded("web", phase, Epoch(1), veto) for phase in Phase for veto in (None, "no")),
    Acquired("web", Epoch(1), NOW),
    Acquired("web", Epoch(1), None, "no"),
    Released("web", Epoch(1)),
    Released("web", Epoch(1), "no"),
    Swept("web"),
    Swept("web", found=True),
    Swept("web", failed="no"),
    Released("mail", Epoch(1)),
    Renewed(NOW),
    Renewed(NOW, ("web", "mail")),
    Probed("web", NOW),
    Probed("web", NOW, (Answer("192.0.2.100", "02:00:00:00:00:01"),)),
    Probed("web", NOW, failed="no"),
    *(HandoverAsked(group, to) for group in ("web", "mail") for to in ("alpha", "beta")),
    CarrierChanged("eth0", up=False),
    CarrierChanged("eth0", up=True),
    StandbyAsked(),
    ResumeAsked(),
    StopAsked(),
    TermsChanged(("web",)),
]


def nodes() -> list[tuple[str, Node]]:
    """Nodes in every role, with and without phases on the way."""
    made: list[tuple[str, Node]] = []
    for groups in ({"web": PHASED},):
        pair = Pair(groups=groups)
        made.append(("fresh", pair.hosts["alpha"].node))
        for ms in (3_300, 10, 10, 10, 10, 3_000):
            pair.run(ms)
            made.append((f"alpha {pair.role('alpha').value}", pair.hosts["alpha"].node))
        pair.feed("alpha", HandoverAsked("web", "beta"))
        for ms in (1, 11, 11, 11, 5, 11):
            pair.run(ms)
            made.append((f"giving {pair.role('alpha').value}", pair.hosts["alpha"].node))
    outcast = settled(groups={"web": PHASED})
    outcast.feed("alpha", StandbyAsked())
    outcast.run(5_000)
    made.append(("outcast", outcast.hosts["alpha"].node))
    return made


@pytest.mark.parametrize("name_node", nodes(), ids=lambda pair: pair[0])
def test_every_event_has_an_answer_in_every_role(name_node: tuple[str, Node]) -> None:
    """Pure and total: the same answer twice, and time goes on afterwards."""
    node = name_node[1]
    mine = terms("alpha", groups={"web": PHASED})
    for event in EVENTS:
        for later in (0, 1, SECOND, 100 * SECOND):
            now = Instant(node.stepped_at + later)
            taken = step(node, event, now=now, terms=mine)
            assert taken == step(node, event, now=now, terms=mine)


@pytest.mark.parametrize("name_node", nodes(), ids=lambda pair: pair[0])
def test_no_deadline_spins(name_node: tuple[str, Node]) -> None:
    """A node that has overslept everything is on time again after a few steps."""
    node = name_node[1]
    mine = terms("alpha", groups={"web": PHASED})
    now = Instant(node.stepped_at + 1000 * SECOND)
    for _ in range(4):
        node = step(node, DeadlineReached(), now=now, terms=mine).node
    assert next_deadline(node) > now


def test_every_turn_in_the_table_is_taken_by_some_pair() -> None:
    """TURNS has no dead entries; `step` asserts that it has no missing ones."""
    taken: set[str] = set()
    for scene in range(4):
        pair = settled(groups={"web": PHASED})
        if scene == 0:
            pair.feed("alpha", StandbyAsked())
            pair.run(3_000)
            pair.feed("alpha", ResumeAsked())
        elif scene == 1:
            pair.hosts["beta"].veto[Phase.TEST] = "no"
            pair.power_cut("alpha")
            pair.run(5_000)
        elif scene == 2:
            pair.feed("beta", StandbyAsked())
            pair.run(100)
        taken |= {t for name in ("alpha", "beta") for t in pair.turns(name)}
    # test_p5_what_a_killed_run_left_open..., and test_an_engine_that_comes_back_in_time...
    leftover = {"standby->yielder", "standby->holder"}
    assert taken | leftover == {f"{was.value}->{role.value}" for was, role in TURNS}


def test_a_turn_that_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        check(Role.HOLDER, Role.STANDBY)


def test_time_must_not_run_backwards() -> None:
    made = boot(terms("alpha"), {}, Instant(5), down=frozenset())
    with pytest.raises(AssertionError, match="backwards"):
        step(made.node, DeadlineReached(), now=Instant(4), terms=terms("alpha"))


def test_a_renewal_goes_before_the_heartbeat_that_it_belongs_to_and_a_release_before_both() -> None:
    """Design 7.1: a lease begins with a heartbeat."""
    pair = settled()
    kinds = [type(e) for t, e in pair.hosts["alpha"].effects if t > pair.now - 1000 * MS]
    assert kinds.index(Renew) < kinds.index(SendHeartbeat)


def test_an_unproven_boot_is_echoed_at_once_but_not_without_end() -> None:
    """P8: no amplifier for whoever replays old datagrams."""
    pair = settled()
    host = pair.hosts["alpha"]
    pair.run(300)
    began = len(host.effects)
    stranger = Heartbeat("beta", "public", 4711, 1, Instant(0), None, (), 0, 0)
    for _ in range(100):
        pair.feed("alpha", HeartbeatHeard("public", stranger, proven=False))
    sent = [e for _, e in host.effects[began:] if isinstance(e, SendHeartbeat)]
    assert len(sent) == 1
    assert sent[0].heartbeat.echo is not None
    assert sent[0].heartbeat.echo.boot == 4711
    assert host.node.peer_boot != 4711


def test_a_heartbeat_carries_no_more_entries_than_fit_and_all_get_their_turn() -> None:
    groups = {f"g{n}": GroupTerms(f"g{n}", preferred="alpha", phases=False) for n in range(80)}
    pair = Pair(groups=groups).run(30_000)
    beats = [e.heartbeat for _, e in pair.hosts["alpha"].effects if isinstance(e, SendHeartbeat)]
    assert max(len(b.entries) for b in beats) <= ENTRIES_MAX
    steady = [b for b in beats[-44:] if b.link == "public"]
    assert {e.group for b in steady for e in b.entries} == set(groups)
    assert pair.holders("g79") == ["alpha"]
    assert pair.hosts["beta"].node.peer_digest == pair.hosts["alpha"].node.digest


def test_an_older_heartbeat_that_comes_later_says_nothing_of_groups() -> None:
    """Two links, one slower: its older word must not undo the newer one."""
    pair = settled()
    node = pair.hosts["beta"].node
    late = GroupEntry("web", Role.STANDBY, Epoch(0))
    old = Heartbeat(
        "alpha", "private", node.peer_boot or 0, 10**6, Instant(node.peer_sent_at - 1), None,
        ("public", "private"), 0, 1234, (late,),
    )  # fmt: skip
    pair.feed("beta", HeartbeatHeard("private", old))
    peer = pair.hosts["beta"].node.groups["web"].peer
    assert peer is not None
    assert peer.role is Role.HOLDER


def test_entries_of_groups_that_this_node_does_not_know_are_passed_over() -> None:
    pair = settled()
    foreign = GroupEntry("mail", Role.HOLDER, Epoch(3))
    node = pair.hosts["beta"].node
    beat = Heartbeat(
        "alpha", "public", node.peer_boot or 0, 10**6, Instant(node.peer_sent_at + 1), None,
        ("public", "private"), 0, 1234, (foreign,),
    )  # fmt: skip
    pair.feed("beta", HeartbeatHeard("public", beat))
    assert set(pair.hosts["beta"].node.groups) == {"web"}


def test_leases_of_slow_heartbeats_are_renewed_with_each_and_of_fast_ones_with_some() -> None:
    fast = settled(interval_ns=100 * MS, takeover_after_ns=SECOND * 3 // 2, lease_s=1)
    began = len(fast.hosts["alpha"].effects)
    fast.run(6_000)
    tail = [e for _, e in fast.hosts["alpha"].effects[began:]]
    renewals = sum(isinstance(e, Renew) for e in tail)
    beats = sum(isinstance(e, SendHeartbeat) for e in tail) // 2
    assert 18 <= renewals <= 22
    assert beats == 60


def test_a_configured_carrier_that_is_down_at_start_is_known() -> None:
    mine = terms("alpha")
    made = boot(mine, {}, Instant(0), down=frozenset({"eth0"}))
    assert made.node.said["web"].health is Health.CARRIER


def test_what_many_groups_tell_at_the_same_time_is_one_heartbeat() -> None:
    """Issue 4: "Changed groups go out at once, in as many datagrams as needed"."""
    web = terms("alpha").groups["web"]
    many = terms("alpha", groups={f"web{i}": replace(web, name=f"web{i}") for i in range(40)})
    node = boot(many, {}, Instant(100 * SECOND), down=frozenset()).node
    while (now := next_deadline(node)) < 104 * SECOND:
        node = step(node, DeadlineReached(), now=now, terms=many).node
    now = node.stepped_at
    news = [HealthChanged(name, "the disk is full") for name in many.groups]

    together = step_all(node, news, now=now, terms=many)
    one_by_one, beats = node, 0
    for each in news:
        taken = step(one_by_one, each, now=now, terms=many)
        one_by_one = taken.node
        beats += len([effect for effect in taken.effects if isinstance(effect, SendHeartbeat)])

    sent = [effect for effect in together.effects if isinstance(effect, SendHeartbeat)]
    assert [effect.heartbeat.link for effect in sent] == list(many.links)
    assert {entry.group for entry in sent[0].heartbeat.entries} == set(many.groups)
    assert beats == len(news) * len(many.links)
    assert together.node.groups == one_by_one.groups
    assert together.node.digest == one_by_one.digest
