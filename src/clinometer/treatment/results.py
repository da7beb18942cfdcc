"""The results of trials: one line of JSON each, in a file that only grows."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Any

from clinometer.errors import TrialError

Record = dict[str, Any]
NAME = "trials.jsonl"
# How a trial may end so that the same trial, made again, would end the same way. Limits, permissions and
# Ctrl-C belong to the one who asks, not to the trial: such a trial is made again.
FINAL = frozenset({"steps", "script", "exception", "not-applicable"})


class Results:
    """The file, opened by the one process that writes it.

    A last line that was torn by a kill is cut off: its trial is made again.
    """

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._lock = file, threading.Lock()
        self.records = _read(file, path)

    def add(self, record: Mapping[str, Any]) -> None:
        """Write a record, whole, before anything else happens; a later one of the same key counts."""
        line = json.dumps(record, allow_nan=False).encode() + b"\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
            self.records[str(record["key"])] = dict(record)

    def final(self, key: str) -> Record | None:
        """The record of a trial that need not be made again."""
        found = self.records.get(key)
        return found if found is not None and found.get("ended") in FINAL else None


@contextlib.contextmanager
def opened(folder: str) -> Iterator[Results]:
    """The results in a folder, which is made where it is missing.

    Raises
    ------
    TrialError : where another process writes them, or a line in the middle is no record.
    """
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, NAME)
    with open(path, "a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrialError(
                f"{path}: another process writes to it.\n"
                "  Wait until it is done, or give another folder with --out."
            ) from None
        yield Results(file, path)


def _read(file: IO[bytes], path: str) -> dict[str, Record]:
    file.seek(0)
    found, whole = {}, 0
    for number, line in enumerate(file, 1):
        if not line.endswith(b"\n"):
            break  # torn
        try:
            record = json.loads(line)
            found[str(record["key"])] = record
        except (ValueError, KeyError, TypeError):
            raise TrialError(
                f"{path}: line {number} is no record of a trial.\n"
                "  Take it out, and its trial is made again; or give another folder with --out."
            ) from None
        whole += len(line)
    file.truncate(whole)
    file.seek(0, os.SEEK_END)
    return found
