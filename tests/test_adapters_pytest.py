"""`clinometer_watch`: a project asserts in its own tests that its model learns."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import clinometer
from clinometer.adapters.pytest_plugin import VERDICTS, WatchedRun
from networks import batches, blobs, chain

pytest_plugins = "pytester"

PROJECT = """
import pytest
import torch
from torch import nn

def train(model, rate=0.5, steps=150):
    torch.manual_seed(0)
    centres = 4 * torch.randn(3, 6)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(steps):
        labels = torch.randint(3, (32,))
        optimizer.zero_grad()
        inputs = centres[labels] + torch.randn(32, 6)
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()

def small():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))

def test_it_learns(clinometer_watch):
    model = small()
    with clinometer_watch(model) as run:
        train(model)
    run.require(verdict={"learning", "learned"}, without={"FLOW201", "FLOW202"})

def test_it_does_not_move(clinometer_watch):
    model = small()
    with clinometer_watch(model, every=10) as run:
        train(model, rate=0.0)
    run.require(verdict="learned")

def test_two_models(clinometer_watch, tmp_path):
    runs = []
    for _ in range(2):
        model = small()
        with clinometer_watch(model, every=1) as run:
            train(model, steps=3)
        runs.append(run)
    assert [len(run.recording.observed) for run in runs] == [3, 3]
    assert {run.path.parent for run in runs} == {tmp_path}

def test_its_own_error(clinometer_watch):
    with clinometer_watch(small()):
        raise ArithmeticError("of the training")
"""
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None

def test_something_else():
    assert True

def test_with_torch(clinometer_watch):
    assert False
"""


def test_a_project_uses_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PROJECT)
    result = pytester.runpytest_subprocess("-p", "no:randomly", "-W", "error", "-vv")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: verdict *, expected learned",
            "*150 steps, 15 observed*",
            "*The whole of it: clinometer report *watched-1.clino",
            "*ArithmeticError: of the training",
        ]
    )
    assert "pytest_plugin.py" not in result.stdout.str().partition("short test summary")[0].replace(
        "plugins:", ""
    )


def test_without_torch_only_the_tests_that_need_it_are_skipped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WITHOUT_TORCH)
    result = pytester.runpytest_subprocess("-W", "error", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*clinometer_watch records PyTorch, which is not installed*"])


def test_the_plugin_imports_nothing_heavy_when_pytest_starts(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_start(request):
            assert request.config.pluginmanager.has_plugin("clinometer")
            ours = {name for name in sys.modules if name.startswith("clinometer.")}
            assert ours == {"clinometer.adapters", "clinometer.adapters.pytest_plugin"}
            assert not {"torch", "numpy", "scipy", "rich", "click", "IPython"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error").assert_outcomes(passed=1)


def test_it_can_be_left_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    pytester.runpytest_subprocess("-p", "no:clinometer").assert_outcomes(passed=1)


# -- require ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stuck(tmp_path_factory: pytest.TempPathFactory) -> WatchedRun:
    """Ten sigmoid layers, whose gradient vanishes."""
    run = WatchedRun(tmp_path_factory.mktemp("stuck") / "run.clino")
    torch.manual_seed(0)
    model = chain(10, 16, nn.Sigmoid, classes=4, inputs=8)
    stream = batches(blobs(256, 8, 4), 64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with clinometer.watch(model, to=run.path, every=10):
        for _ in range(200):
            inputs, labels = next(stream)
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
    return run


def test_what_was_expected_and_found_stands_above_the_first_screen(stuck) -> None:
    with pytest.raises(AssertionError) as caught:
        stuck.require(verdict={"learned", "learning"}, without="FLOW201")
    lines = str(caught.value).splitlines()
    assert lines[0] == "verdict stuck, expected learned or learning"
    assert lines[1].startswith("FLOW201 vanishing-gradient at ")
    assert lines[2] == ""
    assert lines[3].startswith("STUCK")
    assert len(lines) < 35


def test_what_is_as_expected_passes(stuck) -> None:
    stuck.require()
    stuck.require(verdict="stuck", without={"FLOW501"}, judged=["FLOW201"])
    assert stuck.diagnosis.verdict == "stuck"
    assert len(stuck.recording.observed) == 20


def test_a_rule_that_could_not_judge_can_be_asked_for(stuck) -> None:
    run = WatchedRun(stuck.path)
    run.diagnosis = replace(stuck.diagnosis, not_judged=(("FLOW501", "no numbers"),))
    run.require(judged="FLOW201")
    with pytest.raises(AssertionError, match="FLOW501 not judged: no numbers"):
        run.require(judged={"FLOW201", "FLOW501"})


@pytest.mark.parametrize(
    ("asked", "why"),
    [({"verdict": "lerned"}, "no such verdict: lerned"), ({"without": "FLOW20"}, "no such rule")],
)
def test_a_misspelt_expectation_is_refused_since_it_could_never_fail(asked, why, stuck) -> None:
    with pytest.raises(ValueError, match=why):
        stuck.require(**asked)


def test_the_verdicts_are_those_of_the_design() -> None:
    design = Path(clinometer.__file__).parents[2] / "docs" / "vocabulary.md"
    text = design.read_text(encoding="utf-8")
    assert all(verdict in text for verdict in VERDICTS)


def test_the_entry_point_is_installed() -> None:
    code = "from importlib.metadata import entry_points as e; print(e(group='pytest11')['clinometer'].value)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "clinometer.adapters.pytest_plugin"
