"""Where a file lies: SQLite's write-ahead log needs memory that all its readers share."""

from __future__ import annotations

import os
import re

NETWORK = frozenset(
    "9p afs beegfs ceph cifs gfs2 glusterfs gpfs lustre nfs nfs4 ocfs2 orangefs panfs pvfs2 smb3 "
    "smbfs vboxsf virtiofs wekafs".split()
)
_ESCAPE = re.compile(r"\\([0-7]{3})")  # a blank in a path is written as \040


def is_shared(path: str, mounts: str = "/proc/self/mountinfo") -> str | None:
    """Type of the file system that holds a path where other machines may share it, else None.

    Every FUSE file system counts as shared, except those on a local disk (`fuseblk`).
    """
    kind = type_of(os.path.realpath(path), _read(mounts))
    shared = kind in NETWORK or kind.startswith("fuse.") or kind == "fuse"
    return kind if shared else None


def type_of(path: str, mounts: str) -> str:
    r"""Type of the file system of an absolute path, from the text of Linux's mountinfo.

    >>> type_of("/home/me/x", "21 1 8:1 / / rw - ext4 a rw\n22 21 0:4 / /home rw - nfs4 b rw")
    'nfs4'
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        fields = place.split(" ")
        if len(fields) < 5 or not source:
            continue
        point = _ESCAPE.sub(lambda code: chr(int(code[1], 8)), fields[4]).rstrip("/")
        if (path == point or path.startswith(point + "/")) and len(point) >= best:
            best, kind = len(point), source.split(" ")[0]
    return kind


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""
