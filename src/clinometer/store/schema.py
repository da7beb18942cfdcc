"""Tables of `run.clino`, and how numbers are packed into them.

A row of `observation` is whole or absent: SQLite commits it, and its CRC-32 proves it. Scalars of
every step come in batches of packed float64, because SQLite turns a NaN in a REAL column into NULL,
and a loss of NaN is a finding.
"""

from __future__ import annotations

import zlib

APPLICATION_ID = 0x434C494E  # "CLIN", in the SQLite header: tells our file from a foreign database

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE site (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, facts TEXT NOT NULL);
CREATE TABLE column (kind TEXT, position INTEGER, name TEXT, unit TEXT, meaning TEXT,
                     PRIMARY KEY (kind, position));
CREATE TABLE observation (step INTEGER PRIMARY KEY, time_s REAL NOT NULL, data BLOB NOT NULL,
                          crc INTEGER NOT NULL);
CREATE TABLE steps (first INTEGER PRIMARY KEY, data BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

# One every-step scalar record: time_s, loss, loss_seen (0 or 1), as little-endian float64.
STEP_FIELDS = ("time_s", "loss", "loss_seen")


def checksum(data: bytes, key: int) -> int:
    """CRC-32 of a packed row, seeded with its step so that exchanged rows are noticed."""
    return zlib.crc32(data, key & 0xFFFFFFFF)
