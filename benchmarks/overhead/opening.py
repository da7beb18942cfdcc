"""Seconds from `import torch` to the first step done, with a contender and without.

    python -m benchmarks.overhead.opening CONTENDER FOLDER

prints them for one fresh process; `openings` starts such processes in pairs, interleaved.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.overhead.contenders import BASE, CONTENDERS, Place
from benchmarks.overhead.measure import tell
from benchmarks.overhead.worker import train
from benchmarks.overhead.workloads import WORKLOADS

MARK = "opened after"


def open_once(contender: str, folder: Path, port: int) -> float:
    """Import, attach, and train one step of the multilayer perceptron, in this process."""
    began = time.perf_counter()
    model, optimizer, batches = WORKLOADS["mlp"].build()
    with CONTENDERS[contender].attach(model, optimizer, Place(folder, port)) as after:
        train(model, optimizer, batches, 0, 1, after)
        return time.perf_counter() - began


def in_fresh_process(contender: str, port: int) -> float:
    """The same in a new interpreter.

    Raises
    ------
    RuntimeError : with the last line that it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "benchmarks.overhead.opening",
            contender,
            folder,
            str(port),
        ]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            return float(line.removeprefix(MARK))
    raise RuntimeError((done.stderr.strip().splitlines() or ["no output"])[-1])


def openings(contenders: Iterable[str], pairs: int, port: int) -> dict[str, list[float]]:
    """Differences to the bare run [s], one a pair; contenders that fail are left out."""
    names = list(contenders)
    differences: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(pairs):
        for name in list(differences):
            try:
                base = in_fresh_process(BASE, port)
                differences[name].append(in_fresh_process(name, port) - base)
            except RuntimeError as error:
                tell(f"  {name} does not open: {error}")
                del differences[name]
    return differences


if __name__ == "__main__":
    seconds = open_once(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    print(f"\n{MARK} {seconds:.6f}", flush=True)
    os._exit(0)  # nobody waits for what a contender does at exit
