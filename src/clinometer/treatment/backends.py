"""Where tasks run: processes of this machine, or the user's Ray or Dask cluster.

Each yields (task, outcome) as tasks are done, in any order. The work is in processes of their own, so local
ones are waited for by joblib's threads: a worker process for each would only wait, too, and Ctrl-C would have
to reach it. Ray and Dask are asked directly: their backends of joblib give nothing before the last task ends.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from clinometer.errors import TrialError
from clinometer.treatment.task import Deliver, Outcome, Task, lost
from clinometer.treatment.task_run import run_task

Found = Generator[tuple[Task, Outcome], None, None]
THERE = frozenset({"ray", "dask"})  # run elsewhere: files are sent
ENDING_S = (
    10.0  # a killed process is gone within milliseconds; a copy of 1 GiB is removed within seconds
)
NEEDS = {"local": "joblib", "ray": "ray", "dask": "distributed"}
EXTRA = {
    "joblib": "pip install 'clinometer[torch]'", "ray": "pip install ray",
    "distributed": "pip install dask distributed",
}  # fmt: skip


def outcomes(
    tasks: Sequence[Task], backend: str, workers: int, archive: bytes | None, deliver: Deliver
) -> Found:
    """Run tasks; closed before its end (Ctrl-C), it ends all that runs.

    Parameters
    ----------
    tasks : what to run
    backend : "local", "ray" or "dask"
    workers : tasks at a time on this machine; a cluster has its own number
    archive : the working folder, for the machines of a cluster
    deliver : told of each arm as it ends, from any thread; only of local tasks

    Raises
    ------
    TrialError : for a backend that is unknown or not installed; or from a task that cannot run at all.
    """
    if backend == "local":
        yield from _local(tasks, workers, deliver)
    elif backend in THERE:
        sent = [replace(task, sent=True) for task in tasks]
        yield from (_ray if backend == "ray" else _dask)(sent, workers, archive)
    else:
        check(backend)


def check(backend: str) -> None:
    """Refuse a backend before anything is run for it.

    Raises
    ------
    TrialError : for one that is unknown, or whose library is not installed.
    """
    if backend not in NEEDS:
        raise TrialError(f"no backend {backend!r}: expected {', '.join(NEEDS)}")
    if importlib.util.find_spec(NEEDS[backend]) is None:
        raise _missing(NEEDS[backend])


def _local(tasks: Sequence[Task], workers: int, deliver: Deliver) -> Found:
    joblib = imported("joblib")
    stop, change = threading.Event(), threading.Condition()
    running: set[int] = set()

    def one(number: int, task: Task) -> tuple[Task, Outcome]:
        with change:
            if stop.is_set():
                return task, Outcome()
            running.add(number)
        try:
            return task, run_task(task, deliver=deliver, stopped=stop.is_set)
        finally:
            with change:
                running.discard(number)
                change.notify_all()

    pool = joblib.Parallel(
        n_jobs=workers, backend="threading", return_as="generator_unordered", batch_size=1
    )
    try:
        yield from pool(joblib.delayed(one)(*task) for task in enumerate(tasks))
    finally:
        with change:  # what had just ended is still delivered, and every copy removed
            stop.set()
            change.wait_for(lambda: not running, timeout=ENDING_S)


def _ray(tasks: Sequence[Task], workers: int, archive: bytes | None) -> Found:
    """On the cluster of `ray.init` or RAY_ADDRESS, else on this machine."""
    ray = imported("ray")
    ours = not ray.is_initialized()
    if ours:
        here = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers}
        ray.init(
            include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING, **here
        )
    waiting: dict[Any, Task] = {}
    try:
        folder = ray.put(archive)
        remote = ray.remote(num_cpus=1, max_retries=0)(run_task)
        waiting = {remote.remote(task, folder): task for task in tasks}
        while waiting:
            (done,), _ = ray.wait(list(waiting))
            task = waiting.pop(done)
            try:
                yield task, ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise _own(error.cause) from error
            except ray.exceptions.RayError as error:
                yield task, lost(task, f"the worker of Ray was lost: {_first(error)}")
    finally:
        for left in waiting:
            with contextlib.suppress(Exception):
                ray.cancel(left, force=True)  # the guard of each trial sees its worker go
        if ours:
            ray.shutdown()


def _dask(tasks: Sequence[Task], workers: int, archive: bytes | None) -> Found:
    """On the cluster of an open `distributed.Client` or DASK_SCHEDULER_ADDRESS, else on this machine."""
    cluster = imported("distributed")
    with contextlib.ExitStack() as closing:
        client = _client(cluster, workers, closing)
        folder = client.scatter(archive, broadcast=True, hash=False) if archive else None
        waiting = {
            client.submit(run_task, task, folder, pure=False, retries=0): task for task in tasks
        }
        closing.callback(lambda: client.cancel(list(waiting)))
        for future in cluster.as_completed(list(waiting)):
            task = waiting.pop(future)
            try:
                yield task, future.result()
            except TrialError:
                raise
            except Exception as error:
                yield task, lost(task, f"the worker of Dask was lost: {_first(error)}")


def _client(cluster: Any, workers: int, closing: contextlib.ExitStack) -> Any:
    with contextlib.suppress(ValueError):
        return cluster.get_client()
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address:
        return closing.enter_context(cluster.Client(address))
    local = closing.enter_context(
        cluster.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None)
    )
    return closing.enter_context(cluster.Client(local))


def _own(cause: Any) -> Exception:
    """Our own error as it was; any other in words."""
    if isinstance(cause, TrialError):
        return TrialError(str(cause))
    return TrialError(f"a trial could not be made: {type(cause).__name__}: {_first(cause)}")


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def imported(name: str) -> Any:
    """A library that a backend needs.

    Raises
    ------
    TrialError : where it is missing, with what to install.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise _missing(name) from None


def _missing(name: str) -> TrialError:
    return TrialError(f"trials need {name} here, which is not installed: {EXTRA[name]}")
