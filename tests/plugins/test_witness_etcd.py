"""The voter by etcd, against a real one of three members: who is granted what while members die."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ipfo import clock
from ipfo.model import SECOND
from ipfo.plugin import Behind, Claim, Voter
from ipfo.testing import check_voter

from .etcd import Etcd, text64
from .meddler import meddling
from .voting import make, until

TTL_S = 2
WEB = Claim("www", "web", "alpha", 1)
OTHER = Claim("www", "web", "beta", 2)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """Three members that no test harms."""
    etcd = Etcd(tmp_path_factory.mktemp("three"))
    try:
        etcd.start(3)
        yield etcd
    finally:
        etcd.stop()


@pytest.fixture
def mortal(tmp_path: Any) -> Iterator[Etcd]:
    """Three members of the test's own."""
    etcd = Etcd(tmp_path / "mortal")
    try:
        etcd.start(3)
        yield etcd
    finally:
        etcd.stop()


def vote(voter: Voter, *claims: Claim, timeout_s: float = 2) -> Mapping[str, str | Behind]:
    return voter.vote(claims, TTL_S, timeout_s)


def claim(group: str, node: str = "alpha", epoch: int = 1) -> Claim:
    return Claim("www", group, node, epoch)


def granted(voter: Voter, *claims: Claim) -> Callable[[], bool]:
    """Whether `claims` are kept; not being able to ask is no."""

    def asked() -> bool:
        try:
            return not vote(voter, *claims, timeout_s=1)
        except OSError:
            return False

    return asked


def test_it_keeps_the_contract(three: Etcd) -> None:
    check_voter(lambda: make(three.endpoints), ttl_s=TTL_S)


def test_of_two_nodes_that_race_for_a_group_exactly_one_is_granted(three: Etcd) -> None:
    """P1: of two isolated nodes one at most can hold."""
    voters = {"alpha": make(three.endpoints), "beta": make(three.endpoints[::-1])}
    barrier = threading.Barrier(2, timeout=20)

    def ask(wanted: Claim) -> bool:
        barrier.wait()
        return not vote(voters[wanted.node], wanted)

    with ThreadPoolExecutor(2) as pool:
        for number in range(150):
            claims = [claim(f"race{number}", node, 1 + number % 3) for node in voters]
            won = [c.node for c, well in zip(claims, pool.map(ask, claims), strict=True) if well]
            assert len(won) == 1, f"round {number}: {won}"
            assert f'"{won[0]}"' in (three.value(f"/ipfo/www/race{number}/holder") or "")


def test_the_keys_are_those_that_the_docs_say(three: Etcd) -> None:
    voter = make(three.endpoints, prefix="/ha/one")
    assert vote(voter, claim("keys", epoch=1234)) == {}
    assert three.value("/ha/one/www/keys/holder") == '{"node": "alpha", "epoch": 1234}'
    assert three.value("/ha/one/www/keys/epoch") == "00000000000000001234"
    voter.withdraw(claim("keys", epoch=1234), 2)
    assert three.value("/ha/one/www/keys/holder") is None
    assert three.value("/ha/one/www/keys/epoch") == "00000000000000001234"


@pytest.mark.parametrize(("groups", "requests"), [(1, 2), (128, 2), (300, 4)])
def test_to_keep_what_is_kept_takes_two_requests(three: Etcd, groups: int, requests: int) -> None:
    """And one more for each 128 groups: a vote is cast every second or so."""
    claims = [claim(f"steady{groups}-{number}") for number in range(groups)]
    with meddling(three.endpoints[0]) as meddler:
        voter = make([meddler.endpoint])
        assert vote(voter, *claims) == {}
        before = len(meddler.asked)
        assert vote(voter, *claims) == {}
        asked = meddler.asked[before:]
    assert asked == ["lease/keepalive", *["kv/txn"] * (requests - 1)]


def test_the_leader_dies_and_the_holder_stays_the_holder(mortal: Etcd) -> None:
    alpha, beta = make(mortal.endpoints), make(mortal.endpoints)
    assert vote(alpha, WEB) == {}
    mortal.kill(mortal.leader())
    until(granted(alpha, WEB))
    assert not granted(beta, OTHER)()


def test_without_a_quorum_nothing_is_granted_and_with_one_again_all_is(mortal: Etcd) -> None:
    alpha, beta = make(mortal.endpoints), make(mortal.endpoints)
    assert vote(alpha, WEB) == {}
    for index in (0, 1):
        mortal.kill(index)
    for voter, wanted in ((alpha, WEB), (beta, OTHER)):
        with pytest.raises(OSError, match="etcd cannot be asked"):
            vote(voter, wanted, timeout_s=1)
    mortal.restart(1)
    until(granted(alpha, WEB))
    assert not granted(beta, OTHER)()


