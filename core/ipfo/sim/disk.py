"""What a host's disk keeps of ipfo: the ledgers of addresses and phases, and the node's memory.

A process that is killed loses nothing that was written; a power cut may lose the last record,
since the ledgers are not forced to the disk.
"""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import TypeVar

from ipfo.model import Phase

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Line:
    """One group in the ledger of addresses; the kernel's boot and suspends so far are for adoption."""

    epoch: int = 0
    held: bool = False
    leased: bool = False
    kernel_boot: int = 0
    asleep_ns: int = 0
    addresses: tuple[str, ...] = ()  # that were put on


@dataclass(frozen=True, slots=True)
class Open:
    """The phases of one group that have begun and are not undone; `unwinding`: a release has begun."""

    began: tuple[Phase, ...] = ()
    unwinding: bool = False


@dataclass(slots=True)
class Disk:
    """All of it. Only `write` changes it."""

    addresses: dict[str, Line] = field(default_factory=dict)
    phases: dict[str, Open] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    node: dict[str, bool] = field(default_factory=dict)  # "standby", "maintenance"
    lost: int = 0
    _undo: list[tuple[MutableMapping[str, object], str, object]] = field(default_factory=list)

    def write(self, file: MutableMapping[str, V], key: str, value: V) -> None:
        """`file` says `value` of `key`; what it said before can come back once."""
        known: MutableMapping[str, object] = file  # type: ignore[assignment]  # one kind of value each
        self._undo[:] = [(known, key, known.get(key))]
        known[key] = value

    def lose_last(self) -> str | None:
        """The last record never reached the disk; the group (or word) that it was of."""
        if not self._undo:
            return None
        file, key, was = self._undo.pop()
        self.lost += 1
        if was is None:
            file.pop(key, None)
        else:
            file[key] = was
        return key
