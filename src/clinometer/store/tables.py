"""The two tables that grow: observations, and batches of every-step scalars."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from clinometer.records.columns import STEP
from clinometer.store.schema import BURST, RING, checksum
from clinometer.store.thinning import Span

WIDTH = 8 * len(STEP)  # bytes of the scalars of one step
FULL = 64  # steps that a merged batch should hold at least
OVERHEAD = 24  # bytes that SQLite needs for a row beside its data, about


@dataclass
class Rows:
    """Rows ordered by a key, in an open database."""

    database: sqlite3.Connection
    share: int  # bytes that the table may use before it has to give way

    name = key = ""

    def size(self, low: int, high: int) -> int:
        """Bytes of the rows with low <= key < high."""
        ((size,),) = self.database.execute(
            f"SELECT TOTAL(LENGTH(data) + {OVERHEAD}) FROM {self.name} "
            f"WHERE {self.key} >= ? AND {self.key} < ?",
            (low, high),
        )
        return int(size)

    def nth(self, low: int, n: int) -> Span | None:
        """(key, number) of the nth row with key >= low, or None."""
        found: Span | None = self.database.execute(
            f"SELECT {self.key}, number FROM {self.name} WHERE {self.key} >= ? "
            f"ORDER BY {self.key} LIMIT 1 OFFSET ?",
            (low, n),
        ).fetchone()
        return found

    def last(self, n: int = 0) -> int:
        """Key of the nth row from the end; -1 where there are fewer."""
        found = self.database.execute(
            f"SELECT {self.key} FROM {self.name} ORDER BY {self.key} DESC LIMIT 1 OFFSET ?", (n,)
        ).fetchone()
        return int(found[0]) if found else -1


class Observations(Rows):
    """One packed float32 row an observed step; thinning takes those with odd numbers out."""

    name, key = "observation", "step"
    row = 1  # bytes of the newest row

    def newest(self) -> int:
        """The last rows of a ring and a burst, as far as they need not more than an eighth."""
        return self.last(max(1, min(RING + BURST, self.share // 8 // self.row)))

    def chunk(self) -> int:
        """Rows of about 1/128 of what the table may use."""
        return max(2, min(256, self.share // 128 // self.row))

    def halve(self, level: int, low: int, high: int) -> None:
        """Take the rows out whose number 2**(level + 1) does not divide."""
        self.database.execute(
            "DELETE FROM observation WHERE step >= ? AND step < ? AND number & ? != 0",
            (low, high, 2 ** (level + 1) - 1),
        )


class Steps(Rows):
    """Batches of every-step float64 scalars; thinning merges neighbours at twice their stride."""

    name, key = "steps", "first"

    def newest(self) -> int:
        """Two rings before the last batch."""
        return self.last() - 2 * RING

    def chunk(self) -> int:
        """Batches of about 1/64 of what the table may use, where they are full."""
        return max(4, min(64, self.share // 64 // (FULL * WIDTH)))

    def holding(self, step: int) -> int:
        """First step of the batch that a step lies in, as far as one begins before it."""
        ((first,),) = self.database.execute(
            "SELECT MAX(first) FROM steps WHERE first <= ?", (step,)
        )
        return step if first is None else int(first)

    def halve(self, level: int, low: int, high: int) -> None:
        """Keep the steps that 2**(level + 1) divides, in fewer batches."""
        stride = 2**level
        rows = self.database.execute(
            "SELECT first, number, many, data FROM steps WHERE first >= ? AND first < ? "
            "AND stride = ? ORDER BY first",
            (low, high, stride),
        ).fetchall()
        self.database.execute(
            "DELETE FROM steps WHERE first >= ? AND first < ? AND stride = ?", (low, high, stride)
        )
        merged = [batch_row(*batch) for batch in _merged([Batch(*row) for row in rows], stride)]
        self.database.executemany("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?)", merged)


@dataclass
class Batch:
    """Scalars of steps at one distance; `many` batches handed over, from `number` on."""

    first: int
    number: int
    many: int
    data: bytes


def batch_row(
    first: int, stride: int, number: int, many: int, data: bytes
) -> tuple[int, int, int, int, int, bytes]:
    """Row of the table `steps`."""
    crc = checksum("steps", first, stride, number, many, data=data)
    return first, stride, number, many, crc, data


def thinned(batch: Batch, stride: int) -> Batch:
    """The steps of a batch that 2 * stride divides, where the batch holds every stride-th one."""
    skip = (batch.first // stride) % 2
    data = batch.data
    kept = b"".join(data[i : i + WIDTH] for i in range(skip * WIDTH, len(data), 2 * WIDTH))
    return Batch(
        batch.first + skip * stride if kept else batch.first, batch.number, batch.many, kept
    )


def _merged(batches: list[Batch], stride: int) -> Iterator[tuple[int, int, int, int, bytes]]:
    """Thin neighbours and join them, until each holds `FULL` steps."""
    group: Batch | None = None
    for batch in batches:
        piece = thinned(batch, stride)
        if group is not None and _continues(group, piece, 2 * stride):
            if not group.data and piece.data:
                group.first = piece.first
            group.many += piece.many
            group.data += piece.data
            continue
        if group is not None:
            yield group.first, 2 * stride, group.number, group.many, group.data
        group = piece
    if group is not None:
        yield group.first, 2 * stride, group.number, group.many, group.data


def _continues(group: Batch, piece: Batch, stride: int) -> bool:
    """Whether a piece can be joined to the group before it."""
    steps = len(group.data) // WIDTH
    if piece.number != group.number + group.many or steps >= FULL:
        return False
    return not steps or not piece.data or piece.first == group.first + steps * stride
