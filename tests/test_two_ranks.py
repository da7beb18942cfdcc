"""Two ranks with half a batch each record what one process with the whole batch records."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import clinometer
from clinometer.records.columns import COLUMNS
from clinometer.records.recording import Recording

SCRIPTS = Path(__file__).parent / "scripts"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
TOLERANCE = 1e-5  # relative; float32 sums in another order differ by some 1e-7 a step
COMPARED = [
    (kind, column.name)
    for kind in ("call", "parameter")
    for column in COLUMNS[kind]
    if column.name.endswith("_rms") or column.name == "reach"
]


def record(path: Path, *before: str) -> Recording:
    done = subprocess.run(
        [sys.executable, *before, "-m", "clinometer", "run", "-o", path, "--every", "1", "ddp.py"],
        cwd=SCRIPTS,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return clinometer.read(path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recording, Recording]:
    """(one process, two ranks)."""
    folder = tmp_path_factory.mktemp("ranks")
    return record(folder / "one.clino"), record(folder / "two.clino", *TORCHRUN)


def relative(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """|one - two| over the larger of both; 0 where both are 0 or both were not measured."""
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    with np.errstate(invalid="ignore"):
        difference = np.abs(one - two) / np.maximum(np.abs(one), np.abs(two))
    return np.where(same, 0.0, np.where(np.isnan(difference), np.inf, difference))


def test_relative_differences_by_hand() -> None:
    one = np.array([0.0, np.nan, 1.0, np.nan, 2.0])
    two = np.array([0.0, np.nan, 2.0, 1.0, 2.0])
    assert relative(one, two).tolist() == [0, 0, 0.5, np.inf, 0]


def test_both_see_the_same_steps_and_sites(runs) -> None:
    one, two = runs
    assert one.step.tolist() == two.step.tolist() == list(range(10))
    assert one.observed.tolist() == two.observed.tolist() == list(range(10))
    assert [(s.kind, s.name) for s in one.sites] == [(s.kind, s.name) for s in two.sites]
    assert (one.ended, two.ended) == ("normal", "normal")


def test_the_examples_of_both_ranks_are_counted(runs) -> None:
    for run in runs:
        assert (run.column("call", "examples") == 32).all()
        assert (run.column("loss", "examples") == 32).all()


def test_the_loss_is_that_of_the_whole_batch(runs) -> None:
    one, two = runs
    worst = relative(one.loss, two.loss).max()
    print(f"loss: largest relative difference {worst:.2e}")
    assert worst <= TOLERANCE


@pytest.mark.parametrize(("kind", "name"), COMPARED)
def test_root_mean_squares_are_those_of_the_whole_batch(kind: str, name: str, runs) -> None:
    one, two = (run.column(kind, name) for run in runs)
    worst = relative(one, two).max()
    print(f"{kind} {name}: largest relative difference {worst:.2e}")
    assert np.isfinite(one).any()
    assert worst <= TOLERANCE


def test_non_finite_and_lost_are_counted_alike(runs) -> None:
    one, two = runs
    for kind, name in (("call", "nonfinite_grad"), ("call", "elements"), ("parameter", "lr")):
        np.testing.assert_array_equal(one.column(kind, name), two.column(kind, name))
