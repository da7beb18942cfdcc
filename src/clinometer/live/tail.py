"""What is new in a recording: a short look at the file, never at the process that writes it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clinometer.records.recording import Float64, Int64
from clinometer.store.opening import check_kind, damaged, open_recording
from clinometer.store.process import birth_of
from clinometer.store.raw import Raw
from clinometer.store.reader import read_file
from clinometer.store.rows import columns, facts
from clinometer.store.schema import checksum

FIRST_SCHEMA = 1  # packs its losses otherwise; nothing writes it any more, so it is read as a whole


@dataclass(frozen=True)
class Fresh:
    """What a short look found.

    Attributes
    ----------
    meta : facts about the run, as far as they are written
    step, loss : int64 and float64 (new steps with a loss,)
    reached : number of the newest recorded step, -1 without one
    observed : number of the newest observed step, -1 without one
    """

    meta: dict[str, Any] = field(default_factory=dict)
    step: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))
    loss: Float64 = field(default_factory=lambda: np.zeros(0))
    reached: int = -1
    observed: int = -1

    @property
    def ended(self) -> str:
        """How the run ended, as `Recording.ended` says it."""
        return ended(self.meta)


def look(path: str, after: int) -> Fresh:
    """Read what came after a step; the file is open for this one look only.

    Raises
    ------
    RecordingError : if there is no recording that could be read.
    """
    database, _ = open_recording(path)
    try:
        schema = check_kind(database, path)
        raw = Raw()
        if schema == FIRST_SCHEMA:
            return _whole(path, after)
        meta = facts(database, "meta", raw)
        raw.columns = columns(database, raw)
        (observed,) = database.execute("SELECT MAX(step) FROM observation").fetchone()
        step, table = _steps(database, len(raw.columns["step"]), after)
        names = raw.columns["step"]
        seen = table[:, names.index("loss_seen")] > 0
        return Fresh(
            meta,
            step[seen],
            table[seen, names.index("loss")],
            int(step[-1]) if len(step) else after,
            -1 if observed is None else int(observed),
        )
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        raise damaged(path, error) from error
    finally:
        database.close()


def _whole(path: str, after: int) -> Fresh:
    recording = read_file(path)
    new = recording.loss_seen & (recording.step > after)
    return Fresh(
        recording.meta,
        recording.step[new],
        recording.loss[new],
        max(recording.step.tolist(), default=-1),
        max(recording.observed.tolist(), default=-1),
    )


def _steps(database: sqlite3.Connection, width: int, after: int) -> tuple[Int64, Float64]:
    """(numbers of the steps, their scalars) behind a step, up to the first batch that is not whole."""
    numbers: list[Int64] = [np.zeros(0, np.int64)]
    tables: list[Float64] = [np.zeros((0, width))]
    rows = database.execute(
        "SELECT first, stride, number, many, crc, data FROM steps WHERE first > ? ORDER BY first",
        (after,),
    )
    for first, stride, number, many, crc, data in rows:
        if crc != checksum("steps", first, stride, number, many, data=data):
            break
        table = np.frombuffer(data, dtype="<f8").reshape(-1, width).astype(np.float64)
        tables.append(table)
        numbers.append(first + stride * np.arange(len(table), dtype=np.int64))
    return np.concatenate(numbers), np.concatenate(tables)


def ended(meta: dict[str, Any]) -> str:
    """How the run ended, as it says; else running, while its process lives on this machine, or killed."""
    if meta.get("ended"):
        return str(meta["ended"])
    writer = meta.get("process")
    if not isinstance(writer, dict):
        return "killed"
    is_alive = birth_of(writer.get("pid", -1)) == writer.get("birth", "unknown")
    return "running" if is_alive else "killed"
