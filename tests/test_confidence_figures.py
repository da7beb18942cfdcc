"""Pictures of a confidence and of a run: what they show, and that nothing hides anything."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import clinometer
from clinometer.calibration.judgement import judge
from clinometer.calibration.predictions import predictions
from clinometer.calibration.run_view import run_view
from clinometer.errors import ClinometerError
from clinometer.reports.confidence_figures import figures, plot, save_figures
from clinometer.reports.groups_figure import MOST
from test_comparison_reports import shown_texts


def overconfident(classes=4, n=1500, groups=0):
    rng = np.random.default_rng(0)
    z = 2.0 * rng.normal(size=(n, classes))
    p = np.exp(0.6 * z) / np.exp(0.6 * z).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(classes, p=row) for row in p])
    names = [f"station {k}" for k in rng.integers(0, groups, n)] if groups else None
    return judge(predictions(y, z, groups=names))


def binary():
    rng = np.random.default_rng(1)
    h = 3.0 * rng.normal(size=500)
    return judge(predictions((rng.random(500) < 1 / (1 + np.exp(1 - 0.5 * h))).astype(int), h))


def all_right():
    y = np.arange(300) % 3
    return judge(predictions(y, 4.0 * np.eye(3)[y]))


def course(factors=(0.3, 1.0, 2.0, 4.0), names=None, n=300):
    rng = np.random.default_rng(2)
    z = 2.0 * rng.normal(size=(n, 3))
    y = np.array([rng.choice(3, p=np.exp(r) / np.exp(r).sum()) for r in z])
    return run_view([factor * z for factor in factors], y, names=names)


def diverged():
    y, z = np.arange(30) % 3, np.random.default_rng(3).normal(size=(30, 3))
    broken = z.copy()
    broken[0] = np.nan
    return run_view([z, 2.0 * z, broken], y, names=["one", "two", "three"])


CASES = {
    "multi-class": overconfident,
    "two classes": binary,
    "three groups": lambda: overconfident(groups=3),
    "forty groups": lambda: overconfident(groups=40),
    "400 groups": lambda: overconfident(groups=400),
    "the chapter's A": lambda: judge(predictions([1, 0], [2.0, -2.0])),
    "the chapter's B": lambda: judge(predictions([1, 0], [20.0, -20.0])),
    "one row": lambda: judge(predictions([1], [0.5])),
    "all right": all_right,
    "inverted": lambda: judge(predictions([0, 1] * 30, [2.0, -2.0] * 30)),
    "a course": course,
    "a long course": lambda: course(np.geomspace(0.05, 6.0, 120)),
    "names": lambda: course(names=["warm-up", "early", "late", "end"]),
    "one epoch": lambda: course((1.0,)),
    "the chapter as a course": lambda: run_view([[2.0, -2.0], [20.0, -20.0]], [1, 0]),
    "diverged": diverged,
    "nothing finite": lambda: run_view([[np.nan, 1.0]], [1, 0]),
}


@pytest.mark.parametrize("name", CASES)
def test_no_text_of_a_figure_overlaps_another_or_leaves_the_page(name):
    for kind, figure in figures(CASES[name]())[0].items():
        figure.draw_without_rendering()
        texts = shown_texts(figure)
        boxes = [text.get_window_extent() for text in texts]
        for k, box in enumerate(boxes):
            others = zip(texts[k + 1 :], boxes[k + 1 :], strict=True)
            touched = [other.get_text() for other, there in others if box.overlaps(there)]
            assert not touched, (kind, texts[k].get_text(), touched)
            assert box.x0 >= 0.0, (kind, texts[k].get_text())
            assert box.y0 >= 0.0, (kind, texts[k].get_text())
            assert box.x1 <= figure.bbox.x1, (kind, texts[k].get_text())
            assert box.y1 <= figure.bbox.y1, (kind, texts[k].get_text())


@pytest.mark.parametrize("name", CASES)
def test_every_axis_with_numbers_has_a_label(name):
    for figure in figures(CASES[name]())[0].values():
        for panel in figure.axes:
            if len(panel.get_yticks()):
                assert panel.get_ylabel()
        shown = [panel for panel in figure.axes if len(panel.get_xticks())]
        if shown:
            assert any(panel.get_xlabel() for panel in shown) or figure.axes[0].get_title(
                loc="left"
            )


def test_the_points_of_the_reliability_diagram_are_the_record_of_their_bins():
    result = binary()
    top, lower = plot(result).axes
    line = next(line for line in top.lines if line.get_label() == "right, in each bin")
    z = result.predictions.logits
    p = np.exp(z).max(axis=1) / np.exp(z).sum(axis=1)
    right = z.argmax(axis=1) == result.predictions.labels
    bins = np.ceil(p * 15).astype(int)
    held = sorted(set(bins.tolist()))
    assert line.get_ydata() == pytest.approx([right[bins == b].mean() for b in held])
    assert line.get_xdata() == pytest.approx([p[bins == b].mean() for b in held])
    counts = [int(text.get_text()) for text in lower.texts]
    assert counts == [int((bins == b).sum()) for b in held]


def test_the_steps_of_the_waterfall_lead_from_the_total_to_the_refinement():
    result = binary()
    (panel,) = plot(result, "loss").axes
    bars = [(bar.get_y(), bar.get_y() + bar.get_height()) for bar in panel.patches]
    parts = result.ladder
    assert bars[0] == (0.0, pytest.approx(parts.total))
    for (bottom, _), (_, top) in itertools.pairwise(bars[1:]):
        assert bottom == pytest.approx(top)
    assert bars[1][1] == pytest.approx(parts.total)
    assert bars[-1] == (0.0, pytest.approx(parts.refinement))


def test_a_part_that_is_not_judged_is_said_in_words_and_drawn_as_no_bar():
    (panel,) = plot(overconfident(), "loss").axes
    assert "not judged" in " ".join(text.get_text() for text in panel.texts)
    assert len(panel.patches) == 4  # total, scale, shift, refinement
    (panel,) = plot(all_right(), "loss").axes
    assert not panel.patches
    assert "every row is right" in panel.texts[0].get_text().replace("\n", " ")


def test_groups_are_shown_the_most_overstated_first_and_the_rest_is_said():
    result = overconfident(groups=400)
    panel = plot(result, "groups").axes[0]
    names = [tick.get_text() for tick in panel.get_yticklabels()]
    assert names == [group.name for group in result.groups[:MOST]]
    assert "40 most overstated of" in panel.get_title(loc="left")
    with pytest.raises(ClinometerError, match="needs groups"):
        plot(binary(), "groups")


def test_the_gap_between_loss_and_refinement_is_the_scale():
    view = course()
    top, lower = plot(view).axes
    lines = {line.get_label(): line.get_ydata() for line in top.lines}
    assert lines["loss L"] == pytest.approx([epoch.loss for epoch in view.epochs])
    assert lines["refinement R: stays"] == pytest.approx([e.refinement for e in view.epochs])
    assert lower.lines[0].get_ydata() == pytest.approx([e.temperature for e in view.epochs])
    assert top.get_title(loc="left").replace("\n", " ") == view.sentence


def test_an_epoch_that_diverged_leaves_a_gap_and_a_mark():
    top, lower = plot(diverged()).axes
    assert np.isnan(top.lines[0].get_ydata()[-1])
    assert any(line.get_label() == "logits not finite" for line in lower.lines)


def test_panels_of_the_user_are_drawn_on_and_returned():
    figure = Figure(figsize=(15, 7), layout="constrained")
    left, right = figure.subplots(1, 2)
    assert plot(binary(), ax=left) is left
    assert plot(course(), ax=right) is right
    assert len(figure.axes) == 4
    free = Figure().add_axes((0.1, 0.1, 0.8, 0.8))  # no grid to divide: one panel
    assert isinstance(plot(binary(), ax=free), Axes)
    assert len(free.figure.axes) == 1
    free.figure.savefig(io.BytesIO(), format="png")


def test_figures_are_written_as_png_and_svg(tmp_path):
    paths, left_out = save_figures(overconfident(groups=3), tmp_path / "new")
    assert sorted(path.rsplit("/", 1)[-1] for path in paths) == [
        "groups.png", "groups.svg", "loss.png", "loss.svg", "reliability.png", "reliability.svg",
    ]  # fmt: skip
    assert left_out == []
    assert save_figures(binary(), tmp_path)[1][0].startswith("groups: needs groups")


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(ClinometerError, match="expected reliability, loss, groups"):
        clinometer.plot(binary(), "pie")
    with pytest.raises(ClinometerError, match="found dict"):
        clinometer.plot({})
