"""A pager: tells of each notice, and of each move that it took part in, by one line of JSON.

It shows both idioms: it *offers* a notifier, which the config chooses by name, and it takes part in
*phases*, where it can refuse a move.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipfo.plugin import Move, Notice, Notifier, Offer, Options, Say, Veto, hookimpl

NOTIFIER_OPTIONS = {
    "type": "object",
    "properties": {"file": {"type": "string", "minLength": 1, "description": "Where lines go."}},
    "required": ["file"],
}

PHASE_OPTIONS = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "minLength": 1, "description": "Where lines go."},
        "refuse": {"type": "string", "description": "Why every move is refused; empty: none is."},
    },
    "required": ["file"],
}


def append(path: str, **fields: object) -> None:
    """Add one line to the file at `path`; OSError if it cannot be written."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(fields, ensure_ascii=False) + "\n")


@dataclass(frozen=True, slots=True)
class Pager:
    """Appends to `file`. A notice that comes twice stands there twice, under one key."""

    file: str

    def notify(self, notice: Notice) -> None:
        """Write one line; raises OSError if that fails, and is then called again later."""
        append(
            self.file,
            key=notice.key,
            event=notice.event.value,
            headline=notice.headline,
            detail=notice.detail,
            epoch=notice.epoch,
        )


def build(options: Options) -> Pager:
    """A pager from a ``[[notifiers]]`` table that `NOTIFIER_OPTIONS` has passed."""
    return Pager(options["file"])


@hookimpl
def ipfo_notifiers() -> Sequence[Offer[Notifier]]:
    """Offer the pager."""
    return [Offer("pager", build, NOTIFIER_OPTIONS)]


@hookimpl
def ipfo_phase_options() -> Mapping[str, Any]:
    """The options of ``[groups.NAME.hooks.pager]``."""
    return PHASE_OPTIONS


@hookimpl
def ipfo_test(options: Options) -> None:
    """Refuse the move if the options say so. A hook takes the arguments that it wants, no more."""
    if options.get("refuse"):
        raise Veto(options["refuse"])


@hookimpl
def ipfo_post_acq(move: Move, options: Options, say: Say) -> None:
    """Write down that the addresses are here."""
    append(options["file"], here=list(move.addresses), group=move.group, epoch=move.epoch)
    say(f"paged that {move.group} is on {move.node}")
