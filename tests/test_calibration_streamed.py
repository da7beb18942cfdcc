"""Predictions past memory: the same answer as in memory, from any files, workers and order."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from clinometer.calibration import stream_sums, stream_workers
from clinometer.calibration import streamed as module
from clinometer.calibration.judgement import judge
from clinometer.calibration.memory import free_bytes, should_stream
from clinometer.calibration.predictions import predictions
from clinometer.calibration.streamed import streamed
from clinometer.errors import ClinometerError, PredictionsError, ShapeError

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


def drawn(seed: int = 0, n: int = 3000, classes: int = 4, temperature: float = 2.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, classes)) * 2.5
    return z * temperature, (z + rng.gumbel(size=z.shape)).argmax(axis=1)


def table(z, y, **others):
    columns = {"label": y, "logits": list(z)} | others
    return pa.table(columns)


def written(path: Path, z, y, rows: int = 500, **others) -> Path:
    pq.write_table(table(z, y, **others), path, row_group_size=rows)
    return path


def in_memory(z, y, **options):
    return judge(predictions(y, z, **options)).to_dict()


def alike(found, exact, rel=1e-12):
    """Equal words, and numbers to rounding, however deep."""
    if isinstance(exact, dict):
        return found.keys() == exact.keys() and all(alike(found[k], exact[k], rel) for k in exact)
    if isinstance(exact, list):
        return len(found) == len(exact) and all(map(alike, found, exact, [rel] * len(exact)))
    return found == (pytest.approx(exact, rel=rel) if isinstance(exact, float) else exact)


SAME = ("verdict", "basis", "n", "accuracy", "mean_confidence", "margin", "classes")


def test_the_answer_is_that_of_the_rows_in_memory(tmp_path):
    z, y = drawn()
    found, exact = streamed(written(tmp_path / "p.parquet", z, y)).to_dict(), in_memory(z, y)
    for name in SAME:
        assert alike(found[name], exact[name]), name
    assert found["because"] == exact["because"]
    assert alike(found["claim"], exact["claim"])
    assert found["ece"] == pytest.approx(exact["ece"], rel=1e-9)
    assert found["logit_budget"] == pytest.approx(exact["logit_budget"], rel=1e-12)
    assert found["temperature"]["value"] == pytest.approx(exact["temperature"]["value"], rel=3e-5)
    assert found["temperature"]["interval"] == pytest.approx(
        exact["temperature"]["interval"], rel=1e-3
    )
    assert found["loss"]["total"] == pytest.approx(exact["loss"]["total"], rel=1e-12)
    assert found["loss"]["total"] == pytest.approx(
        found["loss"]["scale"] + found["loss"]["refinement"], rel=1e-15
    )
    assert set(exact) <= set(found)
    json.dumps(found, allow_nan=False)


def test_what_sums_cannot_say_is_null_with_a_reason(tmp_path):
    found = streamed(written(tmp_path / "p.parquet", *drawn())).to_dict()
    assert found["surest_tenth"] is None
    assert {row["what"] for row in found["not_judged"]} >= {"surest_tenth", "loss.shift"}
    assert all(row["why"] for row in found["not_judged"])


def test_groups_are_judged_as_in_memory(tmp_path):
    z, y = drawn(1)
    wells = np.array([f"31/{k}" for k in np.random.default_rng(1).integers(0, 6, len(y))])
    z[wells == "31/2"] *= 3
    w = np.random.default_rng(2).uniform(0.5, 2, len(y))
    path = written(tmp_path / "p.parquet", z, y, well=wells, importance=w)
    found = streamed(path, group="well", weight="importance").to_dict()
    exact = in_memory(z, y, groups=wells, weights=w)
    for name in SAME:
        assert alike(found[name], exact[name]), name
    assert alike(found["between_groups"], exact["between_groups"], rel=1e-9)
    assert [g["name"] for g in found["groups"]] == [g["name"] for g in exact["groups"]]
    for one, other in zip(found["groups"], exact["groups"], strict=True):
        assert one["interval"] == pytest.approx(other["interval"], rel=1e-9)
        value = other["temperature"]["value"]
        assert one["temperature"]["value"] == pytest.approx(value, rel=1e-4)


def test_a_folder_of_files_is_one_data_set_and_a_group_may_be_in_the_path(tmp_path):
    z, y = drawn(3)
    for k, part in enumerate(np.array_split(np.arange(len(y)), 3)):
        folder = tmp_path / "data" / f"well=W{k}"
        folder.mkdir(parents=True)
        written(folder / "part-0.parquet", z[part], y[part])
    (tmp_path / "data" / "_SUCCESS").touch()
    found = streamed(tmp_path / "data", group="well")
    assert sorted(group.name for group in found.groups) == ["W0", "W1", "W2"]
    assert (found.n, found.files) == (len(y), 3)
    one = streamed(written(tmp_path / "p.parquet", z, y))
    assert found.fit.loss == pytest.approx(one.fit.loss, rel=1e-12)


@pytest.mark.parametrize("suffix", [".arrow", ".feather", ".arrow stream"])
def test_arrow_files_and_streams_say_what_parquet_says(suffix, tmp_path):
    z, y = drawn(4)
    rows, path = table(z, y, note=["x"] * len(y)), tmp_path / f"p{suffix.split()[0]}"
    opener = pa.ipc.new_stream if "stream" in suffix else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, opener(sink, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=700)
    found, other = streamed(path), streamed(written(tmp_path / "p.parquet", z, y))
    assert found.fit.loss == pytest.approx(other.fit.loss, rel=1e-14)
    assert found.fit.temperature == pytest.approx(other.fit.temperature, rel=1e-5)


def test_columns_names_and_categories(tmp_path):
    z, y = drawn(5, classes=3)
    names = np.array(["clay", "sand", "coal"])
    columns = {f"logit_{name}": z[:, k].astype(np.float32) for k, name in enumerate(names)}
    rows = pa.table(columns | {"label": pa.array(names[y]).dictionary_encode()})
    pq.write_table(rows, tmp_path / "p.parquet")
    found = streamed(tmp_path / "p.parquet")
    exact = in_memory(z.astype(np.float32), y)
    assert found.class_names == ("clay", "sand", "coal")
    assert found.to_dict()["loss"]["total"] == pytest.approx(exact["loss"]["total"], rel=1e-12)


def test_one_named_column_speaks_for_its_class(tmp_path):
    h = np.linspace(-3, 3, 100)
    label = np.where(h > 0.2, "ore", "waste")
    pq.write_table(pa.table({"label": label, "prob_ore": 1 / (1 + np.exp(-h))}), tmp_path / "p.pq")
    found = streamed(tmp_path / "p.pq")
    exact = in_memory(h, (label == "ore").astype(int))
    assert found.class_names == ("waste", "ore")
    assert found.accuracy == exact["accuracy"]
    assert found.mean_confidence == pytest.approx(exact["mean_confidence"], rel=1e-9)
    label[3] = "mud"
    pq.write_table(pa.table({"label": label, "prob_ore": 1 / (1 + np.exp(-h))}), tmp_path / "p.pq")
    with pytest.raises(PredictionsError, match="mud, waste beside it"):
        streamed(tmp_path / "p.pq")


def test_integer_logits_and_whole_float_labels_count(tmp_path):
    z = np.array([[2, 0], [0, 1], [3, 0], [0, 2]])
    y = np.array([0.0, 1.0, 1.0, 1.0])
    found = streamed(written(tmp_path / "p.parquet", z, y))
    assert (found.n, found.accuracy) == (4, 0.75)


def test_a_temperature_far_from_the_first_look_is_found_by_another_pass(tmp_path):
    z, y = drawn(6, n=30_000)
    z[3000:] *= 40  # the first look sees other rows than most
    found = streamed(written(tmp_path / "p.parquet", z, y, rows=30_000))
    exact = in_memory(z, y)
    assert 2 <= found.passes <= 3
    assert found.fit.temperature == pytest.approx(exact["temperature"]["value"], rel=1e-3)


def test_separable_rows_have_no_temperature(tmp_path):
    z, _ = drawn(7)
    found = streamed(written(tmp_path / "p.parquet", z, z.argmax(axis=1))).to_dict()
    assert found["temperature"] == {"value": None, "interval": [None, None], "status": "zero"}
    assert found["loss"]["refinement"] == 0.0
    assert found["streamed"]["passes"] == 1


BACKENDS = [("local", 1), ("local", 2), ("dask", 2), ("ray", 2)]


@pytest.mark.parametrize(("backend", "workers"), BACKENDS)
def test_every_backend_gives_the_same_sums(backend, workers, tmp_path):
    if backend != "local" and importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    z, y = drawn(8)
    path = written(tmp_path / "p.parquet", z, y, rows=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the backend itself
        found = streamed(path, backend=backend, workers=workers)
    one = streamed(path)
    assert found.n == one.n
    for name in ("loss", "refinement", "temperature", "confidence", "ece"):
        assert getattr(found.fit, name) == pytest.approx(getattr(one.fit, name), rel=1e-12)
    assert found.because == one.because


def test_a_backend_that_is_missing_says_what_to_install(tmp_path, monkeypatch):
    path = written(tmp_path / "p.parquet", *drawn(n=50))
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClinometerError, match="needs ray, which is not installed: pip install ray"):
        streamed(path, backend="ray")
    with pytest.raises(ClinometerError, match="expected local, dask or ray"):
        streamed(path, backend="spark")


def test_interrupted_it_says_of_how_many_rows_it_speaks(tmp_path, monkeypatch):
    z, y = drawn(9)
    path = written(tmp_path / "p.parquet", z, y)
    monkeypatch.setattr(stream_sums, "BATCH_BYTES", 8 * 4 * 500)
    calls = iter(range(100))

    def interrupted(part, plan):
        for total in stream_sums.growing_sums(part, plan):
            if next(calls) == 2:
                raise KeyboardInterrupt
            yield total

    monkeypatch.setattr(stream_workers, "growing_sums", interrupted)
    found = streamed(path)
    assert (found.complete, found.rows_read) == (False, 1500)
    assert "interrupted after 1,500 of 3,000 rows" in found.notes[0]
    assert found.to_dict()["streamed"]["rows_there"] == 3000


def test_interrupted_before_anything_was_read_it_ends(tmp_path, monkeypatch):
    def nothing(part, plan):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(stream_workers, "growing_sums", nothing)
    with pytest.raises(KeyboardInterrupt):
        streamed(written(tmp_path / "p.parquet", *drawn(n=50)))


def test_bad_files_are_named_with_what_was_found(tmp_path):
    z, y = drawn(n=1000)
    path = written(tmp_path / "p.parquet", z, y)
    whole = path.read_bytes()

    def told(match, kind=PredictionsError, **options):
        with pytest.raises(kind, match=match) as caught:
            streamed(path, **options)
        assert str(path) in str(caught.value) or options

    path.write_bytes(whole[: len(whole) // 2])
    told("truncated, damaged or of another format")
    path.write_bytes(b"not parquet at all")
    told("truncated, damaged")
    path.write_bytes(b"")
    told("truncated, damaged")
    middle = bytearray(whole)
    middle[2000:6000] = os.urandom(4000)
    path.write_bytes(bytes(middle))
    told("truncated, damaged|missing|outside|NaN|do not fit", kind=(PredictionsError, ShapeError))
    written(path, z[:0], y[:0])
    told("found 0 rows")
    pq.write_table(pa.table({"logits": list(z)}), path)
    told("found columns logits; expected one called label")
    pq.write_table(pa.table({"label": y, "score": z[:, 0]}), path)
    told("found columns score beside label")
    pq.write_table(pa.table({"label": y, "logits": ["a"] * 1000}), path)
    told("logits is string: expected numbers")
    written(path, z, y)
    told("expected one called well", group="well")
    path.unlink()
    told("no such file")


def test_bad_rows_are_named_by_file_and_row(tmp_path, monkeypatch):
    monkeypatch.setattr(stream_sums, "BATCH_BYTES", 8 * 4 * 100)
    path = tmp_path / "p.parquet"
    z, y = drawn(n=1000)

    def told(match, logits=z, labels=y, **others):
        columns = {"label": labels, "logits": logits} | others
        pq.write_table(pa.table(columns), path)
        with pytest.raises((PredictionsError, ShapeError), match=match):
            streamed(path, weight="importance" if others else None)

    bad = z.copy()
    bad[717, 2] = np.nan
    told("NaN, infinite or beyond 1e.100, the first is row 717", list(bad))
    labels = y.copy()
    labels[555] = 4
    told(r"rows 500 to 599 .*labels from 0 to 4 lie outside the classes 0 to 3", list(z), labels)
    told("values of label are missing, the first in row 3 ", list(z), [0, 1, 2, None, *y[4:]])
    ragged = [*z[:850], z[850][:2], *z[851:]]
    told("logits has 2 numbers in row 850", ragged)
    told("label 0.5 in row 2 ", list(z), np.where(np.arange(1000) == 2, 0.5, y))
    told("labels are names", list(z), [f"c{k}" for k in y])
    w = np.ones(1000)
    w[101] = -1
    told("rows 100 to 199 .*a weight is below 0", list(z), y, importance=w)


def test_rows_of_weight_zero_may_hold_anything(tmp_path):
    z, y = drawn(n=200)
    w = np.ones(200)
    z[7], w[7] = np.nan, 0.0
    found = streamed(written(tmp_path / "p.parquet", z, y, sample_weight=w))
    assert found.n == 199


def test_rows_that_all_weigh_nothing_are_refused(tmp_path):
    path = written(tmp_path / "p.parquet", *drawn(n=20), sample_weight=np.zeros(20))
    with pytest.raises(PredictionsError, match="all 20 rows have weight 0"):
        streamed(path)


def test_a_second_pass_that_is_interrupted_leaves_the_first(tmp_path, monkeypatch):
    z, y = drawn(6, n=30_000)
    z[3000:] *= 40
    path, passes = written(tmp_path / "p.parquet", z, y, rows=30_000), iter(range(9))

    def once(part, plan):
        if next(passes) == 1:
            raise KeyboardInterrupt
        return stream_sums.growing_sums(part, plan)

    monkeypatch.setattr(stream_workers, "growing_sums", once)
    found = streamed(path)
    assert (found.passes, found.complete, found.n) == (1, True, 30_000)
    assert found.fit.status == "above"


def test_a_column_of_ids_is_no_group(tmp_path, monkeypatch):
    monkeypatch.setattr(stream_sums, "MOST_GROUPS", 50)
    path = written(tmp_path / "p.parquet", *drawn(n=200), row=[str(k) for k in range(200)])
    with pytest.raises(PredictionsError, match="more than 50 groups"):
        streamed(path, group="row")


def test_shards_of_different_width_are_refused(tmp_path):
    written(tmp_path / "a.parquet", *drawn(classes=3))
    written(tmp_path / "b.parquet", *drawn(classes=4))
    with pytest.raises(PredictionsError, match="3 and 4 classes"):
        streamed(tmp_path)


def test_what_does_not_fit_into_memory_is_streamed(tmp_path):
    z, y = drawn(n=1000, classes=4)
    path = written(tmp_path / "p.parquet", z, y)
    needed = 8 * (5 * 4 + 40) * 1000  # five numbers a logit and forty a row
    assert should_stream(path, free=2 * needed - 1)
    assert not should_stream(path, free=2 * needed)
    assert should_stream(tmp_path)  # a folder is not read whole
    assert not should_stream(tmp_path / "p.csv", free=0)
    assert 0 < free_bytes() < 2**50


def test_the_bar_counts_every_row_once(tmp_path, monkeypatch):
    path, counted = written(tmp_path / "p.parquet", *drawn()), []
    monkeypatch.setattr(module, "_bar", lambda rows, progress: _Counting(rows, counted))
    monkeypatch.setattr(stream_sums, "BATCH_BYTES", 8 * 4 * 250)
    streamed(path)
    assert sum(counted) == 3000
    assert len(counted) == 12


class _Counting:
    def __init__(self, rows, counted):
        assert rows == 3000
        self.counted = counted

    def __enter__(self):
        return self.counted.append

    def __exit__(self, *_):
        return False


# The process's own peak: ru_maxrss is at least that of whoever started it.
MEASURE = """
import sys
from clinometer.calibration.streamed import streamed
found = streamed(sys.argv[1])
with open("/proc/self/status") as status:
    print(found.n, next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc is not there")
def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for rows in (300_000, 1_200_000):
        path = tmp_path / f"{rows}.parquet"
        _large(path, rows)
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        n, peak = map(int, done.stdout.split())
        assert n == rows
        peaks.append(peak / 1024)
        size = path.stat().st_size / 2**20
        print(f"{rows:,} rows, {size:.0f} MiB on disk: {peak / 1024:.0f} MiB at most")
    # Four times the file: 36 MiB of float32 more, 73 as float64. A few MiB are the allocator's.
    assert peaks[1] - peaks[0] < 16


def _large(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    kind = pa.schema([("label", pa.int8()), ("logits", pa.list_(pa.float32(), 10))])
    with pq.ParquetWriter(path, kind, use_dictionary=False, compression="none") as writer:
        for _ in range(rows // 100_000):
            z = rng.normal(size=(100_000, 10)).astype(np.float32) * 2
            y = (z + rng.gumbel(size=z.shape)).argmax(axis=1).astype(np.int8)
            flat = pa.FixedSizeListArray.from_arrays(pa.array(z.reshape(-1)), 10)
            writer.write_table(pa.table({"label": y, "logits": flat}, schema=kind))


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="no SIGINT here")
def test_ctrl_c_in_a_real_process_gives_what_was_read(tmp_path):
    path = tmp_path / "p.parquet"
    _large(path, 1_000_000)
    script = (
        "import sys, threading, _thread\n"
        "from clinometer.calibration.streamed import streamed\n"
        "threading.Timer(float(sys.argv[2]), _thread.interrupt_main).start()\n"
        "found = streamed(sys.argv[1], nodes=13)\n"
        "print(found.complete, found.rows_read, found.verdict)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), "0.4"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    if done.returncode:  # interrupted before the first block was summed
        assert "KeyboardInterrupt" in done.stderr
    else:
        complete, rows, verdict = done.stdout.split()
        assert complete in {"True", "False"}
        assert 0 < int(rows) <= 1_000_000
        assert verdict in {"earned", "unearned", "unproven", "undecided"}
