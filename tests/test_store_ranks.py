"""Files of several ranks become one recording, as if one process had seen all their examples."""

from __future__ import annotations

import array
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinometer.records.columns import COLUMNS, STEP, names
from clinometer.records.recording import Recording
from clinometer.records.site import Site
from clinometer.store.pooling import mean, merged_labels, rms, root_of_sum
from clinometer.store.ranks import path_of_rank
from clinometer.store.reader import read
from clinometer.store.writer import Writer
from store_truth import scalars

DDP = {"world": 2, "parallel": "ddp"}


def packed(kind: str, **values: float) -> list[float]:
    """Columns of one site; `seen` is 1 and what is not given is nan."""
    given_values = {"seen": 1.0, **values}
    return [given_values.get(name, float("nan")) for name in names(kind)]


def rank_file(
    folder: Path,
    rank: int,
    rows: dict[int, list[list[float]]],
    sites: list[Site],
    *,
    steps: int = 20,
    meta: dict[str, Any] | None = None,
    state: dict[str, Any] | None = None,
    loss: float = 1.0,
) -> Path:
    """The recording of one rank, with these rows at these steps."""
    path = folder / path_of_rank("run.clino", rank)
    writer = Writer(str(path), {"rank": rank, "ended": "normal", **(DDP if meta is None else meta)})
    writer.add_sites(sites)
    for step, row in rows.items():
        writer.add_observation(step, 0.0, array.array("f", [x for site in row for x in site]))
    fields = np.frombuffer(scalars(0, steps)).reshape(-1, len(STEP)).copy()
    fields[:, 1], fields[:, 2] = loss, 1.0
    writer.add_steps(0, array.array("d", fields.reshape(-1).tolist()))
    writer.set_state(state or {})
    writer.close()
    return path


CALL = [Site(0, "call", "layer", {"role": "weight"})]


def two_ranks(folder: Path, **options: Any) -> Recording:
    """Rank 0 saw 3 examples of RMS 2, rank 1 saw 1 of RMS 4."""
    row = {"nonfinite_in": 1, "elements": 6}
    first = packed("call", examples=3, in_rms=2, grad_out_rms=2, reach=3, grad_p50=5, **row)
    other = packed("call", examples=1, in_rms=4, grad_out_rms=4, reach=4, grad_p50=6, **row)
    path = rank_file(folder, 0, {0: [first], 8: [first]}, CALL, loss=1.0, **options)
    rank_file(folder, 1, {0: [other], 8: [other]}, CALL, loss=3.0, **options)
    return read(path)


def test_each_column_is_merged_by_its_own_rule(tmp_path: Path) -> None:
    got = two_ranks(tmp_path)

    def value(name: str) -> float:
        return float(got.column("call", name)[0, 0])

    assert value("examples") == 4  # sum
    assert value("nonfinite_in") == 2
    assert value("in_rms") == pytest.approx(((3 * 4 + 1 * 16) / 4) ** 0.5)  # rms over examples
    assert value("grad_out_rms") == pytest.approx(((3 * 4 + 1 * 16) / 4) ** 0.5 / 2)  # mean loss
    assert value("reach") == pytest.approx((9 + 16) ** 0.5 / 2)
    assert value("grad_p50") == 5  # rank 0's
    assert value("seen") == 1
    assert got.loss.tolist() == [2.0] * 20
    assert got.meta["ranks"] == [0, 1]
    assert got.notes == ()


def test_gradients_are_not_divided_where_the_ranks_do_not_average(tmp_path: Path) -> None:
    got = two_ranks(tmp_path, meta={"world": 2})
    assert got.column("call", "reach")[0, 0] == pytest.approx(5)


def test_one_file_alone_can_be_read(tmp_path: Path) -> None:
    two_ranks(tmp_path)
    assert read(tmp_path / "run.clino", ranks=False).column("call", "examples")[0, 0] == 3
    assert read(tmp_path / "run.1.clino").column("call", "examples")[0, 0] == 1


def test_a_run_of_one_rank_reads_no_neighbour(tmp_path: Path) -> None:
    got = two_ranks(tmp_path, meta={})
    assert got.column("call", "examples")[0, 0] == 3


