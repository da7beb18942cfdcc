"""The generated reference pages are what the program says today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
MENDED_BY = "run `.venv/bin/python docs/generate.py` and commit docs/reference"


def generated(folder: Path) -> dict[str, str]:
    return {
        page.relative_to(folder).as_posix(): page.read_text(encoding="utf-8")
        for page in sorted(folder.rglob("*.md"))
    }


def test_reference_pages_are_those_that_the_program_writes(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--out", tmp_path], check=True, cwd=tmp_path
    )
    fresh, committed = generated(tmp_path), generated(REFERENCE)
    committed = {name: text for name, text in committed.items() if name != "index.md"}
    assert sorted(fresh) == sorted(committed), MENDED_BY
    stale = [name for name, text in fresh.items() if committed[name] != text]
    assert not stale, MENDED_BY
