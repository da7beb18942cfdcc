"""A working folder as bytes, for machines that do not see it."""

from __future__ import annotations

import io
import os
import tarfile
import tempfile

from clinometer.errors import TrialError
from clinometer.treatment.trial.folder import MARK, copied

MOST_BYTES = (
    2**27
)  # 128 MiB: about a second on a line of one gigabit a second, for each trial process


def packed(folder: str, most_bytes: int = MOST_BYTES) -> bytes:
    """The files of a folder, as `trial.folder.copied` takes them, in a compressed archive.

    Raises
    ------
    TrialError : where they are too many to be sent.
    """
    with tempfile.TemporaryDirectory(prefix="clinometer-ship-") as place:
        try:
            copy = copied(folder, os.path.join(place, "copy"), most_bytes)
        except TrialError as error:
            raise TrialError(
                f"{error}\n  On a cluster the folder is sent to each trial; with --in-place nothing is sent, "
                "and every machine must see the same folder."
            ) from None
        os.remove(os.path.join(copy, MARK))
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
            archive.add(copy, ".")
        return made.getvalue()


def unpacked(archive: bytes, folder: str) -> str:
    """Lay the files out; the folder is a copy that is ours to change."""
    os.makedirs(folder)
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as found:
        found.extractall(folder, filter="tar")  # links may lead out of the folder, as the user's do
    with open(os.path.join(folder, MARK), "w", encoding="utf-8") as mark:
        mark.write("sent\n")
    return folder
