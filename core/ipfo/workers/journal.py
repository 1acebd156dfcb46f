"""The file of the `notices` worker: what happened, and what people have not been told yet.

One SQLite file, ``journal.sqlite``; a batch is one transaction, on the disk before anybody is
answered. While the disk refuses, batches wait in memory, bounded, and the store says so.
"""

import json
import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ipfo.model import SECOND, Instant

FILE = "journal.sqlite"

PENDING_MAX = 20_000
"""Changes that wait in memory while the disk refuses them; beyond it the oldest are lost."""

LINES_MAX = 200_000
"""Lines of history that are kept."""

DONE_MAX = 20_000
"""Told notices whose keys are kept, so that none of them is told again."""

RETRY_NS = 5 * SECOND
"""How long after a failure the disk is tried again."""

PRUNE_EVERY = 1000
"""Batches between two prunings."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    node TEXT NOT NULL,
    boot TEXT,
    n INTEGER,
    "group" TEXT,
    what TEXT NOT NULL,
    rule TEXT,
    was TEXT,
    role TEXT,
    epoch INTEGER,
    inputs TEXT,
    UNIQUE (boot, n)
);
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    notifier TEXT NOT NULL,
    body TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    state TEXT NOT NULL DEFAULT 'waiting',
    UNIQUE (notifier, key)
);
CREATE INDEX IF NOT EXISTS waiting ON outbox (state, notifier, id);
"""

_LINE = (
    'INSERT OR IGNORE INTO journal (at, node, boot, n, "group", what, rule, was, role, epoch, inputs)'
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_LETTER = "INSERT OR IGNORE INTO outbox (key, notifier, body) VALUES (?, ?, ?)"
_SETTLED = "UPDATE outbox SET state = ?, body = NULL WHERE notifier = ? AND key = ?"
_TRIED = "UPDATE outbox SET tries = ?, error = ? WHERE notifier = ? AND key = ?"
_PRUNE_LINES = "DELETE FROM journal WHERE id <= (SELECT max(id) FROM journal) - ?"
_PRUNE_DONE = (
    "DELETE FROM outbox WHERE state != 'waiting' AND id <= (SELECT max(id) FROM outbox) - ?"
)


class Store:
    """The journal and the outbox in `folder`. Raises nothing for what the disk does: see `fault`.

    Changes are gathered and written by `flush`. `lost` counts those that did not outlive a disk
    that refused them for too long.
    """

    def __init__(self, folder: Path, node: str) -> None:
        self.fault: str | None = None
        self.lost = 0
        self._path = folder / FILE
        self._node = node
        self._pending: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._base: sqlite3.Connection | None = None
        self._try_at: Instant | None = None
        self._batches = 0

    def record(self, line: Mapping[str, Any]) -> None:
        """Add a line of history; a second one of the same `boot` and `n` changes nothing."""
        inputs = line.get("inputs")
        boot = line.get("boot")
        self._add(
            _LINE,
            line.get("at", ""),
            line.get("node", self._node),
            None if boot is None else str(boot),
            line.get("n"),
            line.get("group"),
            line.get("what", ""),
            *(line.get(key) for key in ("rule", "was", "role", "epoch")),
            None if inputs is None else json.dumps(inputs),
        )

    def post(self, notifier: str, key: str, body: str) -> None:
        """`notifier` is to tell `body`."""
        self._add(_LETTER, key, notifier, body)

    def settle(self, notifier: str, key: str, state: str) -> None:
        """It need not be told any more: it is ``done`` or ``dropped``."""
        self._add(_SETTLED, state, notifier, key)

    def tried(self, notifier: str, key: str, tries: int, error: str) -> None:
        """It could not be told yet."""
        self._add(_TRIED, tries, error, notifier, key)

    def knows(self, notifier: str, key: str) -> bool:
        """Whether it has been posted before; False while the file cannot be read."""
        return bool(self._ask("SELECT 1 FROM outbox WHERE notifier = ? AND key = ?", notifier, key))

    def waiting(self) -> list[tuple[str, str, str, int]]:
        """Notifier, key, body and tries of all that has not been told, oldest first."""
        return self._ask(
            "SELECT notifier, key, body, tries FROM outbox WHERE state = 'waiting' ORDER BY id"
        )

    def next_deadline(self) -> Instant | None:
        """When `flush` should be called again, if it did not succeed."""
        return self._try_at if self._pending else None

    def flush(self, now: Instant) -> bool:
        """Write what has been gathered; whether all of it is on the disk now."""
        if not self._pending:
            return True
        if self._try_at is not None and now < self._try_at:
            return False
        try:
            base = self._open()
            base.execute("BEGIN IMMEDIATE")
            for statement, values in self._pending:
                base.execute(statement, values)
            self._prune(base)
            base.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._try_at = Instant(now + RETRY_NS)
            self._fail(error)
            return False
        self._pending.clear()
        self.fault = self._try_at = None
        return True

    def close(self) -> None:
        """Give the file back; it is opened again when it is needed."""
        if self._base is not None:
            with suppress(sqlite3.Error):
                self._base.close()
            self._base = None

    def _add(self, statement: str, *values: object) -> None:
        if len(self._pending) >= PENDING_MAX:
            self._pending.popleft()
            self.lost += 1
        self._pending.append((statement, tuple(map(_storable, values))))

    def _open(self) -> sqlite3.Connection:
        if self._base is None:
            self._base = open_base(self._path)
        return self._base

    def _fail(self, error: Exception) -> None:
        self.fault = f"{self._path}: {error}; what happens is kept in memory only"
        self.close()

    def _ask(self, question: str, *values: str) -> list[Any]:
        if self._try_at is not None:
            return []  # the disk has refused, and is not tried with every question
        try:
            with closing(self._open().execute(question, values)) as cursor:
                return cursor.fetchall()
        except (sqlite3.Error, OSError) as error:
            self._fail(error)
            return []

    def _prune(self, base: sqlite3.Connection) -> None:
        self._batches += 1
        if self._batches % PRUNE_EVERY == 1:
            base.execute(_PRUNE_LINES, (LINES_MAX,))
            base.execute(_PRUNE_DONE, (DONE_MAX,))


def _storable(value: object) -> str | int | None:
    """`value` as SQLite takes it: one odd value must not hold up all that comes after it."""
    if value is None or (isinstance(value, int) and abs(value) < 1 << 63):
        return value
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")


def open_base(path: Path) -> sqlite3.Connection:
    """The file at `path`, made if it is absent; one that is no database is set aside.

    :raises sqlite3.Error: if it cannot be opened or written.
    """
    base = sqlite3.connect(path, timeout=2.0, isolation_level=None)
    try:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = FULL")
        base.executescript(SCHEMA)
    except sqlite3.DatabaseError as error:
        base.close()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            raise
        path.replace(path.with_suffix(".sqlite.broken"))
        for rest in ("-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        return open_base(path)
    path.chmod(0o600)
    return base


def lines(path: Path, newest: int) -> Iterable[dict[str, Any]]:
    """The `newest` lines of history in the file at `path`, oldest first, for commands."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        base.row_factory = sqlite3.Row
        found = base.execute("SELECT * FROM journal ORDER BY id DESC LIMIT ?", (newest,)).fetchall()
    return [
        {**row, "inputs": json.loads(row["inputs"]) if row["inputs"] else {}}
        for row in reversed([dict(row) for row in found])
    ]
