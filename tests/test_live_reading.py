"""What the live page reads: which recordings are there, what is new in them, in bounded memory."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import live_runs
from clinometer.diagnosis.diagnose import diagnose
from clinometer.diagnosis.line import FACTORS
from clinometer.errors import RecordingError
from clinometer.live.curves import CURVES
from clinometer.live.envelope import Envelope
from clinometer.live.folder import MOST_DEPTH, Folder
from clinometer.live.sheet import MOST_FRAMES, picked, sheet_of
from clinometer.live.tail import look
from clinometer.records.columns import COLUMNS
from clinometer.store.reader import read
from made import recording

losses = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf])), max_size=60
)


def names(folder: Folder) -> list[str]:
    return [mark.name for mark in folder.look().values()]


@given(values=losses, cuts=st.lists(st.integers(1, 20), max_size=5))
def test_an_envelope_is_what_a_loop_over_all_losses_gives(values, cuts) -> None:
    envelope, begun = Envelope(), 0
    for cut in [*cuts, len(values)]:
        end = min(begun + cut, len(values))
        envelope = envelope.added(np.arange(begun, end), np.array(values[begun:end]), most=8)
        begun = end
    assert len(envelope) <= 8
    for at, place in enumerate(envelope.place.tolist()):
        mine = values[place * envelope.stride : (place + 1) * envelope.stride]
        finite = [x for x in mine if math.isfinite(x)]
        assert envelope.bad[at] == len(mine) - len(finite)
        if finite:
            assert (envelope.low[at], envelope.high[at]) == (min(finite), max(finite))
            assert envelope.mean[at] == pytest.approx(math.fsum(finite) / len(finite), abs=1e-6)
        else:
            assert np.isnan([envelope.low[at], envelope.high[at], envelope.mean[at]]).all()


def test_an_envelope_says_where_losses_were_not_finite_and_leaves_a_gap() -> None:
    told = Envelope().added(np.arange(4), np.array([1.0, math.nan, math.inf, 2.0])).to_dict()
    assert told["bad"] == [1, 2]
    assert told["bad_steps"] == 2
    assert told["mean"] == [1.0, None, None, 2.0]


def test_a_loss_that_stands_still_has_a_flat_sparkline() -> None:
    noise = np.random.default_rng(0).standard_normal(1000)
    flat = Envelope().added(np.arange(1000), 2.3 + 0.02 * noise).sparkline()
    falling = Envelope().added(np.arange(1000), np.linspace(2.3, 0.1, 1000)).sparkline()
    assert max(flat) - min(flat) < 5
    assert max(falling) - min(falling) > 80


def test_a_folder_shows_the_newest_first_and_no_file_of_another_rank(tmp_path: Path) -> None:
    for age, name in enumerate(("new.clino", "old.clino", "old.1.clino", "deep/er/run.clino")):
        live_runs.write(tmp_path / name, 1)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    assert names(Folder(str(tmp_path))) == ["new.clino", "old.clino", "deep/er/run.clino"]


def test_a_folder_follows_no_link_and_shows_nothing_hidden(tmp_path: Path) -> None:
    outside = live_runs.write(tmp_path / "outside" / "secret.clino", 1)
    inside = tmp_path / "runs"
    inside.mkdir()
    (inside / "link.clino").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    live_runs.write(inside / ".hidden" / "run.clino", 1)
    live_runs.write(inside.joinpath(*"abcdefg"[: MOST_DEPTH + 1]) / "too-deep.clino", 1)
    assert names(Folder(str(inside))) == []


def test_a_folder_sees_what_comes_changes_and_goes(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert names(folder) == []
    training = live_runs.Training(tmp_path / "run.clino")
    (before,) = folder.look().values()
    time.sleep(0.02)  # two ticks of the file system's clock
    training.go_on()
    (after,) = folder.look().values()
    assert before.key == after.key
    assert before.signature != after.signature
    training.end()
    (tmp_path / "run.clino").unlink()
    assert names(folder) == []


def test_looks_at_a_growing_file_add_up_to_what_the_reader_reads(tmp_path: Path) -> None:
    path = tmp_path / "run.clino"
    training = live_runs.Training(path)
    steps, found, after = [], [], -1
    for _ in range(5):
        training.go_on(3)
        fresh = look(str(path), after)
        assert fresh.ended == "running"
        steps, found, after = [*steps, *fresh.step], [*found, *fresh.loss], fresh.reached
    training.end()
    whole = read(path)
    assert steps == whole.step.tolist()
    assert found == whole.loss.tolist()
    assert look(str(path), after).ended == "normal"
    assert look(str(path), after).observed == whole.observed[-1]


def test_a_look_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    path = live_runs.write(tmp_path / "run.clino")
    before = path.read_bytes()
    look(str(path), -1)
    assert [one.name for one in tmp_path.iterdir()] == ["run.clino"]
    assert path.read_bytes() == before


def test_a_look_at_what_is_no_recording_says_so(tmp_path: Path) -> None:
    (tmp_path / "run.clino").write_text("SQLite? no")
    with pytest.raises(RecordingError, match="is no recording"):
        look(str(tmp_path / "run.clino"), -1)


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
def test_old_recordings_are_shown_too(schema: int) -> None:
    path = Path(__file__).parent / "golden" / f"schema{schema}.clino"
    fresh = look(str(path), -1)
    assert fresh.step.tolist() == read(path).step[read(path).loss_seen].tolist()
    assert fresh.ended == read(path).ended
    assert sheet_of(diagnose(read(path))).frame(0)["frame"] == 0


def test_a_frame_shows_the_columns_of_its_step() -> None:
    whole = recording(layers=4, gain=0.5)
    sheet = sheet_of(diagnose(whole))
    assert sheet.steps.tolist() == whole.observed.tolist()
    entering, leaving = (whole.column("call", c) for c in ("grad_out_rms", "grad_in_rms"))
    for at in range(len(sheet.steps)):
        shown = sheet.frame(at)["curves"]
        for place in range(entering.shape[1]):
            want = (
                math.log10(entering[at, place]),
                math.log10(leaving[at, place] / entering[at, place]),
            )
            got = shown["gradient"][place], shown["gain"][place]
            assert got == pytest.approx(want, abs=1e-4)


def test_the_last_frame_is_the_ledger_of_the_report() -> None:
    diagnosis = diagnose(recording(layers=4, gain=0.5))
    sheet = sheet_of(diagnosis)
    rows = {row["parameter"]: row for row in diagnosis.to_dict()["ledger"]}
    frame = sheet.frame(len(sheet.steps))
    assert frame["step"] is None
    for about, shown in zip(sheet.head["lines"], frame["ledger"], strict=True):
        row = rows[about["parameter"]]
        for name, value in zip(FACTORS, shown, strict=False):
            want = row["factors"].get(name)
            if want is None:
                assert value == ("zero" if name in row["zero"] else None)
            else:
                assert value == pytest.approx(want, abs=1e-4)
        assert shown[-2:] == pytest.approx([row["total"], row["residual"]], abs=1e-4)


def test_a_signal_of_exactly_zero_is_told_from_one_that_was_not_measured() -> None:
    whole = recording(layers=3)
    gradient = [c.name for c in COLUMNS["call"]].index("grad_out_rms")
    whole.rows["call"][:, 0, gradient] = 0.0
    whole.rows["call"][:, 1, gradient] = np.nan
    frame = sheet_of(diagnose(whole)).frame(0)
    assert frame["curves"]["gradient"][:2] == ["zero", None]


def test_a_sheet_is_bounded_however_long_the_run() -> None:
    sheet = sheet_of(diagnose(recording(layers=3, steps=3000, every=1)))
    assert len(sheet.steps) == MOST_FRAMES
    assert sheet.steps[[0, -1]].tolist() == [0, 2999]
    assert sheet.log.shape == (MOST_FRAMES + 1, len(CURVES), 5)


@given(many=st.integers(0, 5000), most=st.integers(2, 300))
def test_frames_are_spread_evenly_with_both_ends(many: int, most: int) -> None:
    chosen = picked(many, most)
    assert len(chosen) == min(many, most, MOST_FRAMES)
    if many:
        gaps = np.diff(chosen)
        assert (chosen[0], chosen[-1]) == (0, many - 1)
        assert not len(gaps) or gaps.max() - gaps.min() <= 1
