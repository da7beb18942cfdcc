"""What a reader sees of a comparison: 80 columns, honest sentences, legible figures."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from clinometer.calibration.chapter import models
from clinometer.calibration.compare import compare
from clinometer.calibration.predictions import predictions
from clinometer.calibration.words import confidence_text, count
from clinometer.reports.comparison_figures import figures, save_figures
from clinometer.reports.comparison_table import ZERO, chain_rows, number
from clinometer.reports.comparison_text import comparison_text


@pytest.fixture(scope="module")
def chapter():
    return compare(*models().values())


def many(classes=2, n=400, inputs=2):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, inputs))
    w = rng.normal(size=(classes, inputs)) * 2
    y = (x @ w.T + rng.normal(size=(n, classes))).argmax(axis=1)
    tilted = w + rng.normal(size=w.shape)
    a = predictions(y, weight=w, bias=np.zeros(classes), x=x, source="a/" * 60 + "a.npz")
    return compare(a, predictions(y, weight=3 * tilted, bias=np.ones(classes), x=x))


def test_the_verdict_comes_first_then_its_sentence(chapter):
    lines = comparison_text(chapter).splitlines()
    assert lines[0] == "Verdict: same separator"
    assert lines[1].startswith("Same separator (B is 10 times A)")


@pytest.mark.parametrize("make", [many, lambda: many(4), lambda: many(2, 5, 3)])
def test_the_text_fits_80_columns(make, chapter):
    for comparison in (make(), chapter):
        words = comparison_text(comparison).split()
        long = [
            line for line in comparison_text(comparison).splitlines()
            if len(line) > 80 and "a/a/a" not in line  # a path is never broken
        ]  # fmt: skip
        assert not long
        assert "nan" not in words


def test_the_text_carries_the_numbers_of_the_first_screen(chapter):
    text = comparison_text(chapter)
    for figure in ("0.2236", "1,453,425,036", "24", "0.70516%", "1.6094", "Cover", "12.427"):
        assert figure in text
    assert "σ′ cancels at the output" in text


def test_the_table_marks_exact_zeros_and_lost_steps(chapter):
    rows = {row.quantity: row.cells for row in chain_rows(chapter)}
    assert rows["∂ŷ/∂h at (1, 1)"][3] == ZERO
    steps = [row for row in chain_rows(chapter) if row.quantity.startswith("Δw")]
    assert [[cell.endswith("lost") for cell in row.cells] for row in steps] == [
        [False, False, False, True],  # cross-entropy: float64 still moves
        [False, False, False, True],
        [False, False, True, True],  # squared error: frozen even in float64
        [False, False, True, True],
    ]


def test_the_chapter_gets_all_three_figures(chapter):
    drawn, left_out = figures(chapter)
    assert all(isinstance(figure, Figure) for figure in drawn.values())
    assert list(drawn) == ["separators", "sigmoid", "table"]
    assert left_out == {}


def test_a_general_linear_model_is_drawn_and_others_say_why_not(tmp_path):
    assert list(figures(many())[0]) == ["separators", "sigmoid", "table"]
    assert "two inputs" in figures(many(inputs=3))[1]["separators"]
    drawn, left_out = figures(many(classes=4))
    assert not drawn
    assert left_out["sigmoid"] == "needs two classes"
    written, _ = save_figures(many(), tmp_path / "made")
    assert len(written) == 6


def test_extreme_logits_can_be_drawn():
    h = np.array([1e-6, -1e4, 900.0])
    drawn, _ = figures(compare(h, 10 * h, [1, 0, 1]))
    drawn["sigmoid"].savefig(io.BytesIO(), format="png")
    for panel in drawn["sigmoid"].axes:
        marks = [line.get_xydata() for line in panel.lines if line.get_marker() in {"o", "s"}]
        assert [mark.shape for mark in marks] == [(3, 2), (3, 2)]
        for mark in marks:
            assert (panel.viewLim.min <= mark).all()
            assert (mark <= panel.viewLim.max).all()
    assert "beyond ±700" in drawn["sigmoid"].axes[1].get_xlabel()


def shown_texts(figure):
    """Every text that is drawn; matplotlib keeps the labels of ticks outside the view, undrawn."""
    undrawn = set()
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                if not (panel.axison and low <= tick.get_loc() <= high):
                    undrawn |= {tick.label1, tick.label2}
    texts = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
    return [t for t in texts if t not in undrawn]


def test_no_text_of_a_figure_overlaps_another(chapter):
    for name, figure in figures(chapter)[0].items():
        figure.draw_without_rendering()  # the canvas of a bare Figure lays nothing out
        boxes = [text.get_window_extent() for text in shown_texts(figure)]
        for k, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[k + 1 :]), name
            assert figure.bbox.contains(box.x0, box.y0)
            assert figure.bbox.contains(box.x1, box.y1)


def test_numbers_are_written_as_near_one_as_they_are():
    assert confidence_text(2.0611536181902036e-9) == "0.999999998"
    assert confidence_text(0.0) == "1"
    assert count(2) == "two points"
    assert number(-0.1) == "−0.10000"
