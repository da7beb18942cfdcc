"""`clinometer forecast` and `diff` from the command line: what they print, and what they refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

import clinometer
from clinometer.cli import group
from clinometer.errors import ClinometerError
from networks import chain

MODELS = """
import torch
from torch import nn

LAYERS = 3

def mlp(width=16, depth=4):
    parts = [p for i in range(depth) for p in (nn.Linear(width if i else 6, width), nn.Tanh())]
    return nn.Sequential(*parts, nn.Linear(width, 2))

class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(40, 8), nn.Linear(8, 40)
    def forward(self, ids):
        return self.head(self.table(ids))

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(3, 4), nn.Linear(5, 4)
    def forward(self, a, b):
        return self.one(a) + self.other(b)

def broken():
    raise RuntimeError("no weights file")

lazy = nn.Sequential(nn.LazyLinear(4))
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_models.py").write_text(MODELS, encoding="utf-8")
    (tmp_path / "fails.py").write_text("1 / 0\n", encoding="utf-8")
    (tmp_path / "trains.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("my_models", "fails", "trains"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def test_the_report_and_its_json_come_from_the_current_folder(here, run_cli):
    done = run_cli("forecast", "my_models:mlp", "--input-shape", "6")
    assert done.stdout.startswith("FORECAST   Sequential")
    assert "Theory:" in done.stdout
    listed = json.loads(
        run_cli(
            "forecast", "my_models:mlp", "--input-shape", "6", "--json", "--set", "depth=2"
        ).stdout
    )
    assert [row["layer"] for row in listed["layers"]] == ["0", "2", "4"]
    assert listed["theory"]["speaks"]


@pytest.mark.parametrize(
    "args",
    [
        ("my_models:Words", "--input-shape", "7", "--dtype", "int64", "--high", "40"),
        ("my_models:Two", "--input-shape", "a=3", "--input-shape", "b=5"),
        ("my_models:Two", "--input-shape", "3", "--input-shape", "5"),
        ("my_models:lazy", "--input-shape", "9"),
        ("my_models:mlp", "--input-shape", "6", "--widths", "8,16,32"),
    ],
)
def test_other_inputs_and_the_width_check_are_taken(here, args):
    done = CliRunner().invoke(group, ["forecast", *args])
    assert done.exception is None
    assert done.output.startswith("FORECAST")


def test_a_requirement_that_is_not_met_exits_with_one(here, run_cli):
    done = run_cli("forecast", "my_models:mlp", "--input-shape", "6", "--gain", "-0.1,0.1", code=1)
    assert "RequirementError" in done.stderr
    assert "expected -0.10 to +0.10" in done.stderr


def test_a_requirement_that_is_met_exits_with_zero(here):
    met = ["forecast", "my_models:mlp", "--input-shape", "6", "--gain", "-2,2"]
    assert CliRunner().invoke(group, met, standalone_mode=False).return_value == 0


@pytest.mark.parametrize(
    ("target", "more", "said"),
    [
        ("my_model:mlp", ("--input-shape", "6"), "no module 'my_model'"),
        ("my_models:mpl", ("--input-shape", "6"), "it has"),
        ("my_models", ("--input-shape", "6"), "MODULE:FACTORY"),
        ("my_models:LAYERS", ("--input-shape", "6"), "LAYERS is int"),
        ("my_models:broken", ("--input-shape", "6"), "no weights file"),
        ("my_models:mlp", ("--input-shape", "7"), "does not run on the inputs"),
        ("my_models:mlp", ("--input-shape", "6,0"), "whole numbers above 0"),
        ("my_models:Two", ("--input-shape", "3"), "missing 1 required positional argument"),
        ("my_models:mlp", ("--input-shape", "6", "--set", "layers=3"), "unexpected keyword"),
        ("my_models:Two", ("--input-shape", "a=3", "--input-shape", "5"), "all or none"),
        ("my_models:mlp", ("--input-shape", "6", "--widths", "8,16"), "at least 3"),
        (
            "my_models:mlp",
            ("--input-shape", "6", "--widths", "8,16,32", "--width-argument", "hidden"),
            "no argument 'hidden'",
        ),
        ("fails:mlp", ("--input-shape", "6"), "ZeroDivisionError"),
        ("trains:mlp", ("--input-shape", "6"), "__main__"),
    ],
)
def test_what_cannot_be_used_is_one_clear_message(here, target, more, said):
    done = CliRunner().invoke(group, ["forecast", target, *more])
    assert done.exit_code
    assert isinstance(
        done.exception, ClinometerError | SystemExit
    )  # `main` prints both in one message
    assert said in f"{done.exception}{done.output}"


def recorded(path: Path, lr: float) -> Path:
    torch.manual_seed(0)
    model = chain(3, 16, nn.Tanh)
    stepper = torch.optim.SGD(model.parameters(), lr=lr)
    with clinometer.watch(model, to=path, every=5):
        for step in range(60):
            draw = torch.Generator().manual_seed(step)
            stepper.zero_grad()
            inputs = torch.randn(32, 16, generator=draw)
            nn.functional.cross_entropy(model(inputs), torch.arange(32) % 10).backward()
            stepper.step()
    return path


def test_diff_names_the_optimizer_where_only_the_rate_differs(tmp_path, run_cli):
    one, other = recorded(tmp_path / "a.clino", 0.1), recorded(tmp_path / "b.clino", 0.01)
    done = run_cli("diff", str(one), str(other), "--plot", str(tmp_path / "ab.png"))
    assert done.stdout.startswith("Optimizer gain: in the second run 1.0 decades lower")
    assert "Their losses differ from step 1 on." in done.stdout
    assert (tmp_path / "ab.png").stat().st_size > 1000
    listed = json.loads(run_cli("diff", str(one), str(other), "--json").stdout)
    assert [change["factor"] for change in listed["changes"]] == ["optimizer"]
    assert listed["changes"][0]["decades"] == pytest.approx(-1.0, abs=0.05)


def test_diff_refuses_what_is_no_recording(tmp_path, run_cli):
    (tmp_path / "a.clino").write_text("nothing")
    done = run_cli("diff", str(tmp_path / "a.clino"), str(tmp_path / "b.clino"), code=2)
    assert "a.clino" in done.stderr
