"""`clinometer demo`: both halves at work, everything written to one folder."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clinometer.errors import ClinometerError

if TYPE_CHECKING:
    from clinometer.diagnosis.diagnosis import Diagnosis

HELP = """See both halves at work, on this machine, in under a minute.

\b
1. The chapter's two models: the same separator, of which one is ten times as sure. Is it earned?
2. Eleven sigmoid layers on real digits, trained by an ordinary script: where does the gradient die?
   Beside it the healthy twin.

Everything is written to one folder; nothing is opened, nothing is fetched.
Needs the extra `demo`: pip install "clinometer[demo]"
"""
NEEDED = ("torch", "sklearn", "matplotlib", "jinja2")
POINTS = [[1.0, 1.0], [-1.0, -1.0]]
LABELS = [1, 0]
CAPTIONS = {
    "separators": "Both models draw the same line; shaded is how sure each is of its side.",
    "sigmoid": "The sigmoid, its slope, and where on them each model works.",
    "table": "The chain rule in numbers, in float64 and in float32.",
}
MODELS = {"a": 1.0, "b": 10.0}  # weight of both features; the chapter's A and B


@click.command(help=HELP)
@click.option(
    "--out", default="clinometer-demo", show_default=True, metavar="DIR",
    help="Folder to write to; it is made where it does not exist.",
)  # fmt: skip
def command(out: str) -> None:
    begun = time.perf_counter()
    _check_parts()
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    click.echo("1. The chapter's two models")
    content = _chapter(folder)
    content["frozen"] = _frozen(folder)
    click.echo("\n2. A stalled training run on real data, and its healthy twin")
    runs = [_run(folder, name) for name in ("stalled_digits", "healthy_digits")]
    content["depth"] = _depth(folder, [(run["script"], run.pop("diagnosis")) for run in runs])
    _write_page(folder, runs, content, time.perf_counter() - begun)
    page = (folder / "index.html").resolve()
    click.echo(f"\nAll of it, with the pictures: {page}")
    click.echo("Next: clinometer run your_script.py")


def _check_parts() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ClinometerError(
            f"the demo needs {', '.join(missing)}, which cannot be imported here.\n"
            '  Install them with: pip install "clinometer[demo]"'
        )


def _chapter(folder: Path) -> dict[str, Any]:
    """Write the two models as files, compare them as `clinometer compare` does, draw the figures."""
    import numpy as np

    from clinometer.calibration.compare import compare
    from clinometer.calibration.files import read_predictions
    from clinometer.reports.comparison_figures import save_figures
    from clinometer.reports.comparison_text import comparison_text

    x = np.array(POINTS)
    for name, weight in MODELS.items():
        np.savez(
            folder / f"{name}.npz", label=LABELS, x=x, weight=[weight, weight], bias=0.0,
            logits=x @ [weight, weight],
        )  # fmt: skip
    models = [read_predictions(folder / f"{name}.npz") for name in MODELS]
    comparison = compare(*models)
    told = comparison_text(comparison)
    (folder / "comparison.txt").write_text(told, "utf-8")
    (folder / "comparison.json").write_text(json.dumps(comparison.to_dict(), indent=2), "utf-8")
    click.echo(f"   {comparison.verdict}. {comparison.because}")
    return {
        "comparison": {**comparison.to_dict(), "text": told},
        "pictures": _captioned(save_figures(comparison, folder)[0]),
    }


def _captioned(paths: list[str]) -> list[dict[str, str]]:
    """The PNG pictures among these files, each with what it shows."""
    found = [Path(path) for path in paths if path.endswith(".png")]
    return [{"file": path.name, "caption": CAPTIONS.get(path.stem, path.stem)} for path in found]


def _frozen(folder: Path) -> dict[str, Any]:
    """Train B onward in float32."""
    run = _run(folder, "chapter_b")
    del run["diagnosis"]
    click.echo("   Training B onward: " + run["output"].splitlines()[1])
    return run


def _run(folder: Path, name: str) -> dict[str, Any]:
    """Run an example script unchanged through `clinometer run`, and report on the recording."""
    from clinometer.diagnosis.diagnose import diagnose
    from clinometer.reports.diagnosis_text import text
    from clinometer.store.reader import read

    script = Path(str(files("clinometer").joinpath(f"examples/{name}.py")))
    recording = folder / f"{name}.clino"
    for old in folder.glob(f"{name}.clino*"):
        old.unlink()
    output = _output([sys.executable, "-m", "clinometer", "run", "-o", str(recording), str(script)])
    diagnosis = diagnose(read(recording))
    (folder / f"{name}.txt").write_text(text(diagnosis), "utf-8")
    (folder / f"{name}.json").write_text(json.dumps(diagnosis.to_dict(), indent=2), "utf-8")
    if name != "chapter_b":
        click.echo(f"   {script.name}: {diagnosis.verdict}. {diagnosis.because}")
    return {
        "script": script.name,
        "output": output,
        "verdict": diagnosis.verdict,
        "because": diagnosis.because,
        "text": text(diagnosis),
        "text_file": f"{name}.txt",
        "json_file": f"{name}.json",
        "recording": recording.name,
        "diagnosis": diagnosis,
    }


def _output(arguments: list[str]) -> str:
    done = subprocess.run(
        arguments,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    if done.returncode:
        raise ClinometerError(
            f"{' '.join(arguments)} ended with {done.returncode}; expected 0. It said:\n{done.stderr}"
        )
    return done.stdout


def _depth(folder: Path, diagnoses: list[tuple[str, Diagnosis]]) -> dict[str, str]:
    from clinometer.reports.depth_figure import gradient_by_depth

    gradient_by_depth(diagnoses).savefig(folder / "gradient-by-depth.png", dpi=150)
    return {
        "file": "gradient-by-depth.png",
        "caption": "The share of the logits' gradient that arrives at each layer.",
    }


def _write_page(
    folder: Path, runs: list[dict[str, Any]], content: dict[str, Any], seconds: float
) -> None:
    from clinometer import __version__
    from clinometer.reports.demo_page import demo_page

    page = demo_page(runs=runs, version=__version__, seconds=f"{seconds:.0f}", **content)
    (folder / "index.html").write_text(page, "utf-8")
