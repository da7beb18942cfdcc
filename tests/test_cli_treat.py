"""`clinometer treat` from the command line; trials are made up here, and real in tests of their process."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import clinometer
from clinometer.cli import group
from clinometer.errors import ClinometerError, TrialError

STUCK = """
import sys
import torch
from torch import nn

torch.manual_seed(0)
parts = [p for _ in range(9) for p in (nn.Linear(8, 8), nn.Sigmoid())]
model = nn.Sequential(*parts, nn.Linear(8, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x, y = torch.randn(64, 8), torch.randint(0, 3, (64,))
for step in range(200):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
open("written-by-the-script.txt", "w").write(" ".join(sys.argv[1:]))
"""
HEALTHY = (
    STUCK.replace("range(9)", "range(1)").replace("Sigmoid", "ReLU").replace("lr=0.05", "lr=0.5")
)
GOOD = {"scale-init"}


@dataclasses.dataclass(frozen=True)
class Design:
    """Takes what the scheduler takes."""

    script: str
    arguments: tuple[str, ...]
    module: bool
    seeds: int
    arms: tuple[Any, ...]
    at: int
    steps: int
    every: int
    finding: Any
    facts: Any
    proposed: tuple[str, ...]
    time_limit_s: float
    memory_limit_bytes: int
    allow_writes: bool
    in_place: bool


def record(design: Design, arm: Any, seed: int) -> dict[str, Any]:
    end = 0.2 if arm.name in GOOD else math.log(3)
    losses = [end + 1e-4 * (seed + 1) * (len(arm.name) + step) for step in range(design.steps)]
    return {
        "arm": arm.name, "kind": arm.kind, "remedy": arm.remedy, "seed": seed, "moment": arm.moment,
        "at": design.at, "steps": design.steps, "ended": "steps", "why": "", "done": f"did {arm.name}",
        "losses": losses, "right": None, "loss": "cross_entropy", "no_information": math.log(3),
        "validation": [], "prefix": str(seed), "recording": None, "verdict": "learning", "codes": [],
        "factor": None,
    }  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """The designs that reach the scheduler; it makes up its records."""
    found: list[Any] = []

    def run_trials(design, *, backend, workers, out, progress=None):
        found.append((design, backend, workers, out))
        return [record(design, arm, seed) for seed in range(design.seeds) for arm in design.arms]

    fake = types.ModuleType("clinometer.treatment.schedule")
    fake.TrialDesign, fake.run_trials = Design, run_trials
    monkeypatch.setitem(sys.modules, "clinometer.treatment.schedule", fake)
    script = types.ModuleType("clinometer.treatment.script")
    script.change_of = lambda remedy, source, path, done, finding: types.SimpleNamespace(
        kind="lines", text=f"{remedy}(model)", where="after the model is made"
    )
    monkeypatch.setitem(sys.modules, "clinometer.treatment.script", script)
    return found


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """One recording of each script, made once: (folder, script, recording)."""
    made = {}
    for name, text in (("stuck", STUCK), ("healthy", HEALTHY)):
        folder = tmp_path_factory.mktemp(name)
        (folder / "train.py").write_text(text)
        subprocess.run(
            [sys.executable, "-m", "clinometer", "run", "--every", "1", "-o", "r.clino", "train.py"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        made[name] = folder
    return made


@pytest.fixture
def folder(recordings, tmp_path, monkeypatch):
    """A working folder with a stuck script and its recording."""
    for file in ("train.py", "r.clino"):
        shutil.copy(recordings["stuck"] / file, tmp_path / file)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def treat(*arguments: str):
    return CliRunner().invoke(group, ["treat", *arguments], standalone_mode=False)


def test_a_proven_remedy_is_named_first_and_the_exit_code_is_0(folder, asked):
    result = treat("--recording", "r.clino", "train.py", "--lr", "0.1")
    assert result.exception is None
    assert result.return_value == 0
    assert result.stdout.startswith("Proven: initialise with")
    assert "scale-init(model)" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    design, backend, workers, out = asked[0]
    assert design.arguments == ("--lr", "0.1")
    assert (design.at, design.steps, design.seeds, backend, workers) == (100, 200, 5, "local", None)
    assert Path(out) == folder / "train-treatment"


def test_arms_have_the_controls_of_each_moment_that_they_need(folder, asked):
    treat("--recording", "r.clino", "train.py")
    arms = asked[0][0].arms
    for moment in {arm.moment for arm in arms if arm.kind == "remedy"}:
        kinds = {arm.kind for arm in arms if arm.moment == moment}
        assert {"nothing", "sham", "random", "remedy"} == kinds
    treat("--recording", "r.clino", "--at", "0", "train.py")
    assert {arm.moment for arm in asked[1][0].arms} == {"start"}


def test_where_none_is_proven_the_exit_code_is_1_and_nothing_is_recommended(folder, asked):
    result = treat("--recording", "r.clino", "--remedy", "lower-rate", "--json", "train.py")
    assert result.return_value == 1
    told = json.loads(result.stdout)
    assert told["remedy"] is None
    assert told["change"] is None
    assert told["verdict"] == "none proven"
    assert [arm["name"] for arm in told["arms"] if arm["kind"] == "remedy"] == ["lower-rate"]
    assert told["finding"]["code"].startswith("FLOW")


def test_the_json_has_every_field_of_schema_1(folder, asked):
    told = json.loads(treat("--recording", "r.clino", "--json", "train.py").stdout)
    assert {
        "schema", "clinometer", "script", "finding", "verdict", "because", "remedy", "steps", "seeds", "at",
        "arms", "by_hand", "not_applicable", "change", "trials", "recordings",
    } <= set(told)  # fmt: skip
    assert {
        "name", "kind", "moment", "verdict", "done", "loss", "validation", "factor", "steps_given_up",
        "seeds", "seeds_needed", "failed", "why",
    } <= set(told["arms"][0])  # fmt: skip
    assert told["change"] == {
        "kind": "lines", "text": "scale-init(model)", "where": "after the model is made",
    }  # fmt: skip


def test_a_healthy_run_has_nothing_to_treat_unless_a_remedy_is_asked_for(
    recordings, asked, monkeypatch
):
    monkeypatch.chdir(recordings["healthy"])
    result = treat("--recording", "r.clino", "train.py")
    assert result.return_value == 0
    assert result.stdout.startswith("Nothing to treat:")
    assert asked == []
    treat("--recording", "r.clino", "--remedy", "lower-rate", "train.py")
    assert [arm.name for arm in asked[0][0].arms if arm.kind == "remedy"] == ["lower-rate"]


def test_a_recording_is_made_where_none_is_given_and_the_folder_is_left_alone(folder, asked):
    (folder / "r.clino").unlink()
    result = treat("train.py", "--mark", "here")
    assert result.exception is None
    assert (folder / "train-treatment" / "before.clino").is_file()
    assert not (folder / "written-by-the-script.txt").exists()
    first = (folder / "train-treatment" / "before.clino").stat().st_mtime_ns
    treat("train.py", "--mark", "here")
    assert (folder / "train-treatment" / "before.clino").stat().st_mtime_ns == first
    treat("train.py", "--mark", "there")
    assert (folder / "train-treatment" / "before.clino").stat().st_mtime_ns != first


def test_a_script_that_does_not_train_is_refused_with_what_it_said(folder, asked):
    Path("talk.py").write_text("name = input('who? ')\n")
    result = treat("talk.py")
    assert isinstance(result.exception, TrialError)
    assert "no training step was recorded" in str(result.exception)
    assert "EOFError" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.py",), "no such file"),
        (("--remedy", "pray", "--recording", "r.clino", "train.py"), "no such remedy"),
        (("--remedy", "check-split", "--recording", "r.clino", "train.py"), "by hand"),
        (("--remedy", "pray", "train.py"), "no such remedy"),
        (("--plot", "a.txt", "train.py"), "expected a file ending in"),
        (("--html", "no/such/a.html", "train.py"), "no such folder"),
        (("--recording", "missing.clino", "train.py"), "missing.clino"),
    ],
)
def test_what_cannot_be_used_is_refused_before_any_trial(folder, asked, arguments, said):
    result = treat(*arguments)
    assert isinstance(result.exception, ClinometerError)
    assert said in str(result.exception)
    assert asked == []
    assert not Path("train-treatment").exists()  # not even a first recording


def test_a_backend_that_is_not_there_is_told_before_the_script_is_run(folder, asked):
    with pytest.raises(TrialError, match="no backend 'slurm': expected local, ray, dask"):
        clinometer.treat("train.py", backend="slurm", progress=False)
    assert not Path("train-treatment").exists()


def test_sizes_are_read_and_nonsense_is_not(folder, asked):
    treat("--recording", "r.clino", "--memory-limit", "1.5GiB", "train.py")
    assert asked[0][0].memory_limit_bytes == 3 * 2**29
    assert "such as 2G" in str(treat("--memory-limit", "much", "train.py").exception)


def test_a_page_is_written_with_its_verdict(folder, asked):
    treat("--recording", "r.clino", "--html", "cure.html", "train.py")
    assert "Proven" in Path("cure.html").read_text("utf-8")


def test_trials_that_were_not_finished_are_judged_and_the_exit_code_says_so(
    folder, asked, monkeypatch
):
    scheduler = sys.modules["clinometer.treatment.schedule"]
    whole = scheduler.run_trials
    monkeypatch.setattr(scheduler, "run_trials", lambda *a, **k: whole(*a, **k)[:-3])
    result = treat("--recording", "r.clino", "train.py")
    assert result.return_value == 130
    assert "trials were done" in " ".join(result.stdout.split())


def test_ctrl_c_before_the_first_trial_says_that_nothing_is_lost(folder, asked, monkeypatch):
    def stopped(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("clinometer.treatment.treat.treat", stopped)
    found = treat("stuck.py")
    assert found.return_value == 130
    assert "the same command goes on there" in found.stderr


def test_a_module_is_run_by_its_name(folder, asked):
    (folder / "package").mkdir()
    shutil.copy("train.py", "package/train.py")
    result = treat("--recording", "r.clino", "-m", "package.train", "--lr", "1")
    assert result.exception is None
    design = asked[0][0]
    assert (design.script, design.module, design.arguments) == (
        "package.train",
        True,
        ("--lr", "1"),
    )
