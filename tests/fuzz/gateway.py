"""What an etcd, or whoever stands there instead, answers: the first byte chooses the status."""

import json
from base64 import b64encode

from ipfo.plugin import Claim
from ipfo_plugins.witness import _keys
from ipfo_plugins.witness._endpoint import Endpoint
from ipfo_plugins.witness._gateway import Gateway, Stranger

CLAIM = Claim("www", "web", "alpha", 4)
LEASE = 7
HEADER = {"cluster_id": "1", "member_id": "2", "revision": "3", "raft_term": "4"}
URL = "http://192.0.2.11:2379"


def seeds() -> list[bytes]:
    """A transaction's answer, one for a stream, and two of etcd's own no."""
    keys = [
        (_keys.holder_key("/ipfo", CLAIM), _keys.holder_value(CLAIM)),
        (_keys.epoch_key("/ipfo", CLAIM), _keys.epoch_value(CLAIM)),
    ]
    read = [
        {
            "response_range": {
                "kvs": [
                    {
                        "key": b64encode(key).decode(),
                        "value": b64encode(value).decode(),
                        "mod_revision": "3",
                        "lease": str(LEASE),
                    }
                ]
            }
        }
        for key, value in keys
    ]
    answers = [
        {"header": HEADER, "succeeded": True, "responses": read},
        {"header": HEADER, "succeeded": True, "responses": [{"response_range": {}}] * 2},
        {"header": HEADER, "responses": [{"response_txn": {"succeeded": True}}]},
        {"result": {"header": HEADER, "ID": "7", "TTL": "2"}},
    ]
    no = {"error": {"message": "etcdserver: requested lease not found", "code": 5}}
    good = [b"\0" + json.dumps(each).encode() for each in answers]
    return [*good, b"\1" + json.dumps(no).encode(), b"\2" + json.dumps(no).encode()]


def feed(data: bytes) -> None:
    """Nonsense is an OSError or a ValueError in one short line, and never a grant."""
    status = (200, 404, 503)[data[0] % 3] if data else 200
    words = _told(status, data[1:])
    assert len(words) < 400, words
    assert len(words.splitlines()) <= 1, words
    try:
        fields = json.loads(data[1:])
        _keys.written({CLAIM: _keys.Keys(_keys.Kept(), _keys.Kept())}, fields)
    except (ValueError, RecursionError, AttributeError):
        pass


def _told(status: int, text: bytes) -> str:
    """What is said of the answer; empty where the claim may go on."""
    try:
        answer = Gateway([URL], None, None)._read(Endpoint(URL, None), status, text)
        keys = _keys.read("/ipfo", [CLAIM], answer.fields)[CLAIM]
    except Stranger:
        raise AssertionError("the first answer cannot be a stranger's") from None
    except (OSError, ValueError) as error:
        assert str(error), "refused without a word"  # noqa: PT017 - it need not come to that
        return str(error)
    why = _keys.refusal(CLAIM, keys)
    assert not (why and _keys.is_kept(CLAIM, keys, LEASE)), "refused, and kept all the same"
    return str(why or "")
