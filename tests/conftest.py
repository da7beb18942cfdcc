"""What every test may rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Small arrays in several processes: a second thread only adds noise. No display. Subprocesses inherit both.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

# No deadline: a shared machine may pause for longer than any example takes.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def _nothing_stays_compiled() -> Iterator[None]:
    """What one test compiles would end the listening to validation passes for all after it."""
    yield
    frames = sys.modules.get("torch._dynamo.eval_frame")
    if frames is not None and frames.cached_backends:
        sys.modules["torch"].compiler.reset()


RunCli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_cli(tmp_path: Path) -> RunCli:
    """Run the command line as a user would: its own process, its own folder, no terminal.

    `code` is the expected exit code; None accepts any.
    """

    def run(*args: object, code: int | None = 0, **options: object):
        kwargs = {"cwd": tmp_path, "timeout": 300, "stdin": subprocess.DEVNULL, **options}
        done = subprocess.run(
            [sys.executable, "-m", "clinometer", *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
            **kwargs,
        )
        if code is not None:
            shown = f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
            assert done.returncode == code, shown
        return done

    return run
