"""Record each script over the seeds, and have each recording judged.

A run is a process group of its own with a time limit. Ctrl-C ends all of them at once; what is
finished by then is still scored.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from benchmarks.zoo.cases import Case
from benchmarks.zoo.children import ChildError, Children
from benchmarks.zoo.judging import Said, judge_all, order_of
from benchmarks.zoo.progress import Progress

CLINOMETER = (sys.executable, "-m", "clinometer")


@dataclass(frozen=True)
class Run:
    """One script with one seed."""

    case: Case
    seed: int

    def recording(self, folder: Path) -> Path:
        return folder / self.case.part / f"{self.case.name}-{self.seed}.clino"


@dataclass(frozen=True)
class Outcome:
    """What was said of a run; None, and why, where it could not be recorded or judged."""

    run: Run
    said: Said | None
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """How to run: in which folder, in how many processes, whether recordings are kept or reused."""

    folder: Path
    workers: int
    keep: bool = False
    reuse: bool = False


def outcomes(runs: Iterable[Run], plan: Plan) -> list[Outcome]:
    """Record and judge; the outcomes of what was finished when Ctrl-C came."""
    every = list(runs)
    old = [run for run in every if plan.reuse and is_fresh(run, plan.folder)]
    fresh = [run for run in every if run not in set(old)]
    found: list[Outcome] = []
    try:
        _judge_again(old, plan, found)
        _record(fresh, plan, found)
    except KeyboardInterrupt:
        print(f"\nstopped: {len(found)} of {len(every)} runs are finished", file=sys.stderr)
    return sorted(found, key=lambda one: every.index(one.run))


# -- recordings that are there already --------------------------------------------------------------


def digest(script: Path) -> str:
    """What tells a script from its earlier version."""
    return hashlib.sha256(script.read_bytes()).hexdigest()


def stamp(run: Run, folder: Path) -> Path:
    """The file that says which version of the script was recorded."""
    return run.recording(folder).with_suffix(".script")


def is_fresh(run: Run, folder: Path) -> bool:
    """Whether there is a recording of the script as it is now."""
    noted = stamp(run, folder)
    return noted.exists() and noted.read_text(encoding="utf-8") == digest(run.case.script)


def _judge_again(old: list[Run], plan: Plan, found: list[Outcome]) -> None:
    if not old:
        return
    by_path = {run.recording(plan.folder): run for run in old}
    progress = Progress("judged", len(old))
    for path, said in judge_all(by_path, plan.workers):
        known = isinstance(said, Said)
        run = by_path[path]
        found.append(Outcome(run, said) if known else Outcome(run, None, said))
        progress.step(failed=not known)
    progress.close()


# -- new recordings ---------------------------------------------------------------------------------


def _record(fresh: list[Run], plan: Plan, found: list[Outcome]) -> None:
    progress, children = Progress("recorded and judged", len(fresh)), Children(plan.folder)
    pool = ThreadPoolExecutor(plan.workers)
    try:
        waiting = [pool.submit(_outcome, run, plan, children) for run in fresh]
        for done in as_completed(waiting):
            found.append(done.result())
            progress.step(failed=found[-1].said is None)
    finally:
        children.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        progress.close()


def _outcome(run: Run, plan: Plan, children: Children) -> Outcome:
    recording = run.recording(plan.folder)
    recording.parent.mkdir(parents=True, exist_ok=True)
    _remove(recording)
    try:
        version = digest(run.case.script)
        children.call(
            *CLINOMETER, "run", "-o", str(recording), str(run.case.script), "--seed", str(run.seed)
        )
        outcome = Outcome(run, _report(recording, children))
        stamp(run, plan.folder).write_text(version, encoding="utf-8")
        return outcome
    except Exception as error:  # one run's trouble is not the others'
        return Outcome(run, None, str(error) or type(error).__name__)
    finally:
        if not plan.keep:
            _remove(recording)


def _report(recording: Path, children: Children) -> Said:
    """As a user would ask for it."""
    from clinometer.store.reader import read

    if not recording.exists():
        raise ChildError("nothing was recorded")
    report = json.loads(children.call(*CLINOMETER, "report", str(recording), "--json"))
    return Said(report, order_of(read(recording)))


def _remove(recording: Path) -> None:
    """A recording, SQLite's files beside it, and its stamp."""
    for path in recording.parent.glob(f"{recording.stem}.*"):
        path.unlink(missing_ok=True)
