"""docs/reference/hooks.md is what the code makes. (The config's page, the command's and the wire's
are held against the code in tests/config, tests/cli and tests/wire.)"""

import inspect
import re

import pytest
from tests.house.hooks_page import PAGE, page
from tests.house.sources import ROOT

import ipfo.plugin
from ipfo.model import Event
from ipfo.plugin import hookspecs

HOOKS = [name for name in vars(hookspecs) if name.startswith("ipfo_")]


def test_the_hooks_page_is_what_the_code_makes() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.house.hooks_page > " + str(PAGE)


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_has_its_heading_with_exactly_its_arguments(name: str) -> None:
    """Read from the running code, not from its source as the page is."""
    arguments = inspect.signature(getattr(hookspecs, name)).parameters
    (heading,) = (line for line in PAGE.read_text().splitlines() if f"### `{name}(" in line)
    assert [argument for argument in arguments if f"{argument}: " in heading] == list(arguments)
    assert heading.count(": ") == len(arguments)


@pytest.mark.parametrize("name", sorted(set(ipfo.plugin.__all__) - {"Epoch", "Instant", "now"}))
def test_all_that_a_plugin_imports_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text() or f"@{name}" in PAGE.read_text()


def test_the_events_that_a_notifier_may_name_are_all_in_the_table_and_no_others() -> None:
    text = (ROOT / "docs/how-to/write-to-people.md").read_text()
    table = text.split("| event | ", 1)[1].split("\n\n")[0]
    named = [
        word for row in table.splitlines()[2:] for word in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    assert sorted(named) == sorted(event.value for event in Event)
