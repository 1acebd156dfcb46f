"""What plugins of several kinds share: durations and secrets from files. A secret is never in an error."""

import os
import re
import ssl
import stat
from collections.abc import Callable
from pathlib import Path

DURATION = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|min)$"}
"""The schema of a duration with a unit."""

PATH = {"type": "string", "minLength": 1, "format": "path"}
"""The schema of a file's path."""


def seconds(text: str) -> float:
    """`text`, which `DURATION` has passed, in seconds.

    :raises ValueError: if it is none, or nothing.
    """
    found = re.fullmatch(r"([0-9.]+)(ms|s|min)", text)
    value = float(found[1]) * {"ms": 0.001, "s": 1, "min": 60}[found[2]] if found else 0
    if value <= 0:
        raise ValueError(f'timeout: "{text}" is no time; write one such as "10s"')
    return value


def read_secret(path: str) -> str:
    """The first line of the file at `path`.

    :raises OSError: if it cannot be read, or if others than its owner could read it.
    """
    with Path(path).open(encoding="utf-8") as file:
        _refuse_shared(path, file.fileno())
        try:
            secret = file.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise OSError(f"{path}: it is not UTF-8") from None
    if not secret:
        raise OSError(f"{path}: its first line is empty")
    return secret


def refuse_shared(path: str) -> None:
    """The file at `path` can be read, and only by its owner; else OSError."""
    with Path(path).open("rb") as file:
        _refuse_shared(path, file.fileno())


def lacks(path: str | None, read: Callable[[str], object]) -> list[str]:
    """Why `read` cannot have the file at `path`, for people; empty if it can, or there is no path.

    `read` is one of this module, and what it gives is thrown away.
    """
    if path is None:
        return []
    try:
        read(path)
    except FileNotFoundError:
        return [f"{path} does not exist; put it there, or mend its path"]
    except OSError as error:
        text = error.strerror or str(error)
        return [text if path in text else f"{path}: {text}"]
    return []


def readable(path: str) -> None:
    """The file at `path` can be read; else OSError."""
    Path(path).open("rb").close()


def read_authorities(path: str) -> ssl.SSLContext:
    """A context that trusts those in the file at `path`; OSError if it cannot be read, or is none."""
    return ssl.create_default_context(cafile=path)


def _refuse_shared(path: str, descriptor: int) -> None:
    facts = os.fstat(descriptor)
    if stat.S_ISREG(facts.st_mode) and facts.st_mode & 0o077:
        raise PermissionError(f"{path}: others than its owner may read it: chmod 600 {path}")
