"""Read a recording back: needs neither torch nor the process that wrote it."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any

import numpy as np

from clinometer.errors import RecordingError
from clinometer.records.columns import COLUMNS, SCHEMA
from clinometer.records.recording import Float32, Float64, Recording
from clinometer.records.site import Site
from clinometer.store.process import birth_of
from clinometer.store.schema import APPLICATION_ID, STEP_FIELDS, checksum


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a recording; one whose run was killed, or is still going, is read as far as it goes.

    Raises
    ------
    RecordingError : if the file is missing, empty, foreign, of a newer version, or broken
        before its first whole row.

    Notes
    -----
    Rows behind the first one that fails its checksum are left out, and `notes` says so.
    """
    name = os.fspath(path)
    _check_file(name)
    notes: list[str] = []
    try:
        database = sqlite3.connect(f"file:{_quoted(name)}?mode=ro", uri=True)
        try:
            _check_kind(database, name)
            return _recording(database, name, notes)
        finally:
            database.close()
    except (sqlite3.Error, ValueError, KeyError, OverflowError) as error:
        raise RecordingError(
            f"{name}: is damaged ({error}).\n"
            "  Expected a recording by `clinometer run`; if it was copied while it was being "
            "written,\n  copy the files ending in -wal and -shm beside it too."
        ) from error


def _quoted(name: str) -> str:
    return name.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _check_file(name: str) -> None:
    if not os.path.exists(name):
        raise RecordingError(
            f"{name}: no such file.\n  Expected a recording; make one with "
            "`clinometer run script.py`."
        )
    if os.path.isdir(name):
        raise RecordingError(f"{name}: is a folder.\n  Expected a recording (a .clino file).")
    with open(name, "rb") as file:
        head = file.read(16)
    if not head:
        raise RecordingError(
            f"{name}: is empty (0 bytes).\n  Expected a recording; the run may have been stopped "
            "before its first step."
        )
    if head != b"SQLite format 3\x00":
        raise RecordingError(
            f"{name}: is no recording (it begins with {head[:8]!r}).\n"
            "  Expected a .clino file by `clinometer run`."
        )


def _check_kind(database: sqlite3.Connection, name: str) -> None:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise RecordingError(
            f"{name}: is an SQLite database of another program.\n"
            "  Expected a recording by `clinometer run`."
        )
    if version > SCHEMA:
        raise RecordingError(
            f"{name}: has schema {version}; this Clinometer reads schemas up to {SCHEMA}.\n"
            "  Install a newer Clinometer."
        )


def _recording(database: sqlite3.Connection, name: str, notes: list[str]) -> Recording:
    meta = {key: json.loads(value) for key, value in database.execute("SELECT * FROM meta")}
    state = {key: json.loads(value) for key, value in database.execute("SELECT * FROM state")}
    sites = tuple(
        Site(index, kind, site, json.loads(facts))
        for index, kind, site, facts in database.execute("SELECT * FROM site ORDER BY id")
    )
    step, scalars = _steps(database, notes)
    observed, rows = _observations(database, sites, notes)
    return Recording(
        path=name,
        meta=meta,
        ended=meta.get("ended") or ("running" if _alive(meta) else "killed"),
        sites=sites,
        step=step,
        time_s=scalars[:, 0],
        loss=scalars[:, 1],
        loss_seen=scalars[:, 2] > 0,
        observed=observed,
        rows=rows,
        labels=state.get("labels", {}),
        dead_units=state.get("dead_units", {}),
        notes=tuple(notes + meta.get("notes", [])),
    )


def _steps(
    database: sqlite3.Connection, notes: list[str]
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], Float64]:
    numbers, batches = [], []
    width = len(STEP_FIELDS)
    for first, data, crc in database.execute("SELECT * FROM steps ORDER BY first"):
        if checksum(data, first) != crc:
            notes.append(f"the losses from step {first} on fail their checksum and are left out")
            break
        batch = np.frombuffer(data, dtype="<f8").reshape(-1, width)
        batches.append(batch)
        numbers.append(np.arange(first, first + len(batch)))
    if not batches:
        return np.zeros(0, dtype=np.int64), np.zeros((0, width))
    return np.concatenate(numbers).astype(np.int64), np.concatenate(batches).astype(np.float64)


def _observations(
    database: sqlite3.Connection, sites: tuple[Site, ...], notes: list[str]
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], dict[str, Float32]]:
    widths = [len(COLUMNS[site.kind]) for site in sites]
    total, steps, packed = sum(widths), [], []
    for step, _, data, crc in database.execute("SELECT * FROM observation ORDER BY step"):
        if checksum(data, step) != crc:
            notes.append(f"the observations from step {step} on fail their checksum, left out")
            break
        row = np.full(total, np.nan, dtype=np.float32)
        values = np.frombuffer(data, dtype="<f4")
        row[: len(values)] = values
        steps.append(step)
        packed.append(row)
    table = np.stack(packed) if packed else np.zeros((0, total), dtype=np.float32)
    return np.array(steps, dtype=np.int64), _by_kind(table, sites, widths)


def _by_kind(table: Float32, sites: tuple[Site, ...], widths: list[int]) -> dict[str, Float32]:
    """Cut the packed rows into one cube a kind; a site not yet known then has `seen` = 0."""
    starts = np.concatenate([[0], np.cumsum(widths)]).astype(int)
    rows = {}
    for kind, columns in COLUMNS.items():
        pieces = [
            table[:, starts[i] : starts[i + 1]] for i, site in enumerate(sites) if site.kind == kind
        ]
        cube = (
            np.stack(pieces, axis=1)
            if pieces
            else np.zeros((len(table), 0, len(columns)), np.float32)
        )
        cube[:, :, 0] = np.nan_to_num(cube[:, :, 0], nan=0.0)
        rows[kind] = cube
    return rows


def _alive(meta: dict[str, Any]) -> bool:
    """Whether the process that writes this recording still runs (same host, pid and birth)."""
    writer = meta.get("process", {})
    return bool(writer) and birth_of(writer.get("pid", -1)) == writer.get("birth", "unknown")