def test_a_missing_or_broken_rank_is_a_note(tmp_path: Path) -> None:
    two_ranks(tmp_path)
    (tmp_path / "run.1.clino").write_bytes(b"SQLite format 3\x00" + bytes(4000))
    got = read(tmp_path / "run.clino")
    assert got.column("call", "examples")[0, 0] == 3
    assert got.notes[0].startswith("rank 1 is left out:")
    (tmp_path / "run.1.clino").unlink()
    assert "no such file" in read(tmp_path / "run.clino").notes[0]


@pytest.mark.parametrize(
    "other",
    [{"rank": 2}, {"run": "b"}, {"started": "2026-11-24T12:00:00+0000"}],
)
def test_the_file_of_another_run_is_left_out(tmp_path: Path, other: dict[str, Any]) -> None:
    base = {**DDP, "run": "a", "started": "2026-11-24T18:22:22+0000"}
    row = {0: [packed("call", examples=1)]}
    path = rank_file(tmp_path, 0, row, CALL, meta=base)
    rank_file(tmp_path, 1, row, CALL, meta={**base, **other})
    assert "belongs to another run" in read(path).notes[0]


def test_a_killed_rank_shortens_the_run_to_what_all_have(tmp_path: Path) -> None:
    row = [packed("call", examples=1)]
    path = rank_file(tmp_path, 0, {0: row, 8: row, 16: row}, CALL, steps=20)
    rank_file(tmp_path, 1, {0: row, 8: row}, CALL, steps=12, meta={**DDP, "ended": None})
    got = read(path)
    assert got.step.tolist() == list(range(12))
    assert got.observed.tolist() == [0, 8]
    assert got.ended == "killed"
    assert "rank 1 ended: killed" in got.notes


def test_where_only_rank_0_looked_its_figures_are_taken_as_they_are(tmp_path: Path) -> None:
    row = {0: [packed("call", examples=3, grad_out_rms=2, reach=3)]}
    path = rank_file(tmp_path, 0, row, CALL)
    rank_file(tmp_path, 1, {}, [])
    got = read(path)
    assert got.column("call", "reach")[0, 0] == 3
    assert any("layer figures are of rank 0's examples" in note for note in got.notes)
    assert len(got.step) == 20


def test_a_site_that_only_one_rank_has_is_kept(tmp_path: Path) -> None:
    own = [*CALL, Site(1, "call", "expert.1", {"role": "weight"})]
    one = packed("call", examples=2, in_rms=3.0)
    path = rank_file(tmp_path, 0, {0: [one]}, CALL)
    rank_file(tmp_path, 1, {0: [one, one]}, own)
    got = read(path)
    assert [(site.index, site.name) for site in got.sites] == [(0, "layer"), (1, "expert.1")]
    assert got.column("call", "examples").tolist() == [[4, 2]]
    assert got.column("call", "in_rms").tolist() == [[3, 3]]
    assert got.column("call", "seen").tolist() == [[1, 1]]


PARAMETERS = [Site(0, "parameter", "a", {}), Site(1, "parameter", "b", {"sharded": True})]


def test_gradients_that_should_be_the_same_and_are_not_are_named(tmp_path: Path) -> None:
    for rank, gradient in enumerate([1.0, 1.01]):
        row = packed("parameter", grad_rms=gradient, sampled=4, lr=0.1)
        rank_file(tmp_path, rank, {0: [row, row]}, PARAMETERS)
    got = read(tmp_path / "run.clino")
    assert got.notes == ("ranks disagree on the gradient of a; rank 0's is shown",)
    assert got.column("parameter", "grad_rms")[0, 0] == 1.0


