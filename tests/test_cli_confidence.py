"""`clinometer confidence`: from files of every kind, by groups, and every input that cannot be used."""

from __future__ import annotations

import json

import click.testing
import numpy as np
import pytest

from clinometer.cli import group
from clinometer.errors import ClinometerError

FIELDS = {"schema", "verdict", "because", "n", "accuracy", "mean_confidence", "loss", "temperature"}
FIELDS |= {"ece", "logit_budget", "groups"}


def run(*args):
    """In this process, so that an error arrives as the exception that it is."""
    return click.testing.CliRunner().invoke(group, ["confidence", *map(str, args)])


def answer(*args):
    return json.loads(run(*args, "--json").stdout)


@pytest.fixture
def files(tmp_path):
    """The same two hundred rows as npz and csv, with wells."""
    rng = np.random.default_rng(1)
    z = np.round(2.0 * rng.normal(size=(200, 3)), 6)
    names = np.array(["coal", "marl", "salt"])
    label = (z + rng.gumbel(size=z.shape)).argmax(axis=1)
    well = np.array(["16/2-6", "31/3-4", "31/3-4", "25/11-24"] * 50)
    np.savez(tmp_path / "p.npz", label=label, logits=z, classes=names, well=well)
    head = "label,logit_coal,logit_marl,logit_salt,well\n"
    body = "\n".join(
        f"{names[y]},{','.join(map(str, row))},{w}"
        for y, row, w in zip(label, z, well, strict=True)
    )
    (tmp_path / "p.csv").write_text(head + body + "\n")
    return tmp_path


def test_the_answer_has_the_fields_that_others_rely_on(files):
    found = answer(files / "p.npz")
    assert found.keys() >= FIELDS
    assert found["schema"] == 1
    assert found["loss"].keys() >= {"total", "scale", "shift", "shape", "refinement"}
    assert found["temperature"].keys() == {"value", "interval", "status"}
    assert found["logit_budget"]["value"] == pytest.approx(np.log(401))


def test_a_csv_gives_the_same_answer_as_an_npz(files):
    csv, npz = (
        answer(files / "p.csv", "--group", "well"),
        answer(files / "p.npz", "--group", "well"),
    )
    assert csv["verdict"] == npz["verdict"]
    assert csv["accuracy"] == npz["accuracy"]
    assert csv["loss"]["total"] == pytest.approx(npz["loss"]["total"], rel=1e-12)
    assert {g["name"] for g in csv["groups"]} == {"16/2-6", "31/3-4", "25/11-24"}
    assert sum(g["n"] for g in csv["groups"]) == 200


def test_the_first_screen_says_the_verdict_and_why_within_eighty_columns(files):
    text = run(files / "p.csv", "--group", "well").stdout
    lines = text.splitlines()
    assert lines[0].startswith("Verdict: ")
    assert max(map(len, lines)) <= 80
    assert "31/3-4" in text


def test_a_group_that_is_not_there_is_named_with_those_that_are(files):
    with pytest.raises(ClinometerError, match=r"no column 'field'.*found: well"):
        raise run(files / "p.csv", "--group", "field").exception


def test_options_out_of_range_are_refused(files):
    for option in (["--margin", "0"], ["--alpha", "0.5"], ["--alpha", "x"]):
        assert run(files / "p.csv", *option).exit_code == 2


def test_a_pickle_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(ClinometerError, match="opening one runs whatever code it contains"):
        raise run(path).exception


def test_help_teaches():
    text = run("--help").stdout
    for word in ("earned", "unearned", "unproven", "undecided", "label", "--group", "Exit code"):
        assert word in text


# -- past memory, and a run --------------------------------------------------------------------------


@pytest.fixture
def parquet(files):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    with np.load(files / "p.npz") as file:
        z, label, well = file["logits"], file["label"], file["well"]
    columns = {f"logit_{name}": z[:, k] for k, name in enumerate(["coal", "marl", "salt"])}
    names = np.array(["coal", "marl", "salt"])[label]
    folder = files / "folder"
    folder.mkdir()
    for k, rows in enumerate((slice(0, 120), slice(120, 200))):
        part = {name: values[rows] for name, values in columns.items()}
        table = pa.table(part | {"label": names[rows], "well": well[rows]})
        pq.write_table(table, folder / f"part-{k}.parquet")
    return folder


def test_a_folder_is_read_in_one_pass_and_says_the_same(files, parquet):
    stream, rows = answer(parquet, "--group", "well"), answer(files / "p.npz", "--group", "well")
    assert stream["streamed"]["files"] == 2
    assert stream["verdict"] == rows["verdict"]
    assert stream["accuracy"] == pytest.approx(rows["accuracy"], rel=1e-12)
    assert stream["loss"]["total"] == pytest.approx(rows["loss"]["total"], rel=1e-12)
    assert stream["temperature"]["value"] == pytest.approx(rows["temperature"]["value"], rel=1e-3)
    text = run(parquet, "--group", "well").stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "Not judged" in text


def test_one_file_is_read_at_once_unless_it_is_to_be_streamed(parquet):
    file = parquet / "part-0.parquet"
    assert "streamed" not in answer(file)
    assert "streamed" in answer(file, "--stream")


def test_figures_of_a_stream_are_refused_with_the_reason(parquet, tmp_path):
    found = run(parquet, "--plot", tmp_path / "figures")
    assert found.exit_code == 2
    assert "read in one pass" in found.output


def test_figures_are_written_and_named(files, tmp_path):
    pytest.importorskip("matplotlib")
    text = run(files / "p.npz", "--group", "well", "--plot", tmp_path / "figures").stdout
    written = [line.removeprefix("Figure: ") for line in text.splitlines() if "Figure: " in line]
    assert len(written) >= 4
    assert all(path.endswith((".png", ".svg")) for path in written)


def test_several_files_are_the_epochs_of_a_run(files):
    with np.load(files / "p.npz") as file:
        z, label = file["logits"], file["label"]
    paths = []
    for k, times in enumerate((0.3, 1.0, 4.0)):
        np.savez(files / f"epoch{k}.npz", label=label, logits=times * z)
        paths.append(files / f"epoch{k}.npz")
    found = answer(*paths)
    assert found["verdict"] == "overconfident, not overfitted"
    assert run(*paths).stdout.startswith("Run: overconfident, not overfitted")