def test_all_members_die_and_come_back_and_remember_the_epoch(mortal: Etcd) -> None:
    alpha, beta = make(mortal.endpoints), make(mortal.endpoints)
    assert vote(alpha, claim("web", epoch=5)) == {}
    for index in range(3):
        mortal.kill(index)
    with pytest.raises(OSError, match="etcd cannot be asked") as caught:
        vote(alpha, WEB)
    assert all(endpoint in str(caught.value) for endpoint in mortal.endpoints)
    for index in range(3):
        mortal.restart(index, wait=False)
    until(granted(alpha, claim("web", epoch=5)))
    assert "alpha" in str(vote(beta, claim("web", "beta", 6))["web"])
    alpha.withdraw(claim("web", epoch=5), 2)
    assert vote(beta, claim("web", "beta", 4))["web"] == Behind(5)


def test_a_leader_that_was_frozen_and_thaws_gives_nothing_back(mortal: Etcd) -> None:
    """A thawed leader does not know yet that there is another: etcd-io/etcd#15247."""
    leader = mortal.leader()
    alpha = make([mortal.endpoints[leader]])
    beta = make([each for index, each in enumerate(mortal.endpoints) if index != leader])
    assert vote(alpha, WEB) == {}
    mortal.freeze(leader)
    until(granted(beta, OTHER))
    mortal.thaw(leader)
    deadline = clock.now() + 2 * SECOND
    while clock.now() < deadline:
        assert not granted(alpha, WEB)()
        assert granted(beta, OTHER)()


def test_a_leader_whose_followers_are_gone_grants_nothing(mortal: Etcd) -> None:
    """For a moment it still thinks that it leads, and prolongs leases out of its own head."""
    leader = mortal.leader()
    alpha = make([mortal.endpoints[leader]])
    assert vote(alpha, WEB) == {}
    for index in {0, 1, 2} - {leader}:
        mortal.freeze(index)
    with pytest.raises(OSError, match="etcd cannot be asked"):
        vote(alpha, WEB, timeout_s=0.3)


def test_a_lease_that_is_revoked_is_made_anew(three: Etcd) -> None:
    voter = make(three.endpoints)
    assert vote(voter, claim("revoked")) == {}
    three.ask("lease/revoke", {"ID": lease_of(three, "/ipfo/www/revoked/holder")})
    assert three.value("/ipfo/www/revoked/holder") is None
    assert vote(voter, claim("revoked")) == {}
    assert three.value("/ipfo/www/revoked/holder") is not None


@pytest.mark.parametrize(("key", "epoch"), [("holder", 1), ("epoch", 2)])
def test_a_key_that_somebody_has_deleted_is_written_again(
    three: Etcd, key: str, epoch: int
) -> None:
    """The epoch's at the next claim; nobody fences by it in between."""
    voter, group = make(three.endpoints), f"deleted-{key}"
    assert vote(voter, claim(group), claim("beside")) == {}
    three.ask("kv/deleterange", {"key": text64(f"/ipfo/www/{group}/{key}")})
    assert vote(voter, claim(group, epoch=epoch), claim("beside")) == {}
    assert three.value(f"/ipfo/www/{group}/{key}") is not None


def test_what_somebody_writes_between_look_and_claim_is_not_overwritten(three: Etcd) -> None:
    gamma = '{"node": "gamma", "epoch": 1}'
    put = {"key": text64("/ipfo/www/between/holder"), "value": text64(gamma)}

    def meanwhile(_path: str, asked: Any) -> bool:
        if "request_range" in str(asked):
            three.ask("kv/put", put)
        return False

    with meddling(three.endpoints[0]) as meddler:
        meddler.swallow = meanwhile
        refused = vote(make([meddler.endpoint]), claim("between"))
    assert refused == {"between": "etcd keeps it for gamma, epoch 1"}
    assert three.value("/ipfo/www/between/holder") == gamma


def test_another_process_of_the_same_node_goes_on_under_a_lease_of_its_own(three: Etcd) -> None:
    """The worker was killed and started again; what its forerunner had asked for ends by itself."""
    assert vote(make(three.endpoints), claim("again")) == {}
    before = lease_of(three, "/ipfo/www/again/holder")
    assert vote(make(three.endpoints), claim("again")) == {}
    assert lease_of(three, "/ipfo/www/again/holder") != before


