"""Recordings of every version stay readable, with the numbers that were written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from clinometer.errors import RecordingError
from clinometer.records.columns import SCHEMA, STEP, names
from clinometer.records.recording import Event
from clinometer.records.site import Site
from clinometer.store.reader import read
from clinometer.store.schema import checksum
from store_truth import META, is_true

GOLDEN = Path(__file__).parent / "golden"
# The kinds of site of schema 2, and how many columns each had; later ones stand behind them.
SCHEMA_2 = {
    "call": 15, "activation": 6, "parameter": 18, "loss": 5, "branch": 4, "attention": 6,
    "recurrence": 13,
}  # fmt: skip
SCHEMA_3 = {
    "call": 17, "input": 8, "activation": 6, "parameter": 22, "loss": 5, "branch": 4, "attention": 6,
    "recurrence": 13,
}  # fmt: skip
SCHEMA_4 = {
    "call": 17, "input": 8, "activation": 6, "parameter": 25, "loss": 6, "branch": 4, "attention": 6,
    "recurrence": 13,
}  # fmt: skip


def test_schema_1_a_trained_network_of_three_layers() -> None:
    """Numbers as the version that wrote the file read them."""
    got = read(GOLDEN / "schema1.clino")
    assert (got.ended, got.notes, got.events) == ("normal", (), ())
    assert got.step.tolist() == list(range(20))
    assert got.observed.tolist() == [0, 4, 8, 12, 16]
    assert got.loss[[0, 19]] == pytest.approx([1.14168155, 1.05112517], rel=1e-8)
    assert got.time_s[[0, 19]] == pytest.approx([0.81943142, 0.82711941], rel=1e-7)
    assert got.loss_seen.all()
    assert np.isnan(got.scalars["grad_norm"]).all()
    assert got.labels == {"cross_entropy": {"counts": {"0": 55, "1": 35, "2": 70}, "classes": 3}}
    assert got.dead_units == {"1": []}
    assert [site.name for site in got.of_kind("call")] == ["0", "1", "2"]

    def last(kind: str, name: str) -> list[float]:
        return got.column(kind, name)[-1].tolist()

    assert last("call", "in_rms") == pytest.approx([0.93291193, 0.64224845, 0.49712333])
    assert last("call", "grad_in_rms")[1:] == pytest.approx([0.00125414, 0.00549863], rel=1e-5)
    assert last("call", "reach")[::2] == pytest.approx([0.03774771, 0.19787534])
    assert last("parameter", "grad_rms")[:2] == pytest.approx([0.00512843, 0.00236342], rel=1e-5)
    assert last("parameter", "lr") == pytest.approx([0.1] * 4)
    assert last("loss", "value") == pytest.approx([1.0532676])
    assert last("loss", "right") == [0.40625]


def test_schema_1_activations_stood_in_their_calls_and_movable_was_a_count() -> None:
    got = read(GOLDEN / "schema1.clino")
    (flat,) = got.of_kind("activation")
    assert (flat.name, flat.facts["activation"]) == ("1", "sigmoid")
    assert got.column("activation", "saturated").tolist() == [[0.0]] * 5
    assert got.column("activation", "examples").tolist() == [[32.0]] * 5
    assert got.column("parameter", "movable").tolist() == [[1.0] * 4] * 5  # of 32, 8, 24, 3


def test_schema_2_every_kind_of_site() -> None:
    got = read(GOLDEN / "schema2.clino")
    kinds = [site.kind for site in got.sites]
    assert kinds == list(SCHEMA_2)
    is_true(got, [Site(i, kind, "layer.0") for i, kind in enumerate(kinds)], SCHEMA_2)
    assert got.meta == {**META, "schema": 2, "store_notes": [], "ended": "normal", "exit_code": 0}
    assert got.step.tolist() == list(range(20))
    assert got.observed.tolist() == [0, 4, 8, 12, 16]
    assert got.events == (Event(7, "spike", "loss of step 7"),)
    assert got.labels == {"ce": {"counts": {"0": 3, "1": 2}, "classes": 2}}
    assert got.dead_units == {"layer.0": [1, 4]}
    assert got.scalars["lr"][3] == 3 + 8 / 16
    assert got.column("call", "reach")[1].tolist() == [4 + names("call").index("reach") / 4096]


def test_schema_3_every_kind_of_site() -> None:
    got = read(GOLDEN / "schema3.clino")
    kinds = [site.kind for site in got.sites]
    assert kinds == list(SCHEMA_3)
    is_true(got, [Site(i, kind, "layer.0") for i, kind in enumerate(kinds)], SCHEMA_3)
    assert got.meta == {**META, "schema": 3, "store_notes": [], "ended": "normal", "exit_code": 0}
    assert got.step.tolist() == list(range(20))
    assert got.observed.tolist() == [0, 4, 8, 12, 16]
    assert got.events == (Event(7, "spike", "loss of step 7"),)
    assert got.labels == {"ce": {"counts": {"0": 3, "1": 2}, "classes": 2}}
    assert got.dead_units == {"layer.0": [1, 4]}
    last = names("parameter").index("row_spread")
    assert got.column("parameter", "row_spread")[1].tolist() == [4 + 3 / 64 + last / 4096]


def test_schema_4_every_kind_of_site_and_what_was_seen_of_validation() -> None:
    got = read(GOLDEN / "schema4.clino")
    kinds = [site.kind for site in got.sites]
    assert kinds == list(SCHEMA_4)
    is_true(got, [Site(i, kind, "layer.0") for i, kind in enumerate(kinds)], SCHEMA_4)
    assert got.meta == {**META, "schema": 4, "store_notes": [], "ended": "normal", "exit_code": 0}
    assert got.labels == {"ce": {"counts": {"0": 3, "1": 2}, "classes": 2}}
    assert [(e.step, e.name, e.rows, e.most) for e in got.evaluations] == [
        (8, "cross_entropy", 108, 40.0),
        (16, "cross_entropy", 116, 40.0),
    ]
    assert got.evaluations[1].sums == tuple(16 + i / 64 for i in range(36))
    assert [e.change for e in got.evaluations] == [
        None,
        (8, 0.5, 0.25, -0.5, 0.125, 4, 0.75, 0.0625),
    ]
    assert got.evaluations[0].centre == 0.5


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_what_schema_4_added_is_not_known_of_older_recordings(schema: int) -> None:
    got = read(GOLDEN / f"schema{schema}.clino")
    assert got.evaluations == ()
    for name in ("scale_slope", "scale_step", "carried"):
        assert np.isnan(got.column("parameter", name)).all()
    assert np.isnan(got.column("loss", "claimed_error")).all()


@pytest.mark.parametrize("schema", [1, 2])
def test_what_schema_3_added_is_not_known_of_older_recordings(schema: int) -> None:
    got = read(GOLDEN / f"schema{schema}.clino")
    new = {
        "call": ("training", "underflow"),
        "parameter": ("called", "ran", "left_over", "row_spread"),
    }
    for kind, columns in new.items():
        assert got.of_kind(kind)
        for name in columns:
            assert np.isnan(got.column(kind, name)).all()
    assert got.of_kind("input") == ()
    assert got.rows["input"].shape[1] == 0


def changed(folder: Path, *statements: str) -> Path:
    path = folder / "changed.clino"
    path.write_bytes((GOLDEN / "schema2.clino").read_bytes())
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    return path


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    told = rf"has schema {SCHEMA + 1}; this Clinometer reads .* up to {SCHEMA}"
    with pytest.raises(RecordingError, match=told):
        read(changed(tmp_path, f"PRAGMA user_version={SCHEMA + 1}"))


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="database of another program"):
        read(changed(tmp_path, "PRAGMA application_id=1"))


def test_a_header_that_contradicts_the_facts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is damaged"):
        read(changed(tmp_path, "PRAGMA user_version=1"))


def test_columns_are_found_by_name_whatever_the_file_adds_or_lacks(tmp_path: Path) -> None:
    """A file that calls `reach` something else, and has a kind of site that is not known here."""
    database = sqlite3.connect(GOLDEN / "schema2.clino")
    rows = database.execute("SELECT id, kind, name, unit, meaning, merge FROM column").fetchall()
    (facts,) = database.execute("SELECT facts FROM site WHERE kind = 'branch'").fetchone()
    (index,) = database.execute("SELECT id FROM site WHERE kind = 'branch'").fetchone()
    database.close()
    new = {"branch": "novelty"}
    rows = [
        (i, new.get(kind, kind), "extent" if name == "reach" else name, *rest)
        for i, kind, name, *rest in rows
    ]
    path = changed(
        tmp_path,
        *(
            f"UPDATE column SET kind = '{row[1]}', name = '{row[2]}', "
            f"crc = {checksum('column', len(rows), *row)} WHERE id = {row[0]}"
            for row in rows
        ),
        f"UPDATE site SET kind = 'novelty', crc = "
        f"{checksum('site', index, 'novelty', 'layer.0', facts)} WHERE id = {index}",
    )
    got = read(path)
    assert np.isnan(got.column("call", "reach")).all()
    assert got.rows["branch"].shape == (5, 0, 4)
    whole = read(GOLDEN / "schema2.clino")
    for kind, cube in got.rows.items():
        if kind != "branch":
            same = ~np.isnan(cube)
            assert (cube[same] == whole.rows[kind][same]).all()
    assert len(got.scalars) == len(STEP)
