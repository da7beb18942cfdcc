"""Reading: wrong files, live files, and what a recording offers."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest

from clinometer.errors import RecordingError
from clinometer.records.columns import COLUMNS, STEP
from clinometer.store import opening
from clinometer.store.process import birth_of
from clinometer.store.reader import read
from clinometer.store.writer import Writer
from store_truth import row, scalars, sites, write


def test_a_missing_file_a_folder_and_a_file_as_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name, why in [
        ("missing.clino", "no such file"),
        ("", "is a folder"),
        ("file/run.clino", "Not a directory"),
        ("nul\0", "no such file"),
    ]:
        with pytest.raises(RecordingError, match=why):
            read(tmp_path / name)


def test_a_run_that_wrote_nothing_yet_is_an_empty_recording(tmp_path: Path) -> None:
    Writer(str(tmp_path / "run.clino"), {"script": "x.py"}).close()
    got = read(tmp_path / "run.clino")
    assert (got.steps, got.sites, got.notes, got.events) == (0, (), (), ())
    assert {kind: cube.shape for kind, cube in got.rows.items()} == {
        kind: (0, 0, len(columns)) for kind, columns in COLUMNS.items()
    }
    assert list(got.scalars) == [column.name for column in STEP]


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.clino") as database:
        database.execute("CREATE TABLE observation (step)")
    database.close()
    with pytest.raises(RecordingError, match="of another program"):
        read(tmp_path / "other.clino")


def test_a_file_that_is_being_created_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "run.clino").touch()
    with pytest.raises(RecordingError, match="is empty"):
        read(tmp_path / "run.clino")


def test_who_lives_is_running_and_who_is_gone_was_killed(tmp_path: Path) -> None:
    me = {"pid": 1, "birth": birth_of(1)}
    for name, process, ended in [("a", me, "running"), ("b", {**me, "birth": "x"}, "killed")]:
        writer = Writer(str(tmp_path / name), {"process": process})
        assert read(tmp_path / name).ended == ended
        writer.set_meta({"ended": "exception"})
        writer.close()
        assert read(tmp_path / name).ended == "exception"


def test_a_live_recording_can_be_read_again_and_again(tmp_path: Path) -> None:
    writer = write(tmp_path / "run.clino", steps=64, every=8)
    lengths = []
    for first in range(64, 1664, 16):
        writer.add_steps(first, scalars(first, 16))
        if first % 160 == 64:
            lengths.append(len(read(tmp_path / "run.clino").step))
    writer.close()
    assert lengths == sorted(lengths)
    assert len(read(tmp_path / "run.clino").step) == 1664


def test_where_sqlite_may_not_write_the_file_is_read_as_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = write(tmp_path / "run.clino", steps=20_000, every=50)
    connect = sqlite3.connect

    def refuse(place: str, **options: object) -> sqlite3.Connection:
        if "immutable" in place:
            return connect(place, **options)
        return connect("file:/nowhere/at/all?mode=ro", uri=True)

    monkeypatch.setattr(opening.sqlite3, "connect", refuse)
    got = read(tmp_path / "run.clino")
    monkeypatch.undo()
    assert "the file ending in -wal, could not be read" in got.notes[0]
    assert 0 < len(got.step) <= 20_000
    writer.close()


def test_a_site_that_comes_late_was_not_seen_before(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path / "run.clino"), {})
    places = sites(2)
    few = places[: len(COLUMNS)]
    writer.add_sites(few)
    writer.add_observation(0, 0.0, row(0, few))
    writer.add_sites(places[len(few) :])
    writer.add_observation(4, 0.5, row(4, places))
    writer.close()
    got = read(tmp_path / "run.clino")
    for kind in COLUMNS:
        assert got.column(kind, "seen").tolist() == [[1, 0], [1, 1]]
        assert np.isnan(got.rows[kind][0, 1, 1:]).all()


def test_a_column_lies_in_one_piece(tmp_path: Path) -> None:
    write(tmp_path / "run.clino", steps=100, every=5, each=3).close()
    got = read(tmp_path / "run.clino")
    assert got.rows["call"][:, :, 4].flags.c_contiguous
    assert got.column("call", "in_rms").dtype == np.float64


def test_pandas_gets_one_row_a_number(tmp_path: Path) -> None:
    writer = Writer(str(tmp_path / "run.clino"), {})
    places = sites()
    writer.add_sites(places)
    values = row(8, places)
    values[0] = 0  # the call was not seen
    writer.add_observation(8, 0.0, values)
    writer.close()
    table = read(tmp_path / "run.clino").to_pandas()
    assert list(table.columns) == ["step", "kind", "site", "column", "value", "unit"]
    assert len(table) == len(values) - len(COLUMNS["call"])
    one = table[(table.kind == "loss") & (table.column == "value")]
    assert one.value.tolist() == [8 + list(COLUMNS).index("loss") / 64 + 2 / 4096]
    assert one.unit.tolist() == ["nat or unit^2"]
    writer = Writer(str(tmp_path / "empty.clino"), {})
    writer.close()
    assert read(tmp_path / "empty.clino").to_pandas().empty


def test_xarray_gets_named_axes_and_units(tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    write(tmp_path / "run.clino", steps=40, every=10, each=2).close()
    got = read(tmp_path / "run.clino")
    table = got.to_xarray()
    assert dict(table.sizes)["observed"] == 4
    picked = table["call_out_rms"].sel(observed=20, call_site="layer.1")
    assert float(picked) == got.column("call", "out_rms")[2, 1]
    assert table["loss_value"].attrs["units"] == "nat or unit^2"
    assert np.array_equal(table["lr"].values, got.scalars["lr"])
    assert np.shares_memory(table["call_out_rms"].values, got.rows["call"])


@pytest.mark.parametrize("name", ["pandas", "xarray"])
def test_a_missing_table_library_is_named(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Writer(str(tmp_path / "run.clino"), {}).close()
    got = read(tmp_path / "run.clino")
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RecordingError, match=rf"pip install clinometer\[{name}\]"):
        getattr(got, f"to_{name}")()
