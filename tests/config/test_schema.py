"""The schema is made from code, the committed file is its output, and plugins are part of it."""

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ipfo.config import reference
from ipfo.config.described import DESCRIPTIONS
from ipfo.config.fragments import with_defaults, with_paths
from ipfo.config.load import examine, load_config
from ipfo.config.schema import built_in, compose
from ipfo.errors import PluginError
from ipfo.plugin import Offer
from ipfo.plugin.registry import Registry

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return compose(Registry(built_in()))


def test_the_committed_schema_is_what_the_code_makes(schema: dict[str, Any]) -> None:
    committed = (ROOT / "config.schema.json").read_text()
    assert committed == reference.as_json(schema), "run: ipfo schema > config.schema.json"


def test_the_reference_page_is_what_the_code_makes(schema: dict[str, Any]) -> None:
    committed = (ROOT / "docs/reference/config.md").read_text()
    assert committed == reference.markdown(schema), (
        "run: ipfo schema --markdown > docs/reference/config.md"
    )


def test_it_is_a_json_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


def own_keys(schema: Any, path: tuple[str, ...] = ()) -> set[str]:
    found = set()
    for key, part in schema.get("properties", {}).items():
        if path[-1:] != ("hooks",):  # their names are plugins'
            found |= {".".join((*path, key))} | own_keys(part, (*path, key))
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            found |= own_keys(schema[key], (*path, "*"))
    return found


def test_every_key_is_described_and_nothing_else_is(schema: dict[str, Any]) -> None:
    assert own_keys(schema) == set(DESCRIPTIONS)
    page = " ".join(reference.markdown(schema).split())
    assert all(text in page for text in DESCRIPTIONS.values())


def test_every_option_of_the_built_ins_is_described(schema: dict[str, Any]) -> None:
    registry = Registry(built_in())
    offers: list[Offer[Any]] = [
        *registry.transports().values(),
        *registry.notifiers().values(),
        *registry.providers().values(),
    ]
    for offer in offers:
        for key, part in offer.schema.get("properties", {}).items():
            assert part.get("description"), f"{offer.name}: {key}"
            assert f"\n- `{key}`: " in reference.markdown(schema)


def test_durations_of_the_reference_have_defaults_that_are_durations(
    schema: dict[str, Any],
) -> None:
    pair = schema["properties"]["pair"]["properties"]
    assert pair["interval"]["default"] == "1s"
    assert 'default `"3s"`' in reference.markdown(schema)


# A third party's plugins.

