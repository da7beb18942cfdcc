"""The unchanged script, recorded before anything is tried: in a process and a working folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from clinometer.errors import RecordingError, TrialError
from clinometer.store.reader import read
from clinometer.treatment.trial.folder import copied

NAME, LOG = "before.clino", "before.log"
BUDGET = "5%"  # of the step time: nobody waits for this run but the trials, and short runs are seen better
GRACE_S = 30.0  # to close a recording after it was interrupted
TOLD = 2000  # characters of the script's last output in an error


def recorded(
    script: str,
    arguments: Sequence[str],
    *,
    module: bool,
    folder: str,
    limit_s: float,
    in_place: bool,
) -> str:
    """Path of a recording of the script; one that is there already is used if the script is not newer.

    Raises
    ------
    TrialError : where the script does not train, or broke before its first step.
    """
    if not module and not os.path.isfile(script):
        raise TrialError(
            f"{script}: no such file.\n  Expected a Python script: clinometer treat [options] script.py"
        )
    path = os.path.join(folder, NAME)
    if _is_fresh(path, script, arguments, module):
        return path
    os.makedirs(folder, exist_ok=True)
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    work = (
        os.getcwd() if in_place else copied(os.getcwd(), os.path.join(tempfile.mkdtemp(), "work"))
    )
    try:
        _run(script, arguments, module, path, work, limit_s)
    finally:
        if not in_place:
            shutil.rmtree(os.path.dirname(work), ignore_errors=True)
    return _checked(path, script, os.path.join(folder, LOG))


def _run(
    script: str, arguments: Sequence[str], module: bool, path: str, work: str, limit_s: float
) -> None:
    """Record; a run that outlasts the limit is interrupted, as by Ctrl-C, and judged as far as it went."""
    name = ["-m", script] if module else [_inside(script, work)]
    command = [
        sys.executable, "-m", "clinometer", "run", "--no-status", "--budget", BUDGET, "-o", path,
        *name, *arguments,
    ]  # fmt: skip
    environment = {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0", **os.environ}
    with open(os.path.join(os.path.dirname(path), LOG), "wb") as log:
        child = subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            child.wait(limit_s or None)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                _end(child)
        except BaseException:
            _end(child)
            raise


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


def _is_fresh(path: str, script: str, arguments: Sequence[str], module: bool) -> bool:
    """Whether a recording that is there is one of this script as it is now."""
    if module or not os.path.isfile(path) or os.path.getmtime(path) < os.path.getmtime(script):
        return False
    try:
        found = read(path)
    except RecordingError:
        return False
    return (
        found.ended in {"normal", "exception", "interrupted"}
        and list(found.meta.get("arguments") or ()) == list(arguments)
        and found.steps > 0
    )


def _checked(path: str, script: str, log: str) -> str:
    """The recording, if it has a step."""
    try:
        if read(path).steps > 0:
            return path
    except RecordingError:
        pass
    with open(log, encoding="utf-8", errors="replace") as file:
        said = file.read()[-TOLD:].strip()
    raise TrialError(
        f"{script}: no training step was recorded, so there is nothing to treat.\n"
        "  Expected a script that trains with PyTorch without a terminal. It was run in a copy of this "
        "folder (--in-place runs it here).\n  The end of what it said:\n" + (said or "(nothing)")
    )
