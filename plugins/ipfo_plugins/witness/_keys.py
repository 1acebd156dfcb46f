"""What ipfo keeps in etcd, and the questions about it, as JSON values. Pure.

Two keys a group: PREFIX/PAIR/GROUP/holder, under a lease, says whose it is; PREFIX/PAIR/GROUP/epoch
stays for ever and is the highest epoch that was granted, as 20 digits, so that whoever fences by it
can compare it as text. Both are only ever written together, if neither has changed since it was read.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ipfo.plugin import Behind, Claim
from ipfo_plugins.witness._gateway import number

Body = dict[str, Any]

_EPOCH_DIGITS = 20

_HOLDER_MAX = 100
"""Characters of node and epoch together that a person is shown; what ipfo writes is shorter."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One key as it was read; `revision` is 0, and the rest empty, where there is none."""

    value: bytes = b""
    revision: int = 0
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Keys:
    """Both keys of a claim's group as they were read at one instant."""

    holder: Kept
    epoch: Kept


def holder_key(prefix: str, claim: Claim) -> bytes:
    """Where it stands whose the group is."""
    return f"{prefix}/{claim.pair}/{claim.group}/holder".encode()


def epoch_key(prefix: str, claim: Claim) -> bytes:
    """Where the highest epoch stands."""
    return f"{prefix}/{claim.pair}/{claim.group}/epoch".encode()


def holder_value(claim: Claim) -> bytes:
    """What stands at `holder_key` while `claim` is kept."""
    return json.dumps({"node": claim.node, "epoch": claim.epoch}).encode()


def epoch_value(claim: Claim) -> bytes:
    """What stands at `epoch_key` once `claim` was granted."""
    return f"{claim.epoch:0{_EPOCH_DIGITS}}".encode()


def refusal(claim: Claim, keys: Keys) -> str | Behind | None:
    """Why `claim` cannot be kept beside `keys`; None if it can."""
    highest = keys.epoch.value.decode("utf-8", "replace") if keys.epoch.revision else "0"
    if not (highest.isascii() and highest.isdecimal() and len(highest) <= _EPOCH_DIGITS):
        return f"its epoch in etcd is {highest[:40]!r}, which ipfo has not written"
    if keys.holder.revision:
        try:
            other = json.loads(keys.holder.value)
            node, epoch = str(other["node"]), int(other["epoch"])
            if not node.isprintable() or len(f"{node}{epoch}") > _HOLDER_MAX:
                raise ValueError
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return f"its holder in etcd is {keys.holder.value[:40]!r}, which ipfo has not written"
        if node != claim.node:
            return f"etcd keeps it for {node}, epoch {epoch}"
    return Behind(int(highest)) if int(highest) > claim.epoch else None


def is_kept(claim: Claim, keys: Keys, lease: int) -> bool:
    """Whether `keys` are what `claim` would write under `lease`."""
    return (
        keys.holder.lease == lease
        and keys.holder.value == holder_value(claim)
        and keys.epoch.value == epoch_value(claim)
    )


def check_of(prefix: str, revisions: Mapping[Claim, int]) -> Body:
    """Ask whether the holder's key of every claim is still as it was at its revision.

    Without something to read, etcd would answer from what one member happens to know: a
    transaction that only compares counts as one that may be served without asking the others.
    """
    return {
        "compare": [
            _unchanged(holder_key(prefix, claim), revision) for claim, revision in revisions.items()
        ],
        "success": [_read(holder_key(prefix, next(iter(revisions))))],
    }


def reading_of(prefix: str, claims: Sequence[Claim]) -> Body:
    """Ask for both keys of each of `claims`, all at one instant."""
    return {
        "success": [
            _read(key(prefix, claim)) for claim in claims for key in (holder_key, epoch_key)
        ]
    }


def read(prefix: str, claims: Sequence[Claim], answer: Mapping[str, Any]) -> dict[Claim, Keys]:
    """The answer to `reading_of`.

    :raises ValueError: if it is none.
    """
    found = [_kept(each) for each in _responses(answer, 2 * len(claims), "response_range")]
    read: dict[Claim, Keys] = {}
    for claim, (name, holder), (other_name, epoch) in zip(
        claims, found[::2], found[1::2], strict=True
    ):
        if name not in (None, holder_key(prefix, claim)) or other_name not in (
            None,
            epoch_key(prefix, claim),
        ):
            raise ValueError("nonsense: keys that were not asked for")
        read[claim] = Keys(holder, epoch)
    return read


def writing_of(prefix: str, wanted: Mapping[Claim, Keys], lease: int) -> Body:
    """Write both keys of each claim, if they are still as they were read: each claim for itself."""
    return {
        "success": [
            {
                "request_txn": {
                    "compare": [
                        _unchanged(holder_key(prefix, claim), keys.holder.revision),
                        _unchanged(epoch_key(prefix, claim), keys.epoch.revision),
                    ],
                    "success": [
                        _put(holder_key(prefix, claim), holder_value(claim), lease),
                        _put(epoch_key(prefix, claim), epoch_value(claim)),
                    ],
                }
            }
            for claim, keys in wanted.items()
        ]
    }


def written(wanted: Mapping[Claim, Keys], answer: Mapping[str, Any]) -> list[Claim]:
    """Which claims were written: the answer to `writing_of`.

    :raises ValueError: if it is none.
    """
    answers = _responses(answer, len(wanted), "response_txn")
    return [
        claim for claim, each in zip(wanted, answers, strict=True) if each.get("succeeded") is True
    ]


def deletion_of(prefix: str, claim: Claim) -> Body:
    """Delete the holder's key if it is just this claim's. The epoch stays."""
    key = _text(holder_key(prefix, claim))
    value = _text(holder_value(claim))
    return {
        "compare": [{"key": key, "target": "VALUE", "result": "EQUAL", "value": value}],
        "success": [{"request_delete_range": {"key": key}}],
    }


def _unchanged(key: bytes, revision: int) -> Body:
    """A key that is absent has the revision 0."""
    return {
        "key": _text(key),
        "target": "MOD",
        "result": "EQUAL",
        "mod_revision": str(revision),
    }


def _read(key: bytes) -> Body:
    return {"request_range": {"key": _text(key)}}


def _put(key: bytes, value: bytes, lease: int = 0) -> Body:
    return {"request_put": {"key": _text(key), "value": _text(value), "lease": str(lease)}}


def _responses(answer: Mapping[str, Any], count: int, kind: str) -> list[Mapping[str, Any]]:
    found = answer.get("responses")
    if not isinstance(found, list) or len(found) != count:
        raise ValueError(f"nonsense: not {count} responses")
    inner = [each.get(kind) if isinstance(each, Mapping) else None for each in found]
    if not all(isinstance(each, Mapping) for each in inner):
        raise ValueError(f"nonsense: no {kind}")
    return [each for each in inner if each is not None]


def _kept(response: Mapping[str, Any]) -> tuple[bytes | None, Kept]:
    """The one key of a range of one, and what stands there; None and nothing where it is absent."""
    found = response.get("kvs", [])
    if found == []:
        return None, Kept()
    if not (isinstance(found, list) and len(found) == 1 and isinstance(found[0], Mapping)):
        raise ValueError("nonsense: not one key")
    fields = found[0]
    revision = number(fields, "mod_revision")
    if revision <= 0:
        raise ValueError("nonsense: a key without a revision")
    value = _bytes(fields.get("value", ""))
    return _bytes(fields.get("key")), Kept(value, revision, number(fields, "lease", 0))


def _text(value: bytes) -> str:
    return b64encode(value).decode()


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("nonsense: no bytes")
    return b64decode(text, validate=True)
