"""What is said of the first recording: why there is none, and what to doubt in the one that there is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from clinometer.errors import RecordingError, TrialError
from clinometer.records.recording import Recording
from clinometer.store.reader import read
from clinometer.treatment.trial.process import MEMORY

ENDED = "it came to its end without a step of an optimizer"
TOLD = 2000  # characters of the script's last output in an error


def doubts_of(recording: Recording, script: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """What keeps a recording from being one of the whole unchanged script, in sentences."""
    found = []
    whose = str(recording.meta.get("script") or "")
    if whose and _stem(whose) != _stem(script):
        found.append(
            f"The recording is of {whose}, and the trials are of {script}: what was found there need not "
            "hold here."
        )
    elif (given := list(recording.meta.get("arguments") or ())) != list(arguments):
        found.append(
            f"The recording was made with the arguments {shlex.join(given) or '(none)'}, and the trials with "
            f"{shlex.join(arguments) or '(none)'}."
        )
    if recording.ended == "exception":
        found.append(
            f"The recorded run broke off with an exception, after {recording.steps:,} steps."
        )
    return tuple(found)


def _stem(script: str) -> str:
    """`train`, of runs/train.py and of the module runs.train."""
    return os.path.basename(script).removesuffix(".py").rpartition(".")[2]


def said_in(log: str, work: str) -> str:
    """The end of what the script said, without the path of the copy that it ran in."""
    with open(log, encoding="utf-8", errors="replace") as file:
        return file.read().replace(os.path.join(work, ""), "")[-TOLD:].strip()


def checked(path: str, script: str, ended: str, said: str, *, in_place: bool) -> str:
    """The path of the recording, if it has a step.

    Raises
    ------
    TrialError : where it has none, with what the script said.
    """
    try:
        if read(path).steps > 0:
            return path
    except RecordingError:
        pass
    last = said.splitlines()[-1] if said else ""
    expected = "Expected a script that trains with PyTorch"
    where = "" if in_place else " It was run in a copy of this folder (--in-place runs it here)."
    if "--allow-writes" in last:
        ended, where = "it writes where a trial may not", ""
        expected += " and writes to relative paths alone" if not in_place else ""
        expected += "; --allow-writes lets it write anywhere"
    elif last.startswith("EOFError"):
        ended, expected = "it waits for input", f"{expected} without a terminal"
    elif any(word in last.lower() for word in ("memoryerror", *MEMORY)):
        ended, expected = "memory ran out", f"{expected} within its --memory-limit"
    elif ended == ENDED:
        expected += "; clinometer confidence judges the predictions of any other model"
    raise TrialError(
        f"{script}: no training step was recorded, so there is nothing to treat: {ended}.\n"
        f"  {expected}.{where}\n  The end of what it said:\n{said or '(nothing)'}"
    )
