"""Which scripts of a folder run in a phase, and which must not.

Nothing runs that somebody else than root or the daemon's user could have written or replaced:
the file, the folder it lies in, and every folder above, links followed.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PREFIXES = {
    "test": "Test",
    "pre_acq": "PreAcq",
    "post_acq": "PostAcq",
    "pre_rel": "PreRel",
    "post_rel": "PostRel",
}
"""How the names of a phase's scripts begin; `Test` is the whole name."""

LINKS_MAX = 40
"""Links on the way to one file, as in Linux."""


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


def untrusted(path: Path) -> str | None:
    """Who else could change what `path` runs; None if nobody. Every link on the way counts.

    A folder like ``/tmp``, that all may write to but where none may touch another's files, may be
    on the way, but not hold the file itself: somebody could link a foreign program into it.

    :raises OSError: if the way cannot be followed.
    """
    trusted = {0, os.geteuid()}
    way = list(_way(Path(os.path.abspath(path))))  # noqa: PTH100 - resolve() would hide the links
    for each in way:
        facts = each.lstat()
        if facts.st_uid not in trusted:
            return f"{each} belongs to another user: chown root"
        shared = facts.st_mode & stat.S_ISVTX and each != way[-1].parent
        if not stat.S_ISLNK(facts.st_mode) and facts.st_mode & 0o022 and not shared:
            return f"others than its owner may write to {each}: chmod go-w"
    return None


def _way(path: Path) -> Iterator[Path]:
    """All that is passed from the root to what `path` leads to: folders, links, the file itself."""
    here = Path("/")
    todo = list(reversed(path.parts[1:]))
    links = 0
    yield here
    while todo:
        part = todo.pop()
        if part == "..":
            here = here.parent
            continue
        here /= part
        yield here
        if here.is_symlink():
            links += 1
            if links > LINKS_MAX:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            target = here.readlink()
            here = Path("/") if target.is_absolute() else here.parent
            todo.extend(reversed(target.parts[1 if target.is_absolute() else 0 :]))
