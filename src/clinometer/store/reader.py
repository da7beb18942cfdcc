"""Read a recording back: needs neither torch nor the process that wrote it."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

import numpy as np

from clinometer.records.columns import COLUMNS, STEP
from clinometer.records.evaluation import Evaluation
from clinometer.records.recording import Float32, Recording
from clinometer.records.site import Site
from clinometer.store.first_schema import make_movable_a_share, place_activations, read_first
from clinometer.store.layout import cubes, places, starts
from clinometer.store.opening import check_kind, damaged, open_recording
from clinometer.store.process import birth_of
from clinometer.store.ranks import read_ranks
from clinometer.store.raw import Raw
from clinometer.store.second_schema import read_second


def read(path: str | os.PathLike[str], *, ranks: bool = True) -> Recording:
    """Read a recording; one whose run was killed, or is still going, is read as far as it goes.

    Parameters
    ----------
    path : the file, or that of rank 0
    ranks : whether to read the files of the other ranks beside it (`run.1.clino` ...) and merge them

    Raises
    ------
    RecordingError : if the file is missing, empty, foreign, of a newer version, or broken
        before its first whole row.

    Notes
    -----
    Rows behind the first one that fails its checksum are left out, and `notes` says so.
    """
    recording = read_file(os.fspath(path))
    return read_ranks(recording, read_file) if ranks else recording


def read_file(path: str) -> Recording:
    """Read one file (see `read`)."""
    try:
        database, notes = open_recording(path)
        try:
            schema = check_kind(database, path)
            raw = read_second(database) if schema > 1 else read_first(database)
        finally:
            database.close()
        recorded = raw.meta.get("schema", schema)
        if recorded != schema:
            raise ValueError(f"its header says schema {schema}, its facts say {recorded}")
        if raw.broken and not raw.observed and not len(raw.step):
            raise ValueError("; ".join(raw.notes))
        return _recording(path, raw, notes, first=schema == 1)
    except (sqlite3.Error, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise damaged(path, error) from error


def _recording(path: str, raw: Raw, notes: list[str], *, first: bool) -> Recording:
    sites, rows = _rows(raw, first=first)
    raw.packed = []
    given = raw.meta.get("store_notes", []) + raw.meta.get("notes", [])
    return Recording(
        path=path,
        meta=raw.meta,
        ended=raw.meta.get("ended") or ("running" if _alive(raw.meta) else "killed"),
        sites=sites,
        step=raw.step,
        scalars={c.name: raw.scalars.get(c.name, np.full(len(raw.step), np.nan)) for c in STEP},
        observed=np.array(raw.observed, dtype=np.int64),
        rows=rows,
        labels=raw.state.get("labels", {}),
        dead_units=raw.state.get("dead_units", {}),
        events=tuple(raw.events),
        notes=tuple(notes + raw.notes + given),
        evaluations=tuple(map(Evaluation.from_json, raw.state.get("evaluations", []))),
    )


def _rows(raw: Raw, *, first: bool) -> tuple[tuple[Site, ...], dict[str, Float32]]:
    """(sites of known kinds, their cubes)."""
    where = {kind: places(raw.sites, raw.columns, kind) for kind in COLUMNS}
    width = starts(raw.sites, raw.columns)[-1]
    if first:
        place_activations(raw, where)
    rows = cubes(raw.packed, where, width)
    if first:
        make_movable_a_share(rows["parameter"], raw.sites)
    sites = [site for site in raw.sites if site.kind in COLUMNS]
    return tuple(sites), rows


def _alive(meta: dict[str, Any]) -> bool:
    """Whether the process that writes this recording still runs (same host, pid and birth)."""
    writer = meta.get("process", {})
    return bool(writer) and birth_of(writer.get("pid", -1)) == writer.get("birth", "unknown")
