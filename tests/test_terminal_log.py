"""The compact log of `report` in a terminal: a screenful, the blamed layer marked, plain in a pipe."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clinometer.diagnosis.diagnose import diagnose
from clinometer.records.columns import names
from clinometer.reports.diagnosis_text import text
from clinometer.reports.log_rows import log_rows
from clinometer.reports.terminal_log import (
    ASCII,
    BLOCKS,
    MOST_ROWS,
    bar,
    number,
    pen_for,
    terminal_log,
    track,
)
from clinometer.reports.well_log.scale import GRADIENT, UPDATE
from made import finding, judged_as, recording

GOLDEN = Path(__file__).parent / "golden"


def changed(run, kind, column, values):
    """The same run with one column of a kind set, place by place."""
    rows = {name: cube.copy() for name, cube in run.rows.items()}
    rows[kind][:, :, names(kind).index(column)] = np.asarray(values, np.float32)
    return replace(run, rows=rows)


@pytest.mark.parametrize("layers", [1, 3, 14, 15, 200, 1000])
@pytest.mark.parametrize("width", [60, 80, 100])
def test_any_network_fits_twenty_lines_and_the_width(layers, width):
    log = terminal_log(judged_as(recording=recording(layers)), width)
    lines = log.splitlines()
    assert len(lines) <= 20
    assert max(map(len, lines)) <= width
    assert lines[4].startswith(("  net.0", "  ~t.0.."))


def test_rows_are_those_of_the_recording():
    run = recording(3, gain=0.01)
    found = log_rows(judged_as(recording=run), MOST_ROWS)
    assert [row.name for row in found] == ["net.0", "net.2", "net.4"]
    calls = [site.name for site in run.of_kind("call")]
    for row in found:
        entering = run.column("call", "grad_out_rms")[:, calls.index(row.name)]
        assert row.gradient == pytest.approx(np.log10(entering).mean(), abs=1e-6)
        tensor = [site.name for site in run.of_kind("parameter")].index(f"{row.name}.weight")
        moved = run.column("parameter", "stored_rms") / run.column("parameter", "weight_rms")
        assert row.update_ratio == pytest.approx(np.log10(moved[:, tensor]).mean(), abs=1e-6)
    assert [row.saturated for row in found][:2] == [0.5, 0.5]
    assert math.isnan(found[2].saturated)


def test_a_row_of_several_layers_shows_the_worst_of_them():
    run = recording(100, gain=0.9)
    alone = log_rows(judged_as(recording=run), 100)
    found = log_rows(judged_as(recording=run), 10)
    assert sum(row.layers for row in found) == 100
    first = 0
    for row in found:
        mine = alone[first : first + row.layers]
        assert row.gradient == min(one.gradient for one in mine)
        assert row.update_ratio == min(one.update_ratio for one in mine)
        first += row.layers


def test_the_blamed_layer_is_marked_with_its_code():
    judged = judged_as(finding("FLOW301", layer="net.2"), finding("FLOW101", layer="net.4.weight"))
    lines = terminal_log(judged, 80).splitlines()
    assert [line for line in lines if line.startswith("> ")] == [lines[5]]
    assert re.match(r"> net\.2 .* FLOW301$", lines[5])
    assert re.match(r"  net\.4 .* FLOW101$", lines[6])
    assert "FLOW" not in lines[4]


def test_a_note_blames_nobody():
    assert "\n> " not in terminal_log(judged_as(finding("FLOW301", "note", layer="net.2")), 80)


def test_zero_and_non_finite_have_marks_and_what_was_not_measured_has_none():
    run = recording(3)
    sizes = np.full((10, 5), 1e-3)
    sizes[:, 0], sizes[:, 4] = 0.0, np.nan
    run = changed(run, "call", "grad_out_rms", sizes)
    bad = np.zeros((10, 5))
    bad[:, 2] = 7
    run = changed(run, "call", "nonfinite_grad", bad)
    lines = terminal_log(diagnose(run), 80, ASCII).splitlines()
    tracks = [line.split("|")[1] for line in lines[4:7]]
    assert tracks[0].startswith("0")
    assert tracks[0].endswith("zero ")
    assert "!" in tracks[1]
    assert not tracks[2].strip()


@pytest.mark.parametrize("value", np.linspace(-9.9, 1.9, 60))
def test_the_mark_stands_where_the_scale_puts_the_value(value):
    cells = 16
    drawn = track(float(value), GRADIENT, cells, ASCII)
    at = math.floor(float(GRADIENT.place(np.array([value]))[0]) * cells)
    if 0 <= at < cells:
        assert drawn.index("#") == at
    else:
        assert drawn.strip() == ("<" if at < 0 else ">")
    assert len(drawn) == cells


def test_the_rounding_limit_is_a_line_that_the_mark_covers():
    assert track(-3.0, UPDATE, 14, ASCII, limit=-7.5) == " :        #   "
    assert track(-7.5, UPDATE, 14, ASCII, limit=-7.5).count(":") == 0


@pytest.mark.parametrize("share", [0.0, 0.01, 0.25, 0.5, 0.999, 1.0])
@pytest.mark.parametrize("pen", [BLOCKS, ASCII])
def test_a_bar_is_as_long_as_its_share(share, pen):
    drawn = bar(share, pen)
    assert len(drawn) == 13
    whole = drawn[:8].count(pen.eighths[8])
    assert abs(whole - 8 * share) <= 1
    assert int(drawn[8:].strip(" %")) == round(100 * share)


def test_numbers_have_one_width():
    assert {len(number(value)) for value in (0.0, -123.45, -math.inf, math.nan)} == {6}


@pytest.mark.parametrize(
    ("encoding", "pen"), [("utf-8", BLOCKS), ("latin-1", ASCII), ("ascii", ASCII), ("?", ASCII)]
)
def test_blocks_are_drawn_where_the_encoding_has_them(encoding, pen):
    assert pen_for(encoding) is pen
    terminal_log(judged_as(), 80, pen_for("ascii")).encode("ascii")


def test_a_hostile_name_moves_no_cursor():
    site = recording(1).sites[0]
    run = recording(sites=(replace(site, name="a\x1b[2J\nb"), *recording(1).sites[1:]))
    assert "\x1b" not in terminal_log(judged_as(recording=run), 80)


def test_a_run_without_layers_has_no_log():
    loss = recording().sites[-1]
    assert terminal_log(judged_as(recording=recording(sites=(loss,))), 80) == ""


def test_the_log_stands_before_the_ledger():
    judged = judged_as(finding("FLOW201"))
    report = text(judged, 80, terminal_log(judged, 80))
    assert report.index("ERROR FLOW201") < report.index("\nLog: ") < report.index("\nLedger: ")
    assert "Log: " not in text(judged, 80)


def test_the_command_draws_it_plain_in_a_pipe_and_leaves_it_out_when_asked(run_cli):
    shown = run_cli("report", GOLDEN / "schema2.clino").stdout
    assert "\nLog: " in shown
    assert "\x1b" not in shown
    assert "\nLog: " not in run_cli("report", "--no-log", GOLDEN / "schema2.clino").stdout
