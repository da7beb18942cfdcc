"""Open a recording for reading: say what is wrong with it, and get at what is left of a damaged one."""

from __future__ import annotations

import os
import sqlite3
import urllib.parse

from clinometer.errors import RecordingError
from clinometer.records.columns import SCHEMA
from clinometer.store.schema import APPLICATION_ID

# In this order: read only; read and write, where a killed writer left a journal to roll back; and as
# it lies, where the folder may not be written to and SQLite cannot keep its index of the log.
WAYS = ("mode=ro", "mode=rw", "immutable=1")
WAIT_S = 10.0  # for a writer on a file system without write-ahead log
NO_ACCESS = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)


def open_recording(path: str) -> tuple[sqlite3.Connection, list[str]]:
    """(connection in one transaction, notes) of a recording.

    Raises
    ------
    RecordingError : if the file is missing, a folder, empty, foreign, or of a newer version.
    sqlite3.Error : if it is damaged beyond that.
    """
    _check_file(path)
    log = _size(path + "-wal")
    for way in WAYS:
        try:
            database = _connect(path, way)
        except sqlite3.OperationalError as error:
            if way == WAYS[-1] or (error.sqlite_errorcode & 0xFF) not in NO_ACCESS:
                raise
            continue
        notes = ["the newest steps, in the file ending in -wal, could not be read"]
        return database, notes if way == WAYS[-1] and log else []
    raise AssertionError  # pragma: no cover - the last way returns or raises


def check_kind(database: sqlite3.Connection, path: str) -> int:
    """Schema of a recording.

    Raises
    ------
    RecordingError : if the file belongs to another program, or to a newer version of this one.
    """
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise RecordingError(
            f"{path}: is an SQLite database of another program.\n"
            "  Expected a recording by `clinometer run`."
        )
    if not 1 <= version <= SCHEMA:
        raise RecordingError(
            f"{path}: has schema {version}; this Clinometer reads schemas up to {SCHEMA}.\n"
            "  Install a newer Clinometer."
        )
    return int(version)


def damaged(path: str, why: object) -> RecordingError:
    """The error for a recording of which nothing can be used."""
    return RecordingError(
        f"{path}: is damaged ({why}).\n"
        "  Expected a recording by `clinometer run`; if it was copied while it was being "
        "written,\n  copy the files ending in -wal and -shm beside it too."
    )


def _connect(path: str, way: str) -> sqlite3.Connection:
    place = urllib.parse.quote(os.fsencode("/" + os.path.abspath(path).lstrip("/")))
    database = sqlite3.connect(
        f"file://{place}?{way}", uri=True, timeout=WAIT_S, isolation_level=None
    )
    try:
        database.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        database.execute("PRAGMA writable_schema=ON")  # lets a truncated file be read
        database.execute("BEGIN")  # all that follows is of one moment
        database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except BaseException:
        database.close()
        raise
    return database


def _check_file(path: str) -> None:
    if os.path.isdir(path):
        raise RecordingError(f"{path}: is a folder.\n  Expected a recording (a .clino file).")
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except (FileNotFoundError, ValueError) as error:
        raise RecordingError(
            f"{path}: no such file.\n  Expected a recording; make one with "
            "`clinometer run script.py`."
        ) from error
    except OSError as error:
        raise RecordingError(
            f"{path}: {error.strerror or error}.\n  Expected a recording that can be read."
        ) from error
    if not head:
        raise RecordingError(
            f"{path}: is empty (0 bytes).\n  Expected a recording; the run may have been stopped "
            "before its first step."
        )
    if head != b"SQLite format 3\x00":
        raise RecordingError(
            f"{path}: is no recording (it begins with {head[:8]!r}).\n"
            "  Expected a .clino file by `clinometer run`."
        )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
