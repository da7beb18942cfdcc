"""What a recording says of its run: the report's JSON, and the layers in order of execution."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clinometer.records.recording import Recording

PLACES = ("weight", "activation")  # roles that a fault is placed by


@dataclass(frozen=True)
class Said:
    """The judgement of one run.

    Attributes
    ----------
    report : `clinometer report --json`
    order : names of the weight layers and activations, in order of execution
    """

    report: dict[str, Any]
    order: tuple[str, ...]


def order_of(recording: Recording) -> tuple[str, ...]:
    """Names of the weight layers and activations, in order of execution."""
    calls = recording.of_kind("call")
    return tuple(call.name for call in calls if call.facts.get("role") in PLACES)


def judge(path: Path) -> Said | str:
    """Judge a recording in this process; in words where that fails."""
    import clinometer

    try:
        recording = clinometer.read(path)
        return Said(clinometer.diagnose(recording).to_dict(), order_of(recording))
    except Exception as error:  # one run's trouble is not the others'
        return f"{type(error).__name__}: {(str(error) or '-').splitlines()[0]}"


def judge_all(paths: Iterable[Path], workers: int) -> Iterator[tuple[Path, Said | str]]:
    """Judge many recordings in a few processes, as they are ready."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_ctrl_c_to_the_parent)
    try:
        waiting = {pool.submit(judge, path): path for path in paths}
        for done in as_completed(waiting):
            yield waiting[done], done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
