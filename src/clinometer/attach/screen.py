"""One line at the bottom of the script's own output, on a terminal only.

It is written to stderr: stdout may be what the script makes. It needs both to be the same terminal, for
where stdout goes elsewhere (`| tee log`) lines arrive on the terminal that nobody here sees.

The streams stay the script's own objects. Only the unbuffered writer below each of them gets a `write` in
its own dictionary: it wipes our line off before the script's bytes go out, and remembers whether these
ended a line. So our line is drawn only while the cursor is at the beginning of a line: beside a progress
bar, which leaves it in the middle, there is none. Bytes that do not pass there (a library's `printf`, a
child process) land behind our line, once.
"""

from __future__ import annotations

import io
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

WIPE = "\r\x1b[K"  # to the beginning of the line, and erase to its end (ECMA-48, EL)
NEW_LINE = 10
FALLBACK_COLUMNS = 80  # of a terminal that does not tell its width


class Screen:
    """The terminal that a script writes to.

    Attributes
    ----------
    own_s : seconds spent in wiping the line off, since it was last taken
    """

    def __init__(self, raws: tuple[Any, ...], descriptor: int) -> None:
        self.own_s = 0.0
        self._raws, self._to = raws, descriptor
        self._pid = os.getpid()
        self._shown = False
        self._free = True  # the cursor is at the beginning of a line
        self._writers: set[int] = set()  # threads that are writing
        self._taps = [self._tap(raw) for raw in raws]

    def _tap(self, raw: Any) -> Callable[[Any], int | None]:
        plain = raw.write

        def write(data: Any) -> int | None:
            self._writers.add(threading.get_ident())
            try:
                if self._shown:
                    self._wipe()
                written: int | None = plain(data)
                if written:
                    self._free = data[written - 1] == NEW_LINE
                return written
            finally:
                self._writers.discard(threading.get_ident())

        raw.__dict__["write"] = write
        return write

    @property
    def columns(self) -> int:
        """Width of the terminal."""
        try:
            return os.get_terminal_size(self._to).columns or FALLBACK_COLUMNS
        except OSError:
            return FALLBACK_COLUMNS

    @property
    def is_free(self) -> bool:
        """Whether a line may be drawn now: the script's own line is empty, and the terminal is ours.

        Never in a forked child, in the background, or while the terminal takes nothing (Ctrl-S): what
        waits for a terminal would make the training wait.
        """
        if not self._free or self._writers or os.getpid() != self._pid or self._is_passed_by():
            return False
        try:
            _, ready, _ = select.select([], [self._to], [], 0)
        except (OSError, ValueError):
            return False
        return bool(ready) and _in_foreground(self._to)

    def _is_passed_by(self) -> bool:
        """Whether the script has put a stream of its own on the terminal in the place of ours."""
        found = (_raw(stream) for stream in (sys.stdout, sys.stderr))
        return any(raw is not None and raw not in self._raws and raw.isatty() for raw in found)

    def draw(self, line: str) -> None:
        """Put a line in the place of the last one; it must be shorter than the terminal is wide."""
        self._shown = True
        os.write(self._to, f"{WIPE}{line}".encode("ascii", "replace"))

    def _wipe(self) -> None:
        begun = time.perf_counter()
        self._shown = False
        if os.getpid() == self._pid:
            os.write(self._to, WIPE.encode())
        self.own_s += time.perf_counter() - begun

    def close(self) -> None:
        """Wipe the line off, and leave the streams as they were."""
        for raw, tap in zip(self._raws, self._taps, strict=True):
            if raw.__dict__.get("write") is tap:
                del raw.__dict__["write"]
        if self._shown and os.getpid() == self._pid:
            try:
                self._wipe()
            except OSError:
                self._shown = False


def screen() -> Screen | None:
    """The terminal that stdout and stderr both are; None where they are not, or cannot move a cursor."""
    if os.name != "posix" or os.environ.get("TERM", "dumb") in {"dumb", ""}:
        return None
    raws = tuple(map(_raw, (sys.stdout, sys.stderr)))
    try:
        if any(raw is None or not os.isatty(raw.fileno()) for raw in raws):
            return None
        out, told = (os.fstat(raw.fileno()) for raw in raws)
        if out.st_rdev != told.st_rdev:
            return None
        return Screen(raws, raws[1].fileno())
    except (OSError, ValueError):
        return None


def _in_foreground(descriptor: int) -> bool:
    """Whether a shell has not put us into the background; yes where there is no job control."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True


def _raw(stream: Any) -> Any:
    """The unbuffered writer below a text stream (with `python -u` there is no buffer above it)."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    return raw if type(raw) is io.FileIO else None
