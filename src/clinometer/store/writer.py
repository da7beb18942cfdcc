"""Append to a recording: one commit an observation; never raises into the training it serves."""

from __future__ import annotations

import array
import json
import os
import sqlite3
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from clinometer.errors import ClinometerWarning, RecordingError
from clinometer.records.columns import COLUMNS, SCHEMA
from clinometer.records.site import Site
from clinometer.store.schema import APPLICATION_ID, TABLES, checksum


class Writer:
    """An open recording. The first failure stops it, with one warning; the run goes on."""

    def __init__(self, path: str, meta: dict[str, Any]) -> None:
        """Create the file.

        Raises
        ------
        RecordingError : if it exists already, or cannot be made.
        """
        self.path = path
        self.failed: str | None = None
        if os.path.exists(path):
            raise RecordingError(
                f"{path}: exists already, and a recording is never overwritten.\n"
                "  Give another name with -o, or remove it."
            )
        try:
            self._db = _create(path)
        except sqlite3.Error as error:
            raise RecordingError(
                f"{path}: cannot be written ({error}).\n"
                "  Expected a folder that exists and may be written to; give one with -o FILE."
            ) from error
        self.set_meta(meta)

    def set_meta(self, values: dict[str, Any]) -> None:
        """Set facts about the whole run; later values replace earlier ones."""
        rows = [(key, json.dumps(value)) for key, value in values.items()]
        self._try("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def set_state(self, values: dict[str, Any]) -> None:
        """Set what is accumulated over the run (label counts, dead units): the newest counts."""
        rows = [(key, json.dumps(value)) for key, value in values.items()]
        self._try("INSERT OR REPLACE INTO state VALUES (?, ?)", rows)

    def add_sites(self, sites: Iterable[Site]) -> None:
        """Declare sites before the first observation that holds their rows."""
        rows = [(site.index, site.kind, site.name, json.dumps(site.facts)) for site in sites]
        self._try("INSERT INTO site VALUES (?, ?, ?, ?)", rows)

    def add_observation(self, step: int, time_s: float, row: array.array[float]) -> None:
        """Append one packed float32 row: every site's columns, in the order of the sites."""
        data = _little_endian(row)
        self._try(
            "INSERT INTO observation VALUES (?, ?, ?, ?)",
            [(step, time_s, data, checksum(data, step))],
        )

    def add_steps(self, first: int, fields: array.array[float]) -> None:
        """Append a batch of every-step scalars (float64, see `schema.STEP_FIELDS`)."""
        data = _little_endian(fields)
        self._try("INSERT INTO steps VALUES (?, ?, ?)", [(first, data, checksum(data, first))])

    def close(self) -> None:
        """Fold the write-ahead log back, so that one file is left, and close it."""
        try:
            if self.failed is None:
                self._db.execute("PRAGMA journal_mode=DELETE")
            self._db.close()
        except sqlite3.Error as error:
            self._fail(error)

    def _try(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        if self.failed is not None or not rows:
            return
        try:
            with self._db:
                self._db.executemany(statement, rows)
        except sqlite3.Error as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self.failed is None:
            self.failed = str(error)
            warnings.warn(
                f"{self.path}: recording stopped ({error}); what was written stays readable, "
                "and the training goes on.",
                ClinometerWarning,
                stacklevel=2,
            )


def _create(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute(f"PRAGMA application_id={APPLICATION_ID}")
    database.execute(f"PRAGMA user_version={SCHEMA}")
    database.executescript(TABLES)
    with database:
        database.executemany(
            "INSERT INTO column VALUES (?, ?, ?, ?, ?)",
            [
                (kind, position, column.name, column.unit, column.meaning)
                for kind, columns in COLUMNS.items()
                for position, column in enumerate(columns)
            ],
        )
    return database


def _little_endian(values: array.array[float]) -> bytes:
    if sys.byteorder == "big":
        values = array.array(values.typecode, values)
        values.byteswap()
    return values.tobytes()
