"""A voter by etcd: who has the key of a group, under a lease of etcd's, may hold it; nobody else.

A claim counts as kept only if its key hangs on a lease that etcd has prolonged or made in the very
same call, and if a quorum has confirmed both. Whatever is unclear is not granted.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ipfo.plugin import Behind, Claim, Offer, Voter, Witness, hookimpl
from ipfo_plugins import _secret
from ipfo_plugins._secret import PATH, read_authorities, read_secret, refuse_shared
from ipfo_plugins.witness import _keys
from ipfo_plugins.witness._gateway import Answer, Body, Gateway, Login, Refusal, number

SCHEMA = {
    "type": "object",
    "properties": {
        "endpoints": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {
                "type": "string",
                "pattern": r"^https?://[^\s/@?#]+:[0-9]+$",
                "x-wanted": "an address such as https://192.0.2.11:2379",
            },
            "description": "Where etcd's members listen for clients.",
        },
        "ca_file": {**PATH, "description": "Who is trusted instead of the system's authorities."},
        "cert_file": {
            **PATH,
            "description": "This node's certificate, where etcd asks for one; it must have no"
            " common name, or etcd's gateway refuses it.",
        },
        "key_file": {**PATH, "description": "Its key; only its owner may read it."},
        "user": {"type": "string", "minLength": 1, "description": "Who this is to etcd."},
        "password_file": {
            **PATH,
            "description": "Its first line is the user's password; only its owner may read it.",
        },
        "prefix": {
            "type": "string",
            "pattern": r"^(/[A-Za-z0-9._-]+)+$",
            "x-wanted": "a path such as /ipfo",
            "default": "/ipfo",
            "description": "What ipfo's keys in etcd begin with.",
        },
    },
    "required": ["endpoints"],
}

OPERATIONS_MAX = 128
"""What etcd takes in one transaction unless its administrator says otherwise."""

CLAIMS_MAX = OPERATIONS_MAX // 2 - 4
"""How many claims are read, or written, at once: two keys each, and etcd adds up what is nested."""

ATTEMPTS = 3
"""How often what changed under way is tried again before the answer is that it did."""

LEASE_LOST = "requested lease not found"


@dataclass(frozen=True, slots=True)
class Tls:
    """The files that https takes."""

    ca_file: str | None
    cert_file: str | None
    key_file: str | None

    def context(self) -> ssl.SSLContext:
        """Read the files.

        :raises OSError: if one cannot be read, or if others may read the key.
        """
        if self.key_file is not None:
            refuse_shared(self.key_file)
        try:
            made = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                # a key under a password would make it ask at a terminal that nobody sits at
                made.load_cert_chain(self.cert_file, self.key_file, password="")
        except OSError as error:
            files = ", ".join(filter(None, (self.ca_file, self.cert_file, self.key_file)))
            raise OSError(f"{files}: {error.strerror or error}") from None
        return made


@dataclass(slots=True)
class _Lease:
    """A lease of etcd's, and what hangs on it."""

    number: int
    ttl_s: int
    revisions: dict[Claim, int] = field(default_factory=dict)  # when each was last written
    tried: set[Claim] = field(default_factory=set)  # all that may hang on it, known or not

    def outlives(self, claims: Sequence[Claim]) -> bool:
        """Whether to prolong it would also prolong what is not claimed any more."""
        wanted = {(claim.pair, claim.group) for claim in claims}
        return any((claim.pair, claim.group) not in wanted for claim in self.tried)

    def wrote(self, claim: Claim, revision: int) -> None:
        group = (claim.pair, claim.group)
        for older in [c for c in self.tried if (c.pair, c.group) == group]:
            self.forget(older)
        self.tried.add(claim)
        self.revisions[claim] = revision

    def forget(self, claim: Claim) -> None:
        self.tried.discard(claim)
        self.revisions.pop(claim, None)


