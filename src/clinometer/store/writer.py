"""Append to a recording: never blocks and never raises into the training it serves."""

from __future__ import annotations

import array
import os
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from clinometer.errors import ClinometerWarning
from clinometer.records.site import Site
from clinometer.store.committer import Committer
from clinometer.store.create import as_json, create
from clinometer.store.database import Database
from clinometer.store.schema import MOST_TEXT


class Writer:
    """An open recording. A thread commits what is handed over; the first failure stops it.

    Parameters
    ----------
    path : file to make
    meta : facts about the run that are known already
    most_bytes : bound on the file and its write-ahead log together; beyond it older rows are thinned

    Attributes
    ----------
    failed : why the recording stopped, or None
    dropped : rows that were left out because too much was waiting for the disk

    Raises
    ------
    RecordingError : if the file exists already, or cannot be made. Nothing raises after that: a full
        disk ends the recording with one `ClinometerWarning` at the next call.
    """

    def __init__(self, path: str, meta: dict[str, Any], *, most_bytes: int = 64 * 2**20) -> None:
        self.path = path
        self._file = os.path.abspath(path)  # the script may change its folder
        create(self._file, meta)
        self._committer = Committer(Database(self._file, most_bytes))
        self._pid = os.getpid()
        self._warned = self._closed = False

    @property
    def failed(self) -> str | None:
        """Why the recording stopped, or None."""
        return self._committer.failed

    @property
    def dropped(self) -> int:
        """Rows that were left out because too much was waiting for the disk."""
        return self._committer.inbox.dropped

    @property
    def bytes(self) -> int:
        """Size of the file and its write-ahead log on disk [bytes]."""
        return sum(_size(self._file + end) for end in ("", "-wal"))

    def set_meta(self, values: dict[str, Any]) -> None:
        """Set facts about the whole run; later values replace earlier ones."""
        self._replace("meta", values)

    def set_state(self, values: dict[str, Any]) -> None:
        """Set what is accumulated over the run (label counts, dead units): the newest counts."""
        self._replace("state", values)

    def add_sites(self, sites: Iterable[Site]) -> None:
        """Declare sites before the first observation that holds their rows."""
        for site in sites:
            self._put("site", (site.index, site.kind, _plain(site.name), as_json(site.facts)))

    def add_observation(self, step: int, time_s: float, row: array.array[float]) -> None:
        """Append one packed float32 row: every site's columns, in the order of the sites."""
        data = little_endian(row)
        self._put("observation", (int(step), float(time_s), data), len(data) + 1)

    def add_steps(self, first: int, fields: array.array[float]) -> None:
        """Append float64 scalars (`columns.STEP`) of consecutive optimizer steps from `first` on."""
        data = little_endian(fields)
        self._put("steps", (int(first), data), len(data))

    def add_event(self, step: int, kind: str, text: str) -> None:
        """Note that something happened, and keep the steps around it when others are thinned."""
        self._put("event", (int(step), kind, _plain(text)[:MOST_TEXT]))

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until all that was handed over is committed; whether it was, in that time."""
        if self._gone():
            return False
        done = self._committer.inbox.expect()
        self._committer.start()
        return done.wait(timeout_s) and self.failed is None

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what is waiting and fold the write-ahead log back, so that one file is left."""
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        self._committer.close(timeout_s)
        self._warn()

    def _replace(self, table: str, values: dict[str, Any]) -> None:
        if not self._gone():
            texts = {_plain(key): as_json(value) for key, value in values.items()}
            self._committer.inbox.replace(table, texts)
            self._committer.start()

    def _put(self, table: str, fields: tuple[Any, ...], size: int = 0) -> None:
        if not self._gone():
            self._committer.inbox.put(table, fields, size)
            self._committer.start()

    def _gone(self) -> bool:
        """Whether nothing more is recorded here; says so the first time after a failure."""
        if self._closed or os.getpid() != self._pid:
            return True
        self._warn()
        return self.failed is not None

    def _warn(self) -> None:
        if self.failed is None or self._warned:
            return
        self._warned = True
        text = (
            f"{self.path}: recording stopped ({self.failed}); what was written stays readable, "
            "and the training goes on."
        )
        try:
            warnings.warn(text, ClinometerWarning, stacklevel=4)
        except ClinometerWarning:  # the user turns warnings into errors; still, not into this call
            print(f"ClinometerWarning: {text}", file=sys.stderr)  # noqa: T201


def little_endian(values: array.array[float]) -> bytes:
    """Bytes of an array, least significant first."""
    if sys.byteorder == "big":
        values = array.array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def _plain(text: str) -> str:
    """Text without lone surrogates, which a file name may hold and SQLite does not take."""
    return str(text).encode("utf-8", "replace").decode("utf-8")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
