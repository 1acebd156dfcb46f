"""A peer that is heard and does not hear: nothing moves while the wire knows better (pain 3)."""

from tests.machine.scenes import settled, until_held

from ipfo.machine.events import StandbyAsked
from ipfo.model import SECOND, Health, Role

LINKS = ("public", "private")


def test_p1_where_the_wire_still_answers_nothing_moves() -> None:
    pair = settled()
    pair.cut = {("alpha", link) for link in LINKS}
    pair.run(30_000)
    assert pair.holders() == ["alpha"]
    said = pair.hosts["alpha"].node.groups["web"].peer
    assert said is not None
    assert said.health is Health.CONTESTED


def test_p1_a_holder_that_nothing_is_heard_of_lets_go_before_the_peer_takes() -> None:
    pair = settled()
    pair.cut = {("alpha", link) for link in LINKS}
    pair.deaf_wire = True
    assert until_held(pair, "beta") < 3_500
    pair.run(30_000)
    assert pair.holders() == ["beta"]
    assert pair.double_ns == 0


def test_a_standby_that_is_not_heard_moves_nothing() -> None:
    pair = settled()
    pair.cut = {("beta", link) for link in LINKS}
    pair.deaf_wire = True
    pair.run(30_000)
    assert pair.holders() == ["alpha"]


def test_a_peer_that_could_not_take_it_is_not_made_room_for() -> None:
    pair = settled()
    pair.hosts["beta"].acquire_fails = "no"
    pair.feed("beta", StandbyAsked())
    pair.run(1_000)
    pair.cut = {("alpha", link) for link in LINKS}
    pair.deaf_wire = True
    pair.run(20_000)
    assert pair.holders() == ["alpha"]
    assert pair.role("beta") is Role.OUTCAST


def test_a_wire_that_has_only_just_healed_is_not_one_way() -> None:
    """The first heartbeat after a partition says that its sender hears nothing yet."""
    for ahead in ("alpha", "beta"):
        pair = settled(vote_ttl_ns=3 * SECOND)
        pair.partition()
        pair.run(20_000)
        pair.cut = {(ahead, link) for link in LINKS}  # the other is heard first
        pair.run(1_400)
        pair.heal()
        pair.run(10_000)
        assert pair.holders() == ["alpha"]
        assert pair.turns("alpha") == ["standby->claimant", "claimant->holder"]
