"""How long `clinometer report` takes on a long run of a deep network, and how much memory.

    python benchmarks/report.py [--steps 100000] [--layers 200] [--repeats 7] [--keep FILE]

The recording is written by the store's own writer with its default bound: a chain of linear layers with
ReLU, each with weight and bias, an observation every 100 steps. Each repeat is a fresh process; memory is
the largest resident set of that process. Exit code 1 where the goal of 2 s and 500 MiB is missed.
"""

from __future__ import annotations

import argparse
import array
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.startup import machine

from clinometer.records.columns import COLUMNS, STEP, names
from clinometer.records.site import Site
from clinometer.store.writer import Writer

GOAL_S, GOAL_MIB = 2.0, 500
BATCH, EXAMPLES, WIDTH, CLASSES = 500, 32, 64, 10
LAYER = {"class": "Linear", "role": "weight", "fan_in": WIDTH, "fan_out": WIDTH}
RELU = {"class": "ReLU", "role": "activation", "activation": "relu"}
HEAD = {"fan_out": CLASSES, "output": True, "tail": ["LogSoftmaxBackward0", "NllLossBackward0"]}


def sites(layers: int) -> list[Site]:
    """A chain: linear, ReLU, linear ... and the parameters, the input and the loss."""
    found: list[tuple[str, str, dict[str, object]]] = []
    for i in range(layers):
        below = [f"net.{2 * i - 1}"] if i else []
        last = HEAD if i == layers - 1 else {}
        found.append(("call", f"net.{2 * i}", LAYER | last | {"parents": below}))
        if not last:
            found.append(("call", f"net.{2 * i + 1}", RELU | {"parents": [f"net.{2 * i}"]}))
            found.append(("activation", f"net.{2 * i + 1}", {}))
        shape = [CLASSES if last else WIDTH, WIDTH]
        found.append(("parameter", f"net.{2 * i}.weight", {"shape": shape, "dtype": "float32"}))
        found.append(("parameter", f"net.{2 * i}.bias", {"shape": shape[:1], "dtype": "float32"}))
    found += [("input", "net.0", {}), ("loss", "cross_entropy", {})]
    return [Site(number, *one) for number, one in enumerate(found)]


def plain_row(places: list[Site]) -> np.ndarray:
    """What is seen of every site; gradients lose 0.02 decades a place, from the loss down."""
    depth = {site.name: i for i, site in enumerate(s for s in places if s.kind == "call")}
    values: list[float] = []
    for site in places:
        above = len(depth) - 1 - depth.get(site.name, depth.get(site.name.rpartition(".")[0], 0))
        entering = 10.0 ** (-2 - 0.02 * above)
        known = KNOWN.get(site.kind, {}) | fading(site.kind, entering)
        values += [known.get(name, 0.0) for name in names(site.kind)]
    return np.array(values, np.float32)


KNOWN = {
    "call": {"seen": 1, "examples": EXAMPLES, "elements": EXAMPLES * WIDTH, "sampled": EXAMPLES * WIDTH,
             "in_rms": 1, "out_rms": 1, "training": 1, "underflow": float("nan")},
    "activation": {"seen": 1, "examples": EXAMPLES, "saturated": 0.5, "units": WIDTH, "window": 3200},
    "parameter": {"seen": 1, "trainable": 1, "owned": 1, "received": 1, "sampled": WIDTH * WIDTH,
                  "weight_rms": 0.1, "movable": 1, "lr": 0.01, "called": 1, "row_spread": 1},
    "input": {"seen": 1, "examples": EXAMPLES, "features": WIDTH, "spread": 1, "largest": 1, "middle": 1},
    "loss": {"seen": 1, "examples": EXAMPLES, "value": 2.3, "right": 0.1, "wrong_gradient": 0.9},
}  # fmt: skip


def fading(kind: str, entering: float) -> dict[str, float]:
    """Columns that fade with depth."""
    if kind == "call":
        tails = {f"grad_p{q}": entering for q in (10, 50, 90)}
        leaving = {"grad_out_rms": entering, "grad_in_rms": entering * 10**-0.02}
        return tails | leaving | {"reach": 50 * entering}
    if kind == "parameter":
        gradient = 10 * entering
        return {"grad_rms": gradient, "grad_step_rms": gradient} | dict.fromkeys(
            ("intended_rms", "stored_rms"), 0.01 * gradient
        )
    return {}


