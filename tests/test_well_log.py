"""The well log: what is drawn is what was recorded, gaps stay gaps, and nothing lies over anything else."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import clinometer
from clinometer.diagnosis.diagnose import diagnose
from clinometer.errors import ClinometerError
from clinometer.records.columns import names
from clinometer.records.recording import Recording
from clinometer.records.site import Site
from clinometer.reports.well_log import curves, lines, scale
from clinometer.reports.well_log.beds import beds, spread
from clinometer.reports.well_log.grouping import MOST_BLOCKS, Block, blocks, worst
from clinometer.reports.well_log.heat_cells import any_cells, runs, step_edges, worst_cells
from clinometer.reports.well_log.history import history
from clinometer.reports.well_log.lithology import ROCKS
from clinometer.reports.well_log.matching import matched, side_by_side
from clinometer.reports.well_log.plot import plot_log
from clinometer.reports.well_log.readings import rounding_limit
from clinometer.reports.well_log.thinning import MOST, drawing, starts_of, stretches
from clinometer.reports.well_log.well import well_of
from clinometer.reports.well_log.words import apart
from clinometer.theory.floats import is_lost
from made import chain_sites, finding, judged_as, recording, rows_of


def changed(run: Recording, kind: str, column: str, site: int, value: float) -> Recording:
    """A recording with one column of one site replaced at every observation."""
    rows = {name: cube.copy() for name, cube in run.rows.items()}
    rows[kind][:, site, names(kind).index(column)] = value
    return replace(run, rows=rows)


def axes_of(figure: Figure, label: str):
    return next(axes for axes in figure.axes if axes.get_label() == label)


def drawn_lines(figure: Figure, label: str, colour: str, style: str = "-"):
    """Lines of a colour in a track that are no marks."""
    found = axes_of(figure, label).lines
    return [
        x
        for x in found
        if x.get_color() == colour and x.get_linestyle() == style and x.get_marker() == "None"
    ]


def marks(figure: Figure, label: str, shape: str) -> dict[float, list[float]]:
    """Depths of the marks of one shape in a track, by where they lie across it."""
    found: dict[float, list[float]] = {}
    for line in axes_of(figure, label).lines:
        if line.get_marker() == shape:
            found.setdefault(round(float(line.get_xdata()[0]), 3), []).extend(line.get_ydata())
    return found


# -- readings ------------------------------------------------------------------------------------


def test_readings_are_means_of_logarithms_over_the_window() -> None:
    run = recording(4, gain=0.37)
    diagnosis = diagnose(run)
    well = well_of(diagnosis)
    for key, part, whole in (
        ("gradient", "grad_out_rms", None),
        ("slope", "grad_in_rms", "grad_out_rms"),
    ):
        for i, call in enumerate(run.of_kind("call")):
            if key == "slope" and call.facts["role"] != "activation":
                assert math.isnan(well.read[key][i])
                continue
            total, n = 0.0, 0
            for at, late in enumerate(diagnosis.late):
                if late:
                    value = run.column("call", part)[at, i]
                    under = run.column("call", whole)[at, i] if whole else 1.0
                    total, n = total + math.log10(value / under), n + 1
            assert well.read[key][i] == pytest.approx(total / n, abs=1e-12)


def test_the_update_ratio_is_the_total_of_the_ledger() -> None:
    diagnosis = diagnose(recording(4))
    well = well_of(diagnosis)
    rows = {row["layer"]: row["total"] for row in diagnosis.to_dict()["ledger"]}
    found = {n: well.read["update_ratio"][i] for i, n in enumerate(well.names) if n in rows}
    assert len(found) == 4
    assert found == pytest.approx({name: rows[name] for name in found}, rel=1e-6)


def test_shares_are_those_of_the_activations() -> None:
    well = well_of(diagnose(recording(3)))
    assert well.names[1] == "net.1"
    assert well.read["saturated"][1] == pytest.approx(0.5)
    assert np.isnan(well.read["saturated"][0])
    assert well.drawn["saturated"][0] == pytest.approx(0.5)  # the bed of its activation


def test_a_window_may_be_chosen() -> None:
    run = recording(2)
    run.rows["call"][:, :, names("call").index("grad_out_rms")] = np.logspace(-1, -5, 10)[:, None]
    assert well_of(diagnose(run), (0, 0)).read["gradient"][0] == pytest.approx(-1, abs=1e-6)
    assert well_of(diagnose(run), (180, 199)).read["gradient"][0] == pytest.approx(-5, abs=1e-6)


@pytest.mark.parametrize("bits", [(np.float16, "float16"), (np.float32, "float32")])
def test_left_of_the_rounding_limit_every_step_is_lost(bits) -> None:
    dtype, name = bits
    weights = np.linspace(1, 2, 301, dtype=dtype)
    limit = 10 ** rounding_limit(name)
    assert is_lost(weights, (weights * dtype(0.98 * limit)).astype(dtype)).all()
    assert not is_lost(weights, (weights * dtype(2.1 * limit)).astype(dtype)).any()


def test_an_unknown_dtype_has_no_rounding_limit() -> None:
    assert math.isnan(rounding_limit("float8_e4m3fn"))


@given(st.lists(st.sampled_from([math.nan, 0.25, -1.0]), max_size=12), st.data())
def test_a_reading_stands_for_its_bed_and_never_crosses_into_another(values, data) -> None:
    opens = [data.draw(st.sampled_from(["linear", "other"])) for _ in values]
    bed, found = beds(opens), spread(np.array(values, float), beds(opens))
    for i in range(len(values)):  # the slow way: nearest above in the bed, else nearest below
        above = [
            values[k] for k in range(i, -1, -1) if bed[k] == bed[i] and not math.isnan(values[k])
        ]
        below = [
            values[k]
            for k in range(i, len(values))
            if bed[k] == bed[i] and not math.isnan(values[k])
        ]
        assert found[i] == pytest.approx((above or below or [math.nan])[0], nan_ok=True)


# -- scales and marks ----------------------------------------------------------------------------


def test_the_edges_belong_to_the_curve() -> None:
    assert scale.GRADIENT.place(np.array([-8.0, -4.0, 0.0])).tolist() == [0.0, 0.5, 1.0]
    assert scale.REVERSED.edges == ("10", "0.1")
    assert scale.BELOW.edges == ("10⁻¹⁶", "10⁻⁸")


def test_the_backup_curve_carries_on_where_the_gradient_leaves_its_scale() -> None:
    edge = np.array([scale.GRADIENT.left])
    assert scale.GRADIENT.place(edge) == 0
    assert scale.BELOW.place(edge) == 1
    assert scale.ABOVE.place(np.array([scale.GRADIENT.right])) == 0


@given(st.floats(-1, 1))
def test_the_factor_pair_meets_where_nothing_is_lost(slope: float) -> None:
    pair = curves.PAIR.curves
    gap = pair[1].scale.place(np.array(-slope)) - pair[0].scale.place(np.array(slope))
    assert gap == pytest.approx(0, abs=1e-12)
    lossy = pair[1].scale.place(np.array(-0.4)) - pair[0].scale.place(np.array(-0.6))
    assert 2 * lossy == pytest.approx(1.0)  # the gap is the gain in decades: two of them lie across


def test_an_exact_zero_is_a_mark_at_the_edge_and_no_part_of_the_line() -> None:
    run = changed(recording(3), "call", "grad_out_rms", 2, 0.0)
    figure = plot_log(run)
    assert marks(figure, "gradient", lines.ZERO) == {lines.EDGE: [2]}
    solid = drawn_lines(figure, "gradient", curves.BLUE)[0]
    assert np.isnan(solid.get_xdata()[2])
    assert np.isfinite(solid.get_xdata()[[1, 3]]).all()


def test_what_is_not_finite_is_a_gap_with_a_mark_and_is_never_joined() -> None:
    run = changed(recording(3), "call", "grad_out_rms", 1, math.nan)
    run = changed(run, "call", "nonfinite_grad", 1, 3.0)
    figure = plot_log(run)
    across = drawn_lines(figure, "gradient", curves.BLUE)[0].get_xdata()
    assert np.isnan(across[1])
    assert list(marks(figure, "gradient", lines.NOT_FINITE).values()) == [[1]]


def test_what_was_not_measured_is_a_gap_without_a_mark() -> None:
    figure = plot_log(changed(recording(3), "call", "grad_out_rms", 1, math.nan))
    assert np.isnan(drawn_lines(figure, "gradient", curves.BLUE)[0].get_xdata()[1])
    assert not marks(figure, "gradient", lines.NOT_FINITE)
    assert not marks(figure, "gradient", lines.ZERO)


def test_a_run_that_was_never_finite_is_drawn_with_its_marks() -> None:
    run = recording(2, losses=np.full(200, math.nan))
    for column, value in (("grad_out_rms", math.nan), ("nonfinite_grad", 9.0)):
        run.rows["call"][:, :, names("call").index(column)] = value
    figure = plot_log(run)
    assert list(marks(figure, "gradient", lines.NOT_FINITE).values()) == [[0, 1, 2]]
    assert np.isnan(drawn_lines(figure, "gradient", curves.BLUE)[0].get_xdata()).all()


def test_an_infinite_size_enters_no_mean() -> None:
    run = recording(2)
    run.rows["call"][-1, 0, names("call").index("grad_out_rms")] = math.inf
    assert math.isfinite(well_of(diagnose(run)).read["gradient"][0])


def test_a_gradient_beyond_both_scales_is_marked_as_off_scale() -> None:
    figure = plot_log(changed(recording(3), "call", "grad_out_rms", 0, 1e-20))
    assert marks(figure, "gradient", lines.LOW) == {lines.EDGE: [0]}


def test_a_gradient_of_1e_12_lies_on_the_backup_and_has_no_mark() -> None:
    figure = plot_log(changed(recording(3), "call", "grad_out_rms", 0, 1e-12))
    dashed = next(x for x in axes_of(figure, "gradient").lines if x.get_linewidth() == curves.BELOW.width
                  and x.get_color() == curves.BLUE)  # fmt: skip
    assert dashed.get_xdata()[0] == pytest.approx(0.5, abs=1e-6)
    assert not marks(figure, "gradient", lines.LOW)


def test_a_flat_activation_shows_in_the_factor_pair_as_the_killer() -> None:
    run = changed(recording(4), "call", "grad_in_rms", 3, 1e-4)
    well = well_of(diagnose(run))
    assert int(np.nanargmin(well.read["slope"])) == 3
    assert int(np.nanargmin(well.gain)) == 3


# -- black and white -----------------------------------------------------------------------------


def test_rocks_differ_by_hatch_and_curves_by_line() -> None:
    for one, other in combinations(ROCKS.values(), 2):
        assert one.hatch != other.hatch
    for track in curves.TRACKS:
        shown = [c for c in track.curves if c is not curves.ABOVE]  # as its twin for the other side
        for one, other in combinations(shown, 2):
            assert one.line != other.line


# -- blocks --------------------------------------------------------------------------------------

PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(".".join), max_size=60
)


@given(PATHS, st.integers(3, 20))
def test_blocks_cover_every_place_once_and_are_few(paths: list[str], most: int) -> None:
    found = blocks(paths, most)
    assert [i for block in found for i in range(block.first, block.last + 1)] == list(
        range(len(paths))
    )
    assert len(found) <= most


def test_blocks_follow_the_modules() -> None:
    paths = [
        f"stage.{i}.{j}.{part}" for i in range(10) for j in range(50) for part in ("up", "down")
    ]
    found = blocks(paths)
    assert MOST_BLOCKS // 2 <= len(found) <= MOST_BLOCKS
    assert all(
        len({paths[i].split(".")[1] for i in range(b.first, b.last + 1)}) == 1 for b in found
    )


def test_the_worst_child_is_the_blamed_one_or_else_hands_on_least() -> None:
    gain = np.array([-0.1, -3.0, np.nan, -np.inf])
    assert worst(Block("all", 0, 3), gain, []) == 3
    assert worst(Block("part", 0, 2), gain, []) == 1
    assert worst(Block("part", 0, 2), gain, [0]) == 0
    assert worst(Block("unseen", 2, 2), gain, []) is None


def test_one_zero_among_two_thousand_places_is_marked() -> None:
    run = changed(recording(1000, gain=1.0), "call", "grad_out_rms", 777, 0.0)
    figure = plot_log(run)
    assert marks(figure, "gradient", lines.ZERO) == {lines.EDGE: [777]}


def test_many_places_are_drawn_as_the_worst_of_each_stretch() -> None:
    well = well_of(diagnose(recording(600)))
    noise = np.random.default_rng(1).normal(-3, 1, len(well))
    well.drawn["gradient"], well.drawn["saturated"] = noise, -noise
    shown = drawing(well)
    parts = stretches(starts_of(len(well), MOST))
    assert len(parts) == MOST == len(shown.line["gradient"])
    for i, part in enumerate(parts):
        assert shown.line["gradient"][i] == min(noise[part])
        assert shown.greatest["gradient"][i] == max(noise[part])
        assert shown.line["saturated"][i] == max(-noise[part])


def test_the_pair_of_a_stretch_is_that_of_one_place() -> None:
    well = well_of(diagnose(recording(600)))
    draw = np.random.default_rng(2)
    slope, weight = draw.normal(-0.5, 0.3, (2, len(well)))
    well.drawn["slope"], well.drawn["weight_gain"] = slope, weight
    shown = drawing(well)
    for i, part in enumerate(stretches(starts_of(len(well), MOST))):
        k = min(range(part.start, part.stop), key=lambda j: slope[j] + weight[j])
        assert (shown.line["slope"][i], shown.line["weight_gain"][i]) == (slope[k], weight[k])


# -- nothing overlaps ----------------------------------------------------------------------------


def ticks_of(axes) -> list:
    return [*axes.get_xticklabels(), *axes.get_yticklabels(), axes.xaxis.label, axes._left_title]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that lie over one another by more than a pixel."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found = [
        (text.get_text(), text.get_window_extent(canvas.get_renderer()))
        for axes in figure.axes
        for text in [*axes.texts, *(ticks_of(axes) if axes.axison else [])]
        if text.get_text() and text.get_visible()
    ]
    return [
        (one, other)
        for (one, a), (other, b) in combinations(found, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
    ]


@pytest.mark.parametrize("layers", [1, 2, 11, 45, 46, 400])
def test_no_text_lies_over_another(layers: int) -> None:
    found = [
        finding("FLOW201", layer="net.0", layers=("net.0", "net.2")),
        finding("FLOW102", layer="net.0"),
        finding("FLOW301", layer=f"net.{2 * layers - 2}"),
    ]
    diagnosis = judged_as(*found, recording=recording(layers, gain=0.5))
    assert overlapping(plot_log(diagnosis)) == []


def test_no_text_lies_over_another_in_two_wells_or_over_steps() -> None:
    run = recording(12, gain=0.1)
    assert (
        overlapping(plot_log(judged_as(finding("FLOW201"), recording=run), beside=recording(9)))
        == []
    )
    assert overlapping(plot_log(run, over="steps")) == []


def test_long_names_give_way_at_their_beginning() -> None:
    prefix = "a_model_with_a_very_long_name.encoder.blocks.0.attention"
    run = recording(3, sites=chain_sites(3, prefix))
    assert overlapping(plot_log(run)) == []


@given(st.lists(st.floats(0, 10), max_size=20).map(sorted))
def test_labels_are_moved_apart_in_order(wanted: list[float]) -> None:
    placed = apart(wanted, [0.4] * len(wanted), 0, 10)
    assert all(b - a >= 0.4 - 1e-9 for a, b in pairwise(placed))
    assert all(0.2 - 1e-9 <= one <= 9.8 + 1e-9 for one in placed)


# -- findings ------------------------------------------------------------------------------------


def test_the_blamed_layer_is_shaded_and_bears_the_code() -> None:
    found = finding("FLOW201", layer="net.2", layers=("net.2",))
    figure = plot_log(judged_as(found))
    texts = {text.get_text(): text.get_position()[1] for text in axes_of(figure, "findings").texts}
    assert abs(texts["FLOW201"] - 2) < 1
    for label in ("saturation", "depth", "gradient", "update ratio", "factor pair", "findings"):
        bands = [
            p
            for p in axes_of(figure, label).patches
            if mpl.colors.to_hex(p.get_facecolor()) == "#ffe680"
        ]
        assert [(b.get_y(), b.get_height()) for b in bands] == [(1.5, 1.0)]


def test_a_finding_at_a_tensor_lies_at_its_layer_and_a_note_is_left_to_the_report() -> None:
    tensor = finding("FLOW301", layer="net.2.weight")
    note = finding("FLOW205", severity="note", layer="net.0")
    figure = plot_log(judged_as(tensor, note))
    assert [t.get_text() for t in axes_of(figure, "findings").texts] == ["FLOW301", "some-fault"]


def test_without_a_finding_there_is_no_such_column() -> None:
    labels = [axes.get_label() for axes in plot_log(judged_as()).axes]
    assert "findings" not in labels
    assert labels.index("saturation") < labels.index("depth") < labels.index("gradient")


# -- two wells, and over steps -------------------------------------------------------------------


def test_two_wells_lie_on_one_depth_axis_by_name() -> None:
    one, other = well_of(diagnose(recording(4))), well_of(diagnose(recording(2)))
    both = side_by_side(one, other)
    assert both[0].names == both[1].names == one.names
    at = one.names.index("net.2")
    assert both[1].read["gradient"][at] == other.read["gradient"][2]
    absent = [i for i, name in enumerate(one.names) if name not in other.names]
    assert np.isnan(both[1].read["gradient"][absent]).all()


@given(
    st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12)
)
def test_matching_keeps_both_orders(one: list[str], other: list[str]) -> None:
    rows = matched(one, other)
    assert [i for _, i, _ in rows if i >= 0] == list(range(len(one)))
    assert [j for *_, j in rows if j >= 0] == list(range(len(other)))
    assert all(one[i] == other[j] for _, i, j in rows if i >= 0 and j >= 0)


def test_both_wells_have_the_same_tracks() -> None:
    figure = plot_log(recording(3), beside=recording(3, gain=0.2))
    labels = [axes.get_label() for axes in figure.axes]
    assert labels.count("gradient") == labels.count("factor pair") == 2


@given(st.integers(1, 9), st.integers(1, 9), st.randoms(use_true_random=False))
def test_each_cell_of_the_map_is_the_worst_of_what_falls_into_it(
    tall: int, wide: int, draw
) -> None:
    some = [math.nan, -math.inf, -3.0, 1.5]
    values = np.array([[draw.choice(some) for _ in range(wide)] for _ in range(tall)])
    rows, columns = starts_of(tall, 3), starts_of(wide, 2)
    least, most = (worst_cells(values, rows, columns, greatest=g) for g in (False, True))
    broke = any_cells(np.isneginf(values), rows, columns)
    for i, across in enumerate(stretches(rows)):
        for j, along in enumerate(stretches(columns)):
            mine = [v for v in values[across, along].ravel() if not math.isnan(v)]
            assert least[i, j] == pytest.approx(min(mine, default=math.nan), nan_ok=True)
            assert most[i, j] == pytest.approx(max(mine, default=math.nan), nan_ok=True)
            assert broke[i, j] == any(v == -math.inf for v in mine)


@given(st.lists(st.booleans(), max_size=20))
def test_runs_of_true(row: list[bool]) -> None:
    found = np.zeros(len(row), bool)
    for a, b in zip(*runs(np.array(row, bool)), strict=True):
        found[a:b] = True
    assert found.tolist() == row


def test_an_observation_is_drawn_halfway_to_its_neighbours() -> None:
    assert step_edges(np.array([5])).tolist() == [5, 5.5]


@pytest.mark.parametrize("curve", ["gradient", "activation", "update_ratio", "saturated"])
def test_the_map_holds_every_observation(curve: str) -> None:
    run = recording(3)
    values, bad = history(well_of(diagnose(run)), curve)
    assert values.shape == bad.shape == (5, len(run.observed))
    if curve == "gradient":
        assert np.allclose(10**values.T, run.column("call", "grad_out_rms"), rtol=1e-12)
    plot_log(run, over="steps", curve=curve)


# -- the sheet -----------------------------------------------------------------------------------


def test_pictures_are_written_by_their_suffix(tmp_path: Path) -> None:
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for suffix, start in starts.items():
        path = tmp_path / f"log.{suffix}"
        plot_log(recording(2), to=path)
        assert path.read_bytes().startswith(start)


def test_the_same_run_gives_the_same_file(tmp_path: Path) -> None:
    for name in "ab":
        plot_log(recording(2), to=tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_names_are_no_formulas_and_no_markup(tmp_path: Path) -> None:
    hostile = ["$\\frac{1}{0}$", "a\nb\x00", "</text><script>x()</script>", "层.0", "\ud800"]
    sites = list(chain_sites(3))
    calls = [i for i, site in enumerate(sites) if site.kind == "call"]
    for i, name in zip(calls, hostile, strict=True):
        sites[i] = Site(i, "call", name, sites[i].facts)
    run = recording(3)
    plot_log(replace(run, sites=tuple(sites), path="$x$.clino"), to=tmp_path / "log.svg")
    written = (tmp_path / "log.svg").read_text("utf-8")
    assert "<script" not in written


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    before = dict(mpl.rcParams)
    plot_log(recording(3))
    assert dict(mpl.rcParams) == before


def test_a_recording_draws_itself() -> None:
    figure = recording(2).plot_log(steps=(0, 40))
    assert isinstance(figure, Figure)
    assert clinometer.plot_log is plot_log


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"to": "log.gif"}, "expected a file ending in .png, .svg, .pdf"),
        ({"over": "epochs"}, "expected None or 'steps'"),
        ({"over": "steps", "curve": "loss"}, "expected one of gradient, activation"),
        ({"over": "steps", "beside": recording(2)}, "one run"),
        ({"steps": (900, 999)}, "no layer was observed in steps 900 to 999"),
        ({"to": "/nowhere/at/all/log.png"}, "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_words(options, told: str) -> None:
    with pytest.raises(ClinometerError, match=told):
        plot_log(recording(2), **options)


def test_a_run_without_layers_has_no_log() -> None:
    sites = (Site(0, "loss", "cross_entropy", {}),)
    empty = replace(recording(2), sites=sites, rows=rows_of(sites, 10, 0.9))
    with pytest.raises(ClinometerError, match="no layer was observed"):
        plot_log(empty)


def test_without_matplotlib_it_says_how_to_get_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ClinometerError, match=r"clinometer\[plot\]"):
        plot_log(recording(2))


def test_gains_of_other_places_are_not_joined_to_one_another() -> None:
    other = curves.PAIR.curves[2]
    across, _ = lines.points(other, np.array([-0.5, 0.5]), np.array([-0.5, 0.5, 1.5]))
    assert np.isnan(across).tolist() == [False, False, True, False, False]
