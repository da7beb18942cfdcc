"""Eight trials of an example script through each backend: are all numbers the same?

    python -m benchmarks.treatment.backends [--backends local ray dask] [--steps 20] [--json]

Prints, for each trial, a digest of its numbers by backend, and the seconds that each took. Exit code 1
where any differs.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from typing import Any

from benchmarks.treatment.cases import ROOT

from clinometer.treatment.schedule import TrialDesign, run_trials
from clinometer.treatment.trial.plan import Arm

SEEDS = 2
ARMS = (
    Arm("nothing", "nothing", None, "running"), Arm("sham", "sham", None, "running"),
    Arm("random", "random", None, "running"), Arm("lower-rate", "remedy", "lower-rate", "running"),
)  # fmt: skip
NEEDS = {"local": "joblib", "ray": "ray", "dask": "distributed"}
COMPARED = (
    "losses",
    "remedy",
    "ended",
    "done",
    "validation",
    "prefix",
    "verdict",
    "codes",
    "factor",
)


def trials(backend: str, steps: int) -> list[dict[str, Any]]:
    """The eight records, in the design's order."""
    design = TrialDesign(
        "stalled_digits.py", seeds=SEEDS, arms=ARMS, at=steps, steps=steps, every=5,
        proposed=("lower-rate",), workdir=str((ROOT / "examples").resolve()),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="backends-") as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the backends themselves
        return run_trials(design, backend=backend, workers=2, out=out, progress=False)


def numbers(record: dict[str, Any]) -> str:
    """Digest of all that a trial came to; losses are written with every bit (repr of float64)."""
    told = json.dumps([record[name] for name in COMPARED])
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.treatment.backends", description=__doc__
    )
    parser.add_argument("--backends", nargs="+", choices=list(NEEDS), default=list(NEEDS))
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="the records, by backend")
    options = parser.parse_args(given)
    there = [name for name in options.backends if importlib.util.find_spec(NEEDS[name])]
    found, spent = {}, {}
    for name in there:
        begun = time.perf_counter()
        found[name] = trials(name, options.steps)
        spent[name] = time.perf_counter() - begun
    if options.json:
        print(json.dumps(found))
        return 0
    return _table(found, spent)


def _table(found: dict[str, list[dict[str, Any]]], spent: dict[str, float]) -> int:
    print(f"{'trial':<16}" + "".join(f"{name:>16}" for name in found))
    alike = True
    for rows in zip(*found.values(), strict=True):
        told = [numbers(row) for row in rows]
        alike &= len(set(told)) == 1
        print(f"{rows[0]['arm']:<12}{rows[0]['seed']:>4}" + "".join(f"{one:>16}" for one in told))
    print(f"{'seconds':<16}" + "".join(f"{spent[name]:>16.1f}" for name in found))
    print("all numbers are identical" if alike else "numbers differ")
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
