"""What is waiting to be written: handed over without waiting, taken by one thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_BYTES = 16 * 2**20  # that wait for a slow disk; rows beyond it are dropped
MOST_ROWS = 8192

Item = tuple[str, Sequence[Any]]  # name of the table, fields
Latest = dict[tuple[str, str], str]  # (table, key) -> JSON


@dataclass
class Batch:
    """What is written in one transaction."""

    items: list[Item]
    latest: Latest
    waiting: list[threading.Event] = field(default_factory=list)

    def done(self) -> None:
        """Wake whoever waits for this batch."""
        for event in self.waiting:
            event.set()


class Inbox:
    """A bounded queue. Of facts that replace each other only the newest is kept.

    The lock is re-entrant, because a signal handler may train and record too.
    """

    def __init__(self) -> None:
        self.closed = self.paused = False
        self.dropped = 0
        self._items: deque[tuple[Item, int]] = deque()
        self._latest: Latest = {}
        self._waiting: list[threading.Event] = []
        self._bytes = self._rows = (
            0  # of rows that have a size: names of 10,000 layers are no backlog
        )
        self._change = threading.Condition(threading.RLock())

    @property
    def empty(self) -> bool:
        """Whether nothing is waiting."""
        return not (self._items or self._latest or self._waiting)

    def put(self, table: str, fields: Sequence[Any], size: int = 0) -> None:
        """Hand a row over. One with a size is dropped where too much is waiting already."""
        with self._change:
            full = self._bytes + size > MOST_BYTES or self._rows >= MOST_ROWS
            if size and full and self._rows:
                self.dropped += 1
                return
            self._items.append(((table, fields), size))
            self._bytes += size
            self._rows += bool(size)
            self._change.notify()

    def replace(self, table: str, values: dict[str, str]) -> None:
        """Hand facts over that replace earlier ones of the same key."""
        with self._change:
            self._latest.update({(table, key): value for key, value in values.items()})
            self._change.notify()

    def expect(self) -> threading.Event:
        """Event that is set when all that was handed over before has been dealt with."""
        event = threading.Event()
        with self._change:
            self._waiting.append(event)
            self._change.notify()
        return event

    def wake(self, *, closed: bool = False, paused: bool = False) -> None:
        """Tell the thread that takes: it is to finish (closed), to leave (paused), or to go on."""
        with self._change:
            self.closed, self.paused = self.closed or closed, paused
            self._change.notify_all()

    def take(self, most_bytes: int) -> Batch | None:
        """Wait for something to write; None when it is time to leave."""
        with self._change:
            while self.empty and not (self.closed or self.paused):
                self._change.wait()
            if self.paused or self.empty:
                return None
            return self._next(most_bytes)

    def _next(self, most_bytes: int) -> Batch:
        items: list[Item] = []
        taken = 0
        while self._items and (not items or taken + self._items[0][1] <= most_bytes):
            item, size = self._items.popleft()
            items.append(item)
            taken += size
            self._rows -= bool(size)
        self._bytes -= taken
        if self._items:
            return Batch(items, {})
        latest, self._latest = self._latest, {}
        waiting, self._waiting = self._waiting, []
        return Batch(items, latest, waiting)
