"""A task at work: a trial process with its working folder and its limits, on whatever machine this is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

from clinometer import __version__
from clinometer.errors import TrialError
from clinometer.treatment import guard
from clinometer.treatment.shipping import unpacked
from clinometer.treatment.task import Deliver, Outcome, Record, Task, environment
from clinometer.treatment.trial.folder import copied
from clinometer.treatment.trial.forking import GRACE_S
from clinometer.treatment.trial.plan import Arm, nofork_path, result_path, stem
from clinometer.treatment.trial.result import blank, is_vain

START_S = (
    60.0  # torch is imported within seconds; from a cold network disk it has been seen to take 40 s
)
NAP_S = 0.05


def run_task(
    task: Task,
    archive: bytes | None = None,
    deliver: Deliver | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Make the trials of a task.

    Parameters
    ----------
    task : what to run
    archive : the working folder, where it was sent
    deliver : told of each arm as it ends: its record, and its files, to be moved away
    stopped : asked many times a second; once it is true, everything ends at once

    Raises
    ------
    TrialError : where the folder, or this version of Clinometer, is another than the user's.
    """
    if task.version != __version__:
        raise TrialError(
            f"a worker has Clinometer {__version__}, and this machine has {task.version}.\n"
            "  Install the same version on all machines."
        )
    place = tempfile.mkdtemp(prefix="clinometer-trial-")
    try:
        return _Running(task, place, archive, deliver, stopped).outcome()
    finally:
        shutil.rmtree(place, ignore_errors=True)


class _Running:
    def __init__(
        self, task: Task, place: str, archive: bytes | None, deliver: Deliver | None,
        stopped: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._task, self._deliver, self._stopped = task, deliver, stopped
        self._place = place
        plan = task.plan
        results = os.path.join(place, "results")
        os.makedirs(results)
        limit = plan.memory_limit_bytes or int(task.share * available_bytes())
        self.plan = replace(
            plan, folder=results, workdir=self._workdir(archive), memory_limit_bytes=limit
        )
        self._waiting = dict(zip(plan.arms, task.keys, strict=True))
        self._records: list[Record] = []
        self._files: list[tuple[tuple[str, bytes], ...]] = []

    def _workdir(self, archive: bytes | None) -> str:
        own, task = os.path.join(self._place, "work"), self._task
        if archive is not None:
            return unpacked(archive, own)
        if not task.in_place:
            return copied(task.plan.workdir, own)
        if not os.path.isdir(task.plan.workdir):
            raise TrialError(
                f"{task.plan.workdir}: is not on the machine {os.uname().nodename}.\n"
                "  With --in-place every machine must see the same folder; without it, it is sent."
            )
        return task.plan.workdir

    def outcome(self) -> Outcome:
        path = os.path.join(self._place, "plan.json")
        Path(path).write_text(self.plan.to_json(), encoding="utf-8")
        # By its path: what is started with -I and -S imports nothing of the user's, nor of ours.
        command = [sys.executable, "-m", "clinometer.treatment.trial", path]
        errors = Path(self._place) / "errors.txt"
        with errors.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, *command],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
                start_new_session=True, cwd=self._place, env=environment(self._task.environment),
            )  # fmt: skip
        assert process.stdin is not None
        try:
            code = self._watched(process)
        finally:
            process.stdin.close()  # the guard ends the trial
            process.wait()
        nofork = nofork_path(self.plan)
        if self.plan.fork and os.path.exists(nofork):
            return Outcome(nofork=str(json.loads(Path(nofork).read_text("utf-8"))["why"]))
        self._take()
        if not self._stopped():
            self._tell_of_the_rest(code, errors.read_text("utf-8", "replace").strip())
        return Outcome(tuple(self._records), tuple(self._files))

    def _watched(self, process: subprocess.Popen[bytes]) -> int | None:
        """Exit code; None where it is to be ended for the time it took, or by its owner."""
        begun, limit = time.monotonic(), self._limit_s()
        while process.poll() is None:
            time.sleep(NAP_S)
            self._take()
            if self._stopped() or (limit and time.monotonic() - begun > limit):
                return None
        return process.returncode

    def _limit_s(self) -> float:
        """The trial keeps its own limits; this one is for a trial that hangs [s]."""
        plan = self.plan
        if not plan.time_limit_s:
            return 0.0
        parts = len(plan.arms) + len({arm.moment for arm in plan.arms}) + 1
        return START_S + parts * (plan.time_limit_s + 2 * GRACE_S)

    def _take(self) -> None:
        """Take the records that are there."""
        for arm in list(self._waiting):
            path = Path(result_path(self.plan, arm))
            record = _read(path)
            if record is not None and not is_vain(record):
                self._give(arm, record)

    def _give(self, arm: Arm, record: Record) -> None:
        record["key"] = self._waiting.pop(arm)
        name = stem(self.plan, arm)
        kept = [
            path for path in (Path(self.plan.folder) / f"{name}{end}" for end in (".clino", ".txt"))
            if path.exists()
        ]  # fmt: skip
        if self._deliver is not None:
            self._deliver(record, kept)
        self._records.append(record)
        if self._task.sent:
            self._files.append(tuple((path.name, path.read_bytes()) for path in kept))

    def _tell_of_the_rest(self, code: int | None, told: str) -> None:
        ended, why = "died", f"the trial left with code {code}, and no result"
        if told:
            why = f"{why}: {told.splitlines()[-1]}"
        if code is None:
            ended, why = "time", f"not over after {self._limit_s():.0f} s"
        elif code == 128 + signal.SIGKILL:
            ended, why = "memory", "killed by the system, as it does where memory runs out"
        for arm in list(self._waiting):
            self._give(arm, blank(self.plan, arm, ended, why))


def _read(path: Path) -> Record | None:
    """A record that is there, whole; a trial may just be taking it away again."""
    try:
        return cast("Record", json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None


def available_bytes() -> int:
    """Memory that can be had without swapping; 0 where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            found = dict(line.split(":", 1) for line in file)
        return int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 0
