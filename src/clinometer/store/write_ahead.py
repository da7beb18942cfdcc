"""Keep SQLite's write-ahead log short: it lies beside the file and counts against the same bound."""

from __future__ import annotations

import os
import sqlite3

from clinometer.store.schema import PAGE

BUSY_MS = 1000  # that SQLite itself waits for a reader


def log_bytes(most_bytes: int) -> int:
    """How much of a bound is for the log: small, but large enough to be written back seldom."""
    return min(2 * 2**20, max(most_bytes // 16, min(2**18, most_bytes // 4)))


class Log:
    """The write-ahead log of an open database."""

    def __init__(self, database: sqlite3.Connection, path: str, most_bytes: int) -> None:
        self.bytes = log_bytes(most_bytes)
        self._most = max(2 * self.bytes, most_bytes // 4)
        self._database, self._path = database, path + "-wal"
        self._stuck = False
        database.execute(f"PRAGMA wal_autocheckpoint={self.bytes // PAGE // 2}")
        database.execute(f"PRAGMA journal_size_limit={self.bytes}")

    def is_stuck(self) -> bool:
        """Whether a reader that stays keeps the log from being used again, and it is too long."""
        if self._size() > self._most:
            self._database.execute(f"PRAGMA busy_timeout={0 if self._stuck else BUSY_MS}")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._database.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            self._stuck = self._size() > self.bytes
        else:
            self._stuck = False
        return self._stuck

    def _size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except OSError:
            return 0
