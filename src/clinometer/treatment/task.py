"""One task: the trials of a seed, as a backend hands them to a worker, and what comes back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinometer import __version__
from clinometer.treatment.trial.plan import Plan, key
from clinometer.treatment.trial.result import blank

Record = dict[str, Any]
Deliver = Callable[[Record, list[Path]], None]
# A run that is like itself: the order of sets, no window, one thread, so that it can be forked.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
# What the user set on their own machine counts on every other; None where it was not set.
CARRIED = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Task:
    """What a backend hands to a worker.

    Attributes
    ----------
    plan : its `workdir` is the user's folder, its `folder` is set where it runs
    keys : of the arms' records, as the one who asks knows them
    in_place : whether the trial runs in the user's folder itself
    sent : whether recordings have to come back as bytes, and the folder comes as `archive` unless in place
    share : of the available memory that a process may take; 0 where the plan has a limit, or none is wanted
    environment : what the user has set, of `CARRIED`
    version : of Clinometer there
    """

    plan: Plan
    keys: tuple[str, ...]
    in_place: bool = False
    sent: bool = False
    share: float = 0.0
    environment: Mapping[str, str | None] = field(default_factory=dict)
    version: str = __version__


@dataclass(frozen=True)
class Outcome:
    """What came of a task: records, files by arm's number where they were sent, why it was not forked."""

    records: tuple[Record, ...] = ()
    files: tuple[tuple[tuple[str, bytes], ...], ...] = ()
    nofork: str = ""


def lost(task: Task, why: str) -> Outcome:
    """Of a task whose worker did not come back."""
    records = [
        blank(task.plan, arm, "died", why) | {"key": known}
        for arm, known in zip(task.plan.arms, task.keys, strict=True)
    ]
    return Outcome(tuple(records), tuple(() for _ in records))


def keys(plan: Plan) -> tuple[str, ...]:
    """Of the records of a plan's arms."""
    return tuple(key(plan, arm) for arm in plan.arms)


def carried() -> dict[str, str | None]:
    """What this machine's user has set, of `CARRIED`."""
    return {name: os.environ.get(name) for name in CARRIED}


def environment(given: Mapping[str, str | None]) -> dict[str, str]:
    """Variables of a trial: this machine's, the user's own, and what makes a run be like itself."""
    own = {name: value for name, value in os.environ.items() if name not in given}
    return own | ENVIRONMENT | {name: value for name, value in given.items() if value is not None}
