"""What an attached but idle recorder costs, inside one process: attached and bare blocks by turns.

    python benchmarks/inside.py [--workload rnn] [--rounds 24] [--steps 120] [--core 0]

Two processes that are equal differ by one to three percent here; two blocks of one process by less. Each
round is bare, attached, bare, bare: the ratio of the attached block to the mean of its neighbours, and of
the last two blocks to each other (the null). CPU time of the training thread, one thread, one core.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.overhead.workloads import WORKLOADS, loss_of
from benchmarks.startup import machine, median_interval

from clinometer.attach.recorder import Recorder
from clinometer.store.writer import Writer


class Training:
    """A workload that can be trained for some steps at a time."""

    def __init__(self, workload: str) -> None:
        self.model, self.optimizer, self.batches = WORKLOADS[workload].build()
        self.taken = 0

    def seconds_a_step(self, steps: int) -> float:
        begun = time.thread_time()
        for _ in range(steps):
            inputs, targets = self.batches[self.taken % len(self.batches)]
            self.taken += 1
            self.optimizer.zero_grad(set_to_none=True)
            loss_of(self.model(inputs), targets).backward()
            self.optimizer.step()
        return (time.thread_time() - begun) / steps


def attached(training: Training, steps: int, path: str) -> float:
    """One block with a recorder that looks at no step; the first steps, which settle the clock, left out."""
    recorder = Recorder(Writer(path, {}), every=10**9, looks=False)
    recorder.start(training.model)
    training.seconds_a_step(3)
    taken = training.seconds_a_step(steps)
    recorder.stop("normal")
    return taken


def told(name: str, ratios: list[float]) -> str:
    low, high = median_interval(sorted(ratios))
    return f"{name:<10} {statistics.median(ratios):.4f}  [{low:.4f}, {high:.4f}]  n = {len(ratios)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workload", choices=list(WORKLOADS), default="rnn")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {options.core})
    training = Training(options.workload)
    training.seconds_a_step(50)
    idle, null = [], []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(options.rounds):
            before = training.seconds_a_step(options.steps)
            ours = attached(training, options.steps, f"{folder}/{i}.clino")
            after, again = (training.seconds_a_step(options.steps) for _ in range(2))
            idle.append(2 * ours / (before + after))
            null.append(after / again)
    print(f"{machine()}; {options.workload}, {options.steps} steps a block")
    print(told("idle", idle))
    print(told("null", null))


if __name__ == "__main__":
    main()
