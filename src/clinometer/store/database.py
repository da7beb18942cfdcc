"""The SQLite file of a recording, as the one who writes it sees it."""

from __future__ import annotations

import sqlite3
import time

from clinometer.store.create import as_json
from clinometer.store.inbox import Batch, Latest
from clinometer.store.packing import Packing, Row
from clinometer.store.schema import PAGE, TALLY, checksum
from clinometer.store.write_ahead import BUSY_MS, Log

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
THIN_TOGETHER = 4  # steps of thinning in one transaction
TOGETHER = 64  # rows of one INSERT: the interpreter's lock is given away once for all of them


class Database:
    """An open recording: one transaction a batch, then room is made where it is short.

    Used by one thread at a time. Every method may raise `sqlite3.Error`.
    """

    def __init__(self, path: str, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.give_up_at = float("inf")  # `time.monotonic()` when to stop waiting for a reader
        self._full = False
        self._rows: dict[str, list[Row]] = {}  # not yet written: the log is stuck, or it failed
        self._latest: Latest = {}
        self._db = sqlite3.connect(
            path, timeout=BUSY_MS / 1000, check_same_thread=False, isolation_level=None
        )
        for pragma in (
            "synchronous=NORMAL",
            "cache_spill=OFF",  # a spill would need the readers to be gone
        ):
            self._db.execute(f"PRAGMA {pragma}")
        self._log = Log(self._db, path, most_bytes)
        self._room = most_bytes - self._log.bytes
        self._packing = Packing(self._db, self._room)
        self._facts = {("meta", key) for (key,) in self._db.execute("SELECT key FROM meta")}

    @property
    def most_together(self) -> int:
        """Bytes that one batch should hold at most, so that the bound is not overrun."""
        return max(PAGE, self.most_bytes // 64)

    def apply(self, batch: Batch, dropped: int = 0) -> None:
        """Commit a batch, and make room for the next one."""
        self._packing.tally.dropped = dropped
        stuck = self._log.is_stuck()
        for table, rows in self._packing.rows(batch.items, full=self._full or stuck).items():
            self._rows.setdefault(table, []).extend(rows)
        self._latest.update(batch.latest)
        if not stuck:
            self._write()
            self._make_room()

    def close(self) -> None:
        """Fold the write-ahead log back, so that one file is left; a reader may prevent that."""
        try:
            if self._rows or self._latest:
                self._write()
            self._db.execute("PRAGMA busy_timeout=200")
            self._db.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
        finally:
            self._db.close()

    def _write(self) -> None:
        self._patiently("BEGIN IMMEDIATE")
        for table, rows in self._rows.items():
            self._insert(table, rows)
        self._packing.protect()
        for (table, key), value in self._latest.items():
            self._facts.add((table, key))
            self._set(table, key, value)
        self._commit()
        self._rows, self._latest = {}, {}

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
        """Thin a little more than is needed, so that this is seldom done."""
        used, least = self._used(), self._room - 2 * self.most_together
        while used > least:
            self._patiently("BEGIN IMMEDIATE")
            least = self._room - 3 * self.most_together
            for _ in range(THIN_TOGETHER):
                thinned = self._packing.thin()
                used = self._used()
                if not thinned or used <= least:
                    break
            self._commit()
            if not thinned:
                break
        self._full = used > self._room

    def _used(self) -> int:
        """Bytes of the pages in use; free ones are used again before the file grows."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * PAGE


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return (error.sqlite_errorcode & 0xFF) in BUSY
