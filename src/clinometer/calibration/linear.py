"""Case 1: do two models draw the same line? Angle, scale and residual of one against the other.

The angle is Kahan's (2006): 2 atan2 of difference and sum, where arccos would lose half the digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clinometer.calibration.logit_line import logit_line
from clinometer.calibration.predictions import LinearModel, Predictions
from clinometer.errors import ShapeError
from clinometer.stats.gaps import Array

EXACT, ROUNDED = 1e-12, 1e-6  # residual below which B = c A, for float64 and for float32 numbers


@dataclass(frozen=True)
class Proportion:
    """How nearly B = scale * A.

    basis : weights (the separators themselves) or logits (on these data only)
    angle_rad : angle between the directions, biases left out [rad]; None where one of them is zero
    scale : c = <A, B> / <A, A> [-]
    residual : abs(B - c A) / abs(B) [-], biases included
    data_cosine : correlation of the two models' logits on the data; does not depend on units [-]
    decisions_differ : share of rows on which A and B decide differently [-]
    """

    basis: Literal["weights", "logits"]
    angle_rad: float | None
    scale: float | None
    residual: float | None
    tolerance: float
    data_cosine: float | None
    decisions_differ: float
    judgeable: bool

    @property
    def proportional(self) -> bool:
        return self.judgeable and self.residual is not None and self.residual <= self.tolerance

    @property
    def same_separator(self) -> bool:
        return self.proportional and self.scale is not None and self.scale > 0.0

    @property
    def labels_exchanged(self) -> bool:
        """B = c A with c < 0: the same line, with the two sides exchanged."""
        return self.proportional and self.scale is not None and self.scale < 0.0


def proportion(a: Predictions, b: Predictions, tolerance: float | None = None) -> Proportion:
    """Compare weights where both models have them, else logits on the shared rows.

    Parameters
    ----------
    tolerance : largest residual of one separator [-]; default 1e-12, or 1e-6 where the numbers of
        either model were rounded to float32

    Notes
    -----
    Softmax ignores what all classes share, so class means are removed first. From logits, a single
    row of two classes is always proportional and proves nothing: `judgeable` is then false.
    """
    limit = (ROUNDED if a.single or b.single else EXACT) if tolerance is None else tolerance
    on_data = logit_line(a.logits, b.logits)
    cosine, differ = on_data.cosine, on_data.decisions_differ
    if a.linear and b.linear:
        va, vb = _with_bias(a.linear), _with_bias(b.linear)
        if va.shape != vb.shape:
            raise ShapeError(
                f"weights of A and B differ in shape: {va.shape} and {vb.shape} with bias"
            )
        angle = kahan_angle(va[:, :-1], vb[:, :-1])
        return Proportion("weights", angle, *_fit(va, vb), limit, cosine, differ, True)
    free = a.n * (a.logits.shape[1] - 1)
    scale, residual = on_data.scale, on_data.residual
    return Proportion("logits", on_data.angle_rad, scale, residual, limit, cosine, differ, free > 1)


def kahan_angle(a: Array, b: Array) -> float | None:
    """Angle between two arrays as vectors [rad], accurate to rounding also near 0 and pi.

    >>> kahan_angle(np.array([1.0, 1.0]), np.array([10.0, 10.0]))
    0.0
    """
    u, v = _unit(a), _unit(b)
    if u is None or v is None:
        return None
    return 2.0 * math.atan2(float(np.linalg.norm(u - v)), float(np.linalg.norm(u + v)))


def _unit(a: Array) -> Array | None:
    largest = float(np.abs(a).max(initial=0.0))
    if largest == 0.0:
        return None
    scaled = a / largest  # the norm of any finite array, without overflow or underflow
    return np.asarray(scaled / np.linalg.norm(scaled))


def _fit(a: Array, b: Array) -> tuple[float | None, float | None]:
    """Least-squares scale c of b = c a, and abs(b - c a) / abs(b)."""
    largest = float(np.abs(a).max(initial=0.0))
    norm = float(np.linalg.norm(b))
    if largest == 0.0 or norm == 0.0:
        return None, None
    unit = a / largest
    times = float((unit * b).sum() / (unit * unit).sum())
    return times / largest, float(np.linalg.norm(b - times * unit)) / norm


def _with_bias(model: LinearModel) -> Array:
    """Weight and bias as (K, d + 1), K >= 2, class mean removed."""
    v = np.column_stack([model.weight, model.bias])
    if len(v) == 1:
        v = np.vstack([np.zeros_like(v), v])
    return np.asarray(v - v.mean(axis=0))
