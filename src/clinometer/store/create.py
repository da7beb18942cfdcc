"""Make the file of a recording."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any

from clinometer.errors import RecordingError
from clinometer.records.columns import COLUMNS, SCHEMA, STEP
from clinometer.store.file_system import is_shared
from clinometer.store.schema import APPLICATION_ID, PAGE, TABLES, checksum


def create(path: str, meta: dict[str, Any]) -> None:
    """Make an empty recording that already says what will be in it.

    Raises
    ------
    RecordingError : if it exists already, or cannot be made.
    """
    _claim(path)
    try:
        database = sqlite3.connect(path, isolation_level=None)
        try:
            note = _choose_journal(database, path)
            _fill(database, {"schema": SCHEMA, "store_notes": [note] if note else [], **meta})
        finally:
            database.close()
    except sqlite3.Error as error:
        os.unlink(path)
        raise RecordingError(_cannot(path, error)) from error


def _claim(path: str) -> None:
    """Create the file, so that of two writers one is refused."""
    leftover = next((path + end for end in ("-wal", "-journal") if os.path.lexists(path + end)), "")
    if leftover and not os.path.lexists(path):
        raise RecordingError(
            f"{leftover}: belongs to a recording that was here before, and would be read into a new "
            f"one.\n  Expected no such file beside {path}; remove it, or give another name with -o."
        )
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError as error:
        raise RecordingError(
            f"{path}: exists already, and a recording is never overwritten.\n"
            "  Give another name with -o, or remove it."
        ) from error
    except (OSError, ValueError) as error:
        raise RecordingError(_cannot(path, error)) from error


def _cannot(path: str, error: Exception) -> str:
    why = error.strerror if isinstance(error, OSError) else error
    return (
        f"{path}: cannot be written ({why}).\n"
        "  Expected a folder that exists and may be written to; give one with -o FILE."
    )


def _choose_journal(database: sqlite3.Connection, path: str) -> str | None:
    """Use the write-ahead log where it works; elsewhere say what is used instead."""
    database.execute(f"PRAGMA page_size={PAGE}")
    shared = is_shared(path)
    if shared is None:
        (mode,) = database.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode == "wal":
            return None
    database.execute("PRAGMA journal_mode=TRUNCATE")
    return (
        f"the recording lies on a file system that others may share ({shared or 'no memory maps'}): "
        "it was written without a write-ahead log"
    )


def _fill(database: sqlite3.Connection, meta: dict[str, Any]) -> None:
    database.execute(f"PRAGMA application_id={APPLICATION_ID}")
    database.execute(f"PRAGMA user_version={SCHEMA}")
    database.execute("BEGIN IMMEDIATE")
    for statement in TABLES.split(";")[:-1]:
        database.execute(statement)
    database.executemany("INSERT INTO column VALUES (?, ?, ?, ?, ?, ?, ?)", _columns())
    rows = [(key, as_json(value)) for key, value in meta.items()]
    database.executemany(
        "INSERT INTO meta VALUES (?, ?, ?)", [(*row, checksum("meta", *row)) for row in rows]
    )
    database.execute("COMMIT")


def _columns() -> list[tuple[int | str, ...]]:
    """Rows of `column`: what is packed into the rows of each kind of site, and of each step.

    Their number is part of each checksum, so that a lost one is noticed.
    """
    every = [(kind, c) for kind, columns in {**COLUMNS, "step": STEP}.items() for c in columns]
    rows = [(i, kind, c.name, c.unit, c.meaning, c.merge) for i, (kind, c) in enumerate(every)]
    return [(*row, checksum("column", len(every), *row)) for row in rows]


def as_json(value: Any) -> str:
    """JSON of a value; what has no JSON is written as its `repr`, so that this never raises."""
    try:
        return json.dumps(value, default=repr, skipkeys=True)
    except (ValueError, RecursionError):  # holds itself
        return json.dumps(repr(value)[:1000])
