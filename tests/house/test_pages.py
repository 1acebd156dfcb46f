"""The docs say what is so: links lead somewhere, examples load, commands exist, tests have those names.

A block of TOML is a whole pair's file, or stands below ``<!-- part -->``: then it is laid over the
tutorial's pair, and that must load.
"""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import tomli_w
from tests.house.made_parts import MAKERS, PAGER, PART, made_anew
from tests.house.pages import Block, anchors, blocks, commands, links, pages, prose
from tests.house.sources import ROOT, functions_named_test, named, within

from ipfo.cli import main
from ipfo.config.load import examine
from ipfo.model import Epoch, Move, Reason
from ipfo_plugins.phase import scripts

PAGES = pages()
INDEX = ROOT / "docs/index.md"
PROMISES = ROOT / "docs/explanation/promises.md"
FIRST_PAIR = ROOT / "docs/tutorial/first-pair.md"
PHASE_SCRIPTS = ROOT / "docs/how-to/phase-scripts.md"

FENCE_COSTS = "a takeover waits until the peer is surely off"
"""A warning that comes with every fence of a real device, and that the page on fences explains."""

OLD_FILE = 'FAILOVER_PEER_IP="198.51.100.165"\nFAILOVER_PEER_IP_PAIRS="en0:192.0.2.165"\n'
"""What a page's ``/etc/hostconfig`` is taken to say."""

EXAMPLES = [
    pytest.param(block, id=f"{named(page)}:{block.line}")
    for page in PAGES
    for block in blocks(page)
    if block.language == "toml" and "[project]" not in block.text
]