HEADER = "from ipfo.plugin import *\n"
PAGER = """
class Pager:
    def notify(self, notice): pass

@hookimpl
def ipfo_notifiers():
    return [Offer("pager", lambda options: Pager(), {"type": "object", "properties": {
        "number": {"type": "string", "pattern": "^[0-9]+$"},
        "book": {"type": "string", "format": "path"},
        "tries": {"type": "integer", "minimum": 1, "exclusiveMaximum": 9, "default": 3},
        "pause": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": 60},
        "tone": {"const": "loud"},
        "lines": {"type": "array", "items": {"type": "string", "minLength": 2, "maxLength": 4}},
        "extra": {"not": {}},
    }, "required": ["number"]})]

@hookimpl
def ipfo_phase_options():
    return {"type": "object", "properties": {"unit": {"type": "string"}}, "required": ["unit"]}

@hookimpl
def ipfo_post_acq(move, options): pass
"""
FILE = """\
plugins = ["desk"]
[pair]
name = "www"
nodes = ["alpha", "beta"]
[links.a]
addresses = { alpha = "203.0.113.1", beta = "203.0.113.2" }
[groups.web]
addresses = ["192.0.2.100/24"]
interface = "eth0"
hooks = { desk = { unit = "nginx" } }
[[notifiers]]
plugin = "pager"
number = "112"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with a plugin that offers a notifier and a phase under other names."""
    folder = tmp_path / "site"
    info = folder / "desk-2.0.dist-info"
    info.mkdir(parents=True)
    (folder / f"desk_{tmp_path.name}.py").write_text(HEADER + PAGER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: desk\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(f"[ipfo]\ndesk = desk_{tmp_path.name}\n")
    monkeypatch.syspath_prepend(str(folder))
    return folder


def written(folder: Path, text: str) -> Path:
    path = folder / "pair.toml"
    path.write_text(text)
    return path


def test_a_plugins_options_are_part_of_the_config(site: Path) -> None:
    config = load_config(written(site, FILE + 'book = "book.db"\n'), "alpha")
    (notifier,) = config.notifiers
    assert notifier.options == {"number": "112", "tries": 3, "book": str(site / "book.db")}
    assert config.entry_points("notifier") == ("desk",)
    assert config.groups["web"].phase_plugins == ("desk",)
    assert config.groups["web"].hooks == {"desk": {"unit": "nginx"}}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("nummer = 5", 'notifiers[0].nummer: unknown key; did you mean "number"?'),
        ("tries = 0", "notifiers[0].tries: 0 is too small; make it at least 1"),
        ("tries = 9", "notifiers[0].tries: 9 is too large; make it less than 9"),
        ("tries = 1.5", "notifiers[0].tries: 1.5 is not a whole number"),
        ("pause = 0", "notifiers[0].pause: 0 is too small; make it more than 0"),
        ("pause = 61", "notifiers[0].pause: 61 is too large; make it at most 60"),
        ('pause = "x"', 'notifiers[0].pause: "x" is not a number or null'),
        ('tone = "soft"', 'notifiers[0].tone: "soft" is not known here; it may be "loud"'),
        ('lines = ["x"]', 'notifiers[0].lines[0]: "x" is too short: it needs 2 or more'),
        ('lines = ["xxxxx"]', "notifiers[0].lines[0]: is too long: it may have 4 at most"),
        ("extra = 1", "notifiers[0].extra: 1 should not be valid under {}"),
        (
            'book = "' + "long " * 20 + '"\nnumber2 = 1',
            'notifiers[0].number2: unknown key; did you mean "number"?',
        ),
    ],
)
def test_its_options_are_checked_with_its_own_schema(site: Path, line: str, fault: str) -> None:
    (found,) = examine(written(site, FILE + line + "\n")).faults
    assert found.endswith(f": {fault}")


def test_a_long_value_is_cut_in_messages(site: Path) -> None:
    (found,) = examine(written(site, FILE.replace('"112"', '"' + "x" * 99 + '"'))).faults
    assert "xxx... does not fit the pattern ^[0-9]+$" in found


REFUSING = """
@hookimpl
def ipfo_notifiers():
    def build(options):
        if options["number"] == "0":
            raise ValueError("number: nobody answers at 0")
        if options["number"] == "1":
            raise ValueError("not with\\nthis phone")
        return 1 / 0
    return [Offer("pager", build, {"type": "object", "properties": {"number": {}}})]
"""


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("0", "pair.toml:13: notifiers[0].number: nobody answers at 0"),
        ("1", "pair.toml:11: notifiers[0]: not with this phone"),
        ("2", 'pair.toml:11: notifiers[0]: the plugin "pager" cannot be built: ZeroDivisionError'),
    ],
)
def test_what_a_schema_cannot_say_the_plugin_says_when_it_is_built(
    site: Path, number: str, words: str
) -> None:
    next(site.glob("desk_*.py")).write_text(HEADER + REFUSING)
    text = FILE.replace("112", number).replace("hooks = {", "# {")
    (fault,) = examine(written(site, text)).faults
    assert words in fault


def test_a_phase_plugin_that_needs_options_wants_its_table(site: Path) -> None:
    text = FILE.replace('hooks = { desk = { unit = "nginx" } }\n', "")
    (fault,) = examine(written(site, text)).faults
    assert fault.endswith("pair.toml:7: groups.web.hooks.desk.unit: is missing")


