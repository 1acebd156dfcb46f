"""Whatever stands in the file, it is answered with lines or a document, never with a traceback."""

from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipfo.config.load import examine
from ipfo.config.model import Config

TEXTS = st.sampled_from(
    [
        "alpha",
        "beta",
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.100/24",
        "2001:db8::1",
        "1s",
        "3s",
        "0s",
        "never",
        "udp",
        "multicast",
        "ip",
        "mock",
        "smtp",
        "eth0",
        "manual",
        "auto",
        "",
        ".",
        "x\n",
        "999999h",
        "/",
        "fe80::1%eth0",
        "::ffff:192.0.2.1",
        "hostconfig",
        "scripts",
        "ping",
        "etcd",
        "consistent",
        "seamless",
        "ill",
        "holding",
        "web",
    ]
)
LEAVES = TEXTS | st.text(max_size=4) | st.integers(-2, 70000) | st.booleans() | st.floats()
KEYS = st.sampled_from(["alpha", "beta", "public", "web", "smtp", "scripts", "folder", "x"])
ANY = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def table(*keys: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(keys), ANY, max_size=len(keys))


PAIR = st.fixed_dictionaries(
    {"name": st.just("www"), "nodes": st.just(["alpha", "beta"])},
    optional=dict.fromkeys(
        (
            "interval",
            "takeover_after",
            "first_claim_after",
            "dead_after",
            "on_partition",
            "key_file",
            "control_group",
        ),
        ANY,
    ),
)
LINK = st.fixed_dictionaries(
    {"addresses": st.dictionaries(st.sampled_from(["alpha", "beta", "gamma"]), LEAVES)},
    optional=dict.fromkeys(("transport", "port", "interface", "group", "broadcast"), ANY),
)
GROUP_KEYS = ("addresses", "interface", "provider", "options", "preferred", "home", "contested")
MOVE_KEYS = ("failback", "failback_after", "handover", "with", "max_moves", "per")
CHECK = table("plugin", "interval", "timeout", "rise", "fall", "start", "when", "address")
GROUP = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys((*GROUP_KEYS, *MOVE_KEYS), ANY),
        **dict.fromkeys(("announce_every", "phase_timeout", "scripts", "hooks"), ANY),
        "with": st.lists(KEYS, max_size=3) | ANY,
        "checks": st.lists(CHECK, max_size=2) | ANY,
    },
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "plugins": ANY,
        "import_hostconfig": ANY,
        "pair": PAIR | ANY,
        "links": st.dictionaries(KEYS, LINK | ANY, max_size=3) | ANY,
        "groups": st.dictionaries(KEYS, GROUP | ANY, max_size=3) | ANY,
        "notifiers": st.lists(table("plugin", "to", "events", "server"), max_size=2) | ANY,
        "witnesses": st.lists(table("plugin", "address", "endpoints"), max_size=2) | ANY,
        "fence": table("plugin", "timeout", "delay", "command") | ANY,
        "zzz": ANY,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(FILES)
def test_any_tables_are_answered(tmp_path: Path, tables: dict[str, Any]) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(tomli_w.dumps(tables))
    examined = examine(path, node="alpha")
    if examined.document is None:
        assert examined.faults
        assert all(fault.startswith(f"{path}:") for fault in examined.faults)
        assert all("\n" not in fault for fault in examined.faults)
    else:
        Config.from_document(examined.document).terms(boot=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_answered(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pair.toml"
    path.write_bytes(content)
    assert examine(path).faults
