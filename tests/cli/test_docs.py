"""docs/reference/cli.md says of the command what the command says of itself, and nothing else."""

import re
from pathlib import Path

import click
import click.shell_completion
import pytest

from ipfo import errors
from ipfo.cli import COMMANDS, INTERRUPTED, main

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def section(title: str) -> str:
    """The text below the heading `title`, down to the next one of its depth or above."""
    text = PAGE.read_text()
    found = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert found is not None, f"{PAGE} has no heading {title!r}"
    depth = len(found[1])
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{depth}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def documented(text: str) -> dict[str, str]:
    """Option and metavar of each row of the table in `text`."""
    return dict(re.findall(r"^\| `(--[a-z-]+)(?: ([^`]+))?` \|", text, re.MULTILINE))


def real(command: click.Command) -> dict[str, str]:
    """Option and metavar as click has them."""
    return {
        option: "" if getattr(param, "is_flag", False) else param.metavar or ""
        for param in command.params
        for option in param.opts
        if option.startswith("--")
    }


def command_named(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_heading_and_exactly_its_options(name: str) -> None:
    assert documented(section(name)) == real(command_named(name))


def test_no_command_is_documented_that_is_not_there() -> None:
    assert re.findall(r"^### (\S+)$", section("Commands"), re.MULTILINE) == list(COMMANDS)


def test_the_common_options_are_there() -> None:
    there = documented(section("Common options"))
    assert there.pop("--help") == ""
    assert there == real(main)


def test_each_exit_code_is_explained() -> None:
    kinds: list[type[errors.IpfoError]] = [errors.IpfoError, *errors.IpfoError.__subclasses__()]
    codes = {kind.exit_code for kind in kinds} | {0, INTERRUPTED}
    explained = re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)
    assert {int(code) for code in explained} == codes


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_in_a_line_what_it_does(name: str) -> None:
    command = command_named(name)
    assert command.name == name
    assert command.get_short_help_str(200)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion_is_as_documented(shell: str) -> None:
    assert f"_IPFO_COMPLETE={shell}_source" in section("Shell completion")
    kind = click.shell_completion.get_completion_class(shell)
    assert kind is not None
    completion = kind(main, {}, "ipfo", "_IPFO_COMPLETE")
    assert "_IPFO_COMPLETE" in completion.source_template % completion.source_vars()
    offered = [item.value for item in completion.get_completions([], "ha")]
    assert offered == ["handover"]
