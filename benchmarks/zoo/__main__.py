"""How often is the diagnosis right? Train the zoo, judge each run, compare with its label.

    python -m benchmarks.zoo [--part tuned] [--only 'deep_*'] [--keep DIR [--reuse]]

A rule that was changed is judged again without training: first --keep DIR, then --keep DIR --reuse.
A recording is reused as long as its script is the same; after a change of the recorder, leave
--reuse out. Exit code 0 however the score; 2 for labels that cannot be used, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib.metadata
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.startup import machine
from benchmarks.zoo import page, rates, scorecard
from benchmarks.zoo.cases import PARTS, Case, LabelError, read_part
from benchmarks.zoo.runs import Outcome, Plan, Run, is_fresh, outcomes

PACKAGES = ("clinometer", "torch", "scikit-learn")
STOPPED = 130


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.zoo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--part", choices=PARTS, action="append", help="may be repeated (default: all)")
    add("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N - 1 (default 5)")
    add("--only", metavar="GLOB", help="scripts of this name")
    add("--workers", type=int, default=os.cpu_count() or 1, help="runs at a time (default: cores)")
    add("--keep", type=Path, metavar="DIR", help="keep the recordings there")
    add("--reuse", action="store_true", help="do not train again what is in the --keep folder")
    add("--recorded", action="store_true", help="train nothing: judge what is in the --keep folder")
    add("--failures", action="store_true", help="list what went wrong, and what was said")
    add("--blind", action="store_true", help="totals only: no script's name, no rule's figures")
    add("--json", type=Path, metavar="OUT", help="write everything as JSON")
    add("--markdown", type=Path, metavar="OUT", help="write the page of the documentation")
    add("--rates", type=Path, metavar="OUT", help="write each rule's rates; whole parts only")
    options = parser.parse_args(given)
    _check(parser, options)
    return options


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    options.reuse |= options.recorded
    if options.reuse and options.keep is None:
        parser.error("--reuse needs --keep DIR: the folder with the recordings")
    if options.rates and options.only:
        parser.error("--rates is for whole parts: leave out --only")
    if options.blind and (options.failures or options.rates):
        parser.error("--blind tells totals only: leave out --failures and --rates")
    if options.seeds < 1 or options.workers < 1:
        parser.error("--seeds and --workers: expected at least 1")


def chosen(options: argparse.Namespace) -> list[Case]:
    """The cases that the options name.

    Raises
    ------
    LabelError : for a wrong label; without a script's name where the options say blind.
    """
    found: list[Case] = []
    for part in options.part or PARTS:
        try:
            found += read_part(part)
        except LabelError:
            if not options.blind:
                raise
            raise LabelError(f"{part}: a label is wrong; without --blind it is named") from None
    return [case for case in found if fnmatch.fnmatch(case.name, options.only or "*")]


def execute(runs: list[Run], options: argparse.Namespace) -> list[Outcome]:
    """Run and judge, in the folder that is kept or in one that is not."""
    if options.keep:
        folder = options.keep.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if options.recorded:
            runs = [run for run in runs if is_fresh(run, folder)]
        return outcomes(runs, Plan(folder, options.workers, keep=True, reuse=options.reuse))
    with tempfile.TemporaryDirectory(prefix="zoo-", ignore_cleanup_errors=True) as name:
        return outcomes(runs, Plan(Path(name), options.workers))


def about(options: argparse.Namespace, whole: bool) -> str:
    """Date, machine, versions, seeds."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    cut = "" if whole else " (stopped before all were run)"
    cut = " as far as recorded" if options.recorded else cut
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, seeds 0 to {options.seeds - 1}{cut}\n"
        f"{machine()}\n{versions}"
    )


def write(parts: list[scorecard.Part], told: str, options: argparse.Namespace, whole: bool) -> None:
    """The files that were asked for; the committed ones only from a whole run."""
    if options.json:
        plain = page.as_json(parts, told, blind=options.blind)
        options.json.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    if not whole:
        return
    if options.markdown:
        command = shlex.join(["python", "-m", "benchmarks.zoo", *sys.argv[1:]])
        options.markdown.write_text(
            page.markdown(parts, told, command, blind=options.blind), encoding="utf-8"
        )
    if options.rates:
        version = importlib.metadata.version("clinometer")
        date = time.strftime("%Y-%m-%d")
        rates.write(parts, options.rates, seeds=options.seeds, date=date, version=version)


def main() -> int:
    options = arguments()
    try:
        cases = chosen(options)
    except LabelError as error:
        print(f"LabelError: {error}", file=sys.stderr)
        return 2
    runs = [Run(case, seed) for case in cases for seed in range(options.seeds)]
    found = execute(runs, options)
    whole = len(found) == len(runs) or options.recorded
    names = [part for part in PARTS if any(case.part == part for case in cases)]
    parts = [scorecard.part_of(name, found) for name in names]
    if not parts:
        print("no such script", file=sys.stderr)
        return 2
    told = about(options, whole)
    print(scorecard.text(parts, told, blind=options.blind))
    if options.failures:
        print("\n" + "\n".join(scorecard.failures(parts)))
    write(parts, told, options, whole)
    return 0 if whole else STOPPED


if __name__ == "__main__":
    sys.exit(main())
