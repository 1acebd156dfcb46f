"""etcd's JSON gateway (its API v3 over HTTP): one question, asked of one endpoint after another.

An answer is believed only if it is JSON, bears a header, and comes from the same etcd as all others
before. Every question has an end, however slowly an answer drips; and one endpoint that swallows
everything costs its own share of the time only.
"""

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfo.plugin import Instant, now
from ipfo_plugins._hurried import Late
from ipfo_plugins._secret import read_secret
from ipfo_plugins.witness._endpoint import Endpoint

Body = Mapping[str, Any]

UNAUTHENTICATED = "invalid auth token", "user name is empty", "revision of auth store is old"
"""What etcd says where it wants to be told the password again."""


class Refusal(OSError):  # noqa: N818 - etcd's word, and not always a fault
    """etcd understood the question and said no; no other endpoint would say anything else."""


class Stranger(OSError):  # noqa: N818 - what it is, not what went wrong
    """The answer is another etcd's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What etcd said; `term` is the raft term in which the endpoint was, and changes with the leader."""

    fields: Body
    term: int
    revision: int


@dataclass(frozen=True, slots=True)
class Login:
    """Who this is to etcd. The password is read when it is needed."""

    user: str
    password_file: str


class Gateway:
    """The endpoints `urls` of one etcd. One question at a time; connections are kept between them."""

    def __init__(
        self, urls: Sequence[str], tls: ssl.SSLContext | None, login: Login | None
    ) -> None:
        self._endpoints = [Endpoint(url, tls) for url in urls]
        self._login = login
        self._token: str | None = None
        self._id: str | None = None
        self._untried: list[Endpoint] = []
        self._faults: list[str] = []
        self._ends_at = Instant(0)

    def begin(self, timeout_s: float) -> None:
        """A call begins: all that is asked from now on has `timeout_s` together."""
        self._ends_at = Instant(now() + int(timeout_s * 1e9))
        self._untried = list(self._endpoints)
        self._faults = []

    def ask(self, path: str, body: Body) -> Answer:
        """What the first endpoint says that says anything; the one that did goes first next time.

        :raises Refusal: for etcd's own no.
        :raises OSError: if none said anything of use in time.
        """
        while self._untried:
            endpoint = self._untried[0]
            share_ns = (self._ends_at - now()) // len(self._untried)
            try:
                answer = self._ask_one(endpoint, path, body, Instant(now() + share_ns))
            except Refusal:
                raise
            except Stranger:
                self._put_last(endpoint)
                raise
            except (OSError, http.client.HTTPException, ValueError) as error:
                endpoint.close()
                self._faults.append(f"{endpoint.url}: {_text(error)}")
                del self._untried[0]
                self._put_last(endpoint)
            else:
                return answer
        raise OSError(f"etcd cannot be asked: {'; '.join(self._faults)}")

    def _put_last(self, endpoint: Endpoint) -> None:
        """The next call asks the others first."""
        self._endpoints.remove(endpoint)
        self._endpoints.append(endpoint)

    def _ask_one(self, endpoint: Endpoint, path: str, body: Body, until: Instant) -> Answer:
        if self._login is None:
            return self._read(endpoint, *endpoint.post(path, _packed(body), until))
        fresh = self._token is None
        if self._token is None:
            self._token = self._authenticate(endpoint, self._login, until)
        try:
            status, text = endpoint.post(path, _packed(body), until, self._token)
        except http.client.RemoteDisconnected:
            if fresh:
                raise
            # Some versions hang up on a token that they do not know (etcd-io/etcd#20332).
            status, text = 401, b'{"error": "invalid auth token"}'
        if status >= 400 and not fresh and any(each in _error(text) for each in UNAUTHENTICATED):
            self._token = None
            return self._ask_one(endpoint, path, body, until)
        return self._read(endpoint, status, text)

    def _authenticate(self, endpoint: Endpoint, login: Login, until: Instant) -> str:
        try:
            password = read_secret(login.password_file)
        except OSError as error:
            raise Refusal(str(error)) from None
        asked = {"name": login.user, "password": password}
        answer = self._read(endpoint, *endpoint.post("auth/authenticate", _packed(asked), until))
        token = answer.fields.get("token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise ValueError("nonsense: no token")
        return token

    def _read(self, endpoint: Endpoint, status: int, text: bytes) -> Answer:
        """`text` as an answer of the etcd that this is about.

        :raises Refusal: for its own no.
        :raises Stranger: for another etcd's.
        :raises ValueError: for whatever is no answer.
        """
        if status != 200:
            said = _error(text) or f"HTTP status {status}"
            if 400 <= status < 500 and _error(text):
                raise Refusal(f"etcd at {endpoint.url} says no: {said}")
            raise OSError(said)
        fields = _object(text)
        # a stream of answers wraps each of them
        inner = fields.get("result", fields)
        header = inner.get("header") if isinstance(inner, Mapping) else None
        if not isinstance(header, Mapping):
            raise ValueError("nonsense: no header")
        self._recognize(endpoint, str(number(header, "cluster_id")))
        return Answer(inner, number(header, "raft_term"), number(header, "revision", 0))

    def _recognize(self, endpoint: Endpoint, number_of_it: str) -> None:
        if self._id is None:
            self._id = number_of_it
        if self._id != number_of_it:
            raise Stranger(
                f"etcd changed its cluster id from {self._id} to {number_of_it} at {endpoint.url}:"
                " it is another one, or was made anew; nothing of it is believed until ipfo is"
                " started again"
            )


def number(fields: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """The whole number `key` of `fields`, which JSON has as text since it may be of 64 bits.

    :raises ValueError: if there is none, and no `default`.
    """
    value = fields.get(key, default)
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) <= 20:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"nonsense: no number {key}")


def _packed(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("nonsense: no JSON") from None
    if not isinstance(fields, dict):
        raise ValueError("nonsense: no JSON object")
    return fields


def _error(text: bytes) -> str:
    """In etcd's own words what is wrong: one line and not endless; empty where there are none."""
    try:
        fields = _object(text)
    except ValueError:
        return ""
    said = fields.get("error") or fields.get("message")
    if isinstance(said, Mapping):  # that of a stream
        said = said.get("message")
    return " ".join(said.split())[:200] if isinstance(said, str) else ""


def _text(error: Exception) -> str:
    if isinstance(error, Late | TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:200] or type(error).__name__