class Etcd:
    """Keeps claims below `prefix`, all of them on one lease, which each `vote` prolongs."""

    def __init__(
        self, endpoints: Sequence[str], tls: Tls | None, login: Login | None, prefix: str
    ) -> None:
        self._endpoints = endpoints
        self._tls = tls
        self._login = login
        self._prefix = prefix
        self._gateway: Gateway | None = None
        self._lease: _Lease | None = None

    def vote(
        self, claims: Sequence[Claim], ttl_s: int, timeout_s: float
    ) -> Mapping[str, str | Behind]:
        """Keep `claims`; what is refused, with the reason. Raises OSError if that is not sure.

        In the long run these are two requests: one that prolongs the lease, and one that checks the
        keys (of 128 groups; one more for as many more).
        """
        if not claims:
            return {}
        with self._asking(timeout_s) as gateway:
            for _ in range(ATTEMPTS):
                try:
                    lease, term = self._prolonged(gateway, claims, ttl_s)
                    refused, terms = self._keep(gateway, lease, claims)
                except Refusal as refusal:
                    if LEASE_LOST not in str(refusal):
                        raise
                    self._lease = None
                    continue
                # A member that was leader and has not noticed yet that it is no more still prolongs
                # leases, of which the new leader knows nothing (etcd-io/etcd#15247). What follows a
                # quorum has confirmed; so if both were in one term, the leader was the leader.
                if term is None or terms == {term}:
                    return refused
        raise OSError("etcd is changing its leader, or loses leases at once; nothing is sure yet")

    def withdraw(self, claim: Claim, timeout_s: float) -> None:
        """Delete the key of `claim` if it is there; raises OSError if that is not sure."""
        with self._asking(timeout_s) as gateway:
            gateway.ask("kv/txn", _keys.deletion_of(self._prefix, claim))
        if self._lease is not None:
            self._lease.forget(claim)

    @contextmanager
    def _asking(self, timeout_s: float) -> Iterator[Gateway]:
        """The gateway for one call of ours; whatever it cannot make sense of becomes an OSError."""
        if self._gateway is None:
            tls = None if self._tls is None else self._tls.context()
            self._gateway = Gateway(self._endpoints, tls, self._login)
        self._gateway.begin(timeout_s)
        try:
            yield self._gateway
        except ValueError as error:
            raise OSError(f"etcd cannot be believed: {error}") from None

    def _prolonged(
        self, gateway: Gateway, claims: Sequence[Claim], ttl_s: int
    ) -> tuple[_Lease, int | None]:
        """A lease that ends in `ttl_s` at the earliest, and the term in which it was prolonged.

        None for the term of a new one: that is not made without a quorum.
        """
        lease = self._lease
        if lease is not None and lease.ttl_s == ttl_s and not lease.outlives(claims):
            answer = gateway.ask("lease/keepalive", {"ID": str(lease.number)})
            left_s = number(answer.fields, "TTL", 0)
            if number(answer.fields, "ID") != lease.number:
                raise ValueError("nonsense: another lease than the one asked for")
            if left_s >= ttl_s:
                return lease, answer.term
            # it has ended, or is about to
        self._lease = None
        answer = gateway.ask("lease/grant", {"TTL": str(ttl_s)})
        # etcd may say more than was asked for (1.5 times its election timeout is its least): then
        # it takes the peer longer to get what this node has lost
        granted_s = number(answer.fields, "TTL")
        if granted_s < ttl_s:
            raise OSError(f"etcd grants a lease of {granted_s} s where {ttl_s} s were asked for")
        self._lease = _Lease(number(answer.fields, "ID"), ttl_s)
        if self._lease.number <= 0:
            raise ValueError("nonsense: a lease without a number")
        return self._lease, None

    def _keep(
        self, gateway: Gateway, lease: _Lease, claims: Sequence[Claim]
    ) -> tuple[dict[str, str | Behind], set[int]]:
        """See to it that `claims` hang on `lease`; what is refused, and the terms of all answers."""
        terms: set[int] = set()

        def transact(body: Body) -> Answer:
            answer = gateway.ask("kv/txn", body)
            terms.add(answer.term)
            return answer

        known = [claim for claim in claims if claim in lease.revisions]
        unclear = [claim for claim in claims if claim not in lease.revisions]
        for some in _chunks(known, OPERATIONS_MAX):
            revisions = {claim: lease.revisions[claim] for claim in some}
            answer = transact(_keys.check_of(self._prefix, revisions))
            if answer.fields.get("succeeded") is not True:
                unclear += some
        refused: dict[str, str | Behind] = {}
        for some in _chunks(unclear, CLAIMS_MAX):
            refused |= self._claim(transact, lease, some)
        return refused, terms

    def _claim(
        self, transact: Callable[[Body], Answer], lease: _Lease, claims: Sequence[Claim]
    ) -> dict[str, str | Behind]:
        """Write the keys of `claims`, at most `CLAIMS_MAX`, where they can be; what is refused."""
        refused: dict[str, str | Behind] = {}
        left = list(claims)
        for _ in range(ATTEMPTS):
            answer = transact(_keys.reading_of(self._prefix, left))
            wanted: dict[Claim, _keys.Keys] = {}
            for claim, keys in _keys.read(self._prefix, left, answer.fields).items():
                why = _keys.refusal(claim, keys)
                if why is not None:
                    refused[claim.group] = why
                    lease.revisions.pop(claim, None)
                elif _keys.is_kept(claim, keys, lease.number):
                    lease.wrote(claim, keys.holder.revision)
                else:
                    wanted[claim] = keys
            if not wanted:
                return refused
            lease.tried |= wanted.keys()  # also if the answer never comes
            answer = transact(_keys.writing_of(self._prefix, wanted, lease.number))
            for claim in _keys.written(wanted, answer.fields):
                lease.wrote(claim, answer.revision)
                del wanted[claim]
            left = list(wanted)
            if not left:
                return refused
        return refused | dict.fromkeys((c.group for c in left), "it changed while it was asked for")


