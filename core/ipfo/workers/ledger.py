"""What a node must know after a crash: a small JSON file for each group, and one for the node.

``addresses-GROUP.json`` is written by the `addresses` worker, ``phases-GROUP.json`` by `phases`,
``node.json`` by `notices`: each file has one writer. A file changes as a whole or not at all; one
that cannot be understood, or that a later ipfo has written, is set aside, named, and counts
as absent.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ipfo.model import Epoch, Phase

NODE = "node"
ADDRESSES = "addresses"
PHASES = "phases"

VERSION = 1
"""Of the files; what a later one means is not guessed."""

EPOCH_MAX = (1 << 48) - 1
"""No epoch is beyond: with a claim each millisecond it would take 8,900 years."""

PAGE = 4096
"""Bytes of the smallest page of memory on any system that this runs on."""

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@dataclass(frozen=True, slots=True)
class GroupMemory:
    """What is known of one group from earlier runs.

    `epoch`: the highest that any file knows; `claim`: that of this node's own last acquire. `held`,
    `leased`: whether its addresses had been put on and not taken off again, and whether with a
    lifetime. `open_phases`: what has begun and was not undone, in the order in which it began;
    `acquire`: whether the last move was one.
    """

    epoch: Epoch = field(default=Epoch(0))
    claim: Epoch = field(default=Epoch(0))
    held: bool = False
    leased: bool = False
    open_phases: tuple[Phase, ...] = ()
    acquire: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """All that is known from earlier runs; `remarks` are for people: what could not be read."""

    groups: Mapping[str, GroupMemory] = field(default_factory=dict)
    standby: bool = False
    maintenance: bool = False
    remarks: tuple[str, ...] = ()


def path_of(state_dir: Path, kind: str, group: str) -> Path:
    """The file of `kind` for `group`, whatever characters its name has."""
    safe = "".join(c if c in _SAFE else f"%{ord(c):x}." for c in group)
    return state_dir / f"{kind}-{safe}.json"


def write(
    path: Path, content: Mapping[str, Any], *, durable: bool = True, in_place: bool = False
) -> None:
    """Replace `path` by `content`; whoever reads it sees the old one or the new one.

    `durable`: also after a power cut. Without it, it is after the death of any process, and no
    disk is waited for. `in_place`, for what is of no use after a power cut: in a third of the time.

    :raises OSError: if it cannot be written; then the old one is still there.
    """
    text = (json.dumps(content) + "\n").encode()
    if in_place and _overwrite(path, text):
        return
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    fresh.replace(path)
    if durable:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _overwrite(path: Path, text: bytes) -> bool:
    """Whether `path` has `text` now, written over what it had.

    Only what is one page of the system's memory: no kill of this process can halve that.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except FileNotFoundError:
        return False
    try:
        room = max(len(text), os.fstat(descriptor).st_size)
        if room > PAGE:
            return False
        os.pwrite(descriptor, text.ljust(room), 0)
    finally:
        os.close(descriptor)
    return True


def is_epoch(value: object) -> bool:
    """Whether `value` can be an epoch."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= EPOCH_MAX


def epochs(node: Mapping[str, Any]) -> dict[str, int]:
    """The highest epoch of each group by a file of the kind `NODE`, as far as they can be one."""
    found = node.get("epochs")
    every = found.items() if isinstance(found, dict) else ()
    return {group: epoch for group, epoch in every if is_epoch(epoch)}


def load(path: Path, remarks: list[str]) -> dict[str, Any]:
    """The object in `path`; empty, with a remark, where it is none that we understand. Absent: empty."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        return _set_aside(path, f"cannot be read ({error})", remarks)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _set_aside(path, f"is broken ({error})", remarks)
    if not isinstance(content, dict):
        return _set_aside(path, "is broken (no object)", remarks)
    version = content.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        why = f"is from another ipfo (version {version!r:.40} of it, and not {VERSION})"
        return _set_aside(path, why, remarks)
    if not is_epoch(content.get("epoch", 0)):
        return _set_aside(path, f"is broken (no epoch: {content['epoch']!r:.40})", remarks)
    return content


def read(state_dir: Path) -> Memory:
    """What all files say; raises nothing. An absent folder says nothing."""
    remarks: list[str] = []
    node = load(state_dir / f"{NODE}.json", remarks)
    sound = epochs(node)
    groups: dict[str, dict[str, Any]] = {
        group: {"epochs": [epoch]} for group, epoch in sound.items()
    }
    found = node.get("epochs")
    for group, epoch in found.items() if isinstance(found, dict) else ():
        if group not in sound:
            what = f"{NODE}.json: the epoch of {group} is no number of one: {epoch!r:.40}"
            remarks.append(f"{state_dir / what}; it counts as absent")
    for kind in (ADDRESSES, PHASES):
        for path in sorted(state_dir.glob(f"{kind}-*.json")):
            content = load(path, remarks)
            if isinstance(group := content.get("group"), str):
                known = groups.setdefault(group, {"epochs": []})
                known["epochs"].append(content.get("epoch", 0))
                known[kind] = content
    return Memory(
        {name: _remember(known) for name, known in groups.items()},
        standby=node.get("standby") is True,
        maintenance=node.get("maintenance") is True,
        remarks=tuple(remarks),
    )


def _remember(known: Mapping[str, Any]) -> GroupMemory:
    addresses, phases = known.get(ADDRESSES, {}), known.get(PHASES, {})
    return GroupMemory(
        epoch=Epoch(max(known["epochs"], default=0)),
        claim=Epoch(addresses.get("epoch", 0)),
        held=addresses.get("held") is True,
        leased=addresses.get("leased") is True,
        open_phases=tuple(open_phases(phases)),
        acquire=phases.get("acquire") is True,
    )


def open_phases(phases: Mapping[str, Any]) -> list[Phase]:
    """What has begun and was not undone, by a file of the kind `PHASES`."""
    began = phases.get("began")
    names = {phase.value for phase in Phase}
    return [Phase(name) for name in began if name in names] if isinstance(began, list) else []


def _set_aside(path: Path, why: str, remarks: list[str]) -> dict[str, Any]:
    aside = path.with_suffix(".json.broken")
    with suppress(OSError):
        path.replace(aside)
    remarks.append(f"{path} {why}; it is set aside as {aside.name} and counts as absent")
    return {}
