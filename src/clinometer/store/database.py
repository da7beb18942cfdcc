"""The SQLite file of a recording, as the one who writes it sees it."""

from __future__ import annotations

import os
import sqlite3
import time

from clinometer.store.create import as_json
from clinometer.store.inbox import Batch
from clinometer.store.packing import Packing
from clinometer.store.schema import PAGE, TALLY, checksum

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
TOGETHER = 64  # rows of one INSERT: the interpreter's lock is given away once for all of them


class Database:
    """An open recording: one transaction a batch, then room is made where it is short.

    Used by one thread at a time. Every method may raise `sqlite3.Error`.
    """

    def __init__(self, path: str, most_bytes: int) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self.log_bytes = max(16 * PAGE, min(2 * 2**20, most_bytes // 16))  # of the write-ahead log
        self.give_up_at = float("inf")  # `time.monotonic()` when to stop waiting for a reader
        self._full = False
        self._db = sqlite3.connect(path, timeout=1.0, check_same_thread=False, isolation_level=None)
        for pragma in (
            "synchronous=NORMAL",
            "cache_spill=OFF",  # a spill would need the readers to be gone
            f"wal_autocheckpoint={self.log_bytes // PAGE // 2}",
            f"journal_size_limit={self.log_bytes}",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        self._packing = Packing(self._db, most_bytes - self.log_bytes)
        self._facts = {("meta", key) for (key,) in self._db.execute("SELECT key FROM meta")}

    @property
    def most_together(self) -> int:
        """Bytes that one batch should hold at most, so that the bound is not overrun."""
        return max(PAGE, self.most_bytes // 64)

    def apply(self, batch: Batch, dropped: int = 0) -> None:
        """Commit a batch, and make room for the next one."""
        self._packing.tally.dropped = dropped
        self._patiently("BEGIN IMMEDIATE")
        for table, rows in self._packing.rows(batch.items, full=self._full).items():
            self._insert(table, rows)
        self._packing.protect()
        for (table, key), value in batch.latest.items():
            self._facts.add((table, key))
            self._set(table, key, value)
        self._commit()
        self._make_room()

    def close(self) -> None:
        """Fold the write-ahead log back, so that one file is left; a reader may prevent that."""
        try:
            self._db.execute("PRAGMA busy_timeout=200")
            self._db.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
        finally:
            self._db.close()

    def _set(self, table: str, key: str, value: str) -> None:
        row = (key, value, checksum(table, key, value))
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", row)

    def _commit(self) -> None:
        tally = self._packing.counted()
        tally.facts = len(self._facts)
        self._set("state", TALLY, as_json(tally.as_json()))
        self._patiently("COMMIT")

    def _insert(self, table: str, rows: list[tuple[object, ...]]) -> None:
        for i in range(0, len(rows), TOGETHER):
            some = rows[i : i + TOGETHER]
            marks = ", ".join(["(" + ", ".join("?" * len(some[0])) + ")"] * len(some))
            fields = [field for row in some for field in row]
            self._db.execute(f"INSERT INTO {table} VALUES {marks}", fields)

    def _patiently(self, statement: str) -> None:
        """Begin or commit, however long a reader of a file without write-ahead log takes."""
        while True:
            try:
                self._db.execute(statement)
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > self.give_up_at:
                    raise

    def _make_room(self) -> None:
        room = self.most_bytes - self.log_bytes
        while (used := self._used()) > room - 2 * self.most_together:
            self._patiently("BEGIN IMMEDIATE")
            thinned = self._packing.thin()
            self._commit()
            if not thinned:
                break
        self._full = used > room or self._log_size() > 2 * self.log_bytes + self.most_bytes // 4

    def _used(self) -> int:
        """Bytes of the pages in use; free ones are used again before the file grows."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * PAGE

    def _log_size(self) -> int:
        try:
            return os.stat(self.path + "-wal").st_size
        except OSError:
            return 0


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return (error.sqlite_errorcode & 0xFF) in BUSY
