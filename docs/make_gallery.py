"""Write the gallery: each finding's sick run, its report, its well log, and both after the cure.

    python docs/make_gallery.py [CODE ...] [--recordings FOLDER]

A code is flow201, say; by default all are run, in some five minutes on two cores. What the runs said is
kept in gallery/said.json, so that pages can be written again without a run: `make_gallery.py none`. With
--recordings a script that was recorded there before is not run again. tests/test_docs_gallery.py fails
where a page, or what it says, is out of date.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
FOLDER = DOCS / "gallery"
SAID = FOLDER / "said.json"
EVERY = "5"  # steps: the same ones are looked at each time, whatever the machine's speed
COLUMNS = "80"  # of the report
MOST_BYTES = 60_000  # of a picture: forty of them are a download of two megabytes
DOTS = (80, 72, 64)  # to the inch; the first that fits
COLOURS = 32  # of a picture: it has nine, and their edges
NOTE = "<!-- Written by docs/make_gallery.py: change gallery/*.py or gallery/cures.toml, then run it. -->\n\n"
FAMILIES = {
    "flow1": ("unit", "The unit"),
    "flow2": ("chain", "The chain"),
    "flow3": ("step", "The step"),
    "flow4": ("wiring", "The wiring"),
    "flow5": ("numbers", "The numbers"),
    "conf": ("confidence", "Confidence"),
}


@dataclass(frozen=True)
class Entry:
    """One finding: its script, what is exchanged in it as a cure, and why that helps."""

    code: str
    sick: str
    cured: str
    say: str

    @property
    def digest(self) -> str:
        """What tells both scripts from their earlier versions."""
        return digest(self.sick + self.cured)

    @property
    def body(self) -> str:
        """The script without its first sentence."""
        return self.sick.split('"""', 2)[2].strip()

    @property
    def title(self) -> str:
        """The first sentence of the script."""
        return self.sick.split('"""')[1].splitlines()[0]


def cures() -> dict[str, dict[str, str]]:
    return tomllib.loads((FOLDER / "cures.toml").read_text(encoding="utf-8"))


def entries() -> list[Entry]:
    """All entries, in the order of their codes' families."""
    return [
        entry(code, cure)
        for family in FAMILIES
        for code, cure in cures().items()
        if code.startswith(family)
    ]


def entry(code: str, cure: dict[str, str]) -> Entry:
    script = (FOLDER / f"{code}.py").read_text(encoding="utf-8")
    if script.count(cure["was"]) != 1:
        raise SystemExit(
            f"gallery/{code}.py: expected what its cure replaces once, found it "
            f"{script.count(cure['was'])} times:\n{cure['was']}"
        )
    return Entry(code, script, script.replace(cure["was"], cure["now"]), cure["say"])


# -- runs ------------------------------------------------------------------------------------------


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def recorded(script: str, kept: Path) -> Path:
    """The recording of a script saved as train.py, as the command line makes it."""
    target = kept / f"{digest(script)}.clino"
    if not target.exists():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "train.py").write_text(script, encoding="utf-8")
            clinometer("run", "--every", EVERY, "-o", "new.clino", "train.py", folder=folder)
            shutil.move(folder / "new.clino", target)
    return target


