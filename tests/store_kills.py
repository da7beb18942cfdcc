"""Kill a writing process again and again, and read what it left: `python tests/store_kills.py 200`."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clinometer.store.reader import read
from store_truth import is_true, sites

TESTS = Path(__file__).parent
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from store_truth import META, row, scalars, sites
from clinometer.store import create
from clinometer.store.writer import Writer
if sys.argv[4] == "shared":
    create.is_shared = lambda path: "nfs4"
writer = Writer(sys.argv[2], META, most_bytes=int(sys.argv[3]))
places = sites()
writer.add_sites(places)
for first in range(0, 10**9, 16):
    writer.add_steps(first, scalars(first, 16))
    writer.add_observation(first, first / 8, row(first, places))
    writer.set_state({"labels": {"ce": {"counts": {"0": first}, "classes": 2}}})
    if first % 256 == 0:
        writer.flush()
        print(first, flush=True)
"""


def kill_once(
    folder: Path, after_s: float, most_bytes: int = 2**26, disk: str = "local"
) -> tuple[int, int]:
    """(steps that were certainly committed, steps that are read) of a process killed after a while."""
    path = folder / "run.clino"
    for old in folder.glob("run.clino*"):
        old.unlink()
    command = [sys.executable, "-c", CHILD, str(TESTS), str(path), str(most_bytes), disk]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        certain = int(child.stdout.readline())
        time.sleep(after_s)
        child.kill()
        certain = max([certain, *(int(line) for line in child.stdout if line.endswith("\n"))])
    got = read(path)
    is_true(got, sites())
    assert got.ended == "killed"
    assert got.steps > certain
    if most_bytes == 2**26:  # nothing was thinned yet
        assert got.step.tolist() == list(range(len(got.step)))
        assert got.observed.tolist() == list(range(0, 16 * len(got.observed), 16))
        assert len(got.notes) == (1 if disk == "local" else 2)
    return certain, got.steps


def kill(times: int, seed: int = 0, most_s: float = 0.1) -> list[tuple[int, int]]:
    """Kill so many processes: in turn one with a log, one that thins, and one without a log."""
    draw = random.Random(seed)
    ways = [(2**26, "local"), (2**19, "local"), (2**26, "shared"), (2**19, "shared")]
    with tempfile.TemporaryDirectory() as folder:
        return [
            kill_once(Path(folder), draw.uniform(0, most_s), *ways[i % 4]) for i in range(times)
        ]


if __name__ == "__main__":
    results = kill(int(sys.argv[1]), seed=time.time_ns(), most_s=1.0)
    extra = sorted(read_steps - certain for certain, read_steps in results)
    print(f"{len(results)} kills, all read back; at most {results and max(results)} steps")
    print(f"steps read beyond those certainly committed: {extra[0]} to {extra[-1]}")
