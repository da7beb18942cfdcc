"""Trials over seeds: what is there is kept, the rest runs, and each result is written as it comes."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clinometer.errors import TrialError
from clinometer.treatment.backends import THERE, outcomes
from clinometer.treatment.progress import Seen, shown
from clinometer.treatment.results import Record, Results, opened
from clinometer.treatment.shipping import packed
from clinometer.treatment.task import Outcome, Task, carried, keys
from clinometer.treatment.trial.folder import MOST_BYTES, check_room
from clinometer.treatment.trial.plan import Arm, Plan

ARMS = "arms"  # folder of the arms' recordings and of what the script printed


@dataclass(frozen=True)
class TrialDesign:
    """Which trials are made of a script: every arm, in every seed.

    Attributes
    ----------
    script, arguments, module, at, steps, every : see `trial.plan.Plan`
    finding, facts, proposed, allow_writes : see there
    arms : controls and remedies, by moment
    seeds : how many; 0 is the script's own
    time_limit_s : for the way to a moment, and for each arm [s]; 0 is none
    memory_limit_bytes : of each process; 0: the available memory, shared by the workers; below 0: none
    in_place : run in the working folder itself, not in a copy
    workdir : the script's working folder
    first_seed : index of the first; others than 0 repeat trials on seeds that no one has judged by
    """

    script: str
    arguments: tuple[str, ...] = ()
    module: bool = False
    seeds: int = 5
    arms: tuple[Arm, ...] = ()
    at: int = 0
    steps: int = 100
    every: int = 5
    finding: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    proposed: tuple[str, ...] = ()
    time_limit_s: float = 600.0
    memory_limit_bytes: int = 0
    allow_writes: bool = False
    in_place: bool = False
    workdir: str = ""
    first_seed: int = 0

    def plans(self) -> list[Plan]:
        """One for each seed, with every arm."""
        workdir = os.path.abspath(self.workdir or os.getcwd())
        return [
            Plan(
                script=_script(self, workdir), arguments=tuple(self.arguments), module=self.module,
                seed=seed, arms=self.arms, at=self.at, steps=self.steps, every=self.every,
                workdir=workdir, finding=dict(self.finding), facts=dict(self.facts),
                proposed=tuple(self.proposed), time_limit_s=self.time_limit_s,
                memory_limit_bytes=max(0, self.memory_limit_bytes), allow_writes=self.allow_writes,
            )
            for seed in range(self.first_seed, self.first_seed + self.seeds)
        ]  # fmt: skip


def run_trials(
    design: TrialDesign,
    *,
    backend: str = "local",
    workers: int | None = None,
    out: str | os.PathLike[str],
    progress: Seen | bool | None = None,
) -> list[Record]:
    """Make all trials of a design that `out` does not have yet.

    Parameters
    ----------
    design : which trials
    backend : "local" processes, "ray" or "dask" (see `treatment.backends`)
    workers : tasks at a time; default: the cores that this process may use
    out : folder of `trials.jsonl`, which only grows, and of the arms' recordings
    progress : told (done, of how many) after each trial; default: a bar on stderr, False for silence

    Returns
    -------
    list of records, one for each trial: fewer than the design has where Ctrl-C stopped it.

    Raises
    ------
    TrialError : where nothing can be tried: the folder is too large to copy, the backend is not there.
    """
    folder = os.path.abspath(out)
    count = workers or cores()
    with opened(folder) as results:
        tasks = [task for plan in design.plans() if (task := _open(plan, design, count, results))]
        archive = _checked(design, tasks, backend)
        total = sum(len(task.plan.arms) for task in tasks)
        with shown(total, progress) as seen, contextlib.suppress(KeyboardInterrupt):
            _Round(results, folder, backend, count, archive, seen, total).run(tasks)
        wanted = [known for plan in design.plans() for known in keys(plan)]
        return [results.records[known] for known in wanted if known in results.records]


@dataclass
class _Round:
    """Tasks in flight, and where their results go."""

    results: Results
    folder: str
    backend: str
    workers: int
    archive: bytes | None
    seen: Seen
    total: int
    done: int = 0

    def run(self, tasks: list[Task]) -> None:
        """Run tasks; those that cannot be forked run again, one replay for each arm."""
        again: list[Task] = []
        found = outcomes(tasks, self.backend, self.workers, self.archive, self.deliver)
        with contextlib.closing(found):
            for task, outcome in found:
                again += replays(task) if outcome.nofork else []
                self._sent(outcome)
        if again:
            self.run(again)

    def deliver(self, record: Record, files: list[Path]) -> None:
        """Keep what an arm left."""
        for path in files:
            shutil.move(path, self._place(record, path.name))
        self._add(record)

    def _sent(self, outcome: Outcome) -> None:
        for record, files in zip(outcome.records, outcome.files, strict=False):  # none from here
            for name, content in files:
                Path(self._place(record, name)).write_bytes(content)
            self._add(record)

    def _place(self, record: Record, name: str) -> str:
        """Where a file of an arm is kept: trials of another design do not meet it."""
        inner, end = os.path.splitext(name)
        folder = os.path.join(self.folder, ARMS)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, f"{inner}-{record['key'][:8]}{end}")
        if end == ".clino" and record.get("recording"):
            record["recording"] = path
        return path

    def _add(self, record: Record) -> None:
        if record["ended"] == "interrupted":
            return
        self.results.add(record)
        self.done += 1
        self.seen(self.done, self.total)


def replays(task: Task) -> list[Task]:
    """The same trials, each from the start in a process of its own."""
    return [
        replace(task, plan=replace(task.plan, arms=(arm,), fork=False), keys=(known,))
        for arm, known in zip(task.plan.arms, task.keys, strict=True)
    ]


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open(plan: Plan, design: TrialDesign, workers: int, results: Results) -> Task | None:
    """The task of what is still to be tried of a seed; None where all of it is there."""
    left = [
        (arm, key) for arm, key in zip(plan.arms, keys(plan), strict=True) if not results.final(key)
    ]
    if not left:
        return None
    arms, known = zip(*left, strict=True)
    return Task(
        replace(plan, arms=arms), known, in_place=design.in_place,
        share=0.0 if design.memory_limit_bytes else 1.0 / workers, environment=carried(),
    )  # fmt: skip


def _checked(design: TrialDesign, tasks: list[Task], backend: str) -> bytes | None:
    """The working folder to send, where it is sent; refuse what cannot be tried, before anything starts."""
    if not tasks or design.in_place:
        return None
    plan = tasks[0].plan
    if backend not in THERE:
        check_room(plan.workdir, _temporary(), MOST_BYTES)
        return None
    if not plan.module and os.path.isabs(plan.script):
        raise TrialError(
            f"{plan.script}: is not in the working folder {plan.workdir}, which is sent to the workers.\n"
            "  Start in the folder that has the script; or give --in-place, where every machine sees both."
        )
    return packed(plan.workdir)


def _script(design: TrialDesign, workdir: str) -> str:
    """Path of the script as a copy has it: relative within the working folder, else absolute."""
    if design.module:
        return design.script
    whole = os.path.abspath(os.path.join(workdir, design.script))
    inside = os.path.relpath(whole, workdir)
    return whole if inside.startswith(os.pardir) else inside


def _temporary() -> str:
    import tempfile

    return tempfile.gettempdir()
