"""What running sums cost a row: in memory, from a Parquet file, in a validation loop; and their memory.

    python benchmarks/streaming.py [--rows 1000000] [--rounds 5]

All in one process on one thread, in turns; the median of the rounds counts, with their range. CPU seconds, as
the cores are shared. The last lines run the command's own reading in fresh processes, on a file and on one of
four times its size, and give each process's own peak of memory (VmHWM).
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy reads it

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.startup import machine

from clinometer.adapters.validation import ValidationMetric
from clinometer.calibration.arrow_files import batches_of, pieces_of
from clinometer.calibration.streamed import streamed
from clinometer.stats.gaps import Gaps
from clinometer.stats.temperature import fit_temperature
from clinometer.stats.temperature_sums import TemperatureSums

CLASSES, TRUTH, SPREAD, BLOCK = 10, 2.5, 2.0, 100_000
BATCH = 1024  # rows of a validation batch
PEAK = """
import sys
from clinometer.calibration.streamed import streamed
found = streamed(sys.argv[1])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def sample(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are TRUTH times too steep, and labels drawn at the right scale (Gumbel's trick)."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, CLASSES)) * SPREAD
    return (TRUTH * z).astype(np.float32), (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def write(path: Path, rows: int) -> None:
    kind = pa.schema([("label", pa.int16()), ("logits", pa.list_(pa.float32(), CLASSES))])
    with pq.ParquetWriter(path, kind, use_dictionary=False, compression="none") as writer:
        for block in range(rows // BLOCK):
            z, y = sample(BLOCK, block)
            flat = pa.FixedSizeListArray.from_arrays(pa.array(z.reshape(-1)), CLASSES)
            writer.write_table(pa.table({"label": y.astype(np.int16), "logits": flat}, schema=kind))


def summed(z: np.ndarray, y: np.ndarray, nodes: int) -> float:
    sums = TemperatureSums(nodes=nodes)
    sums.update(z, y)
    return sums.compute().temperature or float("nan")


def in_a_loop(z: torch.Tensor, y: torch.Tensor) -> float:
    metric = ValidationMetric()
    for one, label in zip(z.split(BATCH), y.split(BATCH), strict=True):
        metric.update(one, label)
    return metric.compute().temperature or float("nan")


def cross_entropy_in_a_loop(z: torch.Tensor, y: torch.Tensor) -> float:
    with torch.no_grad():
        parts = zip(z.split(BATCH), y.split(BATCH), strict=True)
        return sum(float(torch.nn.functional.cross_entropy(*part)) for part in parts)


def read_only(path: Path) -> float:
    rows = 52_428  # as many as a pass reads at a time
    return sum(
        len(b) for part in pieces_of(path) for b in batches_of(part, ["label", "logits"], rows)
    )


def measure(jobs: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            start = time.process_time()
            job()
            seconds[name].append(time.process_time() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    z, y = sample(given.rows)
    zt, yt = torch.as_tensor(z), torch.as_tensor(y)
    print(machine(), f"pyarrow {pa.__version__}, torch {torch.__version__}", sep="\n")
    print(f"{given.rows:,} rows x {CLASSES} classes, float32; {given.rounds} rounds, one thread\n")
    with tempfile.TemporaryDirectory() as folder:
        path, larger = Path(folder) / "one.parquet", Path(folder) / "four.parquet"
        write(path, given.rows)
        write(larger, 4 * given.rows)
        jobs: dict[str, Callable[[], float]] = {
            "exact fit, rows in memory": lambda: fit_temperature(Gaps(z, y)).beta,
            "sums, 5 nodes, rows in memory": lambda: summed(z, y, 5),
            "sums, 9 nodes, rows in memory": lambda: summed(z, y, 9),
            "Parquet, read only": lambda: read_only(path),
            "Parquet, streamed and judged": lambda: streamed(path, progress=False).fit.loss,
            f"ValidationMetric, batches of {BATCH}": lambda: in_a_loop(zt, yt),
            f"cross_entropy alone, batches of {BATCH}": lambda: cross_entropy_in_a_loop(zt, yt),
        }
        for name, taken in measure(jobs, given.rounds).items():
            per = 1e6 / given.rows
            low, middle, high = min(taken), statistics.median(taken), max(taken)
            print(
                f"{name:42} {per * middle:7.3f} CPU s per 1e6 rows [{per * low:.3f}, {per * high:.3f}]"
            )
        for file in (path, larger):
            done = subprocess.run(
                [sys.executable, "-c", PEAK, str(file)], capture_output=True, text=True, check=True
            )
            size = file.stat().st_size / 2**20
            print(f"peak memory on {size:.0f} MiB of Parquet: {int(done.stdout) / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
