"""The documentation as pages: their headings, links, blocks and the commands they show."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.house.sources import ROOT, within

FENCE = re.compile(
    r"(?P<above>^<!-- part -->\n)?^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
INLINE = re.compile(r"`(ipfo [^`]+)`")
PROMPT = re.compile(r"^(?:[$#] )?(?=ipfo )")

NOT_SHELL = {"toml", "python", "json", "mermaid", "ini", "nft"}


@dataclass(frozen=True)
class Block:
    """One fenced block. A `part` is TOML that needs the rest of a pair around it."""

    language: str
    text: str
    part: bool
    line: int


@dataclass(frozen=True)
class Shown:
    """A command line on a page. In running text it may leave out what it must be given."""

    words: tuple[str, ...]
    whole: bool


def pages() -> list[Path]:
    """README, changelog and all under docs."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *within("docs", suffix=".md")]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of `page`, in order."""
    text = page.read_text()
    return [
        Block(
            found["language"],
            found["text"],
            found["above"] is not None,
            text.count("\n", 0, found.start("text")) + 1,
        )
        for found in FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """`page` without its blocks."""
    return FENCE.sub("", page.read_text())


def links(page: Path) -> list[str]:
    """Where the links of `page` lead, as they are written."""
    return LINK.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """What one may put behind a ``#``: the headings, as GitHub makes anchors of them."""
    made: set[str] = set()
    for title in HEADING.findall(prose(page)):
        kept = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower())
        made.add(kept.strip().replace(" ", "-"))
    return made


def commands(page: Path) -> Iterator[Shown]:
    """Every ``ipfo ...`` that `page` shows; what has a ``[`` in it is a form and no command."""
    for block in blocks(page):
        if block.language in NOT_SHELL:
            continue
        joined = re.sub(r"\\\n\s*", "", block.text)
        for line in joined.splitlines():
            if PROMPT.match(line):
                yield Shown(tuple(shlex.split(PROMPT.sub("", line), comments=True)), whole=True)
    for line in INLINE.findall(prose(page).replace("\n", " ")):
        if "[" not in line:
            yield Shown(tuple(shlex.split(line)), whole=False)