def _chunks(claims: Sequence[Claim], most: int) -> Iterator[Sequence[Claim]]:
    for start in range(0, len(claims), most):
        yield claims[start : start + most]


def build(options: Mapping[str, Any]) -> Etcd:
    """Build from a ``[[witnesses]]`` table that `SCHEMA` has passed."""
    places = [urlsplit(each) for each in options["endpoints"]]
    for place in places:
        try:
            well = bool(place.hostname) and place.port != 0
        except ValueError:
            well = False
        if not well:
            raise ValueError(f"endpoints: {place.geturl()} names no host, or a port that cannot be")
    secure = [place.scheme == "https" for place in places]
    files = [options.get(key) for key in ("ca_file", "cert_file", "key_file")]
    if any(files) and not all(secure):
        raise ValueError("endpoints: with ca_file or cert_file all of them must be https")
    if (files[1] is None) != (files[2] is None):
        raise ValueError("cert_file and key_file: the one is of no use without the other")
    user, password_file = options.get("user"), options.get("password_file")
    if (user is None) != (password_file is None):
        raise ValueError("user and password_file: the one is of no use without the other")
    if user is not None and not all(
        place.scheme == "https" or _is_here(place.hostname or "") for place in places
    ):
        raise ValueError("user: the password would go in the clear; the endpoints must be https")
    return Etcd(
        tuple(options["endpoints"]),
        Tls(*files) if any(secure) else None,
        Login(user, password_file) if user is not None and password_file is not None else None,
        options.get("prefix", "/ipfo"),
    )


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def lacks(options: Mapping[str, Any]) -> list[str]:
    """Which of the files are not here, or not as they must be. No member of etcd is asked."""
    files = {key: options.get(key) for key in ("ca_file", "cert_file", "key_file")}
    missing = _secret.lacks(files["ca_file"], read_authorities)
    missing += _secret.lacks(files["cert_file"], _secret.readable)
    missing += _secret.lacks(files["key_file"], refuse_shared)
    if not missing and any(files.values()):
        try:
            Tls(**files).context()
        except OSError as error:  # each can be read; do certificate and key fit?
            missing.append(str(error))
    return missing + _secret.lacks(options.get("password_file"), read_secret)


@hookimpl
def ipfo_witnesses() -> Sequence[Offer[Witness | Voter]]:
    """Offer the voter by etcd."""
    return [Offer("etcd", build, SCHEMA, frozenset({"vote"}), lacks=lacks)]
