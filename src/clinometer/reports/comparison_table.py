"""The chain rule of both models as rows of text: what the table figure and the terminal show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from clinometer.calibration.arithmetic import RATES, Chain, exact, in_float32
from clinometer.calibration.comparison import Comparison
from clinometer.calibration.predictions import Predictions
from clinometer.theory.losses import BINARY_LOSSES

FLOAT32_PATH = {
    "cross-entropy": "cross-entropy with logits",
    "squared error": "sigmoid + squared error",
}
MOST_POINTS = 3  # up to here each point has its own row; beyond, the mean over points
COLUMNS = ("A float64", "A float32", "B float64", "B float32")
WHY = (
    "Cross-entropy: σ′ cancels at the output, ∂C/∂h = ŷ − y; it is small only because the point is right.",
    "Squared error: σ′ stays, ∂C/∂h = 2 (ŷ − y) σ′; it is small for wrong points far out, too.",
    "A sigmoid in a hidden layer: no loss cancels its σ′.",
)
ZERO, LOST = "0 exactly", " lost"


@dataclass(frozen=True)
class Row:
    """One line: heading lines have no cells."""

    quantity: str
    cells: tuple[str, ...] = ()


def chain_rows(comparison: Comparison) -> list[Row] | str:
    """The table's rows, or the reason why there is none."""
    if comparison.a.logits.shape[1] != 2:
        return "the table of the chain rule is for two classes"
    rows: list[Row] = []
    for name in BINARY_LOSSES:
        chains = [c for model in (comparison.a, comparison.b) for c in _chains(model, name)]
        points = _point_names(comparison.a)
        if not rows:
            rows += [Row("At the sigmoid"), *_sigmoid_rows(chains, points)]
        rows += [Row(f"{name.capitalize()} (float32: {FLOAT32_PATH[name]})")]
        rows += _loss_rows(chains, points)
    return rows


def _chains(model: Predictions, loss: str) -> tuple[Chain, Chain]:
    weight, x = np.zeros(0), np.zeros((model.n, 0))
    if model.linear is not None:
        w = model.linear.weight
        weight, x = (w[0] if len(w) == 1 else w[1] - w[0]), model.linear.x
    given = (model.positive, model.labels, weight, x)
    return exact(BINARY_LOSSES[loss], *given), in_float32(FLOAT32_PATH[loss], *given)


def _point_names(model: Predictions) -> list[str]:
    if model.n > MOST_POINTS:
        return []
    if model.linear is None:
        return [f"row {k}" for k in range(model.n)]
    return [
        "(" + ", ".join(f"{v:g}".replace("-", "−") for v in point) + ")" for point in model.linear.x
    ]


def _sigmoid_rows(chains: list[Chain], points: list[str]) -> list[Row]:
    return [
        *_by_point("ŷ", chains, points, lambda c: c.prediction, mean=False),
        *_by_point("|ŷ − y|", chains, points, lambda c: c.error),
        *_by_point("∂ŷ/∂h", chains, points, lambda c: c.slope),
    ]


def _loss_rows(chains: list[Chain], points: list[str]) -> list[Row]:
    rows = _by_point("loss", chains, points, lambda c: c.losses)
    rows += _by_point("∂C/∂h", chains, points, lambda c: c.by_logit)
    if chains[0].by_weight.size:
        rows.append(Row("∂C/∂w, largest", tuple(number(_largest(c.by_weight)) for c in chains)))
        for rate in RATES:
            cells = tuple(_step(c, rate) for c in chains)
            rows.append(Row(f"Δw, rate {rate:g}", cells))
    return rows


def _by_point(
    name: str, chains: list[Chain], points: list[str], of: Callable[[Chain], Any], mean: bool = True
) -> list[Row]:
    """A row per point, or one row of means; a mean of ŷ over both classes would say nothing."""
    if points:
        cells = [tuple(number(float(of(c)[k])) for c in chains) for k in range(len(points))]
        return [Row(f"{name} at {p}", row) for p, row in zip(points, cells, strict=True)]
    if not mean:
        return []
    return [Row(f"{name}, mean size", tuple(number(float(np.abs(of(c)).mean())) for c in chains))]


def _largest(values: Any) -> float:
    return float(values[np.argmax(np.abs(values))])


def _step(chain: Chain, rate: float) -> str:
    step = number(_largest(chain.steps[rate]))
    return step + LOST if bool(chain.lost[rate].all()) and step != ZERO else step


def number(value: float) -> str:
    """Five significant digits, more where a number is near 1, and exact zeros named.

    >>> number(0.99999999793884638), number(0.0), number(1.0), number(-2.0611536e-9)
    ('1 − 2.0612e-09', '0 exactly', '1 exactly', '−2.0612e-09')
    """
    if value == 0.0:
        return ZERO
    if value == 1.0:
        return "1 exactly"
    if 0.0 < 1.0 - value < 1e-4:
        return f"1 − {1.0 - value:.5g}"
    return ("−" if value < 0.0 else "") + f"{abs(value):#.5g}"
