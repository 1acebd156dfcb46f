"""The pair's key files: where they lie, what is wrong with them, and the ring that they make.

Keys leave this module inside a `Keyring` and in no other way; what is said of them names files and
ids. Reading waits for a disk: the engine does it at its start only, afterwards a worker does.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipfo.config.model import Config
from ipfo.errors import ConfigError
from ipfo.wire.seal import KEY_MIN, Keyring

KEY_FILE_MAX = 1 << 16
"""Bytes of a key file that are read; 32 are enough."""

READABLE_BY_OTHERS = 0o077
READABLE_BY_ALL = 0o007


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key file as it was found: why it cannot be used, or else its key."""

    path: Path
    faults: tuple[str, ...]
    key: bytes = b""

    def __repr__(self) -> str:
        """Without the key: no traceback may show it."""
        return f"KeyFile({str(self.path)!r}, {self.faults!r})"


def path_of(name: str, folder: Path) -> Path:
    """The file that the config in `folder` means by `name`: a credential of systemd goes before it."""
    given = credentials()
    if given is not None and "/" not in name and (given / name).is_file():
        return given / name
    return folder / name


def credentials() -> Path | None:
    """The folder of what systemd hands to this service alone; None if it hands nothing."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder else None


def look_at(path: Path) -> KeyFile:
    """Read `path`, unless there is something wrong with it. Raises nothing."""
    try:
        with path.open("rb") as file:
            key = file.read(KEY_FILE_MAX)
            found = os.fstat(file.fileno())
    except FileNotFoundError:
        return KeyFile(path, (f'{path} does not exist; make it with "ipfo keygen {path}"',))
    except OSError as error:
        return KeyFile(path, (f"{path} cannot be read: {error.strerror}",))
    except ValueError:  # a NUL, which TOML can write and no file system can hold
        return KeyFile(path, (f"{json.dumps(path.name)} is no file's name",))
    faults = tuple(_faults(path, key, found))
    return KeyFile(path, faults, b"" if faults else key)


def _faults(path: Path, key: bytes, found: os.stat_result) -> Iterator[str]:
    if len(key) < KEY_MIN:
        yield f"{path} has {len(key)} bytes; a key has {KEY_MIN} or more, see ipfo keygen"
    mode = found.st_mode & 0o777
    # an access list, by which systemd names the service's user, shows as rights of the group
    others = READABLE_BY_ALL if path.parent == credentials() else READABLE_BY_OTHERS
    if mode & others:
        yield f"{path} can be used by others (mode {mode:04o}); chmod 600 {path}"
    if found.st_uid not in (0, os.geteuid()):
        yield f"{path} belongs to another user (uid {found.st_uid}); chown it"


def keyring(config: Config) -> Keyring:
    """The ring that the pair's datagrams are sealed and opened with.

    :raises ConfigError: with the faults of all key files, if one cannot be used.
    """
    if config.key_file is None:
        return Keyring.without_key(config.pair)
    files = [look_at(path) for path in (config.key_file, *config.accept_keys)]
    faults = [f"{config.path}: {fault}" for file in files for fault in file.faults]
    if faults:
        raise ConfigError(*faults)
    try:
        return ring_of(files)
    except ValueError as error:
        raise ConfigError(f"{config.path}: {error}") from error


def ring_of(files: Sequence[KeyFile]) -> Keyring:
    """Send with the key of the first of `files`; accept those of all.

    :raises ValueError: if two different keys have one id.
    """
    first, *others = (file.key for file in files)
    return Keyring.of(first, *others)
