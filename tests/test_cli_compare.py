"""`clinometer compare`: the chapter's pair, and every input that cannot be used."""

from __future__ import annotations

import gc
import json
import os
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import click.testing
import numpy as np
import pytest

from clinometer.calibration.chapter import save_models
from clinometer.cli import group
from clinometer.errors import ClinometerError


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


def with_damaged_bits(path: Path) -> bytes:
    """A compressed file whose directory is whole and whose first array does not decompress."""
    np.savez_compressed(path, label=[1, 0] * 50, logits=[2.0, -2.0] * 50)
    content = bytearray(path.read_bytes())
    start = content.index(b"label.npy") + len("label.npy") + 20  # 20: the sizes of a zip64 entry
    content[start] = 0xFF  # a block of the reserved type
    return bytes(content)


def bad_files(folder: Path) -> dict[str, Path]:
    """One file for each way in which predictions cannot be used."""
    names = (
        "empty.npz truncated.npz foreign.npz objects.npz model.pkl table.parquet notes.txt nolabel.npz "
        "outside.npz fraction.npz nan.npz inf.npz rows.npz none.npz sum.npz range.npz both.npz nox.npz "
        "bits.npz header.csv short.csv word.csv column.csv binary.csv twice.csv missing.npz folder.npz"
    )
    at = {name: folder / name for name in names.split()}
    y, z = [1, 0], [2.0, -2.0]
    at["folder.npz"].mkdir()
    at["empty.npz"].touch()
    np.savez(at["truncated.npz"], label=y, logits=z)
    at["truncated.npz"].write_bytes(at["truncated.npz"].read_bytes()[:200])
    at["bits.npz"].write_bytes(with_damaged_bits(at["bits.npz"]))
    at["foreign.npz"].write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    np.savez(at["objects.npz"], label=np.array([1, None]), logits=z)
    at["model.pkl"].write_bytes(b"\x80\x04")
    at["table.parquet"].write_bytes(b"PAR1")
    at["notes.txt"].write_text("hello")
    arrays = {
        "nolabel.npz": {"logits": z},
        "outside.npz": {"label": [1, 7], "logits": z},
        "fraction.npz": {"label": [0.5, 1.0], "logits": z},
        "nan.npz": {"label": y, "logits": [np.nan, 1.0]},
        "inf.npz": {"label": y, "logits": [1.0, -np.inf]},
        "rows.npz": {"label": [1, 0, 1], "logits": z},
        "none.npz": {"label": y},
        "sum.npz": {"label": y, "probabilities": [[0.5, 0.5], [0.5, 0.9]]},
        "range.npz": {"label": y, "probabilities": [0.5, 1.5]},
        "both.npz": {"label": y, "logits": z, "probabilities": [0.5, 0.5]},
        "nox.npz": {"label": y, "weight": [1.0, 1.0]},
    }
    for name, content in arrays.items():
        np.savez(at[name], **content)
    texts = {
        "header.csv": "label,logit\n",
        "short.csv": "label,logit\n1,2.0\n0\n",
        "word.csv": "label,logit\n1,2.0\n0,many\n",
        "column.csv": "label,depth\n1,2.0\n0,1.0\n",
        "twice.csv": "label,logit,logit\n1,2.0,2.0\n",
    }
    for name, text in texts.items():
        at[name].write_text(text)
    at["binary.csv"].write_bytes(bytes(range(128, 256)))
    return at


