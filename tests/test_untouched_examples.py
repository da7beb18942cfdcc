"""Every example that ships leaves the same bits behind with the recorder as without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import clinometer

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def told(*arguments: object) -> str:
    runner = ROOT / "tests" / "drivers" / "run_example.py"
    done = subprocess.run(
        [sys.executable, runner, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_leaves_the_same_bits_when_it_is_recorded(example, tmp_path):
    recording = tmp_path / "run.clino"
    assert told(example, recording) == told(example)
    run = clinometer.read(recording)
    assert run.ended == "normal"
    assert run.steps > 0
    assert run.observed.tolist() == list(range(run.steps))
