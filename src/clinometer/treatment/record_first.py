"""The unchanged script, recorded before anything is tried: in a process and a working folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from clinometer.errors import RecordingError, TrialError
from clinometer.store.reader import read
from clinometer.treatment.record_first_words import ENDED, checked, said_in
from clinometer.treatment.task_run import available_bytes
from clinometer.treatment.trial.folder import copied

NAME, LOG, BOUNDS = "before.clino", "before.log", "before.json"
BUDGET = "5%"  # of the step time: nobody waits for this run but the trials, and short runs are seen better
GUARDED = "clinometer.treatment.record_first_guarded"
GRACE_S = 30.0  # to close a recording after it was interrupted


def recorded(
    script: str,
    arguments: Sequence[str],
    *,
    module: bool,
    folder: str,
    limit_s: float,
    in_place: bool,
    allow_writes: bool = False,
    memory_limit_bytes: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> str:
    """Path of a recording of the script; one that is there already is used if the script is not newer.

    The run keeps to the bounds of trials: it writes to its own folder unless `allow_writes` is true, and has
    `memory_limit_bytes` (0: what is free; below 0: any). `tell` hears that there is a run to wait for.

    Raises
    ------
    TrialError : where the script does not train, or broke before its first step.
    """
    if not module and not os.path.isfile(script):
        raise TrialError(
            f"{script}: no such file.\n  Expected a Python script: clinometer treat [options] script.py"
        )
    path = os.path.join(folder, NAME)
    bounds = json.dumps([limit_s, memory_limit_bytes, allow_writes, in_place])
    if _is_fresh(path, script, arguments, module, bounds):
        return path
    os.makedirs(folder, exist_ok=True)
    Path(folder, BOUNDS).write_text(bounds, "utf-8")
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    work = (
        os.getcwd() if in_place else copied(os.getcwd(), os.path.join(tempfile.mkdtemp(), "work"))
    )
    tell(f"recording {script} first, unchanged")
    memory = max(0, memory_limit_bytes or available_bytes())
    mine = [os.sep] if allow_writes else [folder] if in_place else [folder, work]
    try:
        ended = _run(script, arguments, module, path, work, limit_s, [str(memory), *mine])
    finally:
        if not in_place:
            shutil.rmtree(os.path.dirname(work), ignore_errors=True)
    said = said_in(os.path.join(folder, LOG), work)
    return checked(path, script, ended, said, in_place=in_place)


def _run(
    script: str, arguments: Sequence[str], module: bool, path: str, work: str, limit_s: float,
    bounds: Sequence[str],
) -> str:  # fmt: skip
    """Record, and tell how it ended; a run that outlasts the limit is interrupted, as by Ctrl-C.

    `bounds` : see `record_first_guarded`.
    """
    name = ["-m", script] if module else [_inside(script, work)]
    command = [
        sys.executable, "-m", GUARDED, *bounds, "--", "run", "--no-status", "--budget", BUDGET, "-o", path,
        *name, *arguments,
    ]  # fmt: skip
    environment = {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0", **os.environ}
    with open(os.path.join(os.path.dirname(path), LOG), "wb") as log:
        child = subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            code = child.wait(limit_s or None)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                _end(child)
            return f"it took no step within {limit_s:g} s (--time-limit), and was stopped"
        except BaseException:
            _end(child)
            raise
    if code < 0:
        return f"it was ended by {signal.Signals(-code).name}"
    return f"it left with exit code {code}" if code else ENDED


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the run and what it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _inside(script: str, work: str) -> str:
    """The script's path in the copy where it lies below the current folder; else its own."""
    relative = os.path.relpath(script)
    if relative.startswith(os.pardir) or os.path.isabs(relative):
        return os.path.abspath(script)
    return relative if os.path.exists(os.path.join(work, relative)) else os.path.abspath(script)


def _is_fresh(path: str, script: str, arguments: Sequence[str], module: bool, bounds: str) -> bool:
    """Whether a recording that is there is one of this script as it is now.

    One that broke off may go further within other bounds.
    """
    if module or not os.path.isfile(path) or os.path.getmtime(path) < os.path.getmtime(script):
        return False
    try:
        found = read(path)
    except RecordingError:
        return False
    before = Path(os.path.dirname(path), BOUNDS)
    as_far = before.is_file() and before.read_text("utf-8") == bounds
    return (
        (found.ended == "normal" or (as_far and found.ended in {"exception", "interrupted"}))
        and list(found.meta.get("arguments") or ()) == list(arguments)
        and found.steps > 0
    )
