"""Which rows make room for new ones when a recording reaches its bound.

Rows lie in levels by age: of level k one row in 2**k is left. Whichever level holds the most bytes
gives half of its oldest rows, and what is left of these moves on to level k + 1. So every level
holds about as much as the next, and the density falls off as one over the age.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import Protocol

MOST_LEVELS = 40  # one row in 2**40 is none

Span = tuple[int, int]  # first and last step of an event's surroundings


class Table(Protocol):
    """What thinning asks of a table whose rows are ordered by a key."""

    share: int

    def size(self, low: int, high: int) -> int:
        """Bytes of the rows with low <= key < high."""

    def nth(self, low: int, n: int) -> Span | None:
        """(key, number) of the nth row with key >= low, or None."""

    def newest(self) -> int:
        """Key from which on no row may be thinned yet."""

    def chunk(self) -> int:
        """How many rows are thinned in one transaction."""

    def halve(self, level: int, low: int, high: int) -> None:
        """Take every second row, of those thinned `level` times, out of [low, high)."""


@dataclass
class Thinning:
    """The levels of one table.

    Attributes
    ----------
    edges : (key, number) of the row where each level begins; the last one is the first row that may
        be thinned at all. Empty until there is one.
    sizes : bytes at each level
    most_kept : bytes that may be kept around events
    spans : surroundings of events that are kept, in ascending order
    """

    table: Table
    most_kept: int
    edges: list[Span] = field(default_factory=list)
    sizes: list[int] = field(default_factory=lambda: [0])
    spans: list[Span] = field(default_factory=list)
    kept: int = 0
    refused: int = 0

    def begin(self, row: Span) -> None:
        """Say which row is the first that may be thinned; those before it are kept for good."""
        self.edges, self.sizes = [row], [0]

    def keep(self, first: int, last: int) -> None:
        """Keep the rows of these steps, as far as they have not been thinned yet."""
        if self.edges:
            first = max(first, self.edges[0][0])
        bisect.insort(self.spans, (first, max(first, last)))

    def thin(self) -> bool:
        """Make one small step; whether it freed anything."""
        if not self.edges:
            return False
        levels = range(min(MOST_LEVELS, len(self.sizes)))
        for level in sorted(levels, key=self.sizes.__getitem__, reverse=True):
            while (chunk := self._chunk(level)) is not None:
                if self._move(level, *chunk):
                    return True
        return False

    def _chunk(self, level: int) -> tuple[int, Span] | None:
        """(key, (key, number)) where the oldest rows of a level begin and end, or None."""
        end = self.edges[level - 1][0] if level else self.table.newest()
        low = self._past_spans(level, end)
        stop = next((span[0] for span in self.spans if span[0] > low), end)
        high, second = self.table.nth(low, self.table.chunk()), self.table.nth(low, 1)
        if second is None or second[0] >= end:  # the last row of a level stays
            return None
        if high is None or high[0] > min(stop, end):
            high = self.table.nth(min(stop, end), 0)
        return None if high is None else (low, high)

    def _move(self, level: int, low: int, high: Span) -> bool:
        """Halve [low, high) and move what is left on by one level; whether that freed anything."""
        before = self.table.size(low, high[0])
        self.table.halve(level, low, high[0])
        if level + 1 == len(self.sizes):
            self.sizes.append(0)
            self.edges.append(self.edges[level])
        self.edges[level] = high
        self.sizes[level] = max(0, self.sizes[level] - before)
        after = self.table.size(low, high[0])
        self.sizes[level + 1] += after
        return after < before

    def _past_spans(self, level: int, end: int) -> int:
        """Key where thinning may begin: the level's edge, moved past what is kept for an event."""
        while True:
            low = self.edges[level][0]
            span = next((span for span in self.spans if span[0] <= low <= span[1]), None)
            if span is None or low >= end or span[1] >= end:
                return end if span is not None else low
            if level == 0 and not self._keep(span, low):
                continue
            beyond = self.table.nth(span[1] + 1, 0)
            if beyond is None or beyond[0] > end:
                return end
            self.edges[level] = beyond

    def _keep(self, span: Span, low: int) -> bool:
        """Whether there is room to keep the rest of an event's surroundings."""
        size = self.table.size(low, span[1] + 1)
        if self.kept + size > self.most_kept:
            self.spans.remove(span)
            self.refused += 1
            return False
        self.kept += size
        self.sizes[0] -= size
        return True
