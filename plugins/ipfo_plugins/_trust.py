"""Who could change what a path leads to: what strangers could have written is not run as root.

The file, the folder it lies in, and every folder above, links followed.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

LINKS_MAX = 40
"""Links on the way to one file, as in Linux."""


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
