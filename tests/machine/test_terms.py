"""Terms that change while the node runs: ``ipfo reload``. P9: what was not touched is not touched."""

from dataclasses import replace
from typing import Any

from tests.machine.scenes import WEB, settled, until_held
from tests.machine.virtual_pair import Pair

from ipfo.machine.effects import SendHeartbeat
from ipfo.machine.events import HealthChanged, TermsChanged
from ipfo.model import SECOND


def reload(pair: Pair, name: str, **changed: Any) -> None:
    """The daemon of `name` goes on by other terms."""
    host = pair.hosts[name]
    host.terms = replace(host.terms, **changed)
    pair.feed(name, TermsChanged(tuple(host.terms.groups)))


def test_p9_new_terms_alone_move_nothing_and_are_told_to_the_peer_at_once() -> None:
    pair = settled()
    before = len(pair.hosts["alpha"].effects)
    turns = pair.turns("alpha")
    reload(pair, "alpha", config_digest=7, first_claim_after_ns=None)
    told = [effect for _, effect in pair.hosts["alpha"].effects[before:]]
    beats = [each for each in told if isinstance(each, SendHeartbeat)]
    assert {each.heartbeat.config_digest for each in beats} == {7}
    pair.run(10_000)
    assert pair.turns("alpha") == turns
    assert pair.holders() == ["alpha"]


def test_a_failback_that_becomes_automatic_needs_no_other_event_to_begin() -> None:
    """A group that nothing happens to is looked at all the same."""
    pair = settled()
    pair.feed("alpha", HealthChanged("web", "http: 500"))
    until_held(pair, "beta")
    pair.feed("alpha", HealthChanged("web", None))
    pair.run(120_000)
    auto = {"web": replace(WEB, failback_after_ns=60 * SECOND)}
    reload(pair, "alpha", groups=auto)
    reload(pair, "beta", groups=auto)
    until_held(pair, "alpha", 1_000)  # alpha has been well for long enough already
    assert pair.double_ns == 0


def test_drift_begins_with_the_first_reload_and_ends_with_the_second_on_both_nodes() -> None:
    pair = settled(config_digest=1)
    reload(pair, "alpha", config_digest=2)
    pair.run(2_000)
    assert [pair.told(node).count("drift") for node in ("alpha", "beta")] == [1, 1]
    reload(pair, "beta", config_digest=2)
    pair.run(2_000)
    for node in ("alpha", "beta"):
        assert pair.told(node).count("drift") == 1
        assert pair.told(node)[-1] == "recovered"
