"""LAS 2.0: lasio reads back what was written, and a missing value stays missing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import lasio
import numpy as np
import pytest

import clinometer
from clinometer.diagnosis.diagnose import diagnose
from clinometer.errors import ClinometerError
from clinometer.records.columns import names
from clinometer.records.site import Site
from clinometer.reports.las import CURVES, columns, to_las
from clinometer.reports.well_log.well import well_of
from made import chain_sites, recording


@pytest.fixture
def run():
    made = recording(5, gain=0.01)
    made.rows["call"][:, 3, names("call").index("grad_out_rms")] = 0.0
    made.rows["call"][:, 5, names("call").index("grad_out_rms")] = math.nan
    made.rows["call"][:, 5, names("call").index("nonfinite_grad")] = 2.0
    return made


def test_lasio_reads_every_curve_back_equal(run, tmp_path: Path) -> None:
    to_las(run, tmp_path / "run.las")
    read = lasio.read(tmp_path / "run.las")
    written = columns(well_of(diagnose(run)))
    assert [curve.mnemonic for curve in read.curves] == list(written)
    for name, values in written.items():
        np.testing.assert_array_equal(np.float32(read[name]), values, err_msg=name)


def test_nan_makes_the_round_trip_and_zero_stays_zero(run, tmp_path: Path) -> None:
    to_las(run, tmp_path / "run.las")
    read = lasio.read(tmp_path / "run.las")
    assert read["GRMS"][3] == 0
    assert math.isnan(read["GRMS"][5])
    assert read["NFGR"].tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert read.well.NULL.value == -999.25


def test_the_values_are_those_of_the_recording(run, tmp_path: Path) -> None:
    to_las(run, tmp_path / "run.las")
    read = lasio.read(tmp_path / "run.las")
    grad_in, grad_out = (run.column("call", name)[-1] for name in ("grad_in_rms", "grad_out_rms"))
    assert read["GRMS"][8] == pytest.approx(grad_out[8], rel=1e-6)
    assert read["SLOP"][1] == pytest.approx(grad_in[1] / grad_out[1], rel=1e-6)
    assert read["WGAI"][2] == pytest.approx(grad_in[2] / grad_out[2], rel=1e-6)
    assert read["RLIM"][0] == pytest.approx(2.0**-25, rel=1e-6)


def test_depth_is_the_order_of_execution_and_names_stand_in_other(run, tmp_path: Path) -> None:
    to_las(run, tmp_path / "run.las")
    read = lasio.read(tmp_path / "run.las")
    assert read["DEPT"].tolist() == list(range(9))
    assert (read.well.STRT.value, read.well.STOP.value, read.well.STEP.value) == (0, 8, 1)
    for i, call in enumerate(run.of_kind("call")):
        assert (
            f"{i} | {'activation' if i % 2 else 'linear'} | {call.facts['class']} | {call.name}"
            in read.other
        )


def test_the_parameters_tell_verdict_window_and_losses(run, tmp_path: Path) -> None:
    diagnosis = diagnose(run)
    to_las(diagnosis, tmp_path / "run.las")
    told = {item.mnemonic: item.value for item in lasio.read(tmp_path / "run.las").params}
    assert told["VERD"] == diagnosis.verdict
    assert told["LOS1"] == pytest.approx(diagnosis.course.first, rel=1e-8)
    assert told["NOBS"] == int(diagnosis.late.sum())


def test_no_name_breaks_the_file(tmp_path: Path) -> None:
    hostile = ["~ASCII", "a\n~Curve\n", "层.0", "x : y . z", "#" * 300]
    sites = list(chain_sites(3))
    for i, name in zip([s.index for s in sites if s.kind == "call"], hostile, strict=True):
        sites[i] = Site(i, "call", name, sites[i].facts)
    run = replace(recording(3), sites=tuple(sites), path="a:b.clino", meta={"script": "c: d\n~A"})
    to_las(run, tmp_path / "run.las")
    lines = (tmp_path / "run.las").read_text("ascii").splitlines()
    assert [line for line in lines if line.startswith("~")] == [
        "~Version", "~Well", "~Curve", "~Parameter", "~Other", "~ASCII"
    ]  # fmt: skip
    assert max(map(len, lines)) <= 256
    read = lasio.read(tmp_path / "run.las")
    assert len(read["DEPT"]) == 5
    assert read.well.WELL.value == "a;b.clino"


@pytest.mark.parametrize("layers", [1, 1000])
def test_wells_of_any_depth_are_read_back(layers: int, tmp_path: Path) -> None:
    run = recording(layers)
    run.to_las(tmp_path / "run.las")
    assert len(lasio.read(tmp_path / "run.las")["GRMS"]) == 2 * layers - 1


def test_every_reading_of_the_log_is_in_the_file() -> None:
    assert {curve.key for curve in CURVES} == set(well_of(diagnose(recording(2))).read)
    assert clinometer.to_las is to_las


def test_a_file_that_cannot_be_written_is_said_in_words(run) -> None:
    with pytest.raises(ClinometerError, match="cannot be written"):
        to_las(run, "/nowhere/at/all/run.las")


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    return Path(__file__).parent / "golden" / "schema3.clino"


def test_report_writes_both_beside_its_text(recorded: Path, tmp_path: Path, run_cli) -> None:
    plain = run_cli("report", recorded).stdout
    both = run_cli("report", recorded, "--plot", tmp_path / "a.png", "--las", tmp_path / "a.las")
    assert both.stdout == plain
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert len(lasio.read(tmp_path / "a.las")["DEPT"])


def test_report_refuses_a_picture_that_it_cannot_make(recorded: Path, run_cli) -> None:
    told = run_cli("report", recorded, "--plot", "log.bmp", code=2)
    assert "expected a file ending in .png, .svg, .pdf" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_page_lists_every_curve_of_the_file() -> None:
    page = (Path(__file__).parents[1] / "docs" / "well-log.md").read_text("utf-8")
    table = page[page.index("| curve | is |") :]
    for name in columns(well_of(diagnose(recording(2)))):
        assert name in table
