"""Recordings for the live page: written at once, or by a process that goes on until it is told to end.

python tests/live_runs.py FILE [--pause S] [--steps N] [--hostile TEXT]
"""

from __future__ import annotations

import argparse
import array
import datetime
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

from benchmarks.report import LABELS, plain_row, scalars, sites  # noqa: E402

from clinometer.records.columns import STEP, names  # noqa: E402
from clinometer.records.site import Site  # noqa: E402
from clinometer.store.process import birth_of  # noqa: E402
from clinometer.store.writer import Writer  # noqa: E402

BATCH = 10  # steps; the first of them is observed
LOSS = [column.name for column in STEP].index("loss")


def meta(**more: Any) -> dict[str, Any]:
    """What a recorder says of itself at the beginning."""
    pid = os.getpid()
    started = datetime.datetime.now(datetime.UTC).isoformat()
    process = {"pid": pid, "birth": birth_of(pid)}
    return {"script": "train.py", "budget": 0.01, "started": started, "process": process, **more}


def named(layers: int, prefix: str) -> list[Site]:
    """The chain of the report's benchmark, its layers called otherwise."""

    def called(text: Any) -> Any:
        if isinstance(text, list):
            return [called(one) for one in text]
        return text.replace("net.", prefix, 1) if isinstance(text, str) else text

    return [
        Site(s.index, s.kind, called(s.name), {k: called(v) for k, v in s.facts.items()})
        for s in sites(layers)
    ]


def faded(row: np.ndarray, layers: int, decades: float) -> np.ndarray:
    """The row of a network each of whose places takes so many decades more off the gradient."""
    places = sites(layers)
    depth = {site.name: i for i, site in enumerate(s for s in places if s.kind == "call")}
    power: list[float] = []
    for site in places:
        above = len(depth) - 1 - depth.get(site.name, depth.get(site.name.rpartition(".")[0], 0))
        for name in names(site.kind):
            fades = name.startswith("grad_") or name in {"reach", "intended_rms", "stored_rms"}
            power.append(-decades * (above + (name == "grad_in_rms")) if fades else 0.0)
    return row * 10.0 ** np.array(power)


class Training:
    """Writes batch after batch, as a run does."""

    def __init__(
        self,
        path: Path,
        *,
        layers: int = 4,
        prefix: str = "net.",
        decades: float = 0.0,
        **more: Any,
    ) -> None:
        self.writer = Writer(str(path), meta(**more))
        self.writer.add_sites(named(layers, prefix))
        self.row = faded(plain_row(sites(layers)), layers, decades)
        self.rng = np.random.default_rng(0)
        self.step = 0

    def go_on(self, batches: int = 1, loss: float | None = None) -> None:
        """Some more steps; their loss is a little above ln 10 unless it is given."""
        for _ in range(batches):
            values = scalars(self.step, BATCH, self.rng)
            if loss is not None:
                values[LOSS :: len(STEP)] = array.array("d", [loss] * BATCH)
            shaken = self.row * np.exp(0.1 * self.rng.standard_normal(len(self.row)))
            row = np.where(self.row < 1, shaken, self.row).astype("f")
            self.writer.add_steps(self.step, values)
            self.writer.add_observation(self.step, self.step / 100, array.array("f", row.tobytes()))
            self.step += BATCH
        self.writer.set_state({"labels": {"cross_entropy": LABELS}})
        assert self.writer.flush()

    def end(self, how: str = "normal") -> None:
        self.writer.set_meta({"ended": how})
        self.writer.close()


def write(path: Path, batches: int = 30, *, ended: str = "normal", **options: Any) -> Path:
    """A whole recording."""
    path.parent.mkdir(parents=True, exist_ok=True)
    training = Training(path, **options)
    training.go_on(batches)
    training.end(ended)
    return path


@contextmanager
def trained(path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A process that records; SIGTERM lets it end well, SIGKILL does not. Yields when it has begun."""
    command = [sys.executable, __file__, str(path), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """The address of a live page, which ends by Ctrl-C, with exit code 0 and without a word on stderr."""
    command = [sys.executable, "-m", "clinometer", "serve", str(folder), "--port", "0", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as child:
        try:
            yield child.stdout.readline().strip()
        finally:
            child.send_signal(signal.SIGINT)
            try:
                rest, said = child.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
        assert (child.returncode, said) == (0, ""), f"exit code {child.returncode}: {said}"
        assert rest.endswith("Ended.\n"), rest


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--pause", type=float, default=0.2)
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--told", type=Path, help="file for steps and times of the commits")
    given = parser.parse_args()
    is_told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: is_told.append(number))
    training = Training(given.path, layers=given.layers)
    training.go_on()
    print("begun", flush=True)
    while not is_told and training.step < given.steps:
        time.sleep(given.pause)
        training.go_on()
        if given.told is not None:
            with given.told.open("a") as told:
                told.write(f"{training.step} {time.time()}\n")
    training.end()


if __name__ == "__main__":
    main()
