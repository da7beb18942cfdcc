"""How often is a remedy proven where there is something to cure, and a sham or harm never?

    python -m benchmarks.treatment --part unseen [--seeds 5] [--steps 150] [--limit K] [--only 'deep_*']

Resumable: after Ctrl-C or a kill the same command goes on with what is missing, down to single trials.
Results lie in build/treatment: PART.jsonl has one line for each case, PART/CASE its trials. A line holds for
the code that made it: after a change of Clinometer its case is judged again, from the trials that still hold.
Exit code 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib.metadata
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.startup import machine
from benchmarks.treatment import page
from benchmarks.treatment.cases import PARTS, ROOT, Sick, cures, read
from benchmarks.treatment.one import OUT, Settings, asked
from benchmarks.zoo.children import ChildError, Children
from benchmarks.zoo.progress import Progress

from clinometer.treatment.trial.plan import digest

START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from benchmarks.treatment.one import main; main()"
LIMIT_S = 3600.0  # of one case: the longest took a tenth of it
PACKAGES = ("clinometer", "torch")
STOPPED = 130


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.treatment",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, plain = parser.add_argument, Settings()
    add("--part", choices=PARTS, action="append", required=True, help="may be repeated")
    add("--seeds", type=int, default=plain.seeds, help="pairs of each trial (default 5)")
    add("--steps", type=int, default=plain.steps, help="steps of each trial (default 150)")
    add("--repeats", type=int, default=plain.repeats, help="further seeds for what is proven")
    add("--limit", type=int, metavar="K", help="the first K cases of each part")
    add("--only", metavar="GLOB", default="*", help="cases of this name")
    add("--workers", type=int, default=os.cpu_count() or 1, help="cases at a time")
    add("--folder", type=Path, default=ROOT / "build/treatment", help="where results lie")
    add("--zoo", type=Path, default=ROOT / "build/zoo", help="recordings of the zoo to be used")
    add("--recorded", action="store_true", help="run nothing: the page of what is there")
    add(
        "--again", action="store_true", help="judge every case anew, from the trials that are there"
    )
    add("--blind", action="store_true", help="totals only")
    add("--markdown", type=Path, metavar="OUT", help="write the page there")
    return parser.parse_args(given)


def main() -> int:
    options = arguments()
    settings = Settings(
        options.steps, options.seeds, options.repeats, zoo=str(options.zoo.resolve())
    )
    cases = [case for part in options.part for case in chosen(part, options)]
    known = {} if options.again else _lines(cases, settings, options.folder)
    left = [] if options.recorded else [case for case in cases if place(case) not in known]
    whole = _run(left, settings, options, known)
    parts = {
        part: [known[place(case)] for case in cases if case.part == part and place(case) in known]
        for part in options.part
    }
    text = page.markdown(parts, _about(settings), _command(), blind=options.blind)
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    print(text)
    return 0 if whole else STOPPED


def chosen(part: str, options: argparse.Namespace) -> list[Sick]:
    named = [case for case in read(part) if fnmatch.fnmatch(case.name, options.only)]
    return named[: options.limit]


def place(case: Sick) -> str:
    return f"{case.part}/{case.name}"


def stamp(case: Sick, settings: Settings) -> dict[str, Any]:
    """What a line is true of."""
    return {
        "script": case.digest(), "steps": settings.steps, "seeds": settings.seeds,
        "repeats": settings.repeats, "code": _code(),
    }  # fmt: skip


@cache
def _code() -> str:
    """Digest of the package: any of it may decide what is found, proposed, tried or proven."""
    return digest(ROOT / "src")[:16]


def _lines(cases: list[Sick], settings: Settings, folder: Path) -> dict[str, Any]:
    """Results that are there, of the scripts as they are now; the last of a case counts, unless it broke."""
    by_place = {place(case): case for case in cases}
    found: dict[str, Any] = {}
    for part in {case.part for case in cases}:
        path = folder / f"{part}.jsonl"
        for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                line = json.loads(text)
            except ValueError:
                continue  # torn by a kill: run again
            case = by_place.get(f"{line['part']}/{line['name']}")
            if case and line["stamp"] == stamp(case, settings):
                found[place(case)] = line
    return found


def _run(
    left: list[Sick], settings: Settings, options: argparse.Namespace, known: dict[str, Any]
) -> bool:
    """Treat the cases; False where Ctrl-C came."""
    work = (options.folder / "empty").resolve()  # working folder of every script: nothing to copy
    work.mkdir(parents=True, exist_ok=True)
    progress, children = Progress("treated", len(left)), Children(work)
    pool = ThreadPoolExecutor(options.workers)
    try:
        waiting = {
            pool.submit(_line, case, settings, options.folder.resolve(), children): case
            for case in left
        }
        for done in as_completed(waiting):
            case, line = waiting[done], done.result()
            known[place(case)] = line
            with (options.folder / f"{case.part}.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            progress.step(failed="error" in line)
    except KeyboardInterrupt:
        return False
    finally:
        children.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        progress.close()
    return True


def _line(case: Sick, settings: Settings, folder: Path, children: Children) -> dict[str, Any]:
    begun, own = time.monotonic(), folder / case.part / case.name
    line: dict[str, Any] = {
        "part": case.part, "name": case.name, "what": case.what, "codes": list(case.codes),
        "cures": list(cures(case.codes)), "stamp": stamp(case, settings),
    }  # fmt: skip
    try:
        children.call(sys.executable, "-c", START, asked(case, settings, own), limit_s=LIMIT_S)
        line |= json.loads((own / OUT).read_text(encoding="utf-8"))
    except (ChildError, OSError, ValueError) as error:
        line |= {"error": str(error), "wall_s": round(time.monotonic() - begun, 1)}
    return line


def _about(settings: Settings) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return (
        f"{time.strftime('%Y-%m-%d')}, {settings.seeds} seeds, {settings.steps} steps a trial, "
        f"{settings.repeats} further seeds.\n{machine()}\n{versions}"
    )


def _command() -> str:
    return shlex.join(["python", "-m", "benchmarks.treatment", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
