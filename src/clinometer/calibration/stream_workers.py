"""Who takes the parts of a data set: this process, local processes, Dask or Ray, whichever the user has.

Each yields the sums of its parts as they are done, in any order: sums add to the same whole.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

from clinometer.calibration.arrow_files import Part
from clinometer.calibration.stream_sums import Plan, Summed, growing_sums, part_sums
from clinometer.errors import ClinometerError

Backend = Literal["local", "dask", "ray"]
Seen = Callable[[int], None]


def summed_parts(
    parts: list[Part], plan: Plan, backend: Backend, workers: int, seen: Seen
) -> Iterator[Summed]:
    """Sums of each part, once each; `seen` is told of rows as they are read (by part, among workers).

    Raises
    ------
    ClinometerError : a backend that is unknown or not installed, with what to install.
    """
    if backend == "local" and workers == 1:
        yield from _here(parts, plan, seen)
        return
    found = {"local": _processes, "dask": _dask, "ray": _ray}.get(backend)
    if found is None:
        raise ClinometerError(f"no backend {backend!r}: expected local, dask or ray")
    for summed in found(partial(part_sums, plan=plan), parts, workers):
        seen(summed.rows)
        yield summed


def _here(parts: list[Part], plan: Plan, seen: Seen) -> Iterator[Summed]:
    """One after the other; interrupted in the middle of a part, what it has summed is given first."""
    for part in parts:
        total, told = Summed(), 0
        try:
            for so_far in growing_sums(part, plan):
                total = so_far
                seen(total.rows - told)
                told = total.rows
        except KeyboardInterrupt:
            yield total
            raise
        yield total


def _processes(work: Callable[[Part], Summed], parts: list[Part], workers: int) -> Iterator[Summed]:
    joblib = _imported("joblib", "local", "pip install 'clinometer[arrow]'")
    pool = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
    yield from pool(joblib.delayed(work)(part) for part in parts)


def _dask(work: Callable[[Part], Summed], parts: list[Part], workers: int) -> Iterator[Summed]:
    """On the user's cluster where a `distributed.Client` is open, else on threads or processes of Dask."""
    dask = _imported("dask", "dask", "pip install dask distributed")
    tasks = [dask.delayed(work)(part) for part in parts]
    try:
        cluster: Any = importlib.import_module("distributed")
        client = cluster.get_client()
    except (ImportError, ValueError):
        yield from dask.compute(*tasks, num_workers=workers)
        return
    for future in cluster.as_completed(client.compute(tasks)):
        yield future.result()


def _ray(work: Callable[[Part], Summed], parts: list[Part], workers: int) -> Iterator[Summed]:
    """On the user's cluster where `ray.init` was called, else on this machine."""
    ray = _imported("ray", "ray", "pip install ray")
    if not ray.is_initialized():
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    remote = ray.remote(work.func)  # type: ignore[attr-defined]
    waiting = [remote.remote(part, **work.keywords) for part in parts]  # type: ignore[attr-defined]
    while waiting:
        done, waiting = ray.wait(waiting)
        yield from ray.get(done)


def _imported(name: str, backend: str, install: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ClinometerError(
            f"the backend {backend} needs {name}, which is not installed: {install}"
        ) from None
