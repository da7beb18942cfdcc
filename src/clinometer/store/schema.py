"""Tables of `run.clino`, and how numbers are packed into them.

A row is whole or absent: SQLite commits it, and its CRC-32 proves it. Numbers lie in packed BLOBs,
because SQLite turns a NaN in a REAL column into NULL, and a loss of NaN is a finding.

`observation.number` counts the observations and `steps.number` the batches as they were handed over;
`steps.many` says how many of these a row stands for after thinning. The reader follows these
numbers, so that a row that was lost without a trace is noticed all the same.
"""

from __future__ import annotations

import zlib

APPLICATION_ID = 0x434C494E  # "CLIN", in the SQLite header: tells our file from a foreign database
PAGE = 4096  # bytes

RING = 256  # steps before an event that are never thinned ...
BURST = 8  # ... and steps after it
FIRST = 64  # observations and steps at the beginning that are never thinned
MOST_PROTECTED = 64  # events whose surroundings are kept; the earliest ones
MOST_EVENTS = 1024  # events that are kept at all; the earliest ones
MOST_TEXT = 1000  # characters of an event

TALLY = "tally"  # the row of `state` that says how much there should be (see `tally.Tally`)

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE column (id INTEGER PRIMARY KEY, kind TEXT, name TEXT, unit TEXT, meaning TEXT,
                     merge TEXT, crc INTEGER NOT NULL);
CREATE TABLE site (id INTEGER PRIMARY KEY, kind TEXT, name TEXT, facts TEXT, crc INTEGER NOT NULL);
CREATE TABLE event (id INTEGER PRIMARY KEY, step INTEGER, kind TEXT, text TEXT,
                    crc INTEGER NOT NULL);
CREATE TABLE observation (step INTEGER PRIMARY KEY, number INTEGER NOT NULL, time_s REAL,
                          crc INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE steps (first INTEGER PRIMARY KEY, stride INTEGER NOT NULL, number INTEGER NOT NULL,
                    many INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL);
"""

Field = int | float | str | None


def checksum(table: str, *fields: Field, data: bytes = b"") -> int:
    """CRC-32 of all fields of a row, and of the table that it belongs to.

    >>> checksum("event", 0, 12, "spike", "") != checksum("event", 0, 13, "spike", "")
    True
    """
    return zlib.crc32(data, zlib.crc32(ascii((table, *fields)).encode()))