def test_parts_of_a_sharded_parameter_are_pooled(tmp_path: Path) -> None:
    parts = [
        {"sampled": 30, "weight_rms": 1, "movable": 1.0, "lost": 0.5, "nonfinite_grad": 2},
        {"sampled": 10, "weight_rms": 3, "movable": 0.6, "lost": 1.0, "nonfinite_grad": 1},
    ]
    for rank, part in enumerate(parts):
        row = packed("parameter", lr=0.1, grad_rms=1.0, **part)
        rank_file(tmp_path, rank, {0: [row, row]}, PARAMETERS)
    got = read(tmp_path / "run.clino")

    def value(name: str) -> float:
        return float(got.column("parameter", name)[0, 1])

    assert value("sampled") == 40
    assert value("weight_rms") == pytest.approx(((30 + 90) / 40) ** 0.5)
    assert value("movable") == pytest.approx(36 / 40)
    assert value("lost") == pytest.approx((15 + 6) / 36)
    assert value("nonfinite_grad") == 3
    assert value("lr") == pytest.approx(0.1)
    assert got.column("parameter", "weight_rms")[0, 0] == 1.0  # not sharded: rank 0's


def test_weighted_labels_and_samples_of_targets_are_those_of_all_ranks() -> None:
    weighted = [
        {"ce": {"counts": {"0": c}, "classes": 2, "weighted": True, "divisor": 2 * c}}
        for c in (1.5, 2.0)
    ]
    assert merged_labels(weighted)["ce"] == {
        "counts": {"0": 3.5}, "classes": 2, "weighted": True, "divisor": 7.0
    }  # fmt: skip
    blunt = [{"huber": {"targets": [[c], [2 * c]], "delta": 0.5}} for c in (1.0, 3.0)]
    assert merged_labels(blunt)["huber"] == {"targets": [[1.0, 3.0], [2.0, 6.0]], "delta": 0.5}


def test_labels_are_added_and_dead_units_must_be_dead_everywhere(tmp_path: Path) -> None:
    counts = [{"0": 3}, {"0": 1, "2": 5}]
    moments = {"rows": 2.0, "sum": [1.0, 2.0], "squares": [3.0, 4.0]}
    for rank in range(2):
        state = {
            "labels": {"ce": {"counts": counts[rank], "classes": 3}, "mse": moments},
            "dead_units": {"relu": [[1, 2], [2, 5]][rank]},
        }
        rank_file(tmp_path, rank, {}, CALL, state=state)
    got = read(tmp_path / "run.clino")
    assert got.labels["ce"] == {"counts": {"0": 4, "2": 5}, "classes": 3}
    assert got.labels["mse"] == {"rows": 4.0, "sum": [2.0, 4.0], "squares": [6.0, 8.0]}
    assert got.dead_units == {"relu": [2]}


def test_a_nan_that_was_measured_stays_and_a_rank_that_saw_nothing_does_not_count(
    tmp_path: Path,
) -> None:
    rows = [
        packed("loss", examples=2, value=1.0),
        packed("loss", examples=2, value=float("nan")),
        packed("loss", seen=0),
    ]
    site = [Site(0, "loss", "cross_entropy", {})]
    for rank, pair in enumerate([(rows[0], rows[0]), (rows[1], rows[2])]):
        rank_file(tmp_path, rank, {0: [pair[0]], 8: [pair[1]]}, site)
    value = read(tmp_path / "run.clino").column("loss", "value")[:, 0]
    assert np.isnan(value[0])
    assert value[1] == 1.0


@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_pooled_figures_are_those_of_all_examples_together(sizes: list[int], seed: int) -> None:
    draw = np.random.default_rng(seed)
    parts = [draw.normal(size=size) for size in sizes]
    every, weight = np.concatenate(parts), np.array(sizes, dtype=float)
    roots = np.array([np.sqrt((part**2).mean()) for part in parts])
    assert rms(roots, weight) == pytest.approx(np.sqrt((every**2).mean()))
    assert mean(np.array([p.mean() for p in parts]), weight) == pytest.approx(every.mean())
    norms = np.array([np.sqrt((part**2).sum()) for part in parts])
    assert root_of_sum(norms, weight) == pytest.approx(np.sqrt((every**2).sum()))


def test_every_rule_of_a_column_is_known() -> None:
    from clinometer.store.merging import RULES

    every = [column for columns in (*COLUMNS.values(), STEP) for column in columns]
    assert {column.merge for column in every} <= set(RULES)