MESSAGES = {
    "missing.npz": "there is no such file",
    "folder.npz": "is a folder",
    "empty.npz": "is empty",
    "truncated.npz": "is truncated or damaged",
    "bits.npz": "is truncated or damaged",
    "foreign.npz": "is not an .npz file",
    "objects.npz": "contains Python objects.*refused",
    "model.pkl": "is a pickle. It is refused, because",
    "table.parquet": "is truncated, damaged or of another format",
    "notes.txt": "expected an .npz, .csv or .parquet file",
    "nolabel.npz": "found logits; expected `label`",
    "outside.npz": "1 labels lie outside the classes 0 to 1, the first is 7 in row 1",
    "fraction.npz": "expected whole numbers or names",
    "nan.npz": "1 of 2 logits are NaN, infinite.*the first in row 0",
    "inf.npz": "1 of 2 logits are NaN, infinite.*the first in row 1",
    "rows.npz": r"label has shape \(3,\) and the logits 2 rows",
    "none.npz": "found no logits",
    "sum.npz": "the probabilities of row 1 sum to 1.4",
    "range.npz": "a probability of 1.5 in row 1",
    "both.npz": "both `logits` and `probabilities`",
    "nox.npz": "`weight` without the data",
    "header.csv": "found 1 lines; expected a header",
    "short.csv": "row 1 .* has 1 fields and the header 2",
    "word.csv": "'many' in row 1 .* of logit is not a number",
    "column.csv": "found columns depth beside label",
    "binary.csv": "is not a csv text file",
    "twice.csv": "a column name occurs twice",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_unusable_input_is_told_in_one_message(tmp_path, pairs, name):
    result = run(bad_files(tmp_path)[name], pairs["npz"][1])
    assert isinstance(result.exception, ClinometerError), result.exception
    message = str(result.exception)
    assert re.search(MESSAGES[name], message), message
    assert name in message


def test_every_kind_of_bad_file_has_its_message(tmp_path):
    assert set(bad_files(tmp_path)) == set(MESSAGES)


@pytest.mark.parametrize(
    "name", ["truncated.npz", "bits.npz", "objects.npz", "nan.npz", "word.csv"]
)
def test_a_file_that_cannot_be_used_is_closed(tmp_path, pairs, name):
    path = bad_files(tmp_path)[name]
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(path, pairs["npz"][1])
        gc.collect()
    assert [str(w.message) for w in caught] == []


def test_labels_of_a_and_b_that_differ_name_the_first_row(tmp_path, pairs):
    np.savez(tmp_path / "other.npz", label=[1, 1], logits=[2.0, -2.0])
    result = run(pairs["npz"][0], tmp_path / "other.npz")
    assert "differ in 1 of 2 rows, first in row 1" in str(result.exception)


def test_bad_input_leaves_with_2_and_one_line_and_no_traceback(run_cli, tmp_path):
    done = run_cli("compare", "gone.npz", "gone.npz", code=2)
    assert done.stdout == ""
    assert done.stderr.startswith("PredictionsError: gone.npz: there is no such file")
    assert len(done.stderr.splitlines()) == 1


def test_the_command_neither_imports_torch_nor_matplotlib(run_cli, pairs):
    done = run_cli("compare", *pairs["npz"], env={**os.environ, "PYTHONPROFILEIMPORTTIME": "1"})
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "numpy" in imported
    assert not imported & {"torch", "matplotlib", "pandas"}


def test_help_teaches_formats_example_and_exit_codes():
    text = run("--help").stdout
    for word in (
        "label",
        "logits",
        "probabilities",
        "prob_NAME",
        "clinometer compare a.npz b.npz",
        "Exit code",
    ):
        assert word in text


def test_the_examples_of_the_help_page_run(tmp_path, pairs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example = run("--help").stdout.split("Example:\n")[1].split("\n\n")[0]
    *saving, comparing = map(shlex.split, example.splitlines())  # indented, as a reader copies it
    assert len(saving) == 2
    for python, *options in saving:
        assert python == "python"
        subprocess.run([sys.executable, *options], check=True)
    assert comparing[:2] == ["clinometer", "compare"]
    assert run(*comparing[2:]).stdout.startswith("Verdict: same separator")


def test_plots_are_written_and_what_is_left_out_is_said(tmp_path, pairs):
    result = json.loads(run(*pairs["linear"], "--json", "--plot", tmp_path / "new/figures").stdout)
    assert [Path(p).name for p in result["figures"]["written"]] == [
        f"{name}.{kind}" for name in ("separators", "sigmoid", "table") for kind in ("png", "svg")
    ]
    assert all(Path(p).stat().st_size > 1000 for p in result["figures"]["written"])
    text = run(*pairs["npz"], "--plot", tmp_path / "other").stdout
    assert "Left out: separators: needs both models' `weight`" in text
