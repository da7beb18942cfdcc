"""How long does `clinometer` take to open, beside `python -c "import numpy"`?

    python benchmarks/startup.py [--pairs 21] [--recording FILE]

Pairs, interleaved, in alternating order: what slows the machine down slows both halves of a pair
down. Reported is the median of the paired differences, with its interval (order statistics, at
least 95 %), and the ratio of the medians. Exit code 1 when a difference exceeds the goal or when
torch was imported.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from math import comb
from pathlib import Path

GOAL_S = 0.5  # more than importing NumPy
NUMPY = [sys.executable, "-c", "import numpy"]
CLINOMETER = [sys.executable, "-m", "clinometer"]
TRAINING = """
import torch
net = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Sigmoid(), torch.nn.Linear(8, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(20):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(torch.randn(16, 8)), torch.randint(2, (16,))).backward()
    optimizer.step()
"""


@dataclass(frozen=True)
class Paired:
    """Seconds of each pair: the base, and what is measured against it."""

    base_s: list[float]
    ours_s: list[float]

    def differences_s(self) -> list[float]:
        return sorted(b - a for a, b in zip(self.base_s, self.ours_s, strict=True))

    def ratio(self) -> float:
        return statistics.median(self.ours_s) / statistics.median(self.base_s)


def elapsed_s(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


def paired(ours: list[str], pairs: int, base: list[str] = NUMPY) -> Paired:
    """Alternate the order within pairs; the first pair warms the file cache and is dropped."""
    elapsed_s(base), elapsed_s(ours)
    result = Paired([], [])
    for i in range(pairs):
        if i % 2:
            result.ours_s.append(elapsed_s(ours))
            result.base_s.append(elapsed_s(base))
        else:
            result.base_s.append(elapsed_s(base))
            result.ours_s.append(elapsed_s(ours))
    return result


def median_interval(ordered: list[float]) -> tuple[float, float]:
    """Order statistics that enclose the median with at least 95 % (the binomial interval)."""
    n, below, k = len(ordered), 0, 0
    while 2 * (below + comb(n, k)) <= 0.05 * 2**n:
        below, k = below + comb(n, k), k + 1
    if k == 0:
        return ordered[0], ordered[-1]  # fewer than six pairs: everything seen
    return ordered[k - 1], ordered[n - k]


def imports_torch(command: list[str]) -> bool:
    """Ask the interpreter itself which modules it loaded."""
    traced = [command[0], "-X", "importtime", *command[1:]]
    done = subprocess.run(traced, capture_output=True, text=True, check=True)
    names = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return any(name.partition(".")[0] == "torch" for name in names)


def record(folder: Path) -> Path:
    """A small recording, made by the recorder itself."""
    script, recording = folder / "train.py", folder / "small.clino"
    script.write_text(TRAINING, encoding="utf-8")
    command = [*CLINOMETER, "run", "-o", str(recording), str(script)]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return recording


def machine() -> str:
    """What the figures were measured on."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    load = os.getloadavg()[0]
    return (
        f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, "
        f"Python {platform.python_version()}, NumPy {importlib.metadata.version('numpy')}"
    )


def row(name: str, measured: Paired, torch: bool) -> str:
    ordered = measured.differences_s()
    low, high = median_interval(ordered)
    base, ours = statistics.median(measured.base_s), statistics.median(measured.ours_s)
    return (
        f"{name:<22} {base:8.3f} {ours:8.3f} {statistics.median(ordered):+9.3f}  "
        f"[{low:+.3f}, {high:+.3f}] {measured.ratio():7.2f}  {'YES' if torch else 'no'}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--recording", type=Path, help="default: a small one is made")
    options = parser.parse_args()

    print(f"{machine()}; {options.pairs} pairs each, interleaved")
    print("median seconds            numpy     ours    paired  interval           ratio  torch")
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        recording = options.recording or record(Path(folder))
        commands = {
            "clinometer --help": [*CLINOMETER, "--help"],
            "clinometer report FILE": [*CLINOMETER, "report", str(recording)],
        }
        for name, command in commands.items():
            torch = imports_torch(command)
            measured = paired(command, options.pairs)
            print(row(name, measured, torch), flush=True)
            missed |= torch or statistics.median(measured.differences_s()) > GOAL_S
    outcome = "MISSED" if missed else "met"
    print(f"goal: less than {GOAL_S} s more than importing NumPy, without torch: {outcome}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
