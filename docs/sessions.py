"""Sessions on pages: `$ clinometer ...` in a console block, with what it printed below.

A page says which script it is about, `<!-- train.py: ../gallery/flow502.py -->`, and one session runs
through all of its console blocks. tests/test_docs_gallery.py runs them again.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COLUMNS = "80"
PROGRAMS = {"clinometer": ["-m", "clinometer"], "python": []}  # what a session may call


@dataclass(frozen=True)
class Call:
    """A command of a page, and what the page says that it prints."""

    command: str
    printed: str


def scripts(page: Path) -> dict[str, Path]:
    """The files that a page's session begins with."""
    found = re.findall(r"^<!-- (\S+): (\S+) -->$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: page.parent / source for name, source in found}


def calls(page: Path) -> list[Call]:
    """All commands of the page's console blocks, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            found.append(Call(command.partition("  #")[0].strip(), printed))
    return found


def run(page: Path, folder: Path) -> Iterator[tuple[Call, str]]:
    """Each command of the page and what it prints now, in a folder that holds the page's scripts."""
    for name, source in scripts(page).items():
        (folder / name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    for call in calls(page):
        program, *words = shlex.split(call.command)
        done = subprocess.run(
            [sys.executable, *PROGRAMS[program], *words],
            cwd=folder,
            env={**os.environ, "COLUMNS": COLUMNS, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"},
            capture_output=True,
            text=True,
            check=False,
        )
        yield call, done.stdout + done.stderr
