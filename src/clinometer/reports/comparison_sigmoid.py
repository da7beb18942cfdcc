"""The sigmoid, its slope, and where both models work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from clinometer.calibration.comparison import Comparison
from clinometer.calibration.predictions import Predictions
from clinometer.stats.gaps import Array
from clinometer.theory.activations import activation
from clinometer.theory.floats import FLOATS
from clinometer.theory.sigmoid import sigmoid, sigmoid_slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES = {"A": ("o", "#E69F00"), "B": ("s", "#56B4E9")}  # Okabe and Ito; shapes differ too
MOST_POINTS = 20  # beyond it: the 5th, 50th and 95th percentile
FARTHEST = 700.0  # float64's exp(-h) ends near 745


def sigmoid_figure(comparison: Comparison) -> Figure | str:
    """The curve above, its slope below on a decade scale; or the reason why there is none."""
    if comparison.a.logits.shape[1] != 2:
        return "needs two classes"
    from matplotlib.figure import Figure

    places = {name: _places(m) for name, m in (("A", comparison.a), ("B", comparison.b))}
    farthest = max(float(np.abs(p).max()) for p in places.values())
    reach = min(max(8.0, 1.25 * farthest), FARTHEST)
    figure = Figure(figsize=(8.6, 7.2), layout="constrained")
    curve, slope = figure.subplots(2, 1, sharex=True)
    h = np.linspace(-reach, reach, 1601)
    _region(curve, slope, reach)
    for panel, values in ((curve, sigmoid(h)), (slope, sigmoid_slope(h))):
        panel.plot(h, values, color="#000000", linewidth=1.6, zorder=2)
    for name, place in places.items():
        at = np.clip(place, -reach, reach)  # a mark is never clipped, so one outside takes the room
        _mark(curve, name, at, sigmoid(at), f"model {name}")
        _mark(slope, name, at, sigmoid_slope(at), _slope_label(name, place))
    many = comparison.n > MOST_POINTS
    title = "Sigmoid and its slope, and where A and B work on it"
    curve.set(ylabel="ŷ = σ(h)", ylim=(-0.08, 1.08))
    curve.set_title(title + (" (5th, 50th, 95th percentile)" if many else ""))
    low = float(sigmoid_slope(reach))
    slope.set(ylabel="slope ∂ŷ/∂h (log scale)", yscale="log", ylim=(low / 8, 4.0))
    beyond = f" (points beyond ±{reach:g} are drawn at the edge)" if farthest > reach else ""
    slope.set_xlabel(f"logit h{beyond}")
    slope.set_xlim(-reach, reach)
    curve.legend(loc="center left", framealpha=1.0, bbox_to_anchor=(0.01, 0.62))
    handles, labels = slope.get_legend_handles_labels()
    slope.legend(handles[-2:], labels[-2:], loc="lower center", framealpha=1.0)  # under the tent
    return figure


def _places(model: Predictions) -> Array:
    h = model.positive
    return h if len(h) <= MOST_POINTS else np.quantile(h, [0.05, 0.5, 0.95])


def _region(curve: Axes, slope: Axes, reach: float) -> None:
    """Hatch where the slope is below 1 % of its peak, and mark where float32 reads exactly 1."""
    for panel in (curve, slope):
        for k, (low, high) in enumerate(activation("sigmoid").saturation_region):
            panel.axvspan(
                max(low, -reach), min(high, reach), facecolor="#EEEEEE", edgecolor="#CCCCCC",
                hatch="//", linewidth=0, zorder=0, label="slope below 1 % of its peak" if k else None,
            )  # fmt: skip
        one = FLOATS["float32"].sigmoid_computes_one_from
        if one < reach:
            name = f"float32 computes ŷ = 1 from h = {one:.2f}"
            panel.axvline(one, color="#D55E00", linestyle=":", linewidth=1.8, label=name, zorder=1)


def _mark(panel: Axes, name: str, h: Array, value: Array, label: str) -> None:
    mark, colour = STYLES[name]
    panel.plot(
        h, value, mark, markersize=10, markerfacecolor=colour, markeredgecolor="#000000",
        label=label, zorder=4, clip_on=False,
    )  # fmt: skip


def _slope_label(name: str, h: Array) -> str:
    """The slope at the point of the largest logit, for the legend: beside it, it would hide others."""
    at = float(h[np.abs(h).argmax()])
    return f"{name}: slope {float(sigmoid_slope(at)):.3g} at h = {at:.3g}"
