"""Checks, witnesses and the fence: chosen by kind and name, complete, in ns, the same on both hosts."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.config.conftest import GOOD, MODULE

from ipfo.config import reference
from ipfo.config.load import examine, load, load_config, plugins_of
from ipfo.config.model import CheckConfig, Config, FenceConfig, WitnessConfig
from ipfo.config.schema import built_in, compose
from ipfo.model import SECOND, FenceTerms
from ipfo.plugin.registry import Registry
from ipfo.workers import chosen

Write = Callable[..., Path]
Install = Callable[..., None]

DOORS = """
[[groups.web.checks]]
plugin = "door"

[[groups.web.checks]]
plugin = "door"
interval = "500ms"
timeout = "100ms"
rise = 1
fall = 9
start = "ill"
knock = 1

[[groups.web.checks]]
plugin = "door"
when = "holding"
bell = "bell.wav"

[[witnesses]]
plugin = "door"
bell = "/bell.wav"

[fence]
plugin = "door"
knock = 5
bell = "bell.wav"
"""


def test_where_nothing_is_said_nobody_else_is_asked_and_nothing_is_checked(write: Write) -> None:
    config = load_config(write(), "alpha")
    assert (config.dead_after_ns, config.consistent) == (None, False)
    assert (config.witnesses, config.fence, config.vote_ttl_s) == ((), None, None)
    web = config.groups["web"]
    assert (web.failback, web.failback_after_ns, web.handover) == ("manual", 60 * SECOND, "strict")
    assert (web.max_moves, web.per_ns, web.unit, web.checks) == (3, 600 * SECOND, "web", ())


def test_what_is_said_of_moves_goes_before_the_defaults(write: Write) -> None:
    said = 'failback = "auto"\nfailback_after = "2min"\nhandover = "seamless"\nmax_moves = 5\n'
    text = GOOD.replace("[links.public]", 'dead_after = "1.3s"\n\n[links.public]')
    config = load_config(write(text + said + 'per = "1h"\n'), "alpha")
    web = config.groups["web"]
    assert (web.failback, web.failback_after_ns, web.handover) == ("auto", 120 * SECOND, "seamless")
    assert (web.max_moves, web.per_ns) == (5, 3600 * SECOND)
    assert config.dead_after_ns == 1_300_000_000
    terms = config.terms(boot=1)
    assert terms.groups["web"].seamless
    assert terms.groups["web"].failback_after_ns == 120 * SECOND
    assert terms.dead_after_ns == 1_300_000_000


@pytest.mark.usefixtures("doors")
def test_checks_witnesses_and_the_fence_are_complete_and_in_ns(write: Write) -> None:
    path = write(GOOD + DOORS)
    config = load_config(path, "alpha")

    plain, eager, holding = config.groups["web"].checks
    assert plain == CheckConfig(
        plugin="door",
        interval_ns=2 * SECOND,
        timeout_ns=SECOND,
        rise=2,
        fall=3,
        starts_ill=False,
        when_holding=False,
        options={"knock": 3},
    )
    assert (eager.interval_ns, eager.timeout_ns) == (SECOND // 2, SECOND // 10)
    assert (eager.rise, eager.fall, eager.starts_ill) == (1, 9, True)
    assert eager.options == {"knock": 1}
    assert holding.when_holding
    assert holding.options == {"knock": 3, "bell": str(path.parent / "bell.wav")}
    assert config.witnesses == (
        WitnessConfig("door", votes=False, options={"knock": 3, "bell": "/bell.wav"}),
    )
    bell = str(path.parent / "bell.wav")
    assert config.fence == FenceConfig("door", 30 * SECOND, 0, {"knock": 5, "bell": bell})
    assert config.terms(boot=1).fence == FenceTerms(30 * SECOND, 0)
    assert config.terms(boot=1).deniers


@pytest.mark.usefixtures("doors")
def test_one_name_means_another_entry_point_for_each_kind(write: Write) -> None:
    path = write(GOOD + DOORS)
    config = load_config(path, "alpha")
    assert config.entry_points("check") == ("check-door",)
    assert config.entry_points("witness") == ("witness-door",)
    assert config.entry_points("fence") == ("door",)
    assert {"check-door", "witness-door", "door"} < set(plugins_of(path))
    assert list(chosen.offers(config, ["door"], Registry.checks)) == ["door"]
    assert list(chosen.offers(config, ["door"], Registry.witnesses)) == ["door"]
    assert list(chosen.offers(config, ["door"], Registry.fences)) == ["door"]


@pytest.mark.usefixtures("doors")
def test_a_document_with_all_of_it_survives_json(write: Write) -> None:
    made = load(write(GOOD + DOORS), node="alpha")
    assert Config.from_document(json.loads(json.dumps(made))) == Config.from_document(made)


@pytest.mark.usefixtures("doors")
def test_both_nodes_and_any_folder_have_one_digest_with_all_of_it_too(
    write: Write, tmp_path: Path
) -> None:
    path = write(GOOD + DOORS)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "pair.toml").write_text(GOOD + DOORS)
    os.link(tmp_path / "www.key", elsewhere / "www.key")
    digest = load_config(path, "alpha").digest
    assert load_config(elsewhere / "pair.toml", "beta").digest == digest


@pytest.mark.usefixtures("doors")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('key_file = "www.key"', 'key_file = "www.key"\ndead_after = "1.5s"'),
        ('key_file = "www.key"', 'key_file = "www.key"\non_partition = "consistent"'),
        ('interface = "eth0"', 'interface = "eth0"\nfailback = "auto"'),
        ('interface = "eth0"', 'interface = "eth0"\nfailback_after = "61s"'),
        ('interface = "eth0"', 'interface = "eth0"\nhandover = "seamless"'),
        ('interface = "eth0"', 'interface = "eth0"\nmax_moves = 4'),
        ('interface = "eth0"', 'interface = "eth0"\nper = "11min"'),
        ("fall = 9", "fall = 8"),
        ("knock = 1", "knock = 2"),
        ('[[witnesses]]\nplugin = "door"\nbell = "/bell.wav"\n', ""),
        ("knock = 5", 'knock = 5\ndelay = "1s"'),
    ],
)
def test_two_nodes_that_were_told_otherwise_have_another_digest(
    write: Write, old: str, new: str
) -> None:
    text = GOOD + DOORS
    assert old in text
    digest = load_config(write(text), "alpha").digest
    assert load_config(write(text.replace(old, new, 1)), "alpha").digest != digest


@pytest.mark.usefixtures("doors")
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("knock = 1", "knock = 10", "groups.web.checks[1].knock: nobody knocks so often"),
        ('bell = "/bell.wav"', "knock = 10", "witnesses[0].knock: nobody knocks so often"),
        ("knock = 5", "knock = 10", "fence.knock: nobody knocks so often"),
        ("knock = 1", "knok = 1", 'groups.web.checks[1].knok: unknown key; did you mean "knock"?'),
        ('bell = "/bell.wav"', 'votes = "1"', "witnesses[0].votes: unknown key; known here: bell"),
        ("knock = 5", "knock = false", "fence.knock: false is not a whole number"),
    ],
)
def test_their_options_are_judged_by_the_plugin_with_line_and_key(
    write: Write, old: str, new: str, words: str
) -> None:
    text = (GOOD + DOORS).replace(old, new, 1)
    path = write(text)
    line = text[: text.index(new)].count("\n") + 1
    (fault,) = examine(path).faults
    assert fault.startswith(f"{path}:{line}: {words}")


def test_a_plugin_that_cannot_be_imported_is_told_once_where_it_is_chosen(
    install: Install, write: Write
) -> None:
    install("witness-oracle", "", source="1 / 0\n")
    path = write(GOOD + '\n[[witnesses]]\nplugin = "oracle"\n')
    (fault,) = examine(path).faults
    assert fault.startswith(f'{path}:19: witnesses[0].plugin: plugin "witness-oracle" (doors 1.0)')
    assert "cannot be imported: ZeroDivisionError" in fault


def test_a_plugin_of_another_kind_only_is_named_by_its_entry_point(
    install: Install, write: Write
) -> None:
    install("fence-gate", "ipfo_checks")
    (fault,) = examine(write(GOOD + '\n[fence]\nplugin = "gate"\n')).faults
    assert fault.endswith('fence.plugin: the plugin "fence-gate" offers no fence')


def test_a_plugin_whose_schema_is_none_does_not_hide_behind_a_traceback(
    install: Install, write: Write
) -> None:
    """What has the wrong shape too cannot be told then, since nothing says what is right."""
    source = MODULE.replace("{hook}", "ipfo_checks").replace("{traits}", "[]")
    install(
        "check-wall", "", source=source.replace('"integer"', '"entire"').replace("door", "wall")
    )
    text = GOOD.replace('name = "www"', 'name = "www"\ninterval = 5') + (
        '\n[[groups.web.checks]]\nplugin = "wall"\n'
    )
    (fault,) = examine(write(text)).faults
    assert 'the options of the check "wall": their schema is no JSON Schema' in fault


def test_a_voter_is_known_by_its_trait_and_gives_a_vote_its_length(
    install: Install, write: Write
) -> None:
    install("witness-door", "ipfo_witnesses", ["vote"])
    text = GOOD + '\n[[witnesses]]\nplugin = "door"\n'
    config = load_config(write(text), "alpha")
    assert config.witnesses[0].votes
    assert config.warnings == ()
    assert config.vote_ttl_s == 3
    assert not config.terms(boot=1).deniers
    assert config.terms(boot=1).vote_ttl_ns == 3 * SECOND


@pytest.mark.usefixtures("doors")
def test_the_reference_has_a_part_for_each_of_them() -> None:
    names = [*built_in(), "check-door", "witness-door", "door"]
    page = reference.markdown(compose(Registry(names)))
    for title in ("`[[groups.NAME.checks]]`", "`[[witnesses]]`", "`[fence]`"):
        part = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
        assert '### With `plugin = "door"`\n' in part
        assert "- `knock`: a whole number, default `3`." in part
