"""The plane of two inputs: both separators, and each model's confidence shaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from clinometer.calibration.comparison import Comparison
from clinometer.calibration.labels import Labels
from clinometer.calibration.predictions import LinearModel
from clinometer.stats.gaps import Array
from clinometer.theory.sigmoid import sigmoid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

RESOLUTION = 241
CLASS_MARKS = (("s", "label 0"), ("o", "label 1"))  # shapes differ, so that colour is not needed
ORANGE, BLACK = "#E69F00", "#000000"  # Okabe and Ito


def plane_figure(comparison: Comparison) -> Figure | str:
    """Two panels, A and B, one colour scale; or the reason why there is no such figure."""
    a, b = comparison.a.linear, comparison.b.linear
    if a is None or b is None:
        return "needs both models' `weight` and `bias` and the data `x`"
    if a.x.shape[1] != 2 or comparison.a.logits.shape[1] != 2:
        return f"needs two inputs and two classes (found {a.x.shape[1]} inputs)"
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    extent = _extent(a.x)
    for panel, name, model in zip(panels, "AB", (a, b), strict=True):
        shaded = _shade(panel, model, extent)
        _lines(panel, (a, b), extent)
        _points(panel, a.x, comparison.a.labels)
        panel.set(
            title=f"Confidence of model {name}", xlabel="x₁", xlim=extent[:2], ylim=extent[2:]
        )
        panel.set_aspect("equal")
    panels[0].set_ylabel("x₂")
    bar = figure.colorbar(shaded, ax=panels, shrink=0.82)
    bar.set_label("claimed confidence, larger of ŷ and 1 − ŷ")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _extent(x: Array) -> tuple[float, float, float, float]:
    middle = 0.5 * (x.max(axis=0) + x.min(axis=0))
    half = 1.6 * max(float((x.max(axis=0) - x.min(axis=0)).max()) / 2, 1e-3)
    return (middle[0] - half, middle[0] + half, middle[1] - half, middle[1] + half)


def _direction(model: LinearModel) -> tuple[Array, float]:
    """Weight (2,) and bias of the log-odds of class 1."""
    w, b = model.weight, model.bias
    return (w[0], float(b[0])) if len(w) == 1 else (w[1] - w[0], float(b[1] - b[0]))


def _shade(panel: Axes, model: LinearModel, extent: tuple[float, float, float, float]) -> AxesImage:
    w, b = _direction(model)
    across, up = np.meshgrid(
        np.linspace(*extent[:2], RESOLUTION), np.linspace(*extent[2:], RESOLUTION)
    )
    confidence = sigmoid(np.abs(w[0] * across + w[1] * up + b))
    return panel.imshow(
        confidence, extent=extent, origin="lower", cmap="cividis", vmin=0.5, vmax=1.0,
        interpolation="bilinear", aspect="auto",
    )  # fmt: skip


def _lines(
    panel: Axes, models: tuple[LinearModel, LinearModel], extent: tuple[float, float, float, float]
) -> None:
    """A wide and light, B thin and dashed above it: both stay visible where they coincide."""
    from matplotlib import patheffects

    rim = [patheffects.withStroke(linewidth=9, foreground=BLACK)]
    wide: dict[str, Any] = {"color": ORANGE, "linewidth": 7, "path_effects": rim}
    thin: dict[str, Any] = {"color": BLACK, "linewidth": 1.8, "linestyle": (0, (4, 3))}
    for model, name, style in zip(models, "AB", (wide, thin), strict=True):
        ends = _ends(*_direction(model), extent)
        if ends is not None:
            panel.plot(*ends, label=f"separator of {name}", solid_capstyle="butt", **style)


def _ends(w: Array, b: float, extent: tuple[float, float, float, float]) -> Array | None:
    """Two points far along w . x + b = 0, shape (2 coordinates, 2 ends); None for weights of zero."""
    norm = float(np.hypot(*w))
    if norm == 0.0:
        return None
    middle = np.array([extent[0] + extent[1], extent[2] + extent[3]]) / 2
    foot = middle - (w @ middle + b) * w / norm**2
    along = np.array([-w[1], w[0]]) / norm * 2 * (extent[1] - extent[0])
    return np.column_stack([foot - along, foot + along])


def _points(panel: Axes, x: Array, labels: Labels) -> None:
    size = 110 if len(x) <= 50 else 22
    for k, (mark, name) in enumerate(CLASS_MARKS):
        mine = x[labels == k]
        panel.scatter(
            mine[:, 0], mine[:, 1], s=size, marker=mark, label=name, zorder=3,
            facecolor="white", edgecolor=BLACK, linewidth=1.6,
        )  # fmt: skip
