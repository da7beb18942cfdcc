"""From what is handed over to rows with numbers and checksums; counts what it lets through."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from typing import Any

from clinometer.store.inbox import Item
from clinometer.store.schema import (
    BURST,
    FIRST,
    MOST_EVENTS,
    MOST_PROTECTED,
    RING,
    checksum,
)
from clinometer.store.tables import OVERHEAD, WIDTH, Observations, Steps, batch_row
from clinometer.store.tally import Tally
from clinometer.store.thinning import Thinning

Row = tuple[object, ...]


class Packing:
    """Numbers and packs the rows of one recording, and knows which of them may be thinned."""

    def __init__(self, database: sqlite3.Connection, room: int) -> None:
        """Share out the room [bytes]: most of it is for the observations."""
        self.tally = Tally()
        self._seen = Observations(database, room * 3 // 4)
        self._every = Steps(database, room // 4)
        self._observations = Thinning(self._seen, room // 8)
        self._steps = Thinning(self._every, room // 16)
        self._last = self._next = -1  # observed step, and step that comes next
        self._new_events: list[int] = []
        self._beyond = 0  # events that came after the most that are protected

    def rows(self, items: Sequence[Item], *, full: bool) -> dict[str, list[Row]]:
        """Rows by table; those that grow with the run are left out where the file is full."""
        rows: dict[str, list[Row]] = {}
        for table, fields in items:
            if full and table in ("observation", "steps"):
                self.tally.unwritten += 1
                continue
            row = getattr(self, f"_{table}_row")(*fields)
            if row is not None:
                rows.setdefault(table, []).append(row)
        return rows

    def protect(self) -> None:
        """Keep the surroundings of new events, where there is room for more."""
        for step in self._new_events:
            if len(self._steps.spans) + self._steps.refused >= MOST_PROTECTED:
                self._beyond += 1
                continue
            first, last = max(0, step - RING), step + BURST
            self._observations.keep(first, last)
            self._steps.keep(self._every.holding(first), last)
        self._new_events = []

    def thin(self) -> bool:
        """Take one step towards a smaller file; whether that was possible."""
        tables = sorted((self._observations, self._steps), key=_load, reverse=True)
        return any(thinning.thin() for thinning in tables)

    def counted(self) -> Tally:
        """The tally as it stands."""
        tally = self.tally
        refused = max(self._observations.refused, self._steps.refused)
        tally.edges = [number for _, number in self._observations.edges]
        tally.protected = len(self._steps.spans) + self._steps.refused - refused
        tally.unprotected = refused + self._beyond
        return tally

    def _site_row(self, *fields: Any) -> Row:
        return (*fields, checksum("site", *fields))

    def _event_row(self, step: int, kind: str, text: str) -> Row | None:
        if self.tally.events >= MOST_EVENTS:
            self.tally.unkept += 1
            self._beyond += 1
            return None
        row = (self.tally.events, step, kind, text)
        self.tally.events += 1
        self._new_events.append(step)
        return (*row, checksum("event", *row))

    def _observation_row(self, step: int, time_s: float, data: bytes) -> Row | None:
        if step <= self._last:
            self.tally.repeated += 1
            return None
        number, self._last = self.tally.observations, step
        self.tally.observations += 1
        thinning, size = self._observations, len(data) + OVERHEAD
        self._seen.row = size
        if not thinning.edges and (number >= FIRST or thinning.sizes[0] > self._seen.share // 8):
            thinning.begin((step, number))
            self.tally.first = number
        thinning.sizes[0] += size
        time = None if math.isnan(time_s) else time_s + 0.0  # SQLite has neither NaN nor -0
        crc = checksum("observation", step, number, time, data=data)
        return (step, number, time, crc, data)

    def _steps_row(self, first: int, data: bytes) -> Row | None:
        skip = max(0, self._next - first)
        first, data = first + skip, data[skip * WIDTH :]
        if not data:
            self.tally.repeated += 1
            return None
        number, many = self.tally.batches, len(data) // WIDTH
        self.tally.batches += 1
        self.tally.steps += many
        self._next = first + many
        if not self._steps.edges and first >= FIRST:
            self._steps.begin((first, number))
        self._steps.sizes[0] += len(data) + OVERHEAD
        return batch_row(first, 1, number, 1, data)


def _load(thinning: Thinning) -> float:
    """Bytes that could be thinned over bytes that are the table's share."""
    return sum(thinning.sizes) / thinning.table.share
