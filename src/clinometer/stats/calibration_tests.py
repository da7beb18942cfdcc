"""Are these probabilities calibrated? Tests without bins, for independent rows, each with a p-value.

Kolmogorov-Smirnov and Kuiper on the cumulative differences: Arrieta-Ibarra, Gujral, Tannen, Tygert and Xu
(2022), JMLR 23(351), arXiv 2205.09680. Spiegelhalter (1986), Statistics in Medicine 5.
A large p-value is no proof of calibration; rows that depend on each other make it too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinometer.stats.calibration_error import checked
from clinometer.stats.gaps import Array

TERMS = 24  # of the series below, which need fewer than ten on the side of 1 where each is used


@dataclass(frozen=True, slots=True)
class CalibrationTest:
    """statistic [standard deviations], and the chance of one so large if the model is calibrated."""

    statistic: float
    p_value: float


def kolmogorov_smirnov(
    confidence: Array, right: NDArray[Any], weights: Array | None = None
) -> CalibrationTest:
    """Largest ``|cumulative sum of w (right - confidence)|``, rows by rising confidence, over its deviation.

    p-value: the largest ``|Brownian motion|`` on 0 .. 1 (asymptotic in n). Rows of equal confidence enter
    together, so that their order is no matter. Where the model claims certainty throughout the deviation
    is 0: then one wrong row is impossible (infinite, 0), and none is what was claimed (0, 1).

    >>> kolmogorov_smirnov(np.array([0.1, 0.9, 0.21, 0.9, 0.5]), np.array([0, 1, 0, 1, 0])).statistic
    0.97803549702
    """
    walk, deviation = cumulative(confidence, right, weights)
    return _judged(float(np.abs(walk).max()), deviation, largest_excursion)


def kuiper(confidence: Array, right: NDArray[Any], weights: Array | None = None) -> CalibrationTest:
    """Range of the cumulative sum of w (right - confidence), rows by rising confidence, over its deviation.

    p-value: the range of Brownian motion on 0 .. 1 (asymptotic in n). Otherwise as `kolmogorov_smirnov`; it
    also sees an excess in the middle that the end makes up for. The sum starts at 0, as the motion does.
    """
    walk, deviation = cumulative(confidence, right, weights)
    return _judged(float(walk.max() - walk.min()), deviation, range_of_motion)


def spiegelhalter(
    confidence: Array, right: NDArray[Any], weights: Array | None = None
) -> CalibrationTest:
    """Z of the Brier score: sum w (right - p)(1 - 2p) over its deviation if calibrated; two-sided.

    Above 0: overconfident. It sees no error that is even about p = 1/2.
    """
    weight = checked(confidence, right, weights)
    weight = np.ones(len(confidence)) if weight is None else weight
    slope = weight * (1.0 - 2.0 * confidence)
    variance = float(np.sum(slope**2 * confidence * (1.0 - confidence)))
    return _judged(
        float(np.sum(slope * (right - confidence))),
        math.sqrt(variance),
        lambda z: math.erfc(abs(z) / math.sqrt(2.0)),
    )


def cumulative(
    confidence: Array, right: NDArray[Any], weights: Array | None = None
) -> tuple[Array, float]:
    """Cumulative sums, from 0, after each distinct confidence, and the deviation of the last one."""
    weight = checked(confidence, right, weights)
    weight = np.ones(len(confidence)) if weight is None else weight
    order = np.argsort(confidence)
    rising = confidence[order]
    ends = np.append(np.flatnonzero(np.diff(rising)), len(rising) - 1)
    walk = np.cumsum((weight * (right - confidence))[order])[ends]
    variance = float(np.sum(weight**2 * confidence * (1.0 - confidence)))
    return np.concatenate([[0.0], walk]), math.sqrt(variance)


def largest_excursion(x: float) -> float:
    """P(max over 0 .. 1 of ``|Brownian motion|`` > x): by images from 1 on, by its Fourier series below."""
    if x <= 0.0:
        return 1.0
    if x >= 1.0:
        return 4.0 * math.fsum((-1) ** k * _above((2 * k + 1) * x) for k in range(TERMS))
    decay = (math.pi / x) ** 2 / 8.0
    odd = range(1, 2 * TERMS, 2)
    inside = math.fsum((-1) ** (k // 2) / k * math.exp(-decay * k * k) for k in odd)
    return 1.0 - 4.0 / math.pi * inside


def range_of_motion(x: float) -> float:
    """P(max - min of Brownian motion over 0 .. 1 > x): Feller (1951), Ann. Math. Statist. 22."""
    if x <= 0.0:
        return 1.0
    if x >= 1.0:
        return 8.0 * math.fsum((-1) ** (k + 1) * k * _above(k * x) for k in range(1, TERMS))
    decay = (math.pi / x) ** 2 / 2.0
    odd = range(1, 2 * TERMS, 2)
    return 1.0 - 8.0 * math.fsum(
        (1.0 / (math.pi * k) ** 2 + 1.0 / x**2) * math.exp(-decay * k * k) for k in odd
    )


def _above(x: float) -> float:
    """P(a standard normal number > x)."""
    return 0.5 * math.erfc(x / math.sqrt(2.0))


def _judged(size: float, deviation: float, chance: Any) -> CalibrationTest:
    if deviation > 0.0:
        return CalibrationTest(size / deviation, float(chance(size / deviation)))
    return (
        CalibrationTest(math.copysign(math.inf, size), 0.0) if size else CalibrationTest(0.0, 1.0)
    )
