"""`clinometer compare`: the chapter's pair, and every input that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import click.testing
import numpy as np
import pytest

from clinometer.cli import group
from clinometer.confidence.chapter import save_models


def run(*args: object) -> click.testing.Result:
    """In this process, so that an error arrives as the exception that it is."""
    return click.testing.CliRunner().invoke(group, ["compare", *map(str, args)])


def write_csv(path: Path, h: list[float]) -> Path:
    rows = [f"{y},{value}" for y, value in zip([1, 0], h, strict=True)]
    path.write_text("\n".join(["label,logit", *rows]) + "\n")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> dict[str, tuple[Path, Path]]:
    for name, scale in (("p", 2.0), ("q", 20.0)):
        np.savez(tmp_path / f"{name}.npz", label=[1, 0], logits=[scale, -scale])
    return {
        "linear": save_models(tmp_path),
        "npz": (tmp_path / "p.npz", tmp_path / "q.npz"),
        "csv": (write_csv(tmp_path / "a.csv", [2, -2]), write_csv(tmp_path / "b.csv", [20, -20])),
    }


@pytest.mark.parametrize("kind", ["linear", "npz", "csv"])
def test_the_chapters_pair_gets_the_chapters_numbers(pairs, kind):
    result = json.loads(run(*pairs[kind], "--json").stdout)
    assert result["schema"] == 1
    assert result["n"] == 2
    assert result["verdict"] == "same separator"
    assert abs(result["separation"]["difference"]) < 1e-12
    assert abs(result["scale"]["difference"] - 0.12692800898181888) < 1e-12
    assert result["linear"]["angle_rad"] == 0.0
    assert result["linear"]["residual"] == 0.0
    assert result["linear"]["scale"] == pytest.approx(10, rel=1e-15)
    earned = result["earned"]
    assert earned["confidence"] == pytest.approx(5 / 6, rel=1e-12)
    assert earned["guarantee"] == pytest.approx(0.2236067977499790, rel=1e-12)
    assert earned["points_needed"] == {"a": 24, "b": 1453425036}
    assert earned["break_even_error_rate"] == pytest.approx(0.12692800898181888 / 18, rel=1e-12)
    assert round(earned["break_even_error_rate"], 7) == 0.0070516
    assert earned["logit_budget"] == pytest.approx(np.log(5))
    assert earned["temperature"]["a"] == pytest.approx(2 / np.log(5), rel=1e-12)
    assert earned["temperature"]["b"] == pytest.approx(20 / np.log(5), rel=1e-12)


def test_the_sentence_carries_the_three_statements(pairs):
    because = json.loads(run(*pairs["linear"], "--json").stdout)["because"]
    assert because.startswith("Same separator (B is 10 times A)")
    assert "B's lower loss is scale only" in because
    assert "two points support 0.83, not 0.999999998" in because


def test_all_right_never_gets_a_fitted_temperature(pairs):
    result = json.loads(run(*pairs["linear"], "--json").stdout)
    assert result["temperature"] == {s: {"value": None, "status": "zero"} for s in "ab"}
