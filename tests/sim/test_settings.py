"""The pair that is simulated is the pair of the config: the machine is told the same."""

from dataclasses import replace
from pathlib import Path

from tests.house.pages import blocks
from tests.house.sources import ROOT

from ipfo.config.load import examine
from ipfo.config.model import Config
from ipfo.sim.settings import INTERFACE, Settings, of_config

MORE = """
[[witnesses]]
plugin = "ping"
address = "192.0.2.1"
"""


def config(tmp_path: Path, more: str = "") -> Config:
    page = ROOT / "docs/tutorial/first-pair.md"
    path = tmp_path / "pair.toml"
    path.write_text(next(each.text for each in blocks(page) if each.language == "toml") + more)
    key = tmp_path / "www.key"
    key.touch(mode=0o600)
    key.write_bytes(bytes(range(32)))
    found = examine(path, node="beta")
    assert found.document is not None, found.faults
    return Config.from_document(found.document)


def check_same_terms(known: Config) -> None:
    settings = of_config(known)
    terms = known.terms(7)
    groups = {name: replace(group, interfaces=(INTERFACE,)) for name, group in terms.groups.items()}
    expected = replace(terms, config_digest=0, groups=groups)
    assert settings.terms(known.node, 7) == expected


def test_the_machine_is_told_what_the_config_says(tmp_path: Path) -> None:
    check_same_terms(config(tmp_path))


def test_so_it_is_with_witnesses_that_deny(tmp_path: Path) -> None:
    known = config(tmp_path, MORE)
    assert of_config(known).deniers
    check_same_terms(known)


def test_a_voter_has_the_ttl_that_the_config_would_give_it(tmp_path: Path) -> None:
    voting = '[[witnesses]]\nplugin = "etcd"\nendpoints = ["http://192.0.2.1:2379"]\n'
    known = config(tmp_path, voting)
    assert Settings(voter=True).vote_ttl_ns == known.terms(1).vote_ttl_ns
    check_same_terms(known)