def clinometer(*words: str, folder: Path) -> str:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "clinometer", *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": COLUMNS, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def said_of(one: Entry, kept: Path, picture: Path | None) -> dict[str, str]:
    """What the reports of both runs say first; draws both logs where a file is given."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, script in (("sick", one.sick), ("cured", one.cured)):
            shutil.copy(recorded(script, kept), folder / f"{kind}.clino")
        said = {
            kind: first_lines(clinometer("report", f"{kind}.clino", folder=folder), code)
            for kind, code in (("sick", one.code.upper()), ("cured", None))
        }
        if picture is not None:
            draw(folder, picture)
    return {"digest": one.digest, **said}


def first_lines(report: str, code: str | None) -> str:
    """The answer of a report, and of the finding of that code all but how sure it is."""
    head, sentence, rest = report.split("\n\n", 2)
    text = f"{head}\n\n{sentence}\n"
    if code is None:
        return text
    finding = re.search(
        rf"^(?:ERROR|WARNING) {code} .*?(?=^  How sure)", rest, re.MULTILINE | re.DOTALL
    )
    if finding:
        return f"{text}\n{finding[0]}"
    note = re.search(rf"^  - {code} .*\n(?:    .*\n)*", rest, re.MULTILINE)
    if note:
        return f"{text}\nNotes\n{note[0]}"
    raise SystemExit(f"{code} is not among the findings of its script:\n{report}")


def draw(folder: Path, to: Path) -> None:
    """Both wells on one scale, as a small picture."""
    import clinometer as public

    figure = public.plot_log(
        public.read(folder / "sick.clino"), beside=public.read(folder / "cured.clino")
    )
    for dots in DOTS:
        data = small(figure, dots)
        if len(data) <= MOST_BYTES:
            break
    else:
        raise SystemExit(f"{to}: {len(data)} bytes, expected {MOST_BYTES} at most")
    to.write_bytes(data)


def small(figure: Any, dots: int) -> bytes:
    """PNG with a palette. Pillow comes with matplotlib."""
    from PIL import Image

    full, packed = BytesIO(), BytesIO()
    figure.savefig(full, dpi=dots)
    Image.open(full).convert("RGB").quantize(COLOURS).save(packed, "PNG", optimize=True)
    return packed.getvalue()


# -- pages -----------------------------------------------------------------------------------------


def names() -> dict[str, str]:
    """The name of every rule, by its code in small letters."""
    generate = importlib.import_module("generate")
    return {module.RULE.code.lower(): module.RULE.name for module in generate.rule_modules()}


def pages(said: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """The gallery's pages: file name and text."""
    found, named, without = entries(), names(), cures()["without"]
    rows = ""
    for family, (slug, heading) in FAMILIES.items():
        listed = [one for one in found if one.code.startswith(family)]
        text = f"# Gallery: {heading[0].lower()}{heading[1:]}\n"
        for one in listed:
            name = f"{one.code.upper()} {named[one.code]}"
            anchor = name.lower().replace(" ", "-")
            rows += f"| [{name}](gallery-{slug}.md#{anchor}) | {one.title} | {outcome(said[one.code])} |\n"
            text += f"\n## {name}\n\n{section(one, named[one.code], said[one.code])}"
        yield f"gallery-{slug}.md", NOTE + text
    yield "gallery.md", NOTE + front(rows, without, named)


def outcome(said: dict[str, str]) -> str:
    """Both verdicts in a table's cell."""
    return " → ".join(said[kind].split()[0].lower() for kind in ("sick", "cured"))


def front(rows: str, without: dict[str, str], named: dict[str, str]) -> str:
    listed = "".join(
        f"- **{code.upper()} {named[code]}**: {why}\n" for code, why in without.items()
    )
    toc = "".join(f"gallery-{slug}\n" for slug, _ in FAMILIES.values())
    return f"""# Gallery: every finding, its log, its cure

Each finding has a small script that is sick in this one way, what the report says of it, a change of a line
or two, and what the report says then. Both [well logs](well-log.md) stand beside each other on one scale; a
click shows them in full size. Everything here was made by running the scripts, and a test runs them again.
Saved as `train.py`, each runs in a few seconds:

```console
$ clinometer run --every {EVERY} -o sick.clino train.py
$ clinometer report sick.clino
```

Your network is larger and its log longer, but it fails in the same ways.

| finding | script | before → after |
|---|---|---|
{rows}
"Undecided" after a cure is the modest answer: the loss has levelled off far below that of a guess, and
nothing in the run tells whether it could fall further.

## Without a run of their own

{listed}
```{{toctree}}
:hidden:

{toc}```
"""


def section(one: Entry, name: str, said: dict[str, str]) -> str:
    """An entry's part of its page."""
    diff = difflib.unified_diff(one.sick.splitlines(), one.cured.splitlines(), n=0, lineterm="")
    changed = "\n".join(line for line in diff if not line.startswith(("---", "+++", "@@")))
    return f"""{one.title}
[What the rule sees](reference/rules/{one.code}-{name}.md), and how often it is right.

```python
{one.body}
```

```text
{said["sick"].rstrip()}
```

**The cure.** {one.say}

```diff
{changed}
```

```text
{said["cured"].rstrip()}
```

```{{image}} gallery/{one.code}.png
:alt: "Well logs of the sick and of the cured run: {one.code.upper()} {name}"
:width: 100%
```
"""


def write_pages(said: dict[str, dict[str, str]], out: Path = DOCS) -> None:
    for name, text in pages(said):
        (out / name).write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("codes", nargs="*")
    parser.add_argument("--recordings", type=Path)
    options = parser.parse_args()
    said = json.loads(SAID.read_text(encoding="utf-8")) if SAID.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        kept = options.recordings or Path(scratch)
        for one in entries():
            if options.codes and one.code not in options.codes:
                continue
            said[one.code] = said_of(one, kept, FOLDER / f"{one.code}.png")
            print(one.code, outcome(said[one.code]), flush=True)
            text = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False)
            SAID.write_text(text + "\n", encoding="utf-8")
    write_pages(said)


if __name__ == "__main__":
    main()
