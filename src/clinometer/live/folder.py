"""Which recordings a folder holds, and which of them changed: only names, sizes and times are looked at."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from dataclasses import dataclass, field

MOST_DEPTH = (
    3  # folders below the one that is served: runs/2026-11-25/14-00-01, as Hydra lays them out
)
MOST_RUNS = 5000  # five times the folder that is promised to work; the newest are kept
FRESH_NS = (
    2 * 10**9
)  # a folder that changed so lately may change again in the same tick of its clock
_OF_RANK = re.compile(r"(.+)\.[1-9][0-9]*\.clino")

Signature = tuple[int, int, int, int]  # size and time [ns] of the file, and of its write-ahead log


@dataclass(frozen=True)
class Mark:
    """One recording as it lies on disk: where, how it is called here, and in which state."""

    key: str
    path: str
    name: str
    signature: Signature

    @property
    def when(self) -> float:
        """Time of the last change [s since 1970]."""
        return max(self.signature[1], self.signature[3]) / 1e9


@dataclass
class _Known:
    """What a folder held when it was listed."""

    changed: int = -1
    recordings: dict[str, bool] = field(default_factory=dict)  # path: whether a log lies beside it
    folders: list[str] = field(default_factory=list)


class Folder:
    """The recordings below a folder; a link is not followed, and what is hidden is left out.

    A folder is listed again only when it changed. A recording is known by a key that is made from its name:
    nobody can ask for a path.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self._known: dict[str, _Known] = {}
        self._before: dict[str, Mark] = {}
        self.left_out = 0  # recordings beyond `MOST_RUNS`

    def look(self) -> dict[str, Mark]:
        """Every recording by its key, the newest first."""
        visited: set[str] = set()
        found = list(self._marks(self.root, 0, visited))
        self._known = {path: self._known[path] for path in visited}
        found.sort(key=lambda mark: mark.when, reverse=True)
        self._before = {mark.path: mark for mark in found}
        self.left_out = max(0, len(found) - MOST_RUNS)
        return {mark.key: mark for mark in found[:MOST_RUNS]}

    def _marks(self, folder: str, depth: int, visited: set[str]) -> list[Mark]:
        known = self._listed(folder)
        if known is None:
            return []
        visited.add(folder)
        listed = known.recordings.items()
        found = [mark for path, has_log in listed if (mark := self._mark(path, has_log))]
        if depth < MOST_DEPTH:
            for name in known.folders:
                found += self._marks(os.path.join(folder, name), depth + 1, visited)
        return found

    def _listed(self, folder: str) -> _Known | None:
        """What a folder holds; None where it cannot be listed (any more)."""
        try:
            status = os.stat(folder)
            known = self._known.get(folder)
            if known is None or known.changed != status.st_mtime_ns:
                known = _list(folder)
                is_settled = status.st_mtime_ns + FRESH_NS < time.time_ns()
                known.changed = status.st_mtime_ns if is_settled else -1
                self._known[folder] = known
        except OSError:
            return None
        return known

    def _mark(self, path: str, has_log: bool) -> Mark | None:
        """The mark of a recording: the same object as before where nothing changed."""
        own = _size_and_time(path)
        if own is None:
            return None
        log = _size_and_time(path + "-wal") if has_log else None
        signature = (*own, *(log or (0, 0)))
        before = self._before.get(path)
        if before is not None and before.signature == signature:
            return before
        inside = path[len(self.root) :].lstrip(os.sep)
        return Mark(key_of(inside), path, inside, signature)


def _size_and_time(path: str) -> tuple[int, int] | None:
    """Size and time of the last change [ns] of a file; None where it is gone, or a link now."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def key_of(name: str) -> str:
    """The name that a recording has in an address.

    >>> key_of("first.clino")
    'a80747f1f0ba3767'
    """
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def _list(folder: str) -> _Known:
    found, names = _Known(), set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                found.folders.append(entry.name)
            elif entry.is_file(follow_symlinks=False):
                names.add(entry.name)
    found.recordings = {
        os.path.join(folder, name): f"{name}-wal" in names
        for name in names
        if name.endswith(".clino") and not _is_rank(name, names)
    }
    return found


def _is_rank(name: str, names: set[str]) -> bool:
    """Whether this is the file of another rank, which the reader merges into that of rank 0."""
    match = _OF_RANK.fullmatch(name)
    return match is not None and f"{match[1]}.clino" in names