def test_what_was_written_without_an_answer_is_not_prolonged_for_ever(three: Etcd) -> None:
    """P3: a group that its holder has given up must become free, whatever was lost on the way."""
    with meddling(three.endpoints[0]) as meddler:
        alpha, beta = make([meddler.endpoint]), make(three.endpoints)
        assert vote(alpha, claim("kept")) == {}
        meddler.swallow = lambda _, asked: "request_txn" in str(asked)
        with pytest.raises(OSError, match="no answer in time"):
            vote(alpha, claim("kept"), claim("lost"), timeout_s=0.5)
        meddler.swallow = lambda *_: False
        assert "alpha" in (three.value("/ipfo/www/lost/holder") or "")

        def freed() -> bool:
            assert vote(alpha, claim("kept")) == {}
            return granted(beta, claim("lost", "beta", 2))()

        until(freed)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("holder", "nobody", "which ipfo has not written"),
        ("holder", "[]", "which ipfo has not written"),
        ("holder", '{"node": "alpha"}', "which ipfo has not written"),
        # found by tests/fuzz: no whole number, words that end a line, words without end
        ("holder", '{"node": "beta", "epoch": 1e999}', "which ipfo has not written"),
        ("holder", '{"node": "a\\nb", "epoch": 1}', "which ipfo has not written"),
        ("holder", '{"node": "beta", "epoch": ' + "9" * 4000 + "}", "which ipfo has not written"),
        ("holder", '{"node": "gamma", "epoch": 3}', "keeps it for gamma, epoch 3"),
        ("epoch", "many", "which ipfo has not written"),
        ("epoch", "٣", "which ipfo has not written"),
        ("epoch", "9" * 30, "which ipfo has not written"),
        ("epoch", "00000000000000000009", "Behind(highest=9)"),
    ],
)
def test_what_others_have_written_is_refused_with_the_reason(
    three: Etcd, key: str, value: str, why: str
) -> None:
    place = f"/foreign/www/web/{key}"
    three.ask("kv/put", {"key": text64(place), "value": text64(value)})
    voter = make(three.endpoints, prefix="/foreign")
    refused = vote(voter, WEB, claim("db"))
    assert list(refused) == ["web"]
    assert why in str(refused["web"])
    three.ask("kv/deleterange", {"key": text64("/foreign"), "range_end": text64("/foreigo")})


def test_a_vote_ends_no_sooner_than_it_was_asked_for(three: Etcd) -> None:
    """etcd's least lease is one of 1.5 elections; more than was asked for is well, less is not."""

    def shorter(path: str, _asked: Any, answer: dict[str, Any]) -> Any:
        return answer | {"TTL": "1"} if path == "lease/grant" else answer

    with meddling(three.endpoints[0], shorter) as meddler:
        with pytest.raises(OSError, match="a lease of 1 s where 2 s were asked for"):
            vote(make([meddler.endpoint]), claim("short"))
        meddler.change = lambda _p, _a, answer: (
            answer | {"TTL": "60"} if "TTL" in answer else answer
        )
        voter = make([meddler.endpoint])
        assert vote(voter, claim("short")) == {}

        def ending(path: str, _asked: Any, answer: dict[str, Any]) -> Any:
            result = answer.get("result", {}) | {"TTL": "1"}
            return {"result": result} if path == "lease/keepalive" else answer

        meddler.change, before = ending, len(meddler.asked)
        assert vote(voter, claim("short")) == {}
        assert meddler.asked[before:][:2] == ["lease/keepalive", "lease/grant"]


def test_a_vote_for_longer_takes_another_lease(three: Etcd) -> None:
    """As after a reload that has changed the timings."""
    with meddling(three.endpoints[0]) as meddler:
        voter = make([meddler.endpoint])
        assert vote(voter, claim("longer")) == {}
        before = len(meddler.asked)
        assert voter.vote([claim("longer")], TTL_S + 2, 2) == {}
        assert meddler.asked[before] == "lease/grant"


def lease_of(etcd: Etcd, key: str) -> str:
    """The lease on which `key` hangs."""
    (found,) = etcd.ask("kv/range", {"key": text64(key)})["kvs"]
    return str(found["lease"])


def test_no_claims_ask_nothing(three: Etcd) -> None:
    nobody: Sequence[Claim] = ()
    with meddling(three.endpoints[0]) as meddler:
        assert vote(make([meddler.endpoint]), *nobody) == {}
        assert meddler.asked == []
