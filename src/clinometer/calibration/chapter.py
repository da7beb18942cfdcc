"""The chapter's two models: one separator, two scales, two points.

Point (1, 1) has label 1 and (-1, -1) label 0. Model A has weights (1, 1), model B (10, 10), no bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clinometer.calibration.arithmetic import FLOAT32_PATHS, Chain, exact, in_float32
from clinometer.calibration.predictions import Predictions, predictions
from clinometer.theory.losses import BINARY_LOSSES

X = np.array([[1.0, 1.0], [-1.0, -1.0]])
Y = np.array([1, 0], dtype=np.int64)
WEIGHTS = {"A": np.array([1.0, 1.0]), "B": np.array([10.0, 10.0])}


@dataclass(frozen=True)
class Table:
    """Every quantity of the chapter's table for both models.

    float64, float32 : (model, loss) -> Chain; the losses of float64 are "cross-entropy" and "squared
    error", those of float32 the four ways of `arithmetic.FLOAT32_PATHS`.
    """

    float64: dict[tuple[str, str], Chain]
    float32: dict[tuple[str, str], Chain]


def table(exchanged: bool = False) -> Table:
    """The chapter's table, with its labels or with them exchanged (then every point is wrong).

    >>> table().float64["B", "cross-entropy"].by_weight
    array([-2.06115362e-09, -2.06115362e-09])
    """
    y = 1 - Y if exchanged else Y
    pairs = [(m, w, X @ w) for m, w in WEIGHTS.items()]
    return Table(
        {(m, n): exact(loss, h, y, w, X) for m, w, h in pairs for n, loss in BINARY_LOSSES.items()},
        {(m, n): in_float32(n, h, y, w, X) for m, w, h in pairs for n in FLOAT32_PATHS},
    )


def models() -> dict[str, Predictions]:
    """Both models as predictions, with weights, bias and data."""
    return {
        name: predictions(Y, weight=w, bias=0.0, x=X, source=f"model {name}")
        for name, w in WEIGHTS.items()
    }


def save_models(folder: Path) -> tuple[Path, Path]:
    """Write a.npz and b.npz, ready for `clinometer compare`; the folder is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name.lower()}.npz" for name in WEIGHTS}
    for name, path in paths.items():
        w = WEIGHTS[name]
        np.savez(path, label=Y, logits=X @ w, weight=w, bias=np.zeros(1), x=X)
    return paths["A"], paths["B"]
