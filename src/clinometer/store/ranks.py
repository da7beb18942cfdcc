"""Find the files of the other ranks beside that of rank 0, and make one recording of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from clinometer.errors import RecordingError
from clinometer.records.evaluation import merged_evaluations
from clinometer.records.recording import Event, Int64, Recording
from clinometer.store.merging import merged_rows, merged_scalars, union_of_sites
from clinometer.store.pooling import merged_dead, merged_labels

FAR = timedelta(hours=1)  # ranks of one run do not start further apart


def read_ranks(recording: Recording, read_file: Callable[[str], Recording]) -> Recording:
    """Merge the files of all ranks, where this is rank 0's of a run with several."""
    world = recording.meta.get("world", 1)
    if not isinstance(world, int) or world < 2 or recording.meta.get("rank", 0) != 0:
        return recording
    ranks, notes = {0: recording}, []
    for rank in range(1, world):
        found = _read(recording, rank, read_file)
        if isinstance(found, str):
            notes.append(f"rank {rank} is left out: {found}")
        else:
            ranks[rank] = found
    return merge(ranks, world, notes)


def path_of_rank(path: str, rank: int) -> str:
    """Where a rank's recording lies.

    >>> path_of_rank("runs/first.clino", 2)
    'runs/first.2.clino'
    """
    stem, ending = os.path.splitext(path)
    return f"{stem}.{rank}{ending}" if rank else path


def _read(first: Recording, rank: int, read_file: Callable[[str], Recording]) -> Recording | str:
    """The recording of a rank, or why there is none."""
    path = path_of_rank(first.path, rank)
    try:
        other = read_file(path)
    except RecordingError as error:
        return str(error).partition("\n")[0]
    if not _same_run(first.meta, other.meta, rank):
        return f"{path}: belongs to another run"
    return other


def _same_run(first: dict[str, Any], other: dict[str, Any], rank: int) -> bool:
    if other.get("rank", rank) != rank or first.get("run") != other.get("run"):
        return False
    try:
        begun = [datetime.fromisoformat(meta["started"]) for meta in (first, other)]
        return abs(begun[0] - begun[1]) < FAR
    except (KeyError, TypeError, ValueError):
        return True


def merge(ranks: dict[int, Recording], world: int, notes: list[str]) -> Recording:
    """One recording of several; `ranks[0]` speaks where only one can."""
    first = ranks[0]
    if len(ranks) == 1:
        return replace(first, notes=(*first.notes, *notes))
    parts = list(ranks.values())
    step, scalars = merged_scalars(parts)
    looked, observed = _observed(parts, notes)
    sites = union_of_sites(looked)
    divide = world if first.meta.get("parallel") == "ddp" and len(looked) > 1 else 1
    rows = merged_rows(looked, observed, sites, divide, notes)
    ended = {rank: part.ended for rank, part in ranks.items()}
    if len(set(ended.values())) > 1:
        notes += [f"rank {rank} ended: {word}" for rank, word in ended.items()]
    for rank, part in ranks.items():
        notes += [f"rank {rank}: {note}" for note in part.notes]
    return Recording(
        path=first.path,
        meta={**first.meta, "ranks": list(ranks)},
        ended=next((word for word in ended.values() if word != "normal"), "normal"),
        sites=sites,
        step=step,
        scalars=scalars,
        observed=observed,
        rows=rows,
        labels=merged_labels([part.labels for part in parts]),
        dead_units=merged_dead([part.dead_units for part in parts]),
        events=_events(parts),
        notes=tuple(dict.fromkeys(notes)),
        evaluations=merged_evaluations([part.evaluations for part in parts]),
    )


def _observed(parts: list[Recording], notes: list[str]) -> tuple[list[Recording], Int64]:
    """(recordings whose observations are merged, the steps that all of them observed)."""
    looked = [part for part in parts if len(part.observed)] or parts[:1]
    common = looked[0].observed
    for part in looked[1:]:
        common = np.intersect1d(common, part.observed)
    if len(looked) == len(parts) and len(common):
        return looked, common
    if len(looked) > 1 and len(common):
        notes.append(f"layer figures are of {len(looked)} of {len(parts)} ranks' examples")
        return looked, common
    one = parts[0] if len(parts[0].observed) else looked[0]
    rank = one.meta.get("rank", 0)
    notes.append(f"layer figures are of rank {rank}'s examples: the others observed no same step")
    return [one], one.observed


def _events(parts: list[Recording]) -> tuple[Event, ...]:
    every = dict.fromkeys(event for part in parts for event in part.events)
    return tuple(sorted(every, key=lambda event: event.step))
