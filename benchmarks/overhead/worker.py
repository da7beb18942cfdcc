"""The process of one contender: trains when it is its turn, and says what that took."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from benchmarks.overhead.clock import TrainingClock
from benchmarks.overhead.contenders import CONTENDERS, After, Place
from benchmarks.overhead.workloads import WORKLOADS, Batch, loss_of

WARM_UP = 3  # steps after attaching; the last one tells how long a step is
DRAIN_S = 0.02  # after a block, for threads that still have work from it


@dataclass(frozen=True)
class Job:
    workload: str
    contender: str
    place: Place
    log: Path
    core: int
    as_users: bool  # leave the memory allocator as a user's run has it


@dataclass(frozen=True)
class Ready:
    """Seconds to attach (wall), and of one step."""

    attach_s: float
    step_s: float


@dataclass(frozen=True)
class Block:
    """What a block of steps took.

    Attributes
    ----------
    thread_s : CPU time of the thread that trains
    process_s : CPU time of all threads and child processes, up to DRAIN_S after the last step
    wall_s : what the wall clock says
    """

    steps: int
    thread_s: float
    process_s: float
    wall_s: float


@dataclass(frozen=True)
class Finished:
    """Detaching, flushing and closing [s, wall]; largest resident memory; steps of the whole run."""

    finish_s: float
    peak_mib: float
    steps: int


def train(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: list[Batch],
    first: int,
    steps: int,
    after: After,
) -> None:
    """The user's loop. Its variables have the usual names: one contender reads them from outside."""
    for step in range(first, first + steps):
        inputs, targets = batches[step % len(batches)]
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(model(inputs), targets)
        loss.backward()
        optimizer.step()
        if after is not None:
            after(step, loss)


class Run:
    """One model in training, with a contender attached."""

    def __init__(self, job: Job) -> None:
        self.clock = TrainingClock()
        self.clock.install()
        self._training = WORKLOADS[job.workload].build()
        self._attached = ExitStack()
        self._step = 0
        begun = self.clock.true_s()
        attach = CONTENDERS[job.contender].attach
        self._after = self._attached.enter_context(attach(*self._training[:2], job.place))
        attach_s = self.clock.true_s() - begun
        self._train(WARM_UP - 1)
        self.ready = Ready(attach_s, self.block(1).thread_s)

    def _train(self, steps: int) -> None:
        train(*self._training, self._step, steps, self._after)
        self._step += steps

    def block(self, steps: int) -> Block:
        self.clock.go_on()
        wall, cpu, thread = self.clock.true_s(), process_cpu_s(), time.thread_time()
        self._train(steps)
        thread, wall = time.thread_time() - thread, self.clock.true_s() - wall
        self.clock.stop()
        time.sleep(DRAIN_S)
        return Block(steps, thread, process_cpu_s() - cpu, wall)

    def settle(self, seconds: float) -> Block:
        """Train for so long, until a controller has found its pace."""
        return self.block(max(1, round(seconds / self.ready.step_s)))

    def spent_s(self) -> float | None:
        """What our recorder has booked so far as its own cost [s]; None for all others."""
        if "clinometer.attach.recorder" not in sys.modules:
            return None
        kind = sys.modules["clinometer.attach.recorder"].Recorder
        return next((r.budget.spent_s for r in gc.get_objects() if type(r) is kind), None)

    def finish(self) -> Finished:
        self.clock.go_on()
        begun = self.clock.true_s()
        self._attached.close()
        return Finished(self.clock.true_s() - begun, peak_mib(), self._step)


def process_cpu_s() -> float:
    """CPU time of this process and of those it has started, which are still running."""
    return time.process_time() + sum(map(_running_s, _descendants(os.getpid())))


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        found += children + [d for child in children for d in _descendants(child)]
    return found


def _running_s(pid: int) -> float:
    """Its threads' CPU time [s], by the scheduler's own counters [ns]."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(task.read_text().split()[0])
        except (OSError, IndexError):
            continue
    return total / 1e9


def peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def work(job: Job, turns: Connection) -> None:
    """Answer each (command, arguments) with a result, or with the reason why there is none."""
    _prepare(job)
    try:
        run = Run(job)
        turns.send(run.ready)
        while True:
            command, *arguments = turns.recv()
            answer: Any = getattr(run, command)(*arguments)
            turns.send(answer)
            if command == "finish":
                return
    except EOFError:
        return
    except BaseException as error:
        traceback.print_exc()
        turns.send(f"{type(error).__name__}: {error}")


def _prepare(job: Job) -> None:
    """Where it runs, and where whatever it prints goes."""
    log = os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    os.chdir(job.place.folder)
    os.sched_setaffinity(0, {job.core})
    torch.set_num_threads(1)
    if not job.as_users:
        keep_memory()


def keep_memory() -> None:
    """Let the allocator keep what it has got from the system.

    It gives memory back, or not, by thresholds that follow what it has seen. Of two equal processes
    one took 444 page faults a step and 12 % more time and the other none; and a contender that had
    once needed more memory than the bare run sped up the 100 M model by a third.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # glibc; the numbers are from malloc.h
        trim_threshold, top_pad, mmap_max = -1, -2, -4
        libc.mallopt(trim_threshold, -1)
        libc.mallopt(top_pad, 2**26)
        libc.mallopt(mmap_max, 0)