def write(path: Path, steps: int, layers: int, every: int = 100) -> None:
    """The recording: a loss that hardly falls, rows with some noise."""
    rng, places = np.random.default_rng(0), sites(layers)
    writer = Writer(str(path), {"script": "train.py", "budget": 0.01})
    writer.add_sites(places)
    row = plain_row(places)
    noisy = ~np.isin(row, (0.0, 1.0)) & np.isfinite(row) & (row < 1)
    for first in range(0, steps, BATCH):
        writer.add_steps(first, scalars(first, min(BATCH, steps - first), rng))
        for step in range(first, min(first + BATCH, steps), every):
            shaken = row * np.where(noisy, np.exp(0.1 * rng.standard_normal(len(row))), 1)
            writer.add_observation(
                step, 0.01 * step, array.array("f", shaken.astype("f").tobytes())
            )
        if not writer.flush(60):
            raise RuntimeError(f"the writer failed: {writer.failed}")
    writer.set_state({"labels": {"cross_entropy": LABELS}})
    writer.set_meta({"ended": "normal"})
    writer.close()


LABELS = {"counts": {str(i): 1000 for i in range(CLASSES)}, "classes": CLASSES}


def scalars(first: int, many: int, rng: np.random.Generator) -> array.array[float]:
    """Every-step numbers."""
    table = np.full((many, len(STEP)), np.nan)
    known = {"loss_seen": 1, "passes": 1, "clip": 1, "scale": 1, "skipped": 0, "lr": 0.01}
    order = [column.name for column in STEP]
    for name, value in known.items():
        table[:, order.index(name)] = value
    step = np.arange(first, first + many)
    table[:, order.index("time_s")] = 0.01 * step
    loss = 2.303 + 0.02 * rng.standard_normal(many) - 1e-7 * step
    table[:, order.index("loss")], table[:, order.index("grad_norm")] = loss, 0.1
    return array.array("d", table.tobytes())


# The process tells its own peak: what `wait4` calls that is at least the size of whoever started it.
TELLING = """
import atexit, sys
def peak():
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
atexit.register(peak)
from clinometer.cli import main
sys.exit(main())
"""


def measured(arguments: list[str]) -> tuple[float, float, float]:
    """(seconds by the clock, seconds of the processor, largest resident set in MiB) of one `clinometer`."""
    started = time.perf_counter()
    command = [sys.executable, "-c", TELLING, *arguments]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE) as child:
        told = child.stderr.read() if child.stderr else b""
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, stderr=told)
    clock = time.perf_counter() - started
    return clock, used.ru_utime + used.ru_stime, int(told.split()[-1]) / 1024


def repeated(path: Path, repeats: int, options: tuple[str, ...] = ()) -> Iterator[str]:
    """Lines that tell of the repeats; the last word is whether the goal was met."""
    command = ["report", str(path), *options]
    clock, cpu, memory = zip(*(measured(command) for _ in range(repeats)), strict=True)
    met = statistics.median(clock) <= GOAL_S and max(memory) <= GOAL_MIB
    name = " ".join(["report", *options])
    for what, values, unit in (
        ("clock", clock, "s"),
        ("processor", cpu, "s"),
        ("peak memory", memory, "MiB"),
    ):
        middle, low, high = statistics.median(values), min(values), max(values)
        form = ".2f" if unit == "s" else ".0f"
        yield (
            f"{name:<14} {what:<12} median {middle:{form}} {unit}, {low:{form}} to {high:{form}}"
        )
    yield f"{name:<14} goal {GOAL_S:g} s, {GOAL_MIB} MiB: {'met' if met else 'missed'}"


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--steps", type=int, default=100_000)
    options.add_argument("--layers", type=int, default=200)
    options.add_argument("--repeats", type=int, default=7)
    options.add_argument("--keep", type=Path, help="write the recording here, or use the one there")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "long.clino"
        if not path.exists():
            write(path, given.steps, given.layers)
        size = path.stat().st_size / 2**20
        print(f"{machine()}; {len(COLUMNS)} kinds of site; recording of {size:.0f} MiB")
        print(f"{given.steps:,} steps, {given.layers} layers, {given.repeats} repeats")
        lines = [*repeated(path, given.repeats), *repeated(path, given.repeats, ("--json",))]
    print("\n".join(lines))
    return int(any(line.endswith("missed") for line in lines))


if __name__ == "__main__":
    sys.exit(main())