def test_a_plugin_that_is_refused_is_told_once_wherever_it_is_named(site: Path) -> None:
    next(site.glob("desk_*.py")).write_text("1 / 0\n")
    text = FILE.replace('plugin = "pager"\nnumber = "112"', 'plugin = "desk"')
    (fault,) = examine(written(site, text)).faults
    assert 'plugin "desk" (desk 2.0) cannot be imported: ZeroDivisionError' in fault


def test_a_plugin_that_is_taken_away_leaves_one_clear_line_each_place(site: Path) -> None:
    text = FILE.replace('plugins = ["desk"]\n', "").replace(
        'hooks = { desk = { unit = "nginx" } }\n', ""
    )
    (fault,) = examine(written(site, text)).faults
    assert 'notifiers[0].plugin: no installed plugin offers the notifier "pager"' in fault


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (
            '{"type": "strnig"}',
            'the notifier "pager": their schema is no JSON Schema: properties.number',
        ),
        ('{"$ref": "#/$defs/number"}', 'the notifier "pager": their schema uses $ref'),
        ('{"anyOf": [{"$ref": "#"}]}', 'the notifier "pager": their schema uses $ref'),
    ],
)
def test_a_schema_that_is_none_is_its_authors_fault(site: Path, part: str, words: str) -> None:
    module = next(site.glob("desk_*.py"))
    module.write_text(module.read_text().replace('{"type": "string", "pattern": "^[0-9]+$"}', part))
    faults = examine(written(site, FILE)).faults
    assert any(words in fault and "its author has to mend that" in fault for fault in faults)
    with pytest.raises(PluginError):
        compose(Registry(["desk"]))


def test_a_fragment_that_needs_options_makes_its_table_needed(site: Path, tmp_path: Path) -> None:
    module = next(site.glob("desk_*.py"))
    module.write_text(
        HEADER + "@hookimpl\ndef ipfo_providers(): return [Offer('cloud', lambda o: None, "
        "{'type': 'object', 'properties': {'zone': {'type': 'string'}}, 'required': ['zone']})]\n"
    )
    text = FILE.partition("hooks")[0].replace('interface = "eth0"', 'provider = "cloud"')
    (fault,) = examine(written(tmp_path, text)).faults
    assert fault.endswith("groups.web.options: is missing")
    config = load_config(written(tmp_path, text + 'options = { zone = "b" }\n'), "alpha")
    assert config.groups["web"].provider_options == {"zone": "b"}
    assert config.groups["web"].traits == frozenset()


def test_defaults_and_paths_come_from_the_options_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"default": 1},
            "b": {"type": "string", "format": "path"},
            "c": {"type": "string"},
        },
    }
    assert with_defaults(schema, {"c": "x"}) == {"a": 1, "c": "x"}
    assert with_defaults({}, MappingProxyType({"a": 2})) == {"a": 2}
    assert with_paths(schema, {"b": "x", "c": "x"}, Path("/etc")) == {"b": "/etc/x", "c": "x"}
    assert with_paths(schema, {"b": "/x"}, Path("/etc")) == {"b": "/x"}


@pytest.mark.usefixtures("site")
def test_the_reference_shows_every_form_that_an_option_may_have() -> None:
    page = reference.markdown(compose(Registry([*built_in(), "desk"])))
    assert '### With `plugin = "pager"`' in page
    assert "- `number`: a string, required.\n" in page
    assert "- `tries`: a whole number at least 1, default `3`.\n" in page
    assert "- `pause`: a number or a null.\n" in page
    assert "- `lines`: a list, each a string.\n" in page
    assert "- `extra`: anything.\n" in page
    assert "`[groups.NAME.hooks.desk]`" in page


def test_json_is_sorted_and_ends_with_a_newline(schema: dict[str, Any]) -> None:
    text = reference.as_json(schema)
    assert text.endswith("}\n")
    assert list(json.loads(text)) == sorted(schema)
