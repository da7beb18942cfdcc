"""Notebooks as pages: run from the first cell to the last when the site is built, shown with their outputs.

    python docs/run_notebook.py docs/notebook.ipynb     prints the page as Markdown

Not myst-nb, which does the same and more: it brings `tabulate`, and where that is installed PyTorch leaves
with another exit code after Ctrl-C (its exit handler imports it), in the very environment of our tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from myst_parser.parsers.sphinx_ import MystParser
from sphinx.errors import ExtensionError

FENCE = "`" * 6  # no output holds so many
LIMIT_S = 300  # of one notebook; it takes some seconds


class CellError(Exception):
    """A cell that raised."""


def page(notebook: dict[str, Any]) -> str:
    """The notebook as MyST Markdown, its code cells run in one session of IPython.

    Raises
    ------
    CellError : where a cell raises.
    """
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts += [_fenced("python", source), *_outputs(shell, source)]
    return "\n\n".join(parts) + "\n"


def _outputs(shell: Any, source: str) -> list[str]:
    """What a cell prints and shows, HTML where a result has it."""
    from IPython.utils.capture import capture_output

    values: list[dict[str, str]] = []

    def hook(value: object) -> None:
        if value is not None:
            values.append(shell.display_formatter.format(value)[0])

    shell.display_trap.hook = hook
    with capture_output() as seen:
        done = shell.run_cell(source, store_history=True)
    if not done.success:
        raise CellError(f"a cell failed:\n{source}\n{seen.stdout}") from (
            done.error_in_exec or done.error_before_exec
        )
    found = [_fenced("text", seen.stdout)] if seen.stdout.strip() else []
    for shown in [*(output.data for output in seen.outputs), *values]:
        html = shown.get("text/html")
        found.append(_fenced("{raw} html", html) if html else _fenced("text", shown["text/plain"]))
    return found


def _fenced(kind: str, text: str) -> str:
    return f"{FENCE}{kind}\n{text.rstrip()}\n{FENCE}"


class NotebookParser(MystParser):
    """Runs a notebook in a process and a folder of its own, and reads the page that comes of it."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "notebook.ipynb"
            path.write_text(inputstring, encoding="utf-8")
            done = subprocess.run(
                [sys.executable, __file__, str(path)],
                cwd=folder,
                env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1", "IPYTHONDIR": folder},
                capture_output=True,
                encoding="utf-8",
                timeout=LIMIT_S,
                check=False,
            )
        if done.returncode:
            raise ExtensionError(f"{document['source']}: {done.stderr}")
        super().parse(done.stdout, document)


def setup(app: Any) -> dict[str, bool]:
    """What Sphinx calls."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}


if __name__ == "__main__":
    print(page(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), end="")
