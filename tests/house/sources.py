"""All files of the house, for the tests that walk through it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOTS = ("core", "plugins", "tests")


def within(*folders: str, suffix: str) -> Iterator[Path]:
    """Every file under `folders` that ends in `suffix`, none that a tool has made."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(f"*{suffix}")):
            made = {"__pycache__", ".venv", "build", "dist"} & set(path.relative_to(ROOT).parts)
            if path.is_file() and not made:
                yield path


@cache
def modules() -> tuple[Path, ...]:
    """Every Python file of the house."""
    return tuple(within(*ROOTS, suffix=".py"))


@cache
def tree(path: Path) -> ast.Module:
    """`path`, parsed."""
    return ast.parse(path.read_text(), str(path))


@cache
def functions_named_test() -> frozenset[str]:
    """The name of every test in the house."""
    tests = (path for path in modules() if path.name.startswith("test_"))
    return frozenset(
        node.name
        for path in tests
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def named(path: Path) -> str:
    """`path` as one would type it at the top of the checkout."""
    return str(path.relative_to(ROOT))
