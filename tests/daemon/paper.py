"""What a pair's document says, on paper: the defaults of groups that tests change a little."""

from typing import Any

from ipfo.model import SECOND

GROUP: dict[str, Any] = {
    "addresses": ["192.0.2.100/24"],
    "interfaces": {"alpha": "en0"},
    "provider": "mock",
    "provider_options": {},
    "traits": ["lease", "probe"],
    "preferred": "alpha",
    "home": None,
    "contested": "wait",
    "announce_every_ns": 60 * SECOND,
    "failback": "manual",
    "failback_after_ns": 60 * SECOND,
    "handover": "strict",
    "max_moves": 3,
    "per_ns": 600 * SECOND,
    "unit": "web",
    "checks": [],
    "phase_timeout_ns": 30 * SECOND,
    "phase_plugins": ["scripts"],
    "hooks": {},
}
DOCUMENT: dict[str, Any] = {
    "path": "pair.toml",
    "node": "alpha",
    "pair": "looped",
    "nodes": ["alpha", "beta"],
    "plugins": [],
    "interval_ns": SECOND,
    "takeover_after_ns": 3 * SECOND,
    "first_claim_after_ns": None,
    "key_file": None,
    "accept_keys": [],
    "control_group": None,
    "dead_after_ns": None,
    "on_partition": "available",
    "witnesses": [],
    "fence": None,
    "realtime": False,
    "lock_memory": False,
    "links": {},
    "groups": {},
    "notifiers": [],
    "digest": 0,
    "warnings": [],
}


def document(**changes: Any) -> dict[str, Any]:
    """A pair's document with these changes; groups are given as changes of `GROUP`."""
    groups = changes.pop("groups", {})
    made = {name: {**GROUP, "unit": name, **group} for name, group in groups.items()}
    return {**DOCUMENT, **changes, "groups": made}
