"""What does watching a training run cost? One run, one table, one picture.

    python -m benchmarks.overhead [--quick] [--workloads mlp,rnn] [--contenders idle,budget]

Ratios of CPU time per step to the same run unwatched, measured in alternating blocks. The tools it
compares with are found in .venv/peers (`make bench` installs them); those that are missing or fail
keep a row that says why. Exit code 0, unless --strict is given and a goal is missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import shutil
import sys
import time
from pathlib import Path

from benchmarks.overhead import table
from benchmarks.overhead.contenders import BASE, CONTENDERS, PEERS
from benchmarks.overhead.goals import verdicts
from benchmarks.overhead.measure import Plan, Record, measure, tell
from benchmarks.overhead.opening import openings
from benchmarks.overhead.summary import Summary, summarise
from benchmarks.overhead.turns import stand_in_viewer
from benchmarks.overhead.workloads import WORKLOADS
from benchmarks.startup import machine

OPENED = ("budget", "tb1", "wandb1", "neurolens", "pulseml")
PACKAGES = ("torch", "clinometer", "tensorboard", "wandb", "neurolens", "pulseml")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--pairs", type=int, default=400, help="at most so many (default 400)")
    parser.add_argument(
        "--seconds", type=float, default=240, help="at most so long a workload (default 240)"
    )
    parser.add_argument("--block", type=float, default=0.3, help="seconds a block (default 0.3)")
    parser.add_argument(
        "--settle", type=float, default=60, help="seconds for the budget to settle (default 60)"
    )
    parser.add_argument(
        "--repeats", type=int, default=2, help="with fresh processes each time (default 2)"
    )
    parser.add_argument("--openings", type=int, default=9, help="fresh processes (default 9)")
    parser.add_argument("--workloads", type=_names_of(WORKLOADS), help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--contenders", type=_names_of(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument(
        "--quick", action="store_true", help="about a minute: does it all run? on one workload"
    )
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder to write")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument("--strict", action="store_true", help="a missed goal makes the exit code 1")
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.seconds, options.settle, options.openings = 4, 5, 1, 1
        options.block, options.repeats = 0.1, 1
    options.workloads = options.workloads or (["rnn"] if options.quick else list(WORKLOADS))
    return options


def _names_of(known: dict[str, object]):
    def names(given: str) -> list[str]:
        chosen = given.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name}: expected some of {', '.join(known)}")
        return [name for name in known if name in chosen]

    return names


def state(options: argparse.Namespace) -> str:
    sys.path.append(str(PEERS))
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    sys.path.remove(str(PEERS))
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}; {machine()}\n{', '.join(versions)}\n"
        f"one thread on core {options.core}, blocks of {options.block:g} s, "
        f"at most {options.pairs} pairs or {options.seconds:g} s a workload"
    )


class Report:
    """Everything measured so far, written after each workload: an interrupted run is not lost."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.about = options, state(options)
        self.rows: list[Summary] = []
        self.records: list[Record] = []
        self.opening_s: dict[str, list[float]] = {}

    def add(self, records: dict[str, Record]) -> None:
        self.records += records.values()
        rows = summarise(records)
        self.rows += rows
        print(table.text(rows), flush=True)
        self.write()

    def write(self) -> None:
        if not self.rows:
            return
        out = self.options.out
        plain = {
            "about": self.about,
            "rows": [row.flat() for row in self.rows],
            "opening_s": self.opening_s,
            "records": [dataclasses.asdict(record) for record in self.records],
        }
        (out / "overhead.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")
        page = "\n".join([self.about, table.markdown(self.rows), "", *self.closing()])
        (out / "overhead.md").write_text(page + "\n", encoding="utf-8")
        table.write_csv(self.rows, out / "overhead.csv")

    def closing(self) -> list[str]:
        lines = [table.openings_text(self.opening_s)] if self.opening_s else []
        return [*lines, "", *(verdict.line() for verdict in self.verdicts())]

    def verdicts(self):
        return verdicts(self.rows, self.opening_s)


def main() -> int:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    folder = (options.out / "runs").resolve()
    shutil.rmtree(folder, ignore_errors=True)  # of the last time; logs of failures are in there
    plan = Plan(
        options.pairs, options.seconds, options.repeats, options.block, options.settle, options.core,
        stand_in_viewer(), folder,
    )  # fmt: skip
    report = Report(options)
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {options.core} or {options.core})
    print(report.about, flush=True)
    contenders = [name for name in options.contenders if name != BASE]
    for workload in options.workloads:
        report.add(measure(workload, contenders, plan))
    opened = [name for name in OPENED[: 1 if options.quick else None] if name in contenders]
    tell("opening: fresh processes")
    report.opening_s = openings(opened, options.openings, plan.port)
    print("\n".join(report.closing()))
    print(f"\n{table.LEGEND}")
    report.write()
    _picture(report)
    print(f"\n{options.out}: overhead.png, overhead.md, overhead.csv, overhead.json")
    return int(options.strict and not all(verdict.met for verdict in report.verdicts()))


def _picture(report: Report) -> None:
    from benchmarks.overhead.picture import draw

    draw(report.rows, report.about.splitlines()[0], report.options.out / "overhead.png")


if __name__ == "__main__":
    sys.exit(main())
