"""Read rows as far as they are whole."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from clinometer.store.raw import Raw
from clinometer.store.schema import checksum

Row = tuple[Any, ...]


def whole(
    database: sqlite3.Connection, table: str, fields: str, raw: Raw, lost: str, *seed: int
) -> Iterator[Row]:
    """Rows of a table, in its order, up to the first that is damaged; that is then noted.

    Each row is its fields, and its data where the table has such a column.
    """
    has_data = fields.endswith(", data")
    head = fields.removesuffix(", data")
    query = f"SELECT {head}, crc{', data' if has_data else ''} FROM {table} ORDER BY 1"
    last: Any = None
    try:
        for row in database.execute(query):
            key = row[0]
            *values, crc, data = row if has_data else (*row, b"")
            if crc != checksum(table, *seed, *values, data=data):
                raise ValueError("a row fails its checksum")
            if last is not None and not key > last:
                raise ValueError("rows are out of order")
            last = key
            yield (*values, data) if has_data else tuple(values)
    except (sqlite3.Error, ValueError, TypeError, MemoryError) as error:
        after = "" if last is None else f" after {last}"
        raw.lose(f"{lost}{after} cannot be read and are left out ({error})")


def facts(database: sqlite3.Connection, table: str, raw: Raw) -> dict[str, Any]:
    """Keys and values of `meta` or `state`: those that are whole."""
    found = {}
    try:
        for key, value, crc in database.execute(f"SELECT key, value, crc FROM {table}"):
            if crc == checksum(table, key, value):
                found[key] = json.loads(value)
            else:
                raw.lose(f"a row of the table {table} fails its checksum and is left out")
    except (sqlite3.Error, ValueError, TypeError, MemoryError) as error:
        raw.lose(f"the table {table} cannot be read to its end ({error})")
    return found


def columns(database: sqlite3.Connection, raw: Raw) -> dict[str, list[str]]:
    """Names of the columns of each kind, as this file packs them.

    Raises
    ------
    ValueError : if one of them is damaged: then no row can be read.
    """
    try:
        ((many,),) = database.execute("SELECT COUNT(*) FROM column")
    except sqlite3.Error as error:
        raise ValueError(f"the list of its columns cannot be read: {error}") from error
    fields = "id, kind, name, unit, meaning, merge"
    rows = list(whole(database, "column", fields, raw, "columns", many))
    if raw.broken or [row[0] for row in rows] != list(range(many)) or not rows:
        raise ValueError("the list of its columns is not whole")
    by_kind = itertools.groupby(rows, key=lambda row: str(row[1]))
    return {kind: [str(row[2]) for row in group] for kind, group in by_kind}
