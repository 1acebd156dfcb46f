"""What the voter does not believe, and what does not hold it up: nothing of it is ever a grant."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ipfo.plugin import Claim

from .etcd import Etcd
from .meddler import meddling
from .voting import make

TTL_S = 2
HEADER = {"cluster_id": "1", "member_id": "2", "revision": "3", "raft_term": "4"}


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """One member that no test harms."""
    one = Etcd(tmp_path_factory.mktemp("one"))
    try:
        one.start(1)
        yield one
    finally:
        one.stop()


@pytest.fixture
def claim(request: pytest.FixtureRequest) -> Claim:
    """One that no other test has."""
    return Claim("www", request.node.name, "alpha", 1)


def instead(path: str, answer: object) -> Callable[[str, Any, Any], Any]:
    """Answer so to `path`, and as etcd does to all else."""
    return lambda asked_path, _asked, real: answer if asked_path == path else real


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>Welcome to nginx!</html>",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b"[]",
        b"null",
        b'"granted"',
        b"{}",
        b'{"header": []}',
        b'{"header": {"cluster_id": "none", "raft_term": "1"}}',
        b'{"header": {"cluster_id": "1"}}',
        b'{"header": {"cluster_id": true, "raft_term": "1"}}',
        {"header": HEADER},
        {"header": HEADER, "ID": "0", "TTL": "2"},
        {"header": HEADER, "ID": "-7", "TTL": "2"},
        {"header": HEADER, "ID": "7", "TTL": None},
        {"header": HEADER, "ID": ["7"], "TTL": "2"},
        {"header": HEADER, "ID": "9" * 5000, "TTL": "2"},
    ],
    ids=lambda answer: str(answer)[:60],
)
def test_a_lease_that_makes_no_sense_grants_nothing(
    etcd: Etcd, claim: Claim, answer: object
) -> None:
    with meddling(etcd.endpoints[0], instead("lease/grant", answer)) as meddler:
        with pytest.raises(OSError, match="nonsense") as caught:
            make([meddler.endpoint]).vote([claim], TTL_S, 2)
        assert len(str(caught.value)) < 300, "an error is for people"
        assert "\n" not in str(caught.value)


def test_an_answer_without_end_is_not_read_to_its_end(etcd: Etcd, claim: Claim) -> None:
    def fill(_path: str, _asked: Any, answer: dict[str, Any]) -> Any:
        return answer | {"filler": "x" * (1 << 20)}

    with (
        meddling(etcd.endpoints[0], fill) as meddler,
        pytest.raises(OSError, match="an answer of more than 1048576 bytes"),
    ):
        make([meddler.endpoint]).vote([claim], TTL_S, 2)


RESPONSES: list[object] = [
    None,
    [],
    ["x", "y"],
    [{}, {}],
    [{"response_put": {}}, {"response_put": {}}],
    [{"response_range": {"kvs": {}}}, {"response_range": {}}],
    [{"response_range": {"kvs": [{}, {}]}}, {"response_range": {}}],
    [{"response_range": {"kvs": [{"key": "YQ==", "mod_revision": "5"}]}}, {"response_range": {}}],
    [{"response_range": {"kvs": [{"key": "?", "mod_revision": "5"}]}}, {"response_range": {}}],
    [{"response_range": {"kvs": [{"key": "YQ==", "mod_revision": "0"}]}}, {"response_range": {}}],
]


@pytest.mark.parametrize("responses", RESPONSES, ids=lambda each: str(each)[:60])
def test_keys_that_make_no_sense_grant_nothing(etcd: Etcd, claim: Claim, responses: object) -> None:
    def change(path: str, _asked: Any, answer: dict[str, Any]) -> Any:
        return answer | {"responses": responses} if path == "kv/txn" else answer

    with (
        meddling(etcd.endpoints[0], change) as meddler,
        pytest.raises(OSError, match=r"nonsense|cannot be believed"),
    ):
        make([meddler.endpoint]).vote([claim], TTL_S, 2)


@pytest.mark.parametrize("status", [404, 500, 503, 302])
def test_a_status_that_is_not_200_grants_nothing(etcd: Etcd, claim: Claim, status: int) -> None:
    with meddling(etcd.endpoints[0]) as meddler:
        meddler.status = status
        with pytest.raises(OSError, match=f"HTTP status {status}"):
            make([meddler.endpoint]).vote([claim], TTL_S, 2)


def test_a_prolonged_lease_that_is_another_is_none(etcd: Etcd, claim: Claim) -> None:
    with meddling(etcd.endpoints[0]) as meddler:
        voter = make([meddler.endpoint])
        assert voter.vote([claim], TTL_S, 2) == {}
        meddler.change = instead(
            "lease/keepalive", {"result": {"header": HEADER, "ID": "7", "TTL": "2"}}
        )
        with pytest.raises(OSError, match="etcd changed its cluster id"):
            voter.vote([claim], TTL_S, 2)

        def another(path: str, _asked: Any, answer: dict[str, Any]) -> Any:
            return {"result": answer["result"] | {"ID": "7"}} if "keep" in path else answer

        meddler.change = another
        with pytest.raises(OSError, match="another lease than the one asked for"):
            voter.vote([claim], TTL_S, 2)


@pytest.mark.parametrize(("stale_answers", "well"), [(1, True), (99, False)])
def test_a_lease_prolonged_in_another_term_than_the_keys_were_read_in_is_not_believed(
    etcd: Etcd, claim: Claim, *, stale_answers: int, well: bool
) -> None:
    """A leader that has not noticed that it is none prolongs what the new one lets end."""
    left = stale_answers

    def stale(path: str, _asked: Any, answer: dict[str, Any]) -> Any:
        nonlocal left
        if path != "lease/keepalive" or left == 0:
            return answer
        left -= 1
        result = answer["result"]
        term = int(result["header"]["raft_term"]) - 1
        return {"result": result | {"header": result["header"] | {"raft_term": str(term)}}}

    with meddling(etcd.endpoints[0]) as meddler:
        voter = make([meddler.endpoint])
        assert voter.vote([claim], TTL_S, 2) == {}
        meddler.change = stale
        if well:
            assert voter.vote([claim], TTL_S, 2) == {}
            assert meddler.asked[-4:] == ["lease/keepalive", "kv/txn"] * 2
        else:
            with pytest.raises(OSError, match="is changing its leader"):
                voter.vote([claim], TTL_S, 2)


def test_another_etcd_behind_the_same_endpoint_is_not_believed(
    etcd: Etcd, claim: Claim, tmp_path: Any
) -> None:
    """Bad input of the issue: an etcd that changes its cluster id moves no address."""
    other = Etcd(tmp_path / "other")
    try:
        (elsewhere,) = other.start(1)
        with meddling(etcd.endpoints[0]) as meddler:
            voter = make([meddler.endpoint])
            assert voter.vote([claim], TTL_S, 2) == {}
            meddler.target = elsewhere
            for _ in range(2):
                with pytest.raises(OSError, match=r"etcd changed its cluster id from \d+ to \d+"):
                    voter.vote([claim], TTL_S, 2)
            with pytest.raises(OSError, match="etcd changed its cluster id"):
                voter.withdraw(claim, 2)
            assert other.value(f"/ipfo/www/{claim.group}/holder") is None
            meddler.target = etcd.endpoints[0]
            assert voter.vote([claim], TTL_S, 2) == {}
    finally:
        other.stop()


def test_another_etcd_among_the_endpoints_does_not_stand_in_the_way_for_long(
    etcd: Etcd, claim: Claim, tmp_path: Any
) -> None:
    other = Etcd(tmp_path / "other")
    try:
        (elsewhere,) = other.start(1)
        with meddling(etcd.endpoints[0]) as meddler:
            voter = make([meddler.endpoint, elsewhere])
            assert voter.vote([claim], TTL_S, 2) == {}
            meddler.status = 503
            with pytest.raises(OSError, match="etcd changed its cluster id"):
                voter.vote([claim], TTL_S, 2)
            meddler.status = 200
            assert voter.vote([claim], TTL_S, 2) == {}
    finally:
        other.stop()


def test_endpoints_that_swallow_everything_do_not_use_up_the_time(etcd: Etcd, claim: Claim) -> None:
    with ExitStack() as stack:
        holes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        urls = [f"http://127.0.0.1:{hole.getsockname()[1]}" for hole in holes]
        voter = make([*urls, *etcd.endpoints])
        assert voter.vote([claim], TTL_S, 1.5) == {}
        for hole in holes:
            hole.accept()[0].close()
        assert voter.vote([claim], TTL_S, 1.5) == {}
        for hole in holes:  # the one that worked goes first from now on
            hole.settimeout(0)
            with pytest.raises(BlockingIOError):
                hole.accept()
        with pytest.raises(OSError, match="no answer in time"):
            make(urls).vote([claim], TTL_S, 0.3)


def test_an_answer_that_drips_ends_with_the_time(claim: Claim) -> None:
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not over.wait(0.02):
                client.sendall(b"x")

    def run(server: socket.socket) -> None:
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            drip(server)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=run, args=(server,))
        thread.start()
        voter = make([f"http://127.0.0.1:{server.getsockname()[1]}"])
        with pytest.raises(OSError, match="no answer in time"):
            voter.vote([claim], TTL_S, 0.4)
        thread.join(10)
        assert not thread.is_alive(), "the voter reads on after its time"
        over.set()


def test_a_connection_that_died_meanwhile_is_made_anew(tmp_path: Any, claim: Claim) -> None:
    own = Etcd(tmp_path / "own")
    try:
        voter = make(own.start(1))
        assert voter.vote([claim], TTL_S, 2) == {}
        own.kill(0)
        own.restart(0)
        assert voter.vote([claim], TTL_S, 5) == {}
    finally:
        own.stop()


def test_a_name_is_resolved_and_each_of_its_addresses_tried(etcd: Etcd, claim: Claim) -> None:
    """localhost is ::1 too on most hosts, and there nobody listens."""
    with meddling(etcd.endpoints[0]) as meddler:
        voter = make([f"http://localhost:{meddler.server_port}"])
        assert voter.vote([claim], TTL_S, 2) == {}


def test_a_name_that_cannot_be_resolved_is_told(claim: Claim) -> None:
    """An empty label fails here, without a question to anybody's name server."""
    with pytest.raises(OSError, match=r"the name etcd\.\.example: "):
        make(["http://etcd..example:2379"]).vote([claim], TTL_S, 10)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"endpoints": ["http://192.0.2.1:99999"]}, "a port that cannot be"),
        ({"endpoints": ["http://:2379"]}, "names no host"),
        ({"endpoints": ["http://192.0.2.1:2379"], "ca_file": "ca.pem"}, "all of them must be http"),
        ({"endpoints": ["https://192.0.2.1:2379"], "cert_file": "x"}, "cert_file and key_file"),
        ({"endpoints": ["https://192.0.2.1:2379"], "user": "ipfo"}, "user and password_file"),
        (
            {"endpoints": ["http://192.0.2.1:2379"], "user": "ipfo", "password_file": "x"},
            "in the clear",
        ),
    ],
)
def test_options_that_cannot_be_are_refused_at_the_start(options: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make(**options)
