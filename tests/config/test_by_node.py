"""Options that differ by node: both nodes are in the file, and a plugin is built from its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.config.conftest import GOOD

from ipfo.config.load import examine, load, load_config
from ipfo.plugin import Offer
from ipfo.plugin.registry import Registry
from ipfo.workers import chosen

Write = Callable[..., Path]
Install = Callable[..., None]

GATE = """
from ipfo.plugin import *

ONE = {"type": ["string", "integer"], "x-by-node": True}
FILE = {"type": "string", "format": "path", "x-by-node": True}
SCHEMA = {"type": "object", "properties": {
    "bell": {**FILE, "default": "bell.wav"},
    "knock": {"type": "integer", "x-by-node": True},
    "locks": {"type": "object", "additionalProperties": ONE},
    "keys": {"type": "object", "properties": {"front": FILE}},
}}

def build(options):
    if options.get("knock") == 13:
        raise ValueError("knock: not so often")
    return options

@hookimpl
def HOOK():
    return [Offer("gate", build, SCHEMA)]
"""

OPTIONS = """
plugin = "gate"
bell = { alpha = "a.wav", beta = "/b.wav" }
knock = 3
locks = { front = { alpha = "left", beta = 2 }, back = "open" }
keys = { front = { alpha = "a.key", beta = "b.key" } }
"""

CHECK = GOOD + "\n[[groups.web.checks]]"


@pytest.fixture
def gates(install: Install) -> None:
    """A check, a witness and a fence with options that may differ, on all levels."""
    for kind, hook in (("check", "checks"), ("witness", "witnesses"), ("fence", "fences")):
        install(f"{kind}-gate", "", source=GATE.replace("HOOK", f"ipfo_{hook}"))


def built(path: Path, node: str, kind: str) -> Any:
    """What `node`'s worker would build."""
    config = load_config(path, node)
    of = {"check": Registry.checks, "witness": Registry.witnesses}[kind]
    offer: Offer[Any] = chosen.offers(config, ["gate"], of)["gate"]  # type: ignore[arg-type]  # either
    given = config.groups["web"].checks if kind == "check" else config.witnesses
    return chosen.built(offer, given[0].options, node)


@pytest.mark.usefixtures("gates")
@pytest.mark.parametrize(
    ("kind", "table"), [("check", CHECK), ("witness", f"{GOOD}\n[[witnesses]]")]
)
def test_each_node_builds_from_its_own_values(write: Write, kind: str, table: str) -> None:
    path = write(table + OPTIONS)
    assert built(path, "alpha", kind) == {
        "bell": str(path.parent / "a.wav"),
        "knock": 3,
        "locks": {"front": "left", "back": "open"},
        "keys": {"front": str(path.parent / "a.key")},
    }
    assert built(path, "beta", kind) == {
        "bell": "/b.wav",
        "knock": 3,
        "locks": {"front": 2, "back": "open"},
        "keys": {"front": str(path.parent / "b.key")},
    }


@pytest.mark.usefixtures("gates")
def test_a_fence_is_built_from_the_tables_since_it_is_told_the_node_later(write: Write) -> None:
    path = write(f"{GOOD}\n[fence]{OPTIONS}")
    fence = load_config(path, "alpha").fence
    assert fence is not None
    assert fence.options["locks"]["front"] == {"alpha": "left", "beta": 2}
    assert fence.options["bell"] == {"alpha": str(path.parent / "a.wav"), "beta": "/b.wav"}


@pytest.mark.usefixtures("gates")
def test_both_nodes_agree_on_such_a_file(write: Write) -> None:
    path = write(CHECK + OPTIONS)
    here, there = (load(path, node=node) for node in ("alpha", "beta"))
    assert here["digest"] == there["digest"]
    assert json.loads(json.dumps(here)) == here


@pytest.mark.usefixtures("gates")
def test_one_value_will_do_for_both_and_so_will_a_default(write: Write) -> None:
    path = write(f'{CHECK}\nplugin = "gate"\nknock = 5\n')
    for node in ("alpha", "beta"):
        assert built(path, node, "check") == {"bell": str(path.parent / "bell.wav"), "knock": 5}


@pytest.mark.usefixtures("gates")
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("knock = { alpha = 1 }", "knock: says nothing of beta"),
        ("knock = { alpha = 1, beta = 2, gamma = 3 }", 'knock.gamma: "gamma" is no node'),
        ("locks.front = { beta = 1 }", "locks.front: says nothing of alpha"),
        ("keys.front = { alpha = 1, beta = 2 }", "keys.front: "),
        ("knock = { alpha = 1, beta = 13 }", "knock: not so often"),
        ("knock = { alpha = 13, beta = 1 }", "knock: not so often"),
        ("knock = {}", "knock: {} is not one value, or a table with one for each node"),
    ],
)
def test_what_is_wrong_on_either_node_is_said_on_both(write: Write, options: str, why: str) -> None:
    path = write(f'{CHECK}\nplugin = "gate"\n{options}\n')
    for node in ("alpha", "beta"):
        (fault,) = examine(path, node=node).faults
        assert f": groups.web.checks[0].{why}" in fault


def test_a_ping_may_leave_by_another_interface_on_each_node(write: Write) -> None:
    table = '\n[[witnesses]]\nplugin = "ping"\naddress = "192.0.2.1"\n'
    path = write(GOOD + table + 'interface = { alpha = "eth0", beta = "en0" }\n')
    assert examine(path).faults == ()


def test_other_kinds_know_no_tables_by_node(write: Write, install: Install) -> None:
    install("gate", "", source=GATE.replace("HOOK", "ipfo_notifiers"))
    table = '\n[[notifiers]]\nplugin = "gate"\nknock = { alpha = 1, beta = 2 }\n'
    (fault,) = examine(write(GOOD + table)).faults
    assert "is not a whole number" in fault
