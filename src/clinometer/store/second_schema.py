"""Read a file of schema 2: every row has a checksum, and the tally says what should be there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import numpy as np

from clinometer.records.recording import Event, Int64
from clinometer.records.site import Site
from clinometer.store.layout import starts
from clinometer.store.raw import Raw
from clinometer.store.rows import Row, columns, facts, whole
from clinometer.store.schema import TALLY
from clinometer.store.tally import Tally


def read_second(database: sqlite3.Connection) -> Raw:
    """Read all that is whole.

    Raises
    ------
    ValueError : if the columns are damaged, without which no row can be read.
    """
    raw = Raw()
    raw.columns = columns(database, raw)
    raw.meta = facts(database, "meta", raw)
    raw.state = facts(database, "state", raw)
    tally = _tally(raw)
    raw.sites = list(_sites(database, raw))
    raw.events = [
        Event(step, kind, text)
        for _, step, kind, text in whole(database, "event", "id, step, kind, text", raw, "events")
    ]
    _observations(database, raw, tally)
    _steps(database, raw, tally)
    if tally is not None:
        _compare(raw, tally)
    elif not raw.broken and (raw.observed or len(raw.step)):
        raw.lose("how much there should be is not known")
    return raw


def _sites(database: sqlite3.Connection, raw: Raw) -> Iterator[Site]:
    rows = whole(database, "site", "id, kind, name, facts", raw, "sites")
    for due, (index, kind, name, text) in enumerate(rows):
        if index != due:
            raw.lose(f"sites from number {due} on are left out: some are missing")
            return
        yield Site(index, kind, name, json.loads(text))


def _tally(raw: Raw) -> Tally | None:
    values = raw.state.pop(TALLY, None)
    if values is None:
        return None
    tally = Tally.from_json(values)
    if len(raw.meta) + len(raw.state) < tally.facts and not raw.broken:
        raw.lose("facts about the run are missing")
    return tally


def _observations(database: sqlite3.Connection, raw: Raw, tally: Tally | None) -> None:
    rows = whole(database, "observation", "step, number, time_s, data", raw, "observed steps")
    known = list(_laid_out(rows, raw))
    numbers = np.array([row[1] for row in known], dtype=np.int64)
    good = len(known) if tally is None else kept(numbers, tally)
    if good < len(known):
        raw.lose(
            f"observed steps from {known[good][0]} on are left out: some before it are missing"
        )
    raw.observed = [row[0] for row in known[:good]]
    raw.packed = [row[3] for row in known[:good]]
    last = int(numbers[good - 1]) + 1 if good else 0
    if tally is not None and last < tally.observations and not raw.broken:
        raw.lose(f"the last {tally.observations - last} observations are missing")


def _laid_out(rows: Iterator[Row], raw: Raw) -> Iterator[Row]:
    """Rows up to the first that holds a site that is not known."""
    ends = {4 * end for end in starts(raw.sites, raw.columns)}
    for row in rows:
        if len(row[3]) not in ends:
            raw.lose(f"observed steps from {row[0]} on are left out: they hold unknown sites")
            return
        yield row


def kept(numbers: Int64, tally: Tally) -> int:
    """How many of the observations, numbered in ascending order, come before the first lost one.

    >>> kept(np.array([0, 2, 4, 5]), Tally(observations=6, first=1, edges=[4, 1]))
    4
    >>> kept(np.array([0, 4, 5]), Tally(observations=6, first=1, edges=[4, 1]))
    1
    """
    due = np.concatenate([[0], numbers[:-1] + 1])
    lost = np.zeros(len(numbers), dtype=bool)
    ends = [tally.observations, *tally.edges]
    for level, (low, high) in enumerate(zip([*tally.edges, 0], ends, strict=True)):
        stride = 1 if low == 0 else 2**level
        begin = np.maximum(due, low)
        lost |= -(-begin // stride) * stride < np.minimum(numbers, high)
    return int(np.argmax(lost)) if lost.any() else len(numbers)


def _steps(database: sqlite3.Connection, raw: Raw, tally: Tally | None) -> None:
    names = raw.columns.get("step", [])
    width = 8 * max(1, len(names))
    fields = "first, stride, number, many, data"
    batches = list(_chained(whole(database, "steps", fields, raw, "losses of steps"), raw, width))
    counts = [len(batch[4]) // width for batch in batches]
    first = np.repeat(np.array([b[0] for b in batches], dtype=np.int64), counts)
    stride = np.repeat(np.array([b[1] for b in batches], dtype=np.int64), counts)
    within = np.concatenate([np.arange(count) for count in counts] or [np.zeros(0, np.int64)])
    raw.step = first + stride * within
    data = np.frombuffer(b"".join(batch[4] for batch in batches), dtype="<f8")
    table = data.reshape(-1, max(1, len(names))).astype(np.float64)
    raw.scalars = {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(names)}
    done = batches[-1][2] + batches[-1][3] if batches else 0
    if tally is not None and done < tally.batches and not raw.broken:
        raw.lose("the losses of the last steps are missing")


def _chained(rows: Iterator[Row], raw: Raw, width: int) -> Iterator[Row]:
    """Batches as long as each begins where the one before it ended."""
    due, end = 0, -1
    for row in rows:
        first, stride, number, many, data = row
        if number != due or first <= end or stride < 1 or many < 1 or len(data) % width:
            raw.lose(f"losses from step {first} on are left out: some before it are missing")
            return
        due = number + many
        end = first + stride * max(0, len(data) // width - 1)
        yield row


def _compare(raw: Raw, tally: Tally) -> None:
    """Say what was thinned or left out while the run was recorded."""
    if raw.broken:
        return
    few = tally.steps - len(raw.step), tally.observations - len(raw.observed)
    if any(few):
        raw.notes.append(
            f"{few[0]} of {tally.steps} steps and {few[1]} of {tally.observations} observations "
            "were thinned to keep the file within its bound"
        )
    if tally.dropped:
        raw.notes.append(f"{tally.dropped} rows were left out because the disk was too slow")
    if tally.unwritten:
        raw.notes.append(f"{tally.unwritten} rows were left out because the file was at its bound")
    if tally.unprotected:
        raw.notes.append(f"the steps around {tally.unprotected} later events were not kept apart")
    if tally.events > len(raw.events):
        raw.lose("events are missing")
