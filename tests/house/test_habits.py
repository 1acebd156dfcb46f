"""Habits that no linter knows: tests wait for events and never for a while, and hide nothing."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.house.sources import modules, named, tree

BANNED_CALLS = {
    "time.sleep": "wait on a socket, a pipe or a poll with a deadline",
    "asyncio.sleep": "wait on a socket, a pipe or a poll with a deadline",
    "unittest.mock.patch": "use the real thing, or a fake that passes the same suite",
    "mock.patch": "use the real thing, or a fake that passes the same suite",
}


def dotted(node: ast.expr) -> str:
    """``a.b.c`` as text; empty for whatever else is called."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
        case _:
            return ""


def faults(module: ast.Module) -> Iterator[str]:
    """What `module` does that the house does not do, with what to do instead."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and dotted(node.func) in BANNED_CALLS:
            name = dotted(node.func)
            yield f"line {node.lineno}: {name}: {BANNED_CALLS[name]}"
        elif isinstance(node, ast.Call) and dotted(node.func) in {
            "pytest.skip",
            "pytest.mark.skip",
        }:
            if not node.args and not any(word.arg == "reason" for word in node.keywords):
                yield f"line {node.lineno}: a skip that does not say why"
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                if dotted(decorator) in {"pytest.mark.skip", "pytest.mark.xfail"}:
                    yield f"line {decorator.lineno}: a test left out without a reason"


@pytest.mark.parametrize("path", modules(), ids=named)
def test_nothing_sleeps_and_nothing_is_left_out_without_a_reason(path: Path) -> None:
    assert list(faults(tree(path))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(1)",
        "import pytest\npytest.skip()",
        "import pytest\n@pytest.mark.skip\ndef test_x(): ...",
        "import pytest\n@pytest.mark.skip()\ndef test_x(): ...",
        "from unittest import mock\nmock.patch('x')",
    ],
)
def test_a_bad_habit_is_found(source: str) -> None:
    assert list(faults(ast.parse(source))) != []


def test_a_skip_with_a_reason_is_no_bad_habit() -> None:
    source = (
        "import pytest\npytest.skip('needs root')\n@pytest.mark.skip(reason='no')\ndef f(): ..."
    )
    assert list(faults(ast.parse(source))) == []
