"""Case 2: a loss difference as separation plus scale, which sum to it exactly.

Two splits. By temperature: separation is what the best temperature leaves, scale what it removes
(Berta et al. 2025; Broecker 2009). Matched scale: where both models are right on every row the best
temperature is 0 and nothing is left, so both are set to one another's scale (the RMS of the
class-centred logits) and the two orders are averaged (Shapley).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from clinometer.stats.gaps import Array, rms_centred, row_terms
from clinometer.stats.paired import Interval, paired_interval
from clinometer.stats.temperature import TemperatureFit


@dataclass(frozen=True)
class Part:
    """One part of loss(A) - loss(B) [nat]; rows (n,) are its paired contributions, where defined."""

    difference: float
    interval: Interval | None
    rows: Array | None


@dataclass(frozen=True)
class Split:
    """loss_a - loss_b = separation.difference + scale.difference [nat], to 1e-12 relative."""

    method: Literal["temperature", "matched scale"]
    loss_a: float
    loss_b: float
    separation: Part
    scale: Part

    @property
    def difference(self) -> float:
        return self.loss_a - self.loss_b


def split_loss(
    gaps_a: Array, gaps_b: Array, fit_a: TemperatureFit, fit_b: TemperatureFit, alpha: float = 0.05
) -> Split:
    """Split the mean loss of A less that of B; gaps (n, K) of the same rows, fits of those gaps.

    Intervals are of the paired delta method: approximate below n = 100 (scale: 200); none from the
    matched-scale split, whose point values describe these rows only.
    """
    if fit_a.status == fit_b.status == "zero":
        return _matched(gaps_a, gaps_b)
    rows_a, rows_b = row_terms(gaps_a, 1.0).loss, row_terms(gaps_b, 1.0).loss
    separation = fit_a.rows - fit_b.rows
    scale = (rows_a - fit_a.rows) - (rows_b - fit_b.rows)
    return Split(
        "temperature",
        float(rows_a.mean()),
        float(rows_b.mean()),
        Part(fit_a.loss - fit_b.loss, paired_interval(separation, alpha), separation),
        Part(
            float(rows_a.mean()) - fit_a.loss - (float(rows_b.mean()) - fit_b.loss),
            paired_interval(scale, alpha),
            scale,
        ),
    )


def _matched(gaps_a: Array, gaps_b: Array) -> Split:
    ratio = rms_centred(gaps_b) / rms_centred(gaps_a)
    own_a, own_b = _loss(gaps_a, 1.0), _loss(gaps_b, 1.0)
    a_at_b, b_at_a = _loss(gaps_a, ratio), _loss(gaps_b, 1.0 / ratio)
    scale = 0.5 * ((own_a - a_at_b) + (b_at_a - own_b))
    direction = 0.5 * ((own_a - b_at_a) + (a_at_b - own_b))
    return Split(
        "matched scale", own_a, own_b, Part(direction, None, None), Part(scale, None, None)
    )


def _loss(gaps: Array, beta: float) -> float:
    return float(np.mean(row_terms(gaps, beta).loss))
