"""The house's own measure: files and functions that one can read, and each module says what it is for.

A function may be longer if the line of its ``def`` says why: ``# long: one case a line``.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.house.sources import modules, named, tree

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
LONG = re.compile(r"# long: \w+")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(module) if isinstance(node, Function))


def too_long(module: ast.Module, lines: list[str]) -> Iterator[str]:
    """The functions of `module` that are over the limit and do not say why."""
    for function in functions(module):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        head = lines[function.lineno - 1 : function.body[0].lineno - 1] or lines[:1]
        if length > FUNCTION_LINES_MAX and not any(LONG.search(line) for line in head):
            yield f"{function.name} in line {function.lineno} has {length} lines"


@pytest.mark.parametrize("path", modules(), ids=named)
def test_a_module_is_short_and_says_what_it_is_for(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= FILE_LINES_MAX
    assert list(too_long(tree(path), lines)) == []
    assert ast.get_docstring(tree(path)), "no docstring"


def test_what_is_too_long_is_found_unless_it_says_why() -> None:
    body = "    x = 1\n" * FUNCTION_LINES_MAX
    for head, found in [("def f():", 1), ("def f():  # long: a table", 0), ("def f():  # long", 1)]:
        source = f"{head}\n{body}"
        assert len(list(too_long(ast.parse(source), source.splitlines()))) == found
