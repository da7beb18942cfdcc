"""Trials in processes of their own: what tests of `clinometer.treatment.trial` share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinometer.treatment.trial.folder import copied
from clinometer.treatment.trial.plan import Arm, Plan, nofork_path, result_path, stem

SCRIPTS = Path(__file__).parent / "scripts"
NOTHING = Arm("nothing", "nothing", None, "running")
NOTHING_FROM_START = Arm("nothing", "nothing", None, "start")
SHAM = Arm("sham", "sham", None, "running")

# A script of 40 steps; {before}, {each} (with `step` counted from 0) and {after} are put in.
SCRIPT = """
import torch
from torch import nn
{before}
model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for step in range(40):
    x = torch.randn(8, 6)
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long())
    loss.backward()
    optimizer.step()
    print(step, loss.item().hex(), flush=True)
{each}
{after}
"""
SEEDED = "torch.manual_seed(0)"


def script(before: str = SEEDED, each: str = "", after: str = "") -> str:
    """The script, with lines of a test's own."""
    inside = "\n".join(f"    {line}" for line in each.splitlines())
    return SCRIPT.format(before=before, each=inside, after=after)


@dataclass
class Trials:
    """Runs plans below a folder, and reads what they leave."""

    folder: Path
    environment: dict[str, str]

    def __call__(self, source: str | Path, *arms: Arm, **options: Any) -> dict[str, Any]:
        """Records by `name-moment-seed`; `nofork` where the run was not forked. A text is a script itself."""
        work = self.folder / "work"
        if isinstance(source, Path):
            work, name = source.parent, source.name
        else:
            original = self.folder / "original"
            original.mkdir(exist_ok=True)
            (original / "train.py").write_text(source)
            if not work.exists():
                copied(str(original), str(work))
            (work / "train.py").write_text(source)
            name = "train.py"
        told = {"at": 20, "steps": 10, "every": 5, "time_limit_s": 60.0} | options
        told = {"folder": str(self.folder / "out"), "workdir": str(work)} | told
        return self.made(Plan(name, arms=arms, **told))

    def made(self, plan: Plan) -> dict[str, Any]:
        """Run one plan."""
        path = self.folder / "plan.json"
        path.write_text(plan.to_json())
        done = subprocess.run(
            [sys.executable, "-m", "clinometer.treatment.trial", str(path)],
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"} | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        nofork = Path(nofork_path(plan))
        if nofork.exists():
            return {"nofork": json.loads(nofork.read_text())}
        return {
            stem(plan, arm): json.loads(Path(result_path(plan, arm)).read_text())
            for arm in plan.arms
        }

    def told(self, name: str) -> str:
        """What a process printed."""
        return (self.folder / "out" / f"{name}.txt").read_text()
