"""Makes docs/reference/hooks.md from the hookspecs and the contracts: the code is the reference.

``python -m tests.house.hooks_page > docs/reference/hooks.md``, from the top of the checkout.
"""

import ast
import re
import sys
from collections.abc import Iterator
from inspect import cleandoc
from itertools import pairwise
from textwrap import dedent

from tests.house.sources import ROOT, tree

HOOKSPECS = ROOT / "core/ipfo/plugin/hookspecs.py"
CONTRACTS = ROOT / "core/ipfo/plugin/contracts.py"
MODEL = ROOT / "core/ipfo/model.py"
PAGE = ROOT / "docs/reference/hooks.md"

HEAD = """\
# Hooks and contracts

<!-- Made from core/ipfo/plugin by `python -m tests.house.hooks_page`; a test compares them. -->

A plugin is a module that an entry point of group `ipfo` names. It imports `ipfo.plugin` and nothing else of ipfo, and
marks its implementations of the hooks below with `@hookimpl`. An implementation takes those of a hook's arguments that
it wants, by name. A hook may gain arguments in later versions and never loses them. One that ipfo does not know, or
with an argument that the hook does not have, is refused when the plugin is loaded, with one line that says so.

Hooks come in two idioms. Those that end in a plural **offer** things, which the config then chooses by name. Those of
the **phases** are called, plugin after plugin in the order of the config, in each move of a group. Both are plain
functions: nothing here is a coroutine.
"""

VALUES = ("Address", "Answer", "Move", "Notice", "Event", "Reason", "Role")
"""Of model.py, what plugins are given."""


def signature(function: ast.FunctionDef) -> str:
    """``name(argument: type, ...) -> type``, as it stands in the source, without self."""
    arguments = ast.unparse(function.args).removeprefix("self, ").removeprefix("self")
    returns = "" if function.returns is None else f" -> {ast.unparse(function.returns)}"
    return f"{function.name}({arguments}){returns}"


def prose(docstring: str) -> str:
    """A docstring as Markdown: literals, and the fields as a list."""
    text = re.sub(r"``(.+?)``", r"`\1`", cleandoc(docstring))
    text = re.sub(r"^:param (\w+): ", r"- `\1`: ", text, flags=re.MULTILINE)
    text = re.sub(r"^:raises (\w+): ", r"- raises `\1`: ", text, flags=re.MULTILINE)
    return re.sub(r"\n {4}(?=\S)", "\n  ", text)


def functions(within: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """The public functions of a module or class, in order."""
    for node in within.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def described(node: ast.FunctionDef | ast.ClassDef) -> str:
    """The docstring of `node` as Markdown."""
    return prose(ast.get_docstring(node) or "")


def fields(node: ast.ClassDef) -> list[str]:
    """The fields of a dataclass, and the members of an enum, as source with their comments."""
    source = (MODEL if node in tree(MODEL).body else CONTRACTS).read_text().splitlines()
    kept = [each for each in node.body if isinstance(each, ast.AnnAssign | ast.Assign)]
    return [
        dedent("\n".join(source[each.lineno - 1 : each.end_lineno or each.lineno])) for each in kept
    ]


def aliases(module: ast.Module) -> Iterator[str]:
    """The names that stand for a type, with the docstring below each."""
    for node, below in pairwise(module.body):
        match node, below:
            case ast.Assign(targets=[ast.Name(name)]), ast.Expr(ast.Constant(str(words))):
                yield f"### `{name}`\n\n{prose(words)}"
                yield f"```python\n{ast.unparse(node)}\n```"


def contract(node: ast.ClassDef) -> Iterator[str]:
    """One class: what it is, what it has, what it does."""
    yield f"### `{node.name}`\n\n{described(node)}"
    if fields(node):
        yield "```python\n" + "\n".join(fields(node)) + "\n```"
    is_protocol = any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
    if is_protocol:
        for method in functions(node):
            yield f"#### `{signature(method)}`\n\n{described(method)}"


def classes(module: ast.Module) -> dict[str, ast.ClassDef]:
    """The classes of `module` by name, in order."""
    return {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}


def page() -> str:
    """The whole page."""
    parts = [HEAD.strip(), "## Hooks"]
    parts += [
        f"### `{signature(hook)}`\n\n{described(hook)}" for hook in functions(tree(HOOKSPECS))
    ]
    parts.append("## Contracts\n\n" + prose(ast.get_docstring(tree(CONTRACTS)) or ""))
    parts += aliases(tree(CONTRACTS))
    for node in classes(tree(CONTRACTS)).values():
        parts += contract(node)
    parts.append("## Values\n\nWhat plugins are given. None of it can be changed.")
    for name in VALUES:
        parts += contract(classes(tree(MODEL))[name])
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
