"""Parts of the docs that the code makes: between ``<!-- made: NAME -->`` and ``<!-- end -->``.

``python -m tests.house.made_parts``, from the top of the checkout, writes them anew; a test compares.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.house import story_parts
from tests.house.sources import ROOT, within

from ipfo.machine.turns import TURNS
from ipfo.model import SECOND, Epoch, Event, Notice, Reason, Role, Terms, lease_seconds
from ipfo_plugins.notifier import smtp, webhook

PART = re.compile(r"(?<=<!-- made: )(\w+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)

PAGER = ROOT / "tests/thirdparty/ipfo-pager"

MS = SECOND // 1000

FIGURES = ROOT / "docs/explanation/figures.md"

QUOTED = ("Power cut at 1 s / 3 s:", "Orderly stop at 1 s:", "Daemon killed:")
"""The lines of the page of figures that the README has, too."""

TIMINGS_MS = ((1000, 3000), (1000, 5000), (200, 1500), (100, 500))
"""Intervals and patiences of the worked examples."""

NOTICE = Notice(
    key="beta-5f1c09d2a7e4b831-4",
    at="2026-11-22T23:15:54.284Z",
    event=Event.TAKEOVER,
    pair="www",
    node="beta",
    peer="alpha",
    headline="web is now on beta: alpha fell silent",
    detail="alpha was last heard 3014 ms ago",
    group="web",
    role=Role.HOLDER,
    epoch=Epoch(2),
    reason=Reason.TAKEOVER,
)
"""What the pages about notifiers show."""


def fenced(language: str, text: str) -> str:
    """`text` as a block."""
    return f"```{language}\n{text.strip()}\n```\n"


def turns_diagram() -> str:
    """The turns as a Mermaid state diagram, whose labels may hold no colon."""
    lines = ["stateDiagram-v2", f"    [*] --> {Role.STANDBY.value}"]
    for (was, role), when in TURNS.items():
        lines.append(f"    {was.value} --> {role.value}: {when.replace(':', ' -')}")
    return fenced("mermaid", "\n".join(lines))


def turns_table() -> str:
    """The turns as a table."""
    rows = [f"| {was.value} | {role.value} | {when} |" for (was, role), when in TURNS.items()]
    return "\n".join(["| from | to | when |", "| --- | --- | --- |", *rows]) + "\n"


def terms(interval_ms: int, takeover_ms: int) -> Terms:
    """What the machine makes of these two."""
    return Terms(
        pair="www",
        node="alpha",
        peer="beta",
        links=("public",),
        groups={},
        interval_ns=interval_ms * MS,
        takeover_after_ns=takeover_ms * MS,
        first_claim_after_ns=None,
        lease_s=lease_seconds(takeover_ms * MS),
        boot=1,
    )


def in_words(duration_ns: int) -> str:
    """``1.4 s`` or ``200 ms``."""
    if duration_ns < SECOND:
        return f"{duration_ns // MS} ms"
    return f"{duration_ns / SECOND:g} s"


def timing() -> str:
    """What follows from interval and takeover_after."""
    heads = ("`interval`", "`takeover_after`", "lease", "gone at the latest after", "in time")
    rows = [heads, ("---",) * len(heads)]
    for interval_ms, takeover_ms in TIMINGS_MS:
        t = terms(interval_ms, takeover_ms)
        spare_ns = t.takeover_after_ns - t.lease_ns
        spare = f"a renewal may begin {in_words(spare_ns)} late" if spare_ns > 0 else "no"
        figures = map(in_words, (t.interval_ns, t.takeover_after_ns, t.lease_s * SECOND))
        rows.append((*figures, in_words(t.lease_ns), spare))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def mail() -> str:
    """The mail that tells `NOTICE`."""
    options = {"to": ["ops@example.org"], "from": "ipfo@beta.example.org"}
    message = smtp.build(options).message(NOTICE)
    return fenced("", message.as_string().replace("\r\n", "\n"))


def webhook_body() -> str:
    """The JSON that tells `NOTICE`."""
    return fenced("json", json.dumps(webhook.fields(NOTICE), indent=2))


def figures() -> str:
    """What the README quotes of the page of figures, in its words."""
    page = FIGURES.read_text().splitlines()
    head = page.index("| | keepalived | ipfo | wanted | |")
    rows = [next(line for line in page if line.startswith(f"| {what}")) for what in QUOTED]
    return "\n".join([*page[head : head + 2], *rows]) + "\n"


def file_of(language: str, path: Path) -> Callable[[], str]:
    """The whole of a file."""
    return lambda: fenced(language, path.read_text())


MAKERS: Mapping[str, Callable[[], str]] = {
    "turns_diagram": turns_diagram,
    "turns_table": turns_table,
    "timing": timing,
    "figures": figures,
    "mail": mail,
    "webhook": webhook_body,
    "story_happenings": story_parts.story_happenings,
    "story_claims": story_parts.story_claims,
    "story_head": story_parts.story_head,
    "pager_project": file_of("toml", PAGER / "pyproject.toml"),
    "pager_module": file_of("python", PAGER / "src/ipfo_pager.py"),
    "pager_test": file_of("python", PAGER / "tests/test_pager.py"),
}


def made_anew(text: str) -> str:
    """A page with its made parts as the code makes them now."""
    return PART.sub(lambda found: found[1] + found[2] + MAKERS[found[1]](), text)


def main() -> None:
    """Write every page anew that has made parts."""
    for page in (ROOT / "README.md", *within("docs", suffix=".md")):
        text = page.read_text()
        if PART.search(text):
            page.write_text(made_anew(text))


if __name__ == "__main__":
    main()
