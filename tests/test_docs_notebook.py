"""The example notebook: kept without outputs, and every cell of it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOK = DOCS / "notebook.ipynb"


def run(notebook, folder):
    return subprocess.run(
        [sys.executable, DOCS / "run_notebook.py", notebook],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", "IPYTHONDIR": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def test_the_notebook_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert not [cell for cell in code if cell["outputs"] or cell["execution_count"]]
    assert len({cell["id"] for cell in cells}) == len(cells)


@pytest.mark.slow
def test_every_cell_runs_and_shows_what_the_text_says(tmp_path):
    done = run(NOTEBOOK, tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("stuck", "learned", "earned", "same separator"):
        assert f"<strong>{word}</strong>" in done.stdout
    assert "FLOW201 vanishing-gradient" in done.stdout


@pytest.mark.slow
def test_a_cell_that_fails_fails_the_page(tmp_path):
    cells = [{"cell_type": "code", "source": ["1 / 0\n"]}]
    path = tmp_path / "failing.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    done = run(path, tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
