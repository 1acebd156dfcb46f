"""One word means one thing: what docs/reference/words.md rules out occurs nowhere.

The ancestor's own words stand only where its configuration is read or explained.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from tests.house.sources import ROOT, named, within

RULED_OUT = {
    "arbiter": "witness",
    "cluster": "pair",
    "incarnation": "boot",
    "preempt": "failback",
    "preemption": "failback",
    "slave": "standby",
    "stonith": "fence",
    "switchover": "handover",
    "tiebreaker": "witness",
    "vip": "service address, or group",
}
"""Words that say what another word of ours says, and that have no other use here."""

ANCESTORS = {
    "backup": "standby",
    "master": "holder, or preferred node",
    "primary": "preferred node, or home node",
    "secondary": "the other node",
}
"""Words of Mac OS X Server's IP failover: for its configuration, and for nothing else."""

READS_OR_EXPLAINS_IT = (
    "core/ipfo/plugin/contracts.py",  # what an importer of old configuration gives
    "core/ipfo/cli/import*",
    "plugins/ipfo_plugins/importer/*",
    "tests/*hostconfig*",
    "tests/*import*",
    "docs/how-to/import-an-old-hostconfig.md",
    "docs/reference/words.md",
    "docs/reference/hooks.md",  # made from contracts.py
    "docs/reference/cli.md",  # ipfo import's options
    "tests/house/test_words.py",
)
"""Where the ancestor's words may stand."""

OTHERS_WORDS = (
    r"\blink set \S+ master\b",  # ip-link(8)
    r"\bprimary key\b",  # SQL
    r"\ba backup runs\b",  # one of data
    r"\bimport hostconfig --primary\b.*",
    r"--secondary\b",
    r"\bkeepalived\b.*",  # whoever speaks of another program may use its words
    r"\bPacemaker\b.*",
    r"\bSeed: .*",  # a test that quotes what the ancestor did
    r"[\"`]secondary[\"`]",  # a flag that Linux puts on an address
    r"\bcluster[_ ]id\b",  # etcd's name for which etcd it is
    r"\binitial-cluster(-token)?\b",  # etcd's option
    r"\b_SECONDARY\b",
    r"\bpromote_secondaries\b",  # its sysctl
)
"""Where such a word is somebody else's name for something else."""


def words(text: str) -> set[str]:
    """The words in `text`, in lower case and singular, those within identifiers too."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    found = re.findall(r"[a-z]+", apart.lower())
    return set(found) | {word.removesuffix("s") for word in found}


def faults(text: str, *, ancestors: bool) -> Iterator[str]:
    """The lines of `text` with a word that is ruled out, and what to say instead."""
    banned = RULED_OUT if ancestors else RULED_OUT | ANCESTORS
    for number, line in enumerate(text.splitlines(), start=1):
        ours = line
        for others in OTHERS_WORDS:
            ours = re.sub(others, "", ours, flags=re.IGNORECASE)
        for word in sorted(words(ours) & set(banned)):
            yield f"line {number}: {word!r}: say {banned[word]}"


def texts() -> list[Path]:
    """Every file whose words are ours."""
    code = [
        path
        for kind in (".py", ".toml", ".sh")
        for path in within("core", "plugins", "tests", suffix=kind)
    ]
    pages = [*within("docs", suffix=".md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]
    return [*code, *pages, ROOT / "pyproject.toml", ROOT / "Makefile"]


@pytest.mark.parametrize("path", texts(), ids=named)
def test_words_that_are_ruled_out_occur_nowhere(path: Path) -> None:
    if named(path) in ("tests/house/test_words.py", "docs/reference/words.md"):
        return  # they name what they rule out
    reads_it = any(fnmatch(named(path), pattern) for pattern in READS_OR_EXPLAINS_IT)
    assert list(faults(path.read_text(), ancestors=reads_it)) == []


@pytest.mark.parametrize(
    "line",
    ["the master node", "MasterNode", "is_slave = 1", "two clusters", "VIP", "PRIMARY_NODE"],
)
def test_a_word_is_found_in_whatever_form(line: str) -> None:
    assert list(faults(line, ancestors=False)) != []


@pytest.mark.parametrize(
    "line", ["postmaster@example.org", "id INTEGER PRIMARY KEY", "keepalived calls it a master"]
)
def test_other_words_and_other_peoples_words_are_left_alone(line: str) -> None:
    assert list(faults(line, ancestors=False)) == []
