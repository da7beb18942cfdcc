"""One line on stderr: how many are done, how many failed, how long it will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

EVERY_S = 30.0  # where nobody watches


class Progress:
    """Counts; on a terminal the line is rewritten, elsewhere it is printed now and then."""

    def __init__(
        self, what: str, total: int, out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._what, self._total, self._clock = what, total, clock
        self._out = out or sys.stderr
        self._begun = self._told = clock()
        self._done = self._failed = 0

    def step(self, failed: bool = False) -> None:
        self._done += 1
        self._failed += failed
        now, live = self._clock(), self._out.isatty()
        if live or self._done == self._total or now - self._told >= EVERY_S:
            self._told = now
            self._out.write(f"\r{self.line(now)}\x1b[K" if live else f"{self.line(now)}\n")
            self._out.flush()

    def line(self, now: float) -> str:
        left_s = (now - self._begun) / max(self._done, 1) * (self._total - self._done)
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._what} {self._done}/{self._total}{failed}, {clock_time(left_s)} left"

    def close(self) -> None:
        if self._out.isatty() and self._done:
            self._out.write("\n")


def clock_time(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock_time(125.4)
    '2:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
