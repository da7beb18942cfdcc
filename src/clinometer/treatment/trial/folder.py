"""Working folders of trials: a copy, which every arm finds as the moment left it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from clinometer.errors import TrialError

MARK = ".clinometer-copy"  # in a folder that is ours to change
LEFT_OUT = {"__pycache__", ".git", ".hg", ".svn", ".venv", ".mypy_cache", ".ruff_cache", MARK}
MOST_BYTES = 2**30  # 1 GiB: more takes longer to copy than most trials to run
SPARE_BYTES = 2**28  # stays free on the disk: the script has to write somewhere, too


def copied(source: str, target: str, most_bytes: int = MOST_BYTES) -> str:
    """Copy a working folder; links stay links, caches and recordings are left out. Returns `target`.

    Raises
    ------
    TrialError : where it is too large, or the disk too full; nothing has been written then.
    """
    target = os.path.abspath(target)
    check_room(source, os.path.dirname(target), most_bytes, without=target)
    os.makedirs(target)
    _fill(source, target)
    with open(os.path.join(target, MARK), "w", encoding="utf-8") as mark:
        mark.write(os.path.abspath(source))
    return target


def is_ours(folder: str) -> bool:
    """Whether a folder is such a copy."""
    return os.path.isfile(os.path.join(folder, MARK))


def check_room(source: str, beside: str, most_bytes: int, without: str = "") -> None:
    """Refuse, with numbers, what is too large to be copied.

    Raises
    ------
    TrialError : see `copied`.
    """
    size = 0
    for path, _inside in _files(source, without):
        if not os.path.islink(path):
            size += os.stat(path).st_size
        if size > most_bytes:
            raise TrialError(
                f"{source}: holds more than {most_bytes / 2**20:,.0f} MiB, too much to copy for each "
                "trial.\n  Start from a smaller folder, or give --in-place: every trial then runs in the "
                "folder itself."
            )
    place = beside
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    free = shutil.disk_usage(place).free
    if size + SPARE_BYTES > free:
        raise TrialError(
            f"{place}: {free / 2**20:,.0f} MiB are free; a copy of {source} takes {size / 2**20:,.0f} MiB, "
            f"and {SPARE_BYTES / 2**20:,.0f} MiB must stay free.\n  Make room, or give --in-place."
        )


def restore(kept: str, folder: str) -> None:
    """Make a copy of ours again what it was when it was kept; files that are open stay the same files."""
    wanted = {inside for _path, inside in _files(kept, "")}
    for path, inside in list(_files(folder, "")):
        if inside not in wanted:
            os.unlink(path)
    there = {os.path.relpath(path, kept) for path in _folders(kept, "")}
    for path in list(_folders(folder, "")):
        if os.path.relpath(path, folder) not in there:
            shutil.rmtree(path, ignore_errors=True)
    _fill(kept, folder)


def _fill(source: str, target: str) -> None:
    for path, inside in _files(source, target):
        there = os.path.join(target, inside)
        os.makedirs(os.path.dirname(there), exist_ok=True)
        if os.path.islink(path):
            if os.path.lexists(there):
                os.unlink(there)
            os.symlink(os.readlink(path), there)
        elif os.path.isfile(path) and not _is_same(path, there):
            shutil.copyfile(path, there)
            shutil.copystat(path, there)
    for path in _folders(source, target):
        os.makedirs(os.path.join(target, os.path.relpath(path, source)), exist_ok=True)


def _is_same(path: str, there: str) -> bool:
    """Whether a file was not touched since it was copied: the size and the time [ns] of its last change."""
    if os.path.islink(there) or not os.path.isfile(there):
        return False
    one, two = os.stat(path), os.stat(there)
    return (one.st_size, one.st_mtime_ns) == (two.st_size, two.st_mtime_ns)


def _files(folder: str, without: str) -> Iterator[tuple[str, str]]:
    """(path, path inside the folder) of files and of links; `without` is no part of it."""
    for place, names, files in os.walk(folder):
        _prune(place, names, without)
        links = [name for name in names if os.path.islink(os.path.join(place, name))]
        for name in [*files, *links]:
            path = os.path.join(place, name)
            is_left_out = name in LEFT_OUT or name.endswith(".clino")
            if not is_left_out and (os.path.islink(path) or os.path.isfile(path)):
                yield path, os.path.relpath(path, folder)


def _folders(folder: str, without: str) -> Iterator[str]:
    for place, names, _ in os.walk(folder):
        _prune(place, names, without)
        yield from (
            os.path.join(place, name)
            for name in names
            if not os.path.islink(os.path.join(place, name))
        )


def _prune(place: str, names: list[str], without: str) -> None:
    names[:] = [
        name
        for name in names
        if name not in LEFT_OUT and os.path.abspath(os.path.join(place, name)) != without
    ]
