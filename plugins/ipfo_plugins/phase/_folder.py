"""Which scripts of a folder run in a phase, and which must not.

Nothing runs that somebody else than root or the daemon's user could have written or replaced:
the file, the folder it lies in, and every folder above, links followed.
"""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ipfo_plugins._trust import untrusted

PREFIXES = {
    "test": "Test",
    "pre_acq": "PreAcq",
    "post_acq": "PostAcq",
    "pre_rel": "PreRel",
    "post_rel": "PostRel",
}
"""How the names of a phase's scripts begin; `Test` is the whole name."""


@dataclass(frozen=True, slots=True)
class Script:
    """A file to be run; `title` is its path below the scripts folder."""

    path: Path
    title: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not run, and why. `grave` if it should have been."""

    title: str
    why: str
    grave: bool


def scripts(folder: Path, phase: str, ip: str) -> Iterator[Script | Skipped]:
    """What to run in `phase` for the address `ip`, in byte order of the names.

    Apple's layout: ``FOLDER/IP/PreAcq*``. Where that has nothing for the phase, the one that a
    well-known article describes: every file in ``FOLDER/PreAcq/``.
    """
    prefix = PREFIXES[phase]
    own = _entries(folder / ip, lambda n: n == prefix if phase == "test" else n.startswith(prefix))
    if own or phase == "test":
        yield from (_judge(path, folder) for path in own)
        return
    of_article = _entries(folder / prefix, lambda _: True)
    if of_article:
        why = f"the scripts in {prefix}/ are run, but belong in {ip}/ as {prefix}*"
        yield Skipped(f"{prefix}/", why, grave=False)
    yield from (_judge(path, folder) for path in of_article)


def _entries(folder: Path, wanted: Callable[[str], bool]) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if wanted(path.name) and path.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=lambda path: os.fsencode(path.name))


def _judge(path: Path, folder: Path) -> Script | Skipped:
    title = str(path.relative_to(folder))
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return Skipped(title, "it is a folder", grave=False)
        if not stat.S_ISREG(mode):
            return Skipped(title, "it is no file", grave=False)
        if not mode & 0o111:
            return Skipped(title, "it is not executable: chmod +x, if it is to run", grave=False)
        why = untrusted(path)
    except OSError as error:
        return Skipped(title, f"it cannot be looked at: {error.strerror}", grave=True)
    return Script(path, title) if why is None else Skipped(title, why, grave=True)