@pytest.fixture
def pager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin of the tutorial, as pip would leave it."""
    site = tmp_path / "site"
    info = site / "ipfo_pager-1.2.3.dist-info"
    info.mkdir(parents=True)
    shutil.copy(PAGER / "src/ipfo_pager.py", site)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ipfo-pager\nVersion: 1.2.3\n")
    (info / "entry_points.txt").write_text("[ipfo]\npager = ipfo_pager\n")
    monkeypatch.syspath_prepend(site)


def laid_over(base: Any, part: Any) -> Any:
    """`base` with what `part` says instead or besides."""
    if not (isinstance(base, Mapping) and isinstance(part, Mapping)):
        return part
    return {**base, **{key: laid_over(base.get(key, {}), value) for key, value in part.items()}}


def whole(block: Block) -> dict[str, Any]:
    """The pair that `block` describes, or adds to."""
    tables = tomllib.loads(block.text)
    if not block.part:
        return tables
    pair: dict[str, Any] = laid_over(tomllib.loads(blocks_of(FIRST_PAIR, "toml")[0].text), tables)
    return pair


def blocks_of(page: Path, language: str) -> list[Block]:
    return [block for block in blocks(page) if block.language == language]


@pytest.mark.usefixtures("pager")
@pytest.mark.parametrize("block", EXAMPLES)
def test_each_example_is_a_config_without_fault_or_warning(block: Block, tmp_path: Path) -> None:
    tables = whole(block)
    pair = tables["pair"]
    for name in (pair.get("key_file", "none"), *pair.get("accept_keys", ())):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_bytes(name.encode() * 32)
    (tmp_path / "hostconfig").write_text(OLD_FILE)
    if "import_hostconfig" in tables:
        tables["import_hostconfig"] = "hostconfig"
    path = tmp_path / "pair.toml"
    path.write_text(tomli_w.dumps(tables))
    said = examine(path)
    assert said.faults == ()
    surprising = [warning for warning in said.warnings if FENCE_COSTS not in warning]
    assert "import_hostconfig" in tables or surprising == []


def test_an_example_with_a_fault_is_found(tmp_path: Path) -> None:
    tables = laid_over(whole(blocks_of(FIRST_PAIR, "toml")[0]), {"pair": {"intervall": "1s"}})
    (tmp_path / "pair.toml").write_text(tomli_w.dumps(tables))
    assert any("intervall" in fault for fault in examine(tmp_path / "pair.toml").faults)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith(("https:", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(target), f"{link}: {sorted(anchors(target))}"


def test_every_page_can_be_reached_from_the_index() -> None:
    linked = {(INDEX.parent / link.partition("#")[0]).resolve() for link in links(INDEX)}
    assert set(within("docs", suffix=".md")) - {INDEX} <= linked


def refused(words: tuple[str, ...], *, whole: bool) -> str | None:
    """Why the command line `words` would not be understood; None: it is."""
    context = click.Context(main, info_name="ipfo")
    try:
        _, rest, _ = main.make_parser(context).parse_args(list(words[1:]))
        if rest:
            command = main.get_command(context, rest[0])
            if command is None:
                return f"there is no command {rest[0]}"
            command.make_context(rest[0], rest[1:], parent=context)
    except click.MissingParameter as error:
        return error.format_message() if whole else None
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_shown_is_one(page: Path) -> None:
    for shown in commands(page):
        why = refused(shown.words, whole=shown.whole)
        assert why is None, f"{' '.join(shown.words)}: {why}"


@pytest.mark.parametrize(
    ("line", "is_whole"),
    [
        ("ipfo histori", True),
        ("ipfo --confog x status", False),
        ("ipfo status --jason", False),
        ("ipfo handover", True),
        ("ipfo handover web to beta", True),
        ("ipfo handover web --timeout soon", True),
    ],
)
def test_a_command_that_is_none_is_found(line: str, *, is_whole: bool) -> None:
    assert refused(tuple(line.split()), whole=is_whole) is not None


def test_commands_are_found_on_the_pages() -> None:
    """What looks for them has not gone blind."""
    shown = {" ".join(each.words) for page in PAGES for each in commands(page)}
    assert {"ipfo failback web", "ipfo handover web --to beta", "ipfo demo"} <= shown


def quoted_tests(page: Path) -> Iterator[str]:
    return (name for name in re.findall(r"`(test_\w+)`", prose(page)))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_test_that_is_quoted_is_there(page: Path) -> None:
    assert set(quoted_tests(page)) <= functions_named_test()


def test_every_promise_quotes_a_test() -> None:
    sections = re.split(r"^## ", prose(PROMISES), flags=re.MULTILINE)[1:]
    assert [section.split(":")[0] for section in sections] == [f"P{n}" for n in range(1, 11)]
    assert all(re.search(r"`test_\w+`", section) for section in sections)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    for path in re.findall(r"`((?:core|plugins|tests|docs)/[\w./-]+)`", prose(page)):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_made_parts_are_what_the_code_makes(page: Path) -> None:
    text = page.read_text()
    assert text == made_anew(text), "run: python -m tests.house.made_parts"


def test_every_part_that_can_be_made_stands_somewhere() -> None:
    found = [name for page in PAGES for name, _, _ in PART.findall(page.read_text())]
    assert sorted(found) == sorted(MAKERS)


def test_the_environment_of_scripts_is_the_one_that_the_page_lists() -> None:
    move = Move("web", Epoch(1), True, Reason.TAKEOVER, "alpha", "beta", "www", "eth0", ())
    listed = re.findall(r"^\| (`[^|]*) \|", prose(PHASE_SCRIPTS), re.MULTILINE)
    names = {name for cell in listed for name in re.findall(r"`([A-Z][A-Z_]+)`", cell)}
    assert names == set(scripts.environment(move, "test", Path("/x")))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_scripts_and_plugins_shown_can_be_parsed(page: Path, tmp_path: Path) -> None:
    for block in blocks_of(page, "sh"):
        (tmp_path / "script").write_text(block.text)
        subprocess.run(["sh", "-n", str(tmp_path / "script")], check=True)
    for block in blocks_of(page, "json"):
        assert block.text.lstrip().startswith("{")


@pytest.mark.root
def test_the_firewall_rules_shown_are_rules() -> None:
    shown = [block for page in PAGES for block in blocks_of(page, "nft")]
    assert shown
    for block in shown:
        subprocess.run(["nft", "--check", "-f", "-"], input=block.text, text=True, check=True)
